//! Plays a script against a sandbox on a journal, and tells the histories it left.

use std::sync::Arc;

use serde_json::{Value, json};
use weft_bytecode::options::Target;
use weft_engine::history;
use weft_protocol::api::{ApiError, PendingActivity, StartRequest, UpdateReply, UpdateStatus};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::moving::{CodeLine, Unmoved};
use weft_protocol::{Event, EventId, RunId};
use weft_runtime::activities::ActivityTask;
use weft_runtime::activities::queue::worker_task;
use weft_runtime::api::ActivityAct;
use weft_runtime::partition::request::{AttemptRef, WorkerOutcome};
use weft_runtime::sandbox::{Crashes, Sandbox};
use weft_runtime::store::{Journal, StoreError};
use weft_vm::Loaded;

use crate::script::{Answer, Becomes, Case, Finds, Nth, Started, Stays, Step};

/// A run after some step.
pub(crate) struct Seen<'a> {
    pub(crate) program: &'a Arc<Loaded>,
    pub(crate) events: &'a [Event],
    pub(crate) description: &'a weft_protocol::api::RunDescription,
}

/// What a way of running looks at after each step.
pub(crate) type Look<'a> = &'a mut dyn FnMut(Seen<'_>) -> Result<(), String>;

/// How a case is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) crashes: Crashes,
    /// Fuel after which a computation lets others run; a small one must change nothing.
    pub(crate) fuel_slice: u64,
    /// Events of a run after which its state is kept again.
    pub(crate) snapshot_events: usize,
    /// Chunks of a bundle of the log.
    pub(crate) bundle_chunks: usize,
}

/// The runs of a case.
struct Play<'a> {
    case: &'a Case,
    sandbox: Sandbox,
    /// The run of the case.
    main: Option<String>,
    /// Runs whose histories are compared, besides it.
    others: Vec<String>,
    /// Runs that were started from outside.
    started: Vec<String>,
    /// Activities in the order they were scheduled.
    scheduled: Vec<(String, RunId, EventId)>,
}

/// Plays a case and gives the histories it left.
pub(crate) async fn play(case: &Case, journal: Arc<dyn Journal>, way: Way, look: Look<'_>) -> Result<String, String> {
    let Way { fuel_slice, snapshot_events, bundle_chunks, .. } = way;
    let limits = Limits { fuel_slice, snapshot_events, bundle_chunks, ..case.limits.clone() };
    let mut sandbox = Sandbox::new(journal, 42, limits).await.map_err(|error| error.to_string())?;
    sandbox.crashes(way.crashes);
    sandbox.deploy(case.compile(None)?).await.map_err(|error| error.to_string())?;
    let mut play = Play { case, sandbox, main: None, others: vec![], started: vec![], scheduled: vec![] };
    for step in &case.steps {
        play.step(step).await.map_err(|why| format!("at {step:?}: {why}"))?;
        play.note_scheduled();
        play.who_is_to_stop_knows().await.map_err(|why| format!("after {step:?}: {why}"))?;
        play.look(look).await.map_err(|why| format!("after {step:?}: {why}"))?;
    }
    play.histories().await
}

