//! `weft run`: one workflow, here and now. Everything happens in this process, on SQLite under `.weft/` of the project's
//! folder, and is kept there: a run that is interrupted goes on with the next `weft run` of its id.

use std::time::Duration;

use serde_json::Value;
use weft_bytecode::{Program, WorkflowDef};
use weft_protocol::api::{StartReply, StartRequest};
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_runtime::api::RunKey;
use weft_runtime::config::ExecAllow;

use crate::args::{self, For};
use crate::compile;
use crate::exit::{Exit, Failed, Outcome};
use crate::local::{self, Local, Place};
use crate::options::Run;
use crate::output::style;
use crate::project::{self, Found};
use crate::view::progress::Progress;

use super::follow::{self, End};
use super::result;
use super::{Context, program_name};

/// What is to run, read and checked before anything is opened.
struct Meant<'a> {
    found: Found,
    program: Program,
    workflow: String,
    /// Arguments as they were typed.
    pairs: &'a [String],
    args: Value,
}

/// Runs a workflow to its end and prints the result.
pub(crate) async fn run(context: &Context, options: &Run) -> Outcome {
    local::log(&context.out, "warn")?;
    let meant = meant(context, options)?;
    let root = &meant.found.root;
    let place = if options.ephemeral { Place::Memory } else { Place::Folder(root.join(local::FOLDER)) };
    let settings = meant.found.config.server(root, ExecAllow::Everything)?;
    let local = Local::open(place, settings, local::listen(options.listen).await?).await?;
    let outcome = drive(context, options, &meant, &local).await;
    local.close().await;
    outcome
}

fn meant<'a>(context: &Context, options: &'a Run) -> Result<Meant<'a>, Failed> {
    let found = project::load(&options.file)?;
    let program = compile::compile(&context.out, &found)?;
    let (def, pairs) = choose(&program, &found, &options.rest)?;
    let (workflow, params) = (def.name.clone(), weft_engine::signature::of(&program, def).params);
    let args = args::read(For { kind: "workflow", name: &workflow }, &params, pairs, options.input.as_deref())?;
    Ok(Meant { found, program, workflow, pairs, args })
}

/// The workflow that is meant and what is left of the words: the arguments.
fn choose<'p, 'a>(
    program: &'p Program,
    found: &Found,
    rest: &'a [String],
) -> Result<(&'p WorkflowDef, &'a [String]), Failed> {
    let here = |w: &&WorkflowDef| match &found.file {
        Some(file) => program.sources.get(usize::from(w.span.file)).is_some_and(|s| s.path == *file),
        None => true,
    };
    let all: Vec<&WorkflowDef> = program.workflows.iter().filter(here).collect();
    let names: Vec<&str> = all.iter().map(|w| w.name.as_str()).collect();
    let list = || format!("workflows here: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    match rest.split_first() {
        Some((name, pairs)) if !name.contains('=') => match program.workflow(name) {
            Some((_, def)) => Ok((def, pairs)),
            None => {
                let failed = Failed::new(Exit::Refused, "unknown_workflow", format!("there is no workflow `{name}`"));
                Err(match args::nearest(name, names.iter().copied()) {
                    Some(near) => failed.why(format!("did you mean `{near}`?")),
                    None => failed,
                }
                .help(list()))
            }
        },
        _ => match all.as_slice() {
            [only] => Ok((only, rest)),
            [] => Err(Failed::new(Exit::Refused, "no_workflow", "this program declares no workflow")
                .help("`weft new hello` makes a project with one")),
            [first, ..] => Err(Failed::usage("there are several workflows; say which one is to run")
                .why(list())
                .help(format!("weft run FILE {} key=value…", first.name))),
        },
    }
}

async fn drive(context: &Context, options: &Run, meant: &Meant<'_>, local: &Local) -> Outcome {
    let (api, namespace) = (local.api(), context.namespace(&meant.found.config));
    local.serving().await?;
    api.deploy(&namespace, weft_bytecode::codec::encode(&meant.program)).await?;
    let request = StartRequest {
        workflow: meant.workflow.clone(),
        id: options.id.clone(),
        args: meant.args.clone(),
        request_id: None,
        on_conflict: Some(OnConflict::Join),
        on_closed: Some(OnClosed::Allow),
        run_timeout_ms: None,
    };
    let started = api.start(&namespace, request).await?;
    let run = RunKey { namespace, workflow_id: started.workflow_id.clone(), run_id: Some(started.run_id.clone()) };
    announce(context, options, meant, local, &started);
    let signature = api.run_workflow(&run).await?;
    let progress = Progress::new(context.out, &run.workflow_id, signature, &program_name(), &local.reach());
    match follow::follow(&context.out, api, &run, progress).await? {
        End::Closed => result::ended(&context.out, &api.result(&run, Duration::ZERO).await?),
        End::Stuck(stuck) => Err(result::stuck_words(&run.workflow_id, &stuck)),
        End::Interrupted => {
            context.out.say(&interrupted(context, options, meant, &run));
            Err(Failed::silent(Exit::Interrupted))
        }
    }
}

fn announce(context: &Context, options: &Run, meant: &Meant<'_>, local: &Local, started: &StartReply) {
    let out = &context.out;
    let word = if started.started { "run" } else { "continued" };
    let kept = match options.ephemeral {
        true => "nothing is kept".to_owned(),
        false => format!("kept in {}", local::shown(&meant.found.root.join(local::FOLDER))),
    };
    out.say(&format!(
        "{} {} {}",
        out.paint(word, style::GOOD),
        out.paint(&started.workflow_id, style::STRONG),
        out.paint(&format!("(workflow {}; {kept}; listening at {})", meant.workflow, local.address()), style::DIM)
    ));
}

/// What to say when the person stops the command.
fn interrupted(context: &Context, options: &Run, meant: &Meant<'_>, run: &RunKey) -> String {
    let word = context.out.paint("interrupted", style::WARN);
    if options.ephemeral {
        return format!("{word}: the run was kept in memory only and is gone");
    }
    let mut words = vec![program_name(), "run".into(), options.file.display().to_string(), meant.workflow.clone()];
    words.extend(meant.pairs.iter().cloned());
    if let Some(input) = &options.input {
        words.extend(["--input".to_owned(), input.clone()]);
    }
    words.extend(["--id".to_owned(), run.workflow_id.clone()]);
    let command: Vec<_> = words.iter().map(|w| shell_words::quote(w).into_owned()).collect();
    format!("{word}: the run is kept, nothing is lost. To continue it:\n  {}", command.join(" "))
}
