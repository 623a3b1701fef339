//! What a test drives: one sandbox, the mocks so far, and the machine of the test itself. Between two steps of the test
//! everything that can happen at the present instant has happened.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use weft_bytecode::suite::{Ask, HostCall, Suite, TestDef};
use weft_bytecode::wire::text;
use weft_bytecode::{FuncId, Span};
use weft_engine::history;
use weft_protocol::api::{ApiError, ResultReply, StartRequest, Status, UpdateReply, UpdateStatus};
use weft_protocol::event::EventKind;
use weft_protocol::limits::Limits;
use weft_protocol::{Command, EventId, Failure, Payload, RunId, Timestamp};
use weft_vm::{Activation, Loaded, Outcome, Then, Vm};

use super::mock::{Mock, Playing, State, context};
use super::{
    BESIDE_MAX, CALLS_MAX, MOCKS_MAX, OPEN_RUNS_MAX, Played, Problem, RESULT_WITHIN_MS, STEPS_MAX, WRITES_AT_ONCE_MAX,
    show,
};
use crate::activities::ActivityTask;
use crate::sandbox::{Bounds, Crashes, Sandbox};
use crate::store::memory::Memory;
use crate::store::{Journal, StoreError};

/// An attempt: it is the same one however often memory is lost.
type Attempt = (RunId, EventId, u32);

/// Plays one test once.
pub(super) struct Host {
    suite: Arc<Suite>,
    loaded: Arc<Loaded>,
    limits: Limits,
    sandbox: Sandbox,
    mocks: Vec<Mock>,
    attempts: FxHashMap<Attempt, Playing>,
    /// Workflow ids of what the test started.
    started: Vec<String>,
    answers: Vec<String>,
    steps: u32,
    /// Updates that were sent.
    updates: u32,
    logs: Vec<(u8, String)>,
    /// The last failure that was thrown into the test, and where.
    thrown: Option<(Failure, Span)>,
}

impl Host {
    pub(super) async fn new(
        suite: Arc<Suite>,
        loaded: Arc<Loaded>,
        limits: Limits,
        crashes: Crashes,
        seed: u64,
    ) -> Result<Host, StoreError> {
        let journal: Arc<dyn Journal> = Arc::new(Memory::new(1));
        let mut sandbox = Sandbox::new(journal, seed, limits.clone()).await?;
        sandbox.deploy_loaded(&loaded).await.map_err(|_| StoreError::Conflict)?;
        sandbox.crashes(crashes);
        sandbox.bounds(Bounds { commits: WRITES_AT_ONCE_MAX, open_runs: OPEN_RUNS_MAX });
        // A mock goes on where it was.
        sandbox.attempts_outlive_crashes();
        Ok(Host {
            suite,
            loaded,
            limits,
            sandbox,
            mocks: Vec::new(),
            attempts: FxHashMap::default(),
            started: Vec::new(),
            answers: Vec::new(),
            steps: 0,
            updates: 0,
            logs: Vec::new(),
            thrown: None,
        })
    }

    pub(super) async fn play(mut self, test: &TestDef) -> Result<Played, StoreError> {
        let mut problem = self.run(test).await.err();
        if problem.is_none() {
            problem = self.stuck().await.err();
        }
        if let (Some(found), Some(beyond)) = (&problem, self.sandbox.overrun()) {
            let beyond = Problem::new(beyond, found.span).label("it began here");
            problem = Some(beyond.help("does a workflow start itself, or runs that start it again, without an end?"));
        }
        let histories = self.histories().await;
        self.logs.extend(self.sandbox.logs().iter().map(|(_, level, text)| (*level, text.clone())));
        let writes = self.sandbox.commits();
        Ok(Played { problem, logs: self.logs, histories, writes, answers: self.answers })
    }

