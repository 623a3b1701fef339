//! `weft replay`: histories against the project at hand, without a server. For CI: will the runs there are go on with this
//! code?

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use weft_engine::{Misfit, history, trial};
use weft_protocol::limits::Limits;
use weft_protocol::{Event, EventId};
use weft_vm::Loaded;

use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Replay;
use crate::output::style;
use crate::project;
use crate::view::counted;
use crate::view::safe::safe_line;

use super::Context;

/// The version of the form that this reads and `weft export` writes.
pub(crate) const VERSION: u64 = 1;
/// Events of a history kept at most: far more than one that somebody keeps for CI has.
const EVENTS_MAX: usize = 10_000_000;

/// A history as it was read.
#[derive(Debug, Default)]
struct Recorded {
    events: Vec<Event>,
    /// Where in the code each came from, as it was shown.
    sources: Vec<Option<String>>,
    workflow_id: String,
    run_id: String,
    workflow: String,
}

/// Replays histories.
pub(crate) async fn replay(context: &Context, options: Replay) -> Outcome {
    let context = context.clone();
    let done = tokio::task::spawn_blocking(move || all(&context, &options)).await;
    done.map_err(|error| Failed::new(Exit::Refused, "internal", "a replay broke off").why(error.to_string()))?
}

fn all(context: &Context, options: &Replay) -> Outcome {
    let (project, files) = sorted(options)?;
    let program = compile::compile(&context.out, &project::load(&project)?, Stream::Talk)?;
    let program = Loaded::new(program).map_err(|error| {
        Failed::new(Exit::Program, "invalid_program", "the program cannot run here").why(error.to_string())
    })?;
    let limits = Arc::new(Limits::default());
    let (mut followed, mut differ) = (0, 0);
    for file in &files {
        let mut lines = Lines::open(file)?;
        let before = followed + differ;
        while let Some(recorded) = lines.next()? {
            let Recorded { events, sources, .. } = &recorded;
            let tried = trial::follows(&program, events.clone(), &limits);
            match &tried {
                Ok(_) => followed += 1,
                Err(_) => differ += 1,
            }
            told(context, file, &program, &recorded, tried.map(|_| events.len()), sources)?;
        }
        if followed + differ == before {
            let what = format!("{} holds no history", file.display());
            return Err(Failed::new(Exit::Refused, "no_history", what)
                .help("`weft export ID > history.jsonl` writes one; so does `weft show ID --json`"));
        }
    }
    if !context.out.json {
        let all = counted(followed + differ, "history").replace("historys", "histories");
        context.out.say(&match differ {
            0 => format!("{}: this code follows {all}", context.out.paint("ok", style::GOOD)),
            n => format!("{}: of {all}, this code does not follow {n}", context.out.paint("differs", style::ERROR)),
        });
    }
    Ok(if differ > 0 { Exit::EndedOtherwise } else { Exit::Done })
}

/// The project, and the files with histories: a folder or a `.wf` file is the project.
fn sorted(options: &Replay) -> Result<(PathBuf, Vec<PathBuf>), Failed> {
    let is_project = |path: &&PathBuf| {
        path.is_dir()
            || path.extension().is_some_and(|extension| extension == "wf")
            || path.file_name().is_some_and(|name| name == project::CONFIG_FILE)
    };
    let (projects, files): (Vec<&PathBuf>, Vec<&PathBuf>) = options.paths.iter().partition(is_project);
    let project = match projects.as_slice() {
        [] => PathBuf::from("."),
        [one] => (*one).clone(),
        _ => return Err(Failed::usage("more than one project is given").help("histories are replayed on one project")),
    };
    if files.is_empty() {
        return Err(Failed::usage("no history is given").help("`weft replay history.jsonl .`"));
    }
    Ok((project, files.into_iter().cloned().collect()))
}

