//! What `weft run` says of the run, and of what else happens in the folder: which other runs go on, which run this is,
//! what of the command line was not used, and how to go on.

use std::time::Duration;

use serde_json::{Value, json};
use weft_protocol::api::{ApiError, RunDescription};
use weft_runtime::api::RunKey;

use super::{Begun, Session};
use crate::commands::program_name;
use crate::commands::result::{Hints, status_words};
use crate::exit::Failed;
use crate::local::{self, FOLDER};
use crate::output::style;
use crate::view::event::short;
use crate::view::safe::safe_line;

/// Other runs of the folder that are named.
const OTHERS_MAX: usize = 10;

impl Session<'_> {
    /// Says which run this is and where it is kept.
    pub(super) fn announce(&self, seen: &RunDescription, begun: &Begun) {
        let (out, row) = (&self.context.out, &seen.row);
        let (word, ended) = match begun {
            Begun::New => ("run", None),
            Begun::Anew(status) => ("run", Some(*status)),
            Begun::Continued => ("continued", None),
            Begun::Ended(status) => ("ended", Some(*status)),
        };
        let started = matches!(begun, Begun::New | Begun::Anew(_));
        let kept = match self.data() {
            Some(data) => format!("kept in {data}"),
            None => "nothing is kept".to_owned(),
        };
        let about = format!("(workflow {}; {kept}; listening at {})", row.workflow, self.local.address());
        let id = out.paint(&safe_line(&row.workflow_id), style::STRONG);
        let line = format!("{} {id} {}", out.paint(word, style::GOOD), out.paint(&about, style::DIM));
        out.tell(&line, || {
            json!({ "run": {
                "workflow_id": row.workflow_id, "run_id": row.run_id, "workflow": row.workflow, "started": started,
                "data": self.data(), "address": self.local.address(),
            }})
        });
        let Some(ended) = ended else { return };
        let (id, how) = (&row.workflow_id, status_words(ended));
        let (code, text) = match started {
            true => ("started_anew", format!("`{id}` {how} before; this is a new run of that id")),
            false => ("ended_before", format!("`{id}` {how} before; nothing is started")),
        };
        out.note(code, &text, json!({ "workflow_id": id, "status": ended }));
    }

    /// Says which other open runs of the folder go on while this process lives.
    pub(super) fn tell_others(&self, own: Option<&RunKey>) {
        let found = self.local.found_open();
        let own = own.and_then(|run| run.run_id.as_deref());
        let was_found = found.runs.iter().any(|(_, row)| Some(row.run_id.as_str()) == own);
        let count = found.count - usize::from(was_found);
        if count == 0 {
            return;
        }
        let others = found.runs.iter().filter(|(_, row)| Some(row.run_id.as_str()) != own);
        let names: Vec<String> = others
            .map(|(namespace, row)| {
                let elsewhere = if *namespace == self.namespace { String::new() } else { format!(" of {namespace}") };
                let stuck = if row.stuck { " (stuck)" } else { "" };
                format!("{}{elsewhere}{stuck}", row.workflow_id)
            })
            .take(OTHERS_MAX)
            .collect();
        let more = match count - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let runs = if count == 1 { "1 open run" } else { &format!("{count} open runs") };
        let text = format!("also continuing {runs} of this folder: {}{more}", names.join(", "));
        self.context.out.note("also_continuing", &text, json!({ "count": count, "runs": names }));
    }

    /// Says what of the command line and the files is not what an open run goes by.
    pub(super) async fn tell_differences(&self, run: &RunKey, seen: &RunDescription) -> Result<(), Failed> {
        let out = &self.context.out;
        if let Some(call) = &self.meant.call {
            let page = self.local.api().history(run, 0, 1, Duration::ZERO).await?;
            let first = page.events.first().unwrap_or(&Value::Null);
            if seen.row.workflow != call.workflow {
                let text = format!(
                    "this is a run of workflow `{}`, not of `{}`; the arguments given now are not used",
                    seen.row.workflow, call.workflow
                );
                out.note("other_workflow", &text, json!({ "workflow": seen.row.workflow }));
            } else if first["args"] != call.args {
                let (kept, given) = (short(&first["args"].to_string()), short(&call.args.to_string()));
                let text = format!("the run goes on with the arguments it was started with, {kept}; not used: {given}");
                out.note("arguments_not_used", &text, json!({ "args": first["args"], "not_used": call.args }));
            }
        }
        let Some(program) = &self.meant.program else { return Ok(()) };
        let current = weft_bytecode::codec::hash_program(program).to_string();
        if seen.program != current {
            let text = "the code has changed since the run was started; the run goes on with the code it has";
            out.note("code_not_used", text, json!({ "program": seen.program, "not_used": current }));
        }
        Ok(())
    }

    /// Says how to go on after the person has stopped the command.
    pub(super) fn tell_interrupted(&self, run: &RunKey) {
        let out = &self.context.out;
        let word = out.paint("interrupted", style::WARN);
        let (text, command) = match self.data() {
            Some(_) => {
                let command = self.go_on(run);
                (format!("the run is kept, nothing is lost. To continue it:\n  {command}"), Some(command))
            }
            None => ("the run was kept in memory only and is gone".to_owned(), None),
        };
        out.tell(&format!("{word}: {text}"), || {
            json!({ "interrupted": { "workflow_id": run.workflow_id, "kept": command.is_some(), "continue": command } })
        });
    }

    /// What to do next about the run, once this process is gone.
    pub(super) fn hints(&self, run: &RunKey) -> Hints {
        let id = shell_words::quote(&run.workflow_id);
        match self.data() {
            Some(data) => Hints {
                ended: format!(
                    "{} show {id} --data {} shows how it came to that",
                    program_name(),
                    shell_words::quote(&data)
                ),
                stuck: format!(
                    "mend the program, then go on (if the new code follows the history):\n{}",
                    self.go_on(run)
                ),
                running: format!("go on with:\n{}", self.go_on(run)),
            },
            None => {
                let gone = "nothing of it is kept; without --ephemeral its history could be looked at".to_owned();
                Hints { ended: gone.clone(), stuck: gone.clone(), running: gone }
            }
        }
    }

    /// A `--continue` of a run that the folder does not have.
    pub(super) fn not_found(&self, id: &str, error: ApiError) -> Failed {
        let missing = error.code == "run_not_found";
        let failed = Failed::from(error);
        match (missing, self.data()) {
            (true, Some(data)) => {
                let list =
                    format!("{} list --data {} shows the runs there are", program_name(), shell_words::quote(&data));
                failed.help(format!("{list}; without --continue, --id {} starts one", shell_words::quote(id)))
            }
            _ => failed,
        }
    }

    /// The command that continues a run. It never starts one, so it may be typed late and twice.
    fn go_on(&self, run: &RunKey) -> String {
        let (program, file) = (program_name(), self.options.file.display().to_string());
        let words = [&program, "run", &file, "--continue", &run.workflow_id].map(shell_words::quote);
        words.join(" ")
    }

    /// Where the run is kept, if it is.
    fn data(&self) -> Option<String> {
        (!self.options.ephemeral).then(|| local::shown(&self.meant.found.root.join(FOLDER)))
    }
}