    /// Runs the body of a test; each of its calls of the host is carried out before it goes on.
    async fn run(&mut self, test: &TestDef) -> Result<(), Problem> {
        let args = Payload::json("{}");
        let mut vm = Vm::new(self.loaded.clone(), test.workflow, &args, [0; 16], &self.limits);
        let mut activation = Activation::Start;
        let mut calls = 0;
        loop {
            let step = vm.step(activation, &context(self.sandbox.now()));
            self.logs.extend(step.logs);
            activation = match step.then {
                Then::Slice => Activation::Continue,
                Then::Completed(_) => return Ok(()),
                Then::Canceled => return Err(Problem::new("the test was canceled", Some(test.span))),
                Then::Failed(failure) => {
                    // One that was caught says nothing about where another was thrown.
                    let thrown = self.thrown.as_ref().filter(|(known, _)| *known == failure);
                    let span = thrown.map_or(test.span, |(_, span)| *span);
                    return Err(Problem::new(format!("not caught: {failure}"), Some(span)).label("thrown here"));
                }
                Then::Continued { .. } => {
                    return Err(Problem::new("a test cannot continue as new", Some(test.span)));
                }
                Then::Trapped(trap) => {
                    let site = trap.site.and_then(|site| self.suite.program.site(FuncId(site.func), site.pc));
                    return Err(Problem::new("the test cannot go on", site.or(Some(test.span))).label(trap.message));
                }
                Then::Waiting => {
                    let asked = step.commands.into_iter().find_map(|issued| match issued.command {
                        Command::ScheduleActivity { activity, args, .. } => Some((issued.id, activity, args)),
                        _ => None,
                    });
                    let Some((op, activity, args)) = asked else {
                        return Err(Problem::new("a test can only ask its host", Some(test.span)));
                    };
                    let call = activity.checked_sub(self.suite.first_call).map(usize::from);
                    let Some(call) = call.and_then(|n| self.suite.calls.get(n)).cloned() else {
                        return Err(Problem::new("a test cannot call an activity", Some(test.span)));
                    };
                    calls += 1;
                    if calls > CALLS_MAX {
                        let message = format!("the test asks for more than {CALLS_MAX} things");
                        let help = "is there a loop that never ends? `advance 1d` lets a day pass, and `.result` waits for a run";
                        return Err(Problem::new(message, Some(call.span)).label("asked again and again").help(help));
                    }
                    let outcome = self.answer(&call, activity, args.value()).await?;
                    Activation::Resolved { op, outcome }
                }
            };
        }
    }

    async fn answer(&mut self, call: &HostCall, activity: u16, args: Value) -> Result<Outcome, Problem> {
        let value = match &call.ask {
            Ask::Mock(def) => {
                if self.mocks.len() >= MOCKS_MAX {
                    let message = format!("a test has at most {MOCKS_MAX} mocks");
                    return Err(Problem::new(message, Some(call.span)));
                }
                let captures = object(args).into_iter().map(|(_, value)| value).collect();
                self.mocks.push(Mock { def: def.clone(), span: call.span, captures, left: def.times });
                Value::Null
            }
            Ask::Assert { op, sides } => return Err(self.assertion(call, activity, *op, sides, args).await),
            Ask::Start { workflow } => self.start(call, workflow, object(args)).await?,
            Ask::Result | Ask::Failure => {
                let id = run_of(&args);
                let reply = self.ended(call, &id).await?;
                return self.ended_as(call, reply);
            }
            Ask::IsRunning => {
                let id = run_of(&args);
                let ended = self.sandbox.result(&id).await.map_err(|e| refused(call, &e))?;
                Value::Bool(ended.is_none())
            }
            Ask::Read { name } => {
                let id = run_of(&args);
                self.sandbox.query(&id, name, message(args)).await.map_err(|e| refused(call, &e))?
            }
            Ask::Update { name } => {
                let id = run_of(&args);
                let reply = self.update(call, &id, name, message(args)).await?;
                return Ok(self.update_as(call, reply));
            }
            Ask::Signal { name } => {
                let id = run_of(&args);
                self.sandbox.signal(&id, name, message(args), None).await.map_err(|e| refused(call, &e))?;
                Value::Null
            }
            Ask::Cancel => {
                let id = run_of(&args);
                self.sandbox.cancel(&id, "asked by the test", None).await.map_err(|e| refused(call, &e))?;
                Value::Null
            }
            Ask::Advance => {
                let by = args["by"].as_str().and_then(text::parse_duration).unwrap_or(0);
                self.advance(call, self.sandbox.now().plus_ms(by)).await?;
                Value::Null
            }
            Ask::AdvanceUntil => {
                let time = args["time"].as_str().and_then(text::parse_time).unwrap_or(0);
                self.advance(call, Timestamp(time)).await?;
                Value::Null
            }
            Ask::Crash => {
                self.sandbox.crash().await.map_err(|e| broken(&e))?;
                Value::Null
            }
        };
        self.drain().await?;
        if !matches!(call.ask, Ask::Start { .. }) {
            self.answers.push(value.to_string());
        }
        Ok(Outcome::Completed(Payload::from(&value)))
    }