impl Play<'_> {
    fn main(&self) -> Result<&str, String> {
        self.main.as_deref().ok_or_else(|| "nothing was started".into())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Start { workflow, args, id, with, becomes } => {
                self.start(workflow, args, id.clone(), with, becomes).await
            }
            Step::Complete { activity, result } => {
                let (run, scheduled) = self.find(activity)?;
                self.sandbox.complete(run, scheduled, result.clone()).await.map_err(told)
            }
            Step::Fail { activity, failure, after_ms } => {
                let (run, scheduled) = self.find(activity)?;
                self.sandbox.fail(run, scheduled, failure.clone(), *after_ms).await.map_err(told)
            }
            Step::Heartbeat { activity, progress, told: expected } => {
                let (run, scheduled) = self.find(activity)?;
                match (self.sandbox.heartbeat(run, scheduled, progress.clone()).await, expected) {
                    (Ok(found), Some(Answer::Reply(expected))) => expect(&found, expected),
                    (Err(error), Some(Answer::Refused(code))) => expect(&error.code, code),
                    (Ok(found), Some(Answer::Refused(_))) => Err(format!("it was not refused: {found:?}")),
                    (Ok(_), None) => Ok(()),
                    (Err(error), _) => Err(told(error)),
                }
            }
            Step::Hold => {
                self.sandbox.workers_wait();
                Ok(())
            }
            Step::Take { activity } => {
                let waits: Vec<_> = self.sandbox.waiting().map(|task| (task.run.run_id, task.scheduled)).collect();
                let (run, scheduled) = self.find_among(activity, |run, scheduled| waits.contains(&(run, scheduled)))?;
                self.sandbox.take(run, scheduled).await.map_err(told)
            }
            Step::Stale { activity, attempt, report } => {
                let (run, scheduled) = self.find(activity)?;
                let at = AttemptRef { run, scheduled, attempt: *attempt };
                let outcome = match report.clone() {
                    ActivityAct::Complete { result } => self.sandbox.report(at, WorkerOutcome::Completed(result)).await,
                    ActivityAct::Fail { failure, retry_after_ms } => {
                        self.sandbox.report(at, WorkerOutcome::Failed { failure, retry_after_ms }).await
                    }
                    ActivityAct::Heartbeat { progress } => self.sandbox.heartbeat_of(at, progress).await.map(drop),
                    ActivityAct::Steer(_) => return Err("nobody steers with a token".into()),
                };
                match outcome {
                    Err(error) => expect(&(error.status, error.code), &(410, "attempt_gone".into())),
                    Ok(()) => Err("it was not stale".into()),
                }
            }
            Step::Outside { which, act, refused } => {
                let main = self.main()?.to_owned();
                match (self.sandbox.activity(&main, which.clone(), act.clone()).await, refused) {
                    (Ok(_), None) => Ok(()),
                    (Err(error), Some(code)) => expect(&error.code, code),
                    (Ok(_), Some(_)) => Err("it was not refused".into()),
                    (Err(error), None) => Err(told(error)),
                }
            }
            Step::Pending { activity, shown } => {
                let (run, scheduled) = self.find_among(activity, |_, _| true)?;
                let main = self.main()?.to_owned();
                let pending = self.sandbox.describe(&main).await.map_err(told)?.activities;
                let found = pending.iter().find(|pending| pending.scheduled == scheduled.0);
                let found = found.ok_or_else(|| format!("nothing of event {} of {run} is pending", scheduled.0))?;
                shows(&serde_json::to_value(found).map_err(|error| error.to_string())?, shown)
            }
            Step::Task { activity, shown } => {
                let (run, scheduled) = self.find(activity)?;
                let task = self.sandbox.attempts().find(|task| task.run.run_id == run && task.scheduled == scheduled);
                let task = worker_task(task.ok_or("nobody has it")?, None);
                shows(&serde_json::to_value(task).map_err(|error| error.to_string())?, shown)
            }
            Step::Canceled { activity } => {
                let (run, scheduled) = self.find(activity)?;
                self.sandbox.canceled(run, scheduled).await.map_err(told)
            }
            Step::Advance(ms) => self.sandbox.advance(*ms).await.map_err(told),
            Step::Signal { name, args, request } => {
                let main = self.main()?.to_owned();
                self.sandbox.signal(&main, name, args.clone(), request.clone()).await.map_err(told)
            }
            Step::Update { name, args, id, becomes } => {
                let main = self.main()?.to_owned();
                let mut found = self.sandbox.update(&main, name, args.clone(), id).await;
                if matches!(&found, Ok(reply) if reply.status == UpdateStatus::Accepted) {
                    // That it is accepted is told as soon as it is so; by now it may have ended.
                    found = self.sandbox.update(&main, name, args.clone(), id).await;
                }
                let fine = match (&found, becomes) {
                    (Err(error), Becomes::Refused(code)) => error.code == *code,
                    (Ok(reply), _) => is(reply, becomes),
                    _ => false,
                };
                if fine { Ok(()) } else { Err(format!("expected {becomes:?}, found {found:?}")) }
            }
            Step::Query { name, args, answer } => {
                let main = self.main()?.to_owned();
                let found = self.sandbox.query(&main, name, args.clone()).await.map_err(told)?;
                expect(&found, answer)
            }
            Step::List { filter, finds } => match (self.sandbox.list(filter).await, finds) {
                (Ok(rows), Finds::Runs(ids)) => {
                    let mut found: Vec<String> = rows.into_iter().map(|row| row.workflow_id).collect();
                    // Runs of one instant are in the order of their partitions, which is not the same everywhere.
                    found.sort();
                    let mut ids = ids.clone();
                    ids.sort();
                    expect(&found, &ids)
                }
                (Err(error), Finds::WrongAt(column)) => {
                    let place = format!("column {column} of the filter");
                    if error.message.starts_with(&place) { Ok(()) } else { Err(told(error)) }
                }
                (Ok(rows), Finds::WrongAt(_)) => Err(format!("it was not refused and found {} runs", rows.len())),
                (Err(error), Finds::Runs(_)) => Err(told(error)),
            },
            Step::Cancel { reason, request } => {
                let main = self.main()?.to_owned();
                self.sandbox.cancel(&main, reason, request.clone()).await.map_err(told)
            }
            Step::Reset { run, request } => {
                let main = self.main()?.to_owned();
                let run = match run {
                    None => None,
                    Some(n) => {
                        let chain = self.sandbox.chain(&main).await.map_err(told)?;
                        match chain.get(n - 1).map(|(_, events)| &events[0].kind) {
                            Some(EventKind::RunStarted { run_id, .. }) => Some(*run_id),
                            _ => return Err(format!("the chain has {} runs", chain.len())),
                        }
                    }
                };
                self.sandbox.reset(&main, run, request.clone()).await.map_err(told)
            }
            Step::Delete => {
                let main = self.main()?.to_owned();
                self.started.retain(|id| *id != main);
                self.sandbox.delete(&main).await.map_err(told)
            }
            Step::Shows { place, value } => {
                let main = self.main()?.to_owned();
                let shown = json!(self.sandbox.describe(&main).await.map_err(told)?);
                expect(shown.pointer(place).unwrap_or(&Value::Null), value)
            }
            Step::Refused(code, step) => match Box::pin(self.step(step)).await {
                Ok(()) => Err("it was not refused".into()),
                Err(why) if why.starts_with(&format!("{code}: ")) => Ok(()),
                Err(why) => Err(format!("it was refused otherwise: {why}")),
            },
            Step::Terminate(reason) => {
                let main = self.main()?.to_owned();
                self.sandbox.terminate(&main, reason).await.map_err(told)
            }
            Step::Crash => self.sandbox.crash().await.map_err(told),
            Step::Deploy { version, followed } => {
                let tried = self.sandbox.deploy(self.case.compile(Some(version))?).await.map_err(told)?;
                let not_moved = &tried.unmoved.named;
                match not_moved.as_slice() {
                    [] if !followed => Err("every stuck run moved".into()),
                    [_, ..] if *followed => Err(format!("these did not move: {not_moved:?}")),
                    _ => Ok(()),
                }
            }
            Step::Move { version, moving, stays } => {
                let program = self.case.compile(Some(version))?;
                let tried = self.sandbox.deploy_moving(program, *moving).await;
                let unmoved = match tried {
                    Ok(tried) => tried.unmoved,
                    Err(error) if error.code == "runs_would_diverge" => {
                        let details = error.details.ok_or("it does not say which runs")?;
                        let named = serde_json::from_value(details["not_moved"].clone())
                            .map_err(|e: serde_json::Error| e.to_string())?;
                        Unmoved { total: details["not_moved_total"].as_u64().unwrap_or(0), named }
                    }
                    Err(error) => return Err(told(error)),
                };
                let line = |line: &Option<CodeLine>| {
                    let source = line.as_ref().and_then(|line| line.source.rsplit_once(':'));
                    source.map_or(0, |(_, line)| line.parse().unwrap_or(0))
                };
                let mut found: Vec<Stays> = unmoved
                    .named
                    .iter()
                    .map(|run| Stays { event: run.event.unwrap_or(0), old: line(&run.old), new: line(&run.new) })
                    .collect();
                // Which of two runs comes first depends on the partitions they are in.
                found.sort();
                if found != *stays {
                    return Err(format!("expected {stays:?} to stay, found {:?}", unmoved.named));
                }
                Ok(())
            }
            Step::Stuck { trap, line } => {
                let main = self.main()?.to_owned();
                let found = self.sandbox.describe(&main).await.map_err(told)?.stuck;
                let found = found.map(|stuck| (stuck.trap, stuck.line));
                expect(&found, &Some((trap.clone(), *line)))
            }
            Step::Status(status) => {
                let main = self.main()?.to_owned();
                let found = self.sandbox.describe(&main).await.map_err(told)?.row.status;
                expect(&format!("{found:?}"), status)
            }
            Step::History(id) => {
                self.others.push(id.clone());
                Ok(())
            }
            Step::At(id, step) => {
                let main = self.main.replace(id.clone());
                let done = Box::pin(self.step(step)).await;
                self.main = main;
                done
            }
        }
    }

    async fn start(
        &mut self,
        workflow: &str,
        args: &Value,
        id: Option<String>,
        with: &Value,
        becomes: &Started,
    ) -> Result<(), String> {
        let mut request = json!({ "workflow": workflow, "args": args });
        for (name, value) in with.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let own = StartRequest { id: id.clone(), ..serde_json::from_value(request).map_err(|e| e.to_string())? };
        let sent = own.update.clone();
        let mut reply = self.sandbox.start(own).await.map_err(told)?;
        if let (Some(sent), Some(update)) = (sent, &reply.update)
            && update.status == UpdateStatus::Accepted
        {
            // That it is accepted is told as soon as it is so; by now it may have ended.
            let asked = self.sandbox.update(&reply.workflow_id, &sent.name, sent.args, &update.update_id).await;
            reply.update = Some(Box::new(asked.map_err(told)?));
        }
        if !self.started.contains(&reply.workflow_id) {
            self.started.push(reply.workflow_id.clone());
        }
        if id.is_none() {
            self.main = Some(reply.workflow_id.clone());
        }
        let fine = match becomes {
            Started::Either => true,
            Started::New => reply.started,
            Started::Joined => !reply.started,
            Started::Update(becomes) => reply.update.as_ref().is_some_and(|update| is(update, becomes)),
        };
        if fine { Ok(()) } else { Err(format!("expected {becomes:?}, found {reply:?}")) }
    }

    fn note_scheduled(&mut self) {
        for task in self.sandbox.attempts().chain(self.sandbox.waiting()) {
            let known = (task.def().name.clone(), task.run.run_id, task.scheduled);
            if !self.scheduled.contains(&known) {
                self.scheduled.push(known);
            }
        }
    }

    /// An executor hears only from its token that its activity was asked to stop; a worker asks with its heartbeats.
    async fn who_is_to_stop_knows(&mut self) -> Result<(), String> {
        let told = |task: &ActivityTask| task.cancel.is_cancelled();
        let here = self.sandbox.attempts().filter(|task| !matches!(task.def().options.target, Target::Queue(_)));
        let not_told: Vec<_> =
            here.filter(|task| !told(task)).map(|task| (task.run.workflow_id.to_string(), task.scheduled.0)).collect();
        for (id, scheduled) in not_told {
            let pending = self.sandbox.describe(&id).await.map_err(self::told)?.activities;
            let asked = |activity: &&PendingActivity| activity.state == "cancel_requested";
            if let Some(runs_on) = pending.iter().filter(asked).find(|activity| activity.scheduled == scheduled) {
                return Err(format!("`{}` was asked to stop, and whoever runs it was not told", runs_on.activity));
            }
        }
        Ok(())
    }

    fn find(&self, wanted: &Nth) -> Result<(RunId, EventId), String> {
        self.find_among(wanted, |run, scheduled| {
            self.sandbox.attempts().any(|task| task.run.run_id == run && task.scheduled == scheduled)
        })
    }

    /// The activity that is meant; without a number the first that `is`.
    fn find_among(&self, wanted: &Nth, is: impl Fn(RunId, EventId) -> bool) -> Result<(RunId, EventId), String> {
        let named = || self.scheduled.iter().filter(|(name, ..)| *name == wanted.name);
        let found = match wanted.n {
            Some(n) => named().nth(n - 1),
            None => named().find(|(_, run, scheduled)| is(*run, *scheduled)),
        };
        found
            .map(|(_, run, scheduled)| (*run, *scheduled))
            .ok_or_else(|| format!("no such activity; scheduled so far: {:?}", self.scheduled))
    }

    async fn look(&mut self, look: Look<'_>) -> Result<(), String> {
        for id in self.started.clone() {
            let (program, events) = self.sandbox.history(&id).await.map_err(told)?;
            let description = self.sandbox.describe(&id).await.map_err(told)?;
            look(Seen { program: &program, events: &events, description: &description })?;
        }
        Ok(())
    }

    async fn histories(&mut self) -> Result<String, String> {
        let mut out = String::new();
        let main = self.main()?.to_owned();
        for id in std::iter::once(main.clone()).chain(self.others.clone()) {
            if id != main {
                out.push_str(&format!("history {id}\n"));
            }
            for (n, (program, events)) in self.sandbox.chain(&id).await.map_err(told)?.iter().enumerate() {
                if n > 0 {
                    out.push_str("next run\n");
                }
                for event in events {
                    out.push_str(history::plain(program.program(), event).trim_end());
                    out.push('\n');
                }
            }
        }
        Ok(out)
    }
}

