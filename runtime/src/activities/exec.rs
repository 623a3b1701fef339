//! `exec` activities: one process per attempt, no shell, so that no argument can become a command.
//! Arguments on stdin, the result on stdout, the end of stderr in the message if it fails. The process leads a group of
//! its own, which is killed when the attempt ends in whatever way: nothing it started outlives it.

mod check;

use std::path::{Component, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use weft_bytecode::options::Template;
use weft_bytecode::types::builtin::UNIT;
use weft_bytecode::wire::template;
use weft_protocol::{Failure, Payload};

use super::{ActivityTask, AttemptOutcome, decode};
use crate::config::{ExecAllow, ExecConfig};

pub(crate) use check::troubles;

/// Bytes of stderr kept for the message of a fault.
const STDERR_TAIL_BYTES: usize = 4 << 10;

/// Starts the processes of `exec` activities.
#[derive(Debug, Clone)]
pub struct ExecExecutor {
    config: ExecConfig,
    payload_bytes_max: usize,
}

impl ExecExecutor {
    /// With what configuration allows.
    pub fn new(config: ExecConfig, payload_bytes_max: usize) -> ExecExecutor {
        ExecExecutor { config, payload_bytes_max }
    }

    /// Runs one attempt, without a time limit of its own.
    pub(super) async fn run(&self, task: &ActivityTask, words: &[Template]) -> AttemptOutcome {
        let mut command = match self.command(task, words) {
            Ok(command) => command,
            Err(outcome) => return *outcome,
        };
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        match command.spawn() {
            Ok(child) => self.finish(task, &program, child).await,
            Err(error) => not_started(&program, command.as_std().get_current_dir(), &error),
        }
    }

    fn command(&self, task: &ActivityTask, words: &[Template]) -> Result<Command, Box<AttemptOutcome>> {
        let args = task.args.value();
        let words = words.iter().map(|word| template::render(word, &args)).collect::<Result<Vec<_>, _>>();
        let words = words.map_err(|e| lasting("BadCommand", format!("the command line cannot be filled: {e}")))?;
        let Some((program, rest)) = words.split_first() else {
            return Err(lasting("BadCommand", "the command line is empty".into()));
        };
        if words.iter().any(|word| word.contains('\0')) {
            return Err(lasting(
                "BadCommand",
                "a word of the command line has a NUL, which no process can be given".into(),
            ));
        }
        self.allowed(program)?;
        let folder = self.folder(task)?;
        // `./charge.sh` is meant from the activity's folder, whatever the platform does with relative programs.
        let mut command = match program.contains('/') {
            true => Command::new(folder.join(program)),
            false => Command::new(program),
        };
        command.args(rest).current_dir(&folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        environment(&mut command, task);
        Ok(command)
    }

    /// A refusal is repeated: it is the operator's decision, who may change it.
    fn allowed(&self, program: &str) -> Result<(), Box<AttemptOutcome>> {
        let message = match &self.config.allow {
            ExecAllow::Everything => return Ok(()),
            ExecAllow::Programs(programs) if programs.iter().any(|p| p == program) => return Ok(()),
            ExecAllow::Programs(_) => format!("`{program}` is not among the programs that `[exec] allow` names here"),
            ExecAllow::Nothing => String::from(
                "exec activities are off on this server; start it with `--allow-exec DIR`, where DIR is the folder of the \
                 project, or set `[exec] allow` in its configuration",
            ),
        };
        Err(Box::new(decode::fault("ExecNotAllowed", message)))
    }

    /// The folder of the activity's file below the project's. The program is not trusted to stay inside.
    fn folder(&self, task: &ActivityTask) -> Result<PathBuf, Box<AttemptOutcome>> {
        let inside = Path::new(&task.def().folder);
        if !inside.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(lasting("BadCommand", format!("its folder `{}` is not inside the project", inside.display())));
        }
        let root = self.config.root_of(&task.program.project);
        let folder = std::path::absolute(root.join(inside)).unwrap_or_else(|_| root.join(inside));
        match folder.is_dir() {
            true => Ok(folder),
            false => Err(Box::new(decode::fault(
                "NotStarted",
                format!(
                    "the folder `{}` it should run in does not exist here; --allow-exec, `[exec] root` or `[exec.roots]` \
                     must name the folder of project `{}`",
                    folder.display(),
                    task.program.project
                ),
            ))),
        }
    }

    async fn finish(&self, task: &ActivityTask, program: &str, mut child: Child) -> AttemptOutcome {
        let group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = async {
            if let Some(mut stdin) = stdin {
                // A process that does not read its arguments is free not to.
                let _ = stdin.write_all(task.args.text().unwrap_or("null").as_bytes()).await;
                let _ = stdin.write_all(b"\n").await;
            }
            Ok(())
        };
        let max = self.payload_bytes_max;
        let quiet = task.def().result == UNIT;
        let output = async {
            let err = async { Ok(read_tail(stderr).await) };
            tokio::try_join!(read_head(stdout, max, quiet), err)
        };
        let ended = async {
            let status = child.wait().await;
            // Whatever it left behind would keep its pipes open, and has no one to answer to any more.
            group.kill();
            Ok(status)
        };
        match tokio::try_join!(ended, output, input) {
            Ok((Ok(status), (out, err), ())) => outcome(task, program, status, &out, &err, max),
            Ok((Err(error), ..)) => {
                decode::fault("NotStarted", format!("`{program}` could not be waited for: {error}"))
            }
            Err(TooMuch) => {
                let message = format!("`{program}` wrote more than payload_bytes_max = {max} bytes to stdout");
                decode::lasting_fault("BadResult", message)
            }
        }
    }
}

/// What the end of the process means.
fn outcome(
    task: &ActivityTask,
    program: &str,
    status: ExitStatus,
    out: &[u8],
    err: &[u8],
    payload_bytes_max: usize,
) -> AttemptOutcome {
    let def = task.def();
    let declared = |failure| AttemptOutcome::Failed { failure, retry_after_ms: None };
    let mapped = status.code().and_then(|code| def.options.errors.iter().find(|(c, _)| *c == code));
    if let Some((code, name)) = mapped {
        return match decode::declared_error(&task.program, def, name, out) {
            Ok(failure) => declared(failure),
            Err(why) => {
                let message = format!("`{program}` ended with {code}, but its stdout is no `{name}`: {why}");
                decode::lasting_fault("BadResult", with_stderr(message, err))
            }
        };
    }
    if status.success() && def.result == UNIT {
        return AttemptOutcome::Completed(Payload::null());
    }
    if status.success() {
        return match decode::result_bytes(&task.program, def, out) {
            Ok(result) if result.len() > payload_bytes_max => {
                let message =
                    format!("the result of `{program}` has more than payload_bytes_max = {payload_bytes_max} bytes");
                decode::lasting_fault("BadResult", message)
            }
            Ok(result) => AttemptOutcome::Completed(result),
            Err(why) => {
                let message = format!("`{program}` succeeded, but its stdout is not the result: {why}");
                decode::lasting_fault("BadResult", with_stderr(message, err))
            }
        };
    }
    match decode::thrown_failure(&task.program, def, out) {
        Some(Ok(failure)) => return declared(failure),
        Some(Err(why)) => {
            let message = format!("`{program}` ended with {} and {why}", ending(status));
            return decode::lasting_fault("BadResult", with_stderr(message, err));
        }
        None => {}
    }
    let message = with_stderr(format!("`{program}` ended with {}", ending(status)), err);
    let details = serde_json::json!({ "type": "ExitStatus", "details": { "code": status.code() } });
    AttemptOutcome::Failed { failure: Failure::fault(message).with_details(&details), retry_after_ms: None }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("signal {signal}"),
            Err(_) => format!("signal {signal}"),
        },
        (None, None) => status.to_string(),
    }
}