    /// An assertion that does not hold.
    async fn assertion(
        &mut self,
        call: &HostCall,
        activity: u16,
        op: Option<&str>,
        sides: &[Span],
        args: Value,
    ) -> Problem {
        let program = self.suite.program.clone();
        let fields = program.fields(program.activities[usize::from(activity)].args);
        let values: Vec<String> = fields.iter().map(|f| show::value(&program, f.ty, &args[&f.name])).collect();
        let cond = self.text(call.span);
        let cond = cond.strip_prefix("assert").unwrap_or(&cond).trim();
        let mut problem = Problem::new(format!("assertion failed: `{cond}`"), Some(call.span));
        problem.sides = sides.iter().map(|side| self.text(*side)).zip(values.iter().cloned()).collect();
        match (op, sides, values.as_slice()) {
            (Some(_), [first, second], [left, right]) => {
                problem.span = Some(*first);
                problem.label = shorter(left);
                problem.also = vec![(*second, shorter(right))];
            }
            (_, [only], [value]) => {
                problem.span = Some(*only);
                problem.label = shorter(value);
            }
            _ => problem.label = "this is false".into(),
        }
        let stuck = self.stuck().await.err();
        problem.notes.extend(stuck.map(|stuck| format!("{}: {}", stuck.message, stuck.label)));
        problem
    }