/// One line, or some, about a history.
fn told(
    context: &Context,
    file: &Path,
    program: &Loaded,
    recorded: &Recorded,
    tried: Result<usize, Misfit>,
    sources: &[Option<String>],
) -> Result<(), Failed> {
    let events = recorded.events.len();
    let misfit = tried.err();
    let new = misfit.as_ref().and_then(|misfit| misfit.new).map(|site| history::code_line(program.program(), site));
    let old = misfit.as_ref().and_then(|misfit| old_source(misfit, sources));
    if context.out.json {
        let mut object = json!({
            "file": file.display().to_string(),
            "workflow": recorded.workflow,
            "workflow_id": recorded.workflow_id,
            "run_id": recorded.run_id,
            "events": events,
            "follows": misfit.is_none(),
        });
        if let (Some(misfit), Some(object)) = (&misfit, object.as_object_mut()) {
            object.insert("event".into(), json!(misfit.event));
            object.insert("why".into(), json!(misfit.why));
            object.insert("new".into(), json!(new));
            object.insert("old".into(), json!(old));
        }
        return context.out.value(&object);
    }
    let id = safe_line(&recorded.workflow_id);
    let Some(misfit) = misfit else {
        let good = context.out.paint_out("ok", style::GOOD);
        return context.out.line(&format!("{good}       {id} ({}, {})", recorded.workflow, counted(events, "event")));
    };
    let at = misfit.event.map(|event| format!(", event {}", event.0)).unwrap_or_default();
    let bad = context.out.paint_out("differs", style::ERROR);
    let mut text = format!("{bad}  {id} ({}{at})\n", recorded.workflow);
    if let Some(new) = new {
        text.push_str(&format!("  new code  {}  {}\n", new.source, safe_line(&new.text)));
    }
    if let Some(old) = old {
        text.push_str(&format!("  old code  {}\n", safe_line(&old)));
    }
    text.push_str(&format!("  {}\n", safe_line(&misfit.why)));
    context.out.data(&text)
}

/// Where the code that wrote the history was, as the history tells.
fn old_source(misfit: &Misfit, sources: &[Option<String>]) -> Option<String> {
    let EventId(event) = misfit.old.and_then(|old| old.event).or(misfit.event)?;
    sources.get(usize::try_from(event).ok()?.checked_sub(1)?)?.clone()
}

/// Histories in a file, one after the other.
struct Lines {
    name: String,
    lines: std::io::Lines<Box<dyn BufRead>>,
    number: usize,
    /// The first event of the next history, if it was read already.
    begun: Option<Value>,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, Failed> {
        let name = path.display().to_string();
        let reader: Box<dyn Read> = match name.as_str() {
            "-" => Box::new(std::io::stdin()),
            _ => Box::new(std::fs::File::open(path).map_err(|e| Failed::io(format!("cannot read {name}"), &e))?),
        };
        let reader: Box<dyn BufRead> = Box::new(BufReader::new(reader));
        Ok(Lines { name, lines: reader.lines(), number: 0, begun: None })
    }

    /// The next history, up to the line that begins another.
    fn next(&mut self) -> Result<Option<Recorded>, Failed> {
        let mut recorded = Recorded::default();
        if let Some(first) = self.begun.take() {
            self.take(&mut recorded, &first)?;
        }
        while let Some(value) = self.line()? {
            if let Some(version) = value.get("weft_history") {
                if version.as_u64() != Some(VERSION) {
                    let what = format!("version {version} of histories is not known");
                    return Err(self.wrong(&what).help("a newer weft wrote it: replay it with that"));
                }
                if recorded.events.is_empty() {
                    continue;
                }
                return Ok(Some(recorded));
            }
            if value["type"] == "RunStarted" && !recorded.events.is_empty() {
                self.begun = Some(value);
                return Ok(Some(recorded));
            }
            self.take(&mut recorded, &value)?;
        }
        Ok((!recorded.events.is_empty()).then_some(recorded))
    }

    fn line(&mut self) -> Result<Option<Value>, Failed> {
        for line in self.lines.by_ref() {
            self.number += 1;
            let line = line.map_err(|e| Failed::io(format!("cannot read {}", self.name), &e))?;
            if !line.trim().is_empty() {
                let value = serde_json::from_str(&line).map_err(|e| self.wrong("this is not JSON").why(e.to_string()));
                return value.map(Some);
            }
        }
        Ok(None)
    }

    fn take(&self, recorded: &mut Recorded, value: &Value) -> Result<(), Failed> {
        let event = history::from_json(value).map_err(|why| self.wrong("this is no event of a history").why(why))?;
        if recorded.events.is_empty() {
            let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
            recorded.workflow_id = text("workflow_id");
            recorded.run_id = text("run_id");
            recorded.workflow = text("workflow");
        }
        if recorded.events.len() >= EVENTS_MAX {
            return Err(self.wrong(&format!("the history has more than {EVENTS_MAX} events")));
        }
        recorded.events.push(event);
        recorded.sources.push(value["source"].as_str().map(str::to_owned));
        Ok(())
    }

    fn wrong(&self, what: &str) -> Failed {
        Failed::new(Exit::Refused, "malformed_history", format!("{}:{}: {what}", self.name, self.number))
            .help("`weft export ID` writes histories: a line with `weft_history`, then an event a line")
    }
}