fn with_stderr(message: String, err: &[u8]) -> String {
    let err = String::from_utf8_lossy(err);
    match err.trim() {
        "" => message,
        tail => format!("{message}: {tail}"),
    }
}

fn not_started(program: &str, folder: Option<&Path>, error: &std::io::Error) -> AttemptOutcome {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => {
            let folder = folder.map_or(String::new(), |folder| format!(" in {}", folder.display()));
            format!(
                "`{program}` was not found to run{folder}; is it there or installed, and its interpreter, too? \
                 `weft serve --allow-exec` takes the folder of the project"
            )
        }
        std::io::ErrorKind::PermissionDenied => format!("`{program}` may not be executed; try `chmod +x`"),
        _ => format!("`{program}` could not be started: {error}"),
    };
    decode::fault("NotStarted", message)
}

/// The environment is this process's without our own variables (`WEFT_…`: addresses, the database, all secrets), and
/// with what names the attempt.
fn environment(command: &mut Command, task: &ActivityTask) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"WEFT_") {
            command.env_remove(name);
        }
    }
    command.env("WEFT_RUN_ID", task.run.run_id.to_string());
    command.env("WEFT_ATTEMPT", task.attempt.to_string());
    command.env("WEFT_IDEMPOTENCY_KEY", task.idempotency_key());
}

fn lasting(kind: &str, message: String) -> Box<AttemptOutcome> {
    Box::new(decode::lasting_fault(kind, message))
}

struct TooMuch;

/// The first `max` bytes; more are an error, unless nobody wants them.
async fn read_head(from: Option<impl AsyncRead + Unpin>, max: usize, drop_rest: bool) -> Result<Vec<u8>, TooMuch> {
    let mut out = Vec::new();
    let Some(mut from) = from else { return Ok(out) };
    // What cannot be read any more ends the output, as a closed pipe does.
    let _ = (&mut from).take(max as u64 + 1).read_to_end(&mut out).await;
    if out.len() > max {
        if !drop_rest {
            return Err(TooMuch);
        }
        out.truncate(max);
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    Ok(out)
}

async fn read_tail(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut tail = Vec::new();
    let Some(mut from) = from else { return tail };
    let mut chunk = vec![0; STDERR_TAIL_BYTES];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..read]);
        if tail.len() > STDERR_TAIL_BYTES {
            tail.drain(..tail.len() - STDERR_TAIL_BYTES);
        }
    }
    tail
}

/// The process group of a child: killed once, at the latest when the attempt is dropped.
struct Group(AtomicI32);

impl Group {
    fn of(child: &Child) -> Group {
        Group(AtomicI32::new(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0)))
    }

    fn kill(&self) {
        // Once only: after the group is gone its number may be somebody else's.
        let group = self.0.swap(0, Ordering::Relaxed);
        if group > 1 {
            // It may be empty already; that is what is wanted.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests;