    /// The source of a place, on one line.
    fn text(&self, span: Span) -> String {
        let source = self.suite.program.sources.get(usize::from(span.file));
        let text = source.and_then(|source| source.text.get(span.start as usize..span.end as usize));
        text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    // ---- runs

    async fn start(&mut self, call: &HostCall, workflow: &str, args: Map<String, Value>) -> Result<Value, Problem> {
        let (options, own): (Map<_, _>, Map<_, _>) = args.into_iter().partition(|(name, _)| name.starts_with("with "));
        let option = |name: &str| options.get(name).and_then(Value::as_str);
        let request = StartRequest {
            workflow: workflow.to_owned(),
            id: option("with id").map(str::to_owned),
            args: Value::Object(own),
            run_timeout_ms: option("with run_timeout").and_then(text::parse_duration),
            execution_timeout_ms: option("with execution_timeout").and_then(text::parse_duration),
            delay_ms: option("with delay").and_then(text::parse_duration),
            ..StartRequest::default()
        };
        let reply = self.sandbox.start(request).await.map_err(|e| refused(call, &e))?;
        if !self.started.contains(&reply.workflow_id) {
            self.started.push(reply.workflow_id.clone());
        }
        Ok(json!({ "workflow_id": reply.workflow_id, "run_id": reply.run_id }))
    }

    /// Lets time run on until a run has ended.
    async fn ended(&mut self, call: &HostCall, id: &str) -> Result<ResultReply, Problem> {
        let latest = self.sandbox.now().plus_ms(RESULT_WITHIN_MS);
        loop {
            self.drain().await?;
            if let Some(reply) = self.sandbox.result(id).await.map_err(|e| refused(call, &e))? {
                return Ok(reply);
            }
            self.stuck().await?;
            let Some(next) = self.next().filter(|next| *next <= latest) else {
                return Err(self.waits_for_ever(call, id).await);
            };
            self.tick(call, next).await?;
        }
    }

    fn ended_as(&mut self, call: &HostCall, reply: ResultReply) -> Result<Outcome, Problem> {
        self.answers.push(format!("{:?} {:?} {:?}", reply.status, reply.result, reply.failure));
        let failure = reply.failure.as_ref().and_then(|failure| Failure::from_json(failure).ok());
        let failure = match (failure, reply.status) {
            (_, Status::Completed) => None,
            (Some(failure), _) => Some(failure),
            (None, Status::Canceled) => Some(Failure::new("Canceled", "the run was canceled")),
            (None, status) => Some(Failure::new("ChildFailed", format!("the run ended as {status:?}"))),
        };
        if call.ask == Ask::Failure {
            let failure = failure.map_or(Value::Null, |failure| failure.to_json());
            return Ok(Outcome::Completed(Payload::from(&failure)));
        }
        Ok(match failure {
            None => Outcome::Completed(Payload::from(&reply.result.unwrap_or(Value::Null))),
            Some(failure) => {
                self.thrown = Some((failure.clone(), call.span));
                Outcome::Failed(failure)
            }
        })
    }

    /// Sends an update, and lets time run on until it has ended.
    async fn update(&mut self, call: &HostCall, id: &str, name: &str, args: Value) -> Result<UpdateReply, Problem> {
        self.updates += 1;
        let update_id = format!("test-{}", self.updates);
        let latest = self.sandbox.now().plus_ms(RESULT_WITHIN_MS);
        loop {
            let reply = self.sandbox.update(id, name, args.clone(), &update_id).await.map_err(|e| refused(call, &e))?;
            if reply.status != UpdateStatus::Accepted {
                self.drain().await?;
                return Ok(reply);
            }
            if self.drain().await? {
                continue;
            }
            self.stuck().await?;
            let Some(next) = self.next().filter(|next| *next <= latest) else {
                let message = format!("the update `{name}` of the run `{id}` does not end");
                return Err(self.with_waits(Problem::new(message, Some(call.span)), id).await);
            };
            self.tick(call, next).await?;
        }
    }

    fn update_as(&mut self, call: &HostCall, reply: UpdateReply) -> Outcome {
        self.answers.push(format!("{:?} {:?} {:?}", reply.status, reply.result, reply.failure));
        match reply.failure.as_ref().and_then(|failure| Failure::from_json(failure).ok()) {
            None => Outcome::Completed(Payload::from(&reply.result.unwrap_or(Value::Null))),
            Some(failure) => {
                self.thrown = Some((failure.clone(), call.span));
                Outcome::Failed(failure)
            }
        }
    }

    async fn waits_for_ever(&mut self, call: &HostCall, id: &str) -> Problem {
        self.with_waits(Problem::new(format!("the run `{id}` does not end"), Some(call.span)), id).await
    }

    /// A problem beside which stands what a run waits for.
    async fn with_waits(&mut self, problem: Problem, id: &str) -> Problem {
        let mut problem = problem.label("waits for it");
        let Ok(description) = self.sandbox.describe(id).await else { return problem };
        for wait in &description.waits {
            let until = wait.until.as_ref().map_or(String::new(), |until| format!(" until {until}"));
            problem.notes.push(format!("{}: waits for {}{until}", wait.source, wait.on));
            let (file, line) = wait.source.rsplit_once(':').unwrap_or((&wait.source, ""));
            let place = line.parse().ok().and_then(|line| self.line(file, line));
            problem.also.extend(place.map(|place| (place, format!("the run waits here for {}{until}", wait.on))));
        }
        let sends = description.waits.iter().any(|w| w.on == "condition" || w.on.starts_with("signal "));
        if sends {
            problem.help("send what it waits for before its result is asked for: `send run.approve(..)`")
        } else {
            problem
        }
    }

    /// Fails if a run cannot go on.
    async fn stuck(&mut self) -> Result<(), Problem> {
        for id in self.sandbox.stuck() {
            let Ok(description) = self.sandbox.describe(&id).await else { continue };
            let Some(stuck) = description.stuck else { continue };
            let place = format!("{}:{}", stuck.file, stuck.line);
            let message = format!("the run `{id}` is stuck at {place}");
            let mut problem = Problem::new(message, self.line(&stuck.file, stuck.line));
            problem.label = format!("{}: {}", stuck.trap, stuck.message);
            return Err(problem);
        }
        Ok(())
    }

    /// A line of a source as a place.
    fn line(&self, file: &str, line: u32) -> Option<Span> {
        let sources = &self.suite.program.sources;
        let index = sources.iter().position(|source| source.path == file)?;
        let text = &sources[index].text;
        let start: usize = text.split_inclusive('\n').take((line as usize).saturating_sub(1)).map(str::len).sum();
        let found = text.get(start..)?.lines().next()?;
        let start = start + (found.len() - found.trim_start().len());
        Some(Span { file: index as u16, start: start as u32, end: (start + found.trim().len()) as u32 })
    }

    // ---- time

    /// When something happens next.
    fn next(&self) -> Option<Timestamp> {
        let wakes = self.sandbox.attempts().filter_map(|task| match &self.attempts.get(&key(task))?.state {
            State::Until(due, _) => Some(*due),
            _ => None,
        });
        wakes.chain(self.sandbox.next_alarm()).min()
    }

    /// One thing more has happened: a loop that never ends is told, whether or not time passes in it.
    fn count(&mut self, span: Option<Span>) -> Result<(), Problem> {
        self.steps += 1;
        if self.steps <= STEPS_MAX {
            return Ok(());
        }
        let message = format!("more than {STEPS_MAX} things happened one after the other");
        Err(Problem::new(message, span).help("is there a loop that never ends?"))
    }

    /// Sets the clock forward to where something happens.
    async fn tick(&mut self, call: &HostCall, to: Timestamp) -> Result<(), Problem> {
        self.count(Some(call.span))?;
        let by = (to.0 - self.sandbox.now().0).max(0);
        self.sandbox.advance(by).await.map_err(|e| broken(&e))?;
        self.drain().await.map(drop)
    }

    async fn advance(&mut self, call: &HostCall, until: Timestamp) -> Result<(), Problem> {
        if until < self.sandbox.now() {
            let message = format!("time does not run back: it is {} already", text::time(self.sandbox.now().0));
            return Err(Problem::new(message, Some(call.span)));
        }
        self.drain().await?;
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.tick(call, next).await?;
        }
        let by = until.0 - self.sandbox.now().0;
        self.sandbox.advance(by).await.map_err(|e| broken(&e))?;
        self.drain().await.map(drop)
    }

