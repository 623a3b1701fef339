//! `weft run`: one workflow, here and now. Everything happens in this process, on SQLite under `.weft/` of the project's
//! folder, and is kept there: a run that is interrupted goes on with `weft run FILE --continue ID`. What is said
//! meanwhile is in `run/words`.

mod words;

use std::time::Duration;

use serde_json::{Value, json};
use weft_bytecode::near::near;
use weft_bytecode::wire::{self, Strictness};
use weft_bytecode::{Program, WorkflowDef};
use weft_protocol::api::{StartRequest, Status};
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_runtime::api::RunKey;
use weft_runtime::config::ExecAllow;
use weft_runtime::node::DeclaredSchedules;

use crate::args::{self, For};
use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::local::{self, Local, Place};
use crate::options::Run;
use crate::project::{self, Found};
use crate::view::progress::Progress;

use super::follow::{self, End};
use super::result;
use super::{Context, program_name};

/// What is to run, read and checked before anything is opened.
struct Meant {
    found: Found,
    /// None if it has errors and is not needed, since a run is to go on that keeps its own.
    program: Option<Program>,
    /// What to start, unless a run is only to go on.
    call: Option<Call>,
}

/// A workflow and its arguments, in their canonical form.
struct Call {
    workflow: String,
    args: Value,
}

/// How the run that is followed came to be.
enum Begun {
    /// It was started, by this command.
    New,
    /// It was started, and a run that had its id before has ended like this.
    Anew(Status),
    /// It was open.
    Continued,
    /// It has ended; nothing was started.
    Ended(Status),
}

/// Runs a workflow to its end and prints the result.
pub(crate) async fn run(context: &Context, options: &Run) -> Outcome {
    local::log(&context.out, local::PROGRAMS_TOO)?;
    let meant = meant(context, options)?;
    let namespace = context.namespace(&meant.found.config)?;
    let root = &meant.found.root;
    let place = if options.ephemeral { Place::Memory } else { Place::Folder(root.join(local::FOLDER)) };
    let settings = meant.found.config.server(&root.join(project::CONFIG_FILE), ExecAllow::Everything)?;
    let local =
        Local::open(place, settings, local::listen(options.listen).await?, DeclaredSchedules::LeftAlone).await?;
    let session = Session { context, options, meant: &meant, local: &local, namespace };
    let outcome = session.drive().await;
    local.close().await;
    outcome
}

fn meant(context: &Context, options: &Run) -> Result<Meant, Failed> {
    let found = project::load(&options.file)?;
    let program = compile::compile(&context.out, &found, Stream::Talk);
    if let Some(id) = &options.resume {
        let program = match program {
            Err(failed) if failed.exit == Exit::Program => {
                let text = format!("the program has errors and is not used; `{id}` keeps the code it was started with");
                context.out.note("program_not_used", &text, json!({ "workflow_id": id }));
                None
            }
            program => Some(program?),
        };
        return Ok(Meant { found, program, call: None });
    }
    let program = program?;
    let (def, pairs) = choose(&program, &found, &options.rest)?;
    let (workflow, params) = (def.name.clone(), weft_engine::signature::of(&program, def).params);
    let args = args::read(For { kind: "workflow", name: &workflow }, &params, pairs, options.input.as_deref())?;
    // A wrong argument is told before anything in the folder goes on.
    let args = wire::normalize_args(&program, def.args, &args, Strictness::Input).map_err(|error| {
        let failed = Failed::usage(format!("the arguments of `{workflow}` do not fit: {error}"));
        if error.path.is_empty() { failed } else { failed.at(format!("args.{}", error.path)) }
    })?;
    Ok(Meant { found, program: Some(program), call: Some(Call { workflow, args }) })
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
                Err(match near(name, names.iter().copied()) {
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

/// One `weft run`.
struct Session<'a> {
    context: &'a Context,
    options: &'a Run,
    meant: &'a Meant,
    local: &'a Local,
    namespace: String,
}

impl Session<'_> {
    async fn drive(&self) -> Outcome {
        let (api, out) = (self.local.api(), &self.context.out);
        self.local.serving().await?;
        let deployed = match &self.meant.program {
            Some(program) => {
                self.local.make_namespace(&self.namespace).await?;
                api.deploy(&self.namespace, weft_bytecode::codec::encode(program)).await.map(drop)
            }
            None => Ok(()),
        };
        let begun = match deployed {
            Ok(()) => self.begin().await,
            Err(error) => Err(error.into()),
        };
        // Whatever comes of this one, the others go on.
        self.tell_others(begun.as_ref().ok().map(|(run, _)| run));
        let (mut run, begun) = begun?;
        let seen = api.describe(&run).await?;
        self.announce(&seen, &begun);
        if let Begun::Continued = begun {
            self.tell_differences(&run, &seen).await?;
        }
        if let Begun::Ended(_) = begun {
            return result::ended(out, &api.result(&run, Duration::ZERO).await?, &self.hints(&run));
        }
        let signature = api.run_workflow(&run).await?;
        let progress = Progress::new(*out, &run.workflow_id, signature, &program_name(), &self.local.reach());
        match follow::follow(out, api, &mut run, progress).await? {
            End::Closed | End::Stuck => result::ended(out, &api.result(&run, Duration::ZERO).await?, &self.hints(&run)),
            End::Interrupted => {
                self.tell_interrupted(&run);
                Err(Failed::silent(Exit::Interrupted))
            }
        }
    }

    /// Starts the run or finds it.
    async fn begin(&self) -> Result<(RunKey, Begun), Failed> {
        let api = self.local.api();
        let key = |workflow_id: String, run_id: Option<String>| RunKey {
            namespace: self.namespace.clone(),
            workflow_id,
            run_id,
        };
        let Some(call) = &self.meant.call else {
            let id = self.options.resume.clone().unwrap_or_default();
            let seen = api.describe(&key(id.clone(), None)).await.map_err(|e| self.not_found(&id, e))?;
            let begun = match seen.row.status {
                Status::Running => Begun::Continued,
                ended => Begun::Ended(ended),
            };
            return Ok((key(id, Some(seen.row.run_id)), begun));
        };
        let request = |on_closed| StartRequest {
            workflow: call.workflow.clone(),
            id: self.options.id.clone(),
            args: call.args.clone(),
            request_id: None,
            on_conflict: Some(OnConflict::Join),
            on_closed: Some(on_closed),
            ..StartRequest::default()
        };
        // First joining, to know whether there was one.
        let joined = api.start(&self.namespace, request(OnClosed::Join)).await?;
        let run = key(joined.workflow_id, Some(joined.run_id));
        if joined.started {
            return Ok((run, Begun::New));
        }
        let before = api.describe(&run).await?.row.status;
        if before == Status::Running {
            return Ok((run, Begun::Continued));
        }
        let started = api.start(&self.namespace, request(OnClosed::Allow)).await?;
        let begun = if started.started { Begun::Anew(before) } else { Begun::Continued };
        Ok((key(started.workflow_id, Some(started.run_id)), begun))
    }
}