/// A refusal begins with its code.
fn told(error: impl Into<Told>) -> String {
    error.into().0
}

struct Told(String);

impl From<ApiError> for Told {
    fn from(error: ApiError) -> Told {
        Told(format!("{}: {}", error.code, error.message))
    }
}

impl From<StoreError> for Told {
    fn from(error: StoreError) -> Told {
        Told(error.to_string())
    }
}

/// Whether this has become of an update.
fn is(reply: &UpdateReply, becomes: &Becomes) -> bool {
    let kind = |failure: &Option<Value>| failure.as_ref().map(|f| f["type"].clone()).unwrap_or_default();
    match (reply.status, becomes) {
        (UpdateStatus::Accepted, Becomes::Accepted) => true,
        (UpdateStatus::Completed, Becomes::Result(wanted)) => reply.result.as_ref() == Some(wanted),
        (UpdateStatus::Rejected, Becomes::Rejected(wanted)) | (UpdateStatus::Failed, Becomes::Fails(wanted)) => {
            kind(&reply.failure) == wanted.as_str()
        }
        _ => false,
    }
}

/// Whether an object has these fields with these values.
fn shows(found: &Value, shown: &Value) -> Result<(), String> {
    let fields = shown.as_object().ok_or("what is shown is an object")?;
    let differs = |(name, value): &(&String, &Value)| found.get(name.as_str()).unwrap_or(&Value::Null) != *value;
    match fields.iter().find(differs) {
        None => Ok(()),
        Some((name, value)) => Err(format!("expected {name} = {value}, found {found}")),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}