    // ---- activities

    /// Lets mocks answer everything that is asked now; whether one did.
    async fn drain(&mut self) -> Result<bool, Problem> {
        let mut any = false;
        loop {
            let mut tasks: Vec<ActivityTask> = self.sandbox.attempts().cloned().collect();
            tasks.sort_by_key(|task| (task.run.run_id, task.scheduled));
            let mut moved = false;
            for task in tasks {
                moved |= self.attempt(&task).await?;
            }
            if !moved {
                return Ok(any);
            }
            any = true;
        }
    }

    /// Takes an attempt as far as it goes now; whether it has ended.
    async fn attempt(&mut self, task: &ActivityTask) -> Result<bool, Problem> {
        let key = key(task);
        // What came before may have taken it away.
        if !self.sandbox.attempts().any(|other| self::key(other) == key) {
            return Ok(false);
        }
        let (run, scheduled) = (task.run.run_id, task.scheduled);
        // What is told to stop before it has begun, or while it sleeps, stops. Its mock has not been used if it had not begun:
        // after a crash nobody would have been given it.
        if task.cancel.is_cancelled() {
            self.sandbox.canceled(run, scheduled).await.map_err(|e| gone(&e))?;
            return Ok(true);
        }
        let now = self.sandbox.now();
        if !self.attempts.contains_key(&key) {
            let playing = self.begin(task).await?;
            self.attempts.insert(key, playing);
        }
        let Some(playing) = self.attempts.get_mut(&key) else { return Ok(false) };
        if let State::Until(due, op) = playing.state.clone() {
            if due > now {
                return Ok(false);
            }
            playing.wake(op, now)?;
            if matches!(playing.state, State::Until(..)) {
                return Ok(false);
            }
        }
        let state = playing.state.clone();
        self.count(None)?;
        match state {
            State::Answer(value) => self.sandbox.complete(run, scheduled, value).await,
            State::Failed(failure) => self.sandbox.fail(run, scheduled, failure, None).await,
            State::Until(..) | State::Other => return Ok(false),
        }
        .map_err(|e| gone(&e))?;
        Ok(true)
    }

    /// The first mock that matches answers.
    async fn begin(&mut self, task: &ActivityTask) -> Result<Playing, Problem> {
        let now = self.sandbox.now();
        for mock in self.mocks.iter_mut().filter(|m| m.def.activity == task.activity && m.left != Some(0)) {
            let playing = mock.begin(&self.loaded, &task.args, now)?;
            if !matches!(playing.state, State::Other) {
                mock.left = mock.left.map(|left| left - 1);
                return Ok(playing);
            }
        }
        Err(self.without_mock(task).await)
    }

    /// WF6001.
    async fn without_mock(&mut self, task: &ActivityTask) -> Problem {
        let def = task.def();
        let name = &def.name;
        let mut problem = Problem::new(format!("test reaches activity `{name}` without a mock"), Some(def.span));
        problem.code = Some("WF6001");
        if let Ok((program, events)) = self.sandbox.history(task.run.workflow_id.as_str()).await {
            let event = events.iter().find(|event| event.id == task.scheduled);
            let site = event.and_then(|event| event.kind.origin()).map(|origin| origin.site);
            problem.span = site.and_then(|site| program.program().site(FuncId(site.func), site.pc)).or(problem.span);
        }
        problem.label = shorter(&format!("with {}", task.args.value()));
        let mocks: Vec<&Mock> = self.mocks.iter().filter(|m| m.def.activity == task.activity).collect();
        let why = |m: &&Mock| if m.left == Some(0) { "has answered as often as it may" } else { "does not match" };
        problem.also = mocks.iter().map(|m| (m.span, why(m).to_owned())).collect();
        problem.help(format!("say what it answers, before it is reached: `mock {name}(..) => ..`"))
    }

    // ---- what is left

    /// The histories of all runs, children behind what started them.
    async fn histories(&mut self) -> Vec<(String, Vec<String>)> {
        let mut ids = self.started.clone();
        let mut out = Vec::new();
        let mut n = 0;
        while let Some(id) = ids.get(n).cloned() {
            n += 1;
            let Ok(chain) = self.sandbox.chain(&id).await else { continue };
            for (program, events) in chain {
                for event in &events {
                    if let EventKind::ChildStarted { run, .. } = &event.kind {
                        let child = run.workflow_id.to_string();
                        if !ids.contains(&child) {
                            ids.push(child);
                        }
                    }
                }
                let lines = events.iter().map(|event| history::plain(program.program(), event).trim_end().to_owned());
                out.push((id.clone(), lines.collect()));
            }
        }
        out
    }
}

fn key(task: &ActivityTask) -> Attempt {
    (task.run.run_id, task.scheduled, task.attempt)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The workflow id of the run that a call names.
fn run_of(args: &Value) -> String {
    args["run"]["workflow_id"].as_str().unwrap_or_default().to_owned()
}

/// The arguments of a signal or query.
fn message(args: Value) -> Value {
    let own = object(args).into_iter().filter_map(|(name, value)| Some((name.strip_prefix("arg ")?.to_owned(), value)));
    Value::Object(own.collect())
}

/// At most as much of a value as fits beside the code.
fn shorter(value: &str) -> String {
    match value.char_indices().nth(BESIDE_MAX) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value.to_owned(),
    }
}

fn refused(call: &HostCall, error: &ApiError) -> Problem {
    Problem::new(error.message.clone(), Some(call.span)).label(&*error.code)
}

fn gone(error: &ApiError) -> Problem {
    Problem::new("a mock answers what nobody asks any more", None).note(error.to_string())
}

fn broken(error: &StoreError) -> Problem {
    Problem::new("the journal of the test fails", None).note(error.to_string())
}
