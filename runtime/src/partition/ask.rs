//! What clients ask of open runs: checked against the code the run is pinned to, before anything is logged.

use std::sync::Arc;

use serde_json::Value;
use weft_bytecode::wire::{self, Strictness, text};
use weft_bytecode::{Program, TypeId};
use weft_engine::{Input, QueryError, Run, child, history, options};
use weft_protocol::api::{ApiError, RunDescription, RunRow, StartRequest};
use weft_protocol::limits::Limits;
use weft_protocol::policy::{OnClosed, OnConflict};
use weft_protocol::{Payload, RunId, Timestamp, WorkflowId};
use weft_vm::Loaded;

use super::request::{Answer, Key, OpenFilter, OpenRow, ReplyId, Request, StartOrder, StartedBy, Then, Waiter};
use super::started::{given_options, with_start};
use super::update::Sent;
use super::{Partition, events_after, name_hash};
use crate::refusal;

impl Partition {
    pub(super) fn ask(&mut self, request: Request, reply: ReplyId, now: Timestamp) {
        match request {
            Request::Start(order) => self.start(*order, now),
            Request::Signal { key, name, args, request_id } => {
                self.signal(&key, name, &args, request_id, reply, now);
            }
            Request::Update(asked) => self.update(*asked, Sent::Alone, reply, now),
            Request::Query { key, name, args } => {
                self.on_open(&key, reply, |part, run| part.query(run, &name, &args));
            }
            Request::Cancel { key, reason, request_id } => {
                self.input(&key, Input::Cancel { reason, request_id, from: None }, reply, now);
            }
            Request::Terminate { key, reason } => {
                self.input(&key, Input::Terminate { reason, from: None }, reply, now);
            }
            Request::Ended(key) => match self.find(&key).and_then(|run| self.runs.get_mut(&run)) {
                Some(open) => open.waiters.push(Waiter { reply, this_run_only: key.run_id.is_some() }),
                None => self.not_open(&key, reply),
            },
            Request::Describe(key) => self.on_open(&key, reply, |part, run| {
                let open = part.runs.get(&run).ok_or_else(|| refusal::run_not_found(&key.workflow_id.0, None))?;
                Ok(Answer::Description(Box::new(describe(&open.run))))
            }),
            Request::History { key, after, limit, follow } => self.history(&key, after, limit, follow, reply),
            Request::Code(key) => self.on_open(&key, reply, |part, run| {
                let open = part.runs.get(&run).ok_or_else(|| refusal::run_not_found(&key.workflow_id.0, None))?;
                Ok(Answer::Code { program: open.run.loaded().clone(), workflow: open.run.workflow_index() })
            }),
            Request::List(filter) => {
                let rows = self.list(&filter);
                self.reply(self.last_batch(), reply, Ok(Answer::Rows(rows)));
            }
            Request::Move { namespace, program } => self.move_stuck(&namespace, program, reply),
            Request::EndAttempt { attempt, outcome } => self.worker_ended(attempt, outcome, reply, now),
            Request::Heartbeat { attempt, progress } => self.worker_lives(attempt, progress, reply, now),
        }
    }

    /// Does something with the open run of that name and answers once what it depends on is durable.
    fn on_open(
        &mut self,
        key: &Key,
        reply: ReplyId,
        act: impl FnOnce(&mut Partition, RunId) -> Result<Answer, ApiError>,
    ) {
        let Some(run) = self.find(key) else { return self.not_open(key, reply) };
        let answer = act(self, run);
        // A run that closed in this step is gone, and its end is in the filling batch.
        let batch = self.runs.get(&run).map_or(self.last_batch(), |open| open.batch);
        self.reply(batch, reply, answer);
    }

    /// No open run has the name: either none has, or a closed one that the store knows of when the answer arrives.
    pub(super) fn not_open(&mut self, key: &Key, reply: ReplyId) {
        let hash = name_hash(&key.namespace, key.workflow_id.as_str());
        let closing = self.closing.get(&(key.namespace.clone(), key.workflow_id.clone()));
        let batch = closing.map_or(0, |(_, batch)| *batch);
        let answer = if self.closed_ids.contains_key(&hash) {
            Ok(Answer::NotOpen)
        } else {
            let run = key.run_id.map(|run| run.to_string());
            Err(refusal::run_not_found(key.workflow_id.as_str(), run.as_deref()))
        };
        self.reply(batch, reply, answer);
    }

    fn input(&mut self, key: &Key, input: Input, reply: ReplyId, now: Timestamp) {
        match self.find(key) {
            Some(run) => self.apply(run, input, Then::Answer(reply), now),
            None => self.not_open(key, reply),
        }
    }

    fn signal(
        &mut self,
        key: &Key,
        name: String,
        args: &Value,
        request_id: Option<String>,
        reply: ReplyId,
        now: Timestamp,
    ) {
        let Some(open) = self.find(key).and_then(|run| self.runs.get(&run)) else { return self.not_open(key, reply) };
        let (loaded, workflow) = (open.run.loaded(), open.run.workflow_index());
        match checked_signal(loaded.program(), workflow, &name, args, self.setup.limits.payload_bytes_max) {
            Ok(args) => {
                let input = Input::Signal { name, args, request_id, from: None, with_start: false };
                self.input(key, input, reply, now);
            }
            Err(error) => self.reply(0, reply, Err(error)),
        }
    }

    fn query(&self, run: RunId, name: &str, args: &Value) -> Result<Answer, ApiError> {
        let Some(open) = self.runs.get(&run) else { return Ok(Answer::NotOpen) };
        query_run(&open.run, name, args, self.setup.limits.payload_bytes_max).map(Answer::Value)
    }

    fn history(&mut self, key: &Key, after: u64, limit: usize, follow: bool, reply: ReplyId) {
        let Some(open) = self.find(key).and_then(|run| self.runs.get_mut(&run)) else {
            return self.not_open(key, reply);
        };
        if !follow || after < open.run.history().len() as u64 {
            let (batch, answer) = (open.batch, events_after(&open.run, after, limit, false));
            self.reply(batch, reply, Ok(answer));
        } else {
            open.followers.push((reply, after, limit));
        }
    }

    fn list(&self, filter: &OpenFilter) -> Vec<OpenRow> {
        let mut rows: Vec<(Timestamp, RunId)> = self
            .runs
            .iter()
            .filter(|(_, open)| *open.namespace == *filter.namespace)
            .filter(|(_, open)| filter.workflow.as_deref().is_none_or(|name| name == open.run.workflow()))
            .filter(|(_, open)| filter.stuck.is_none_or(|stuck| stuck == open.run.is_stuck()))
            .map(|(id, open)| (open.run.started_at(), *id))
            .filter(|(started, _)| filter.started_from.is_none_or(|from| *started >= from))
            .filter(|(started, _)| filter.started_before.is_none_or(|before| *started < before))
            .filter(|row| filter.after.is_none_or(|after| *row < after))
            .collect();
        rows.sort_unstable_by(|a, b| b.cmp(a));
        rows.truncate(filter.limit);
        rows.into_iter()
            .filter_map(|(started, run_id)| {
                let open = self.runs.get(&run_id)?;
                Some(OpenRow { started, run_id, row: row(&open.run) })
            })
            .collect()
    }

    /// The open runs that started first, at most `limit`, with their namespaces.
    pub(crate) fn oldest(&self, limit: usize) -> Vec<(String, RunRow)> {
        let mut all: Vec<_> = self.runs.iter().map(|(id, open)| (open.run.started_at(), *id)).collect();
        all.sort_unstable();
        all.truncate(limit);
        let runs = all.iter().filter_map(|(_, id)| self.runs.get(id));
        runs.map(|open| (open.namespace.to_string(), row(&open.run))).collect()
    }
}

/// Arguments of a call, checked against their record and in canonical form.
pub(crate) fn checked_args(program: &Program, ty: TypeId, args: &Value, bytes_max: usize) -> Result<Payload, ApiError> {
    let canonical =
        wire::normalize_args(program, ty, args, Strictness::Input).map_err(|error| refusal::wrong_input(&error))?;
    let payload = Payload::from(&canonical);
    if payload.len() > bytes_max {
        return Err(refusal::too_large("the arguments", payload.len(), "payload_bytes_max", bytes_max));
    }
    Ok(payload)
}

/// Arguments of a signal of a workflow.
pub(super) fn checked_signal(
    program: &Program,
    workflow: u16,
    name: &str,
    args: &Value,
    bytes_max: usize,
) -> Result<Payload, ApiError> {
    let workflow = &program.workflows[usize::from(workflow)];
    match workflow.signals.iter().find(|signal| signal.name == name) {
        Some(signal) => checked_args(program, signal.args, args, bytes_max),
        None => {
            let has: Vec<&str> = workflow.signals.iter().map(|signal| signal.name.as_str()).collect();
            Err(refusal::message_not_found("signal", &workflow.name, name, &has))
        }
    }
}

/// Arguments of an update of a workflow.
pub(super) fn checked_update(
    program: &Program,
    workflow: u16,
    name: &str,
    args: &Value,
    bytes_max: usize,
) -> Result<Payload, ApiError> {
    let workflow = &program.workflows[usize::from(workflow)];
    match workflow.updates.iter().find(|update| update.name == name) {
        Some(update) => checked_args(program, update.args, args, bytes_max),
        None => {
            let has: Vec<&str> = workflow.updates.iter().map(|update| update.name.as_str()).collect();
            Err(refusal::message_not_found("update", &workflow.name, name, &has))
        }
    }
}

/// A start whose workflow is known: its arguments checked, its id made, its policies decided.
pub(crate) fn checked_start(
    program: Arc<Loaded>,
    workflow: u16,
    request: StartRequest,
    namespace: &str,
    limits: &Limits,
) -> Result<StartOrder, ApiError> {
    let def = &program.program().workflows[usize::from(workflow)];
    let args = checked_args(program.program(), def.args, &request.args, limits.payload_bytes_max)?;
    let id = match request.id.clone() {
        Some(id) => Some(id),
        None => child::declared_id(def, &args).transpose().map_err(|hole| {
            ApiError::new(422, "wrong_input", format!("the workflow id cannot be made: {hole}"))
                .at(format!("args.{}", hole.path), "a value that has a text")
        })?,
    };
    if let Some(why) = id.as_deref().and_then(|id| child::workflow_id_error(id, limits)) {
        return Err(ApiError::new(422, "wrong_input", why).at("id", "1 to 1,000 bytes without control characters"));
    }
    let given = given_options(&request, limits)?;
    let run = options::resolved(given, def, &args).map_err(|why| ApiError::new(422, "wrong_input", why))?;
    let with = with_start(&program, workflow, &request, &run, limits)?;
    let closed = if with.is_some() { OnClosed::Allow } else { OnClosed::Join };
    let options = &def.options;
    Ok(StartOrder {
        namespace: namespace.into(),
        workflow_id: id.map(|id| WorkflowId(id.into())),
        workflow,
        args,
        request_id: request.request_id,
        on_conflict: request.on_conflict.or(options.on_conflict.map(child::on_conflict)).unwrap_or(OnConflict::Join),
        on_closed: request.on_closed.or(options.on_closed.map(child::on_closed)).unwrap_or(closed),
        options: Box::new(run),
        with,
        // Whoever takes the order names who waits.
        by: StartedBy::Client(ReplyId(0)),
        program,
    })
}

/// Reads a query of a run, open or closed.
pub(crate) fn query_run(run: &Run, name: &str, args: &Value, bytes_max: usize) -> Result<Payload, ApiError> {
    let program = run.loaded().program();
    let workflow = &program.workflows[usize::from(run.workflow_index())];
    let no_such_query = || {
        let has: Vec<&str> = workflow.queries.iter().map(|query| query.name.as_str()).collect();
        refusal::message_not_found("query", &workflow.name, name, &has)
    };
    let query = workflow.queries.iter().find(|query| query.name == name).ok_or_else(no_such_query)?;
    let args = checked_args(program, query.args, args, bytes_max)?;
    run.query(name, &args).map_err(|error| match error {
        QueryError::NoSuchQuery => no_such_query(),
        QueryError::Computing => refusal::computing(name),
        QueryError::NotBegun => refusal::run_not_begun(),
        QueryError::NoState => refusal::query_failed(name, "the run is stuck at its first event and has no state yet"),
        QueryError::Failed(failure) => refusal::query_failed(name, &failure.to_string()),
        QueryError::Trapped(trap) => refusal::query_failed(name, &trap),
    })
}

/// The row of an open run.
fn row(run: &Run) -> RunRow {
    RunRow {
        workflow_id: run.me().workflow_id.to_string(),
        run_id: run.me().run_id.to_string(),
        workflow: run.workflow().to_owned(),
        status: run.status(),
        stuck: run.is_stuck(),
        started_at: text::time(run.started_at().0),
        closed_at: run.closed_at().map(|at| text::time(at.0)),
        attributes: Value::Object(run.attributes().clone()),
    }
}

/// Everything known about an open run.
fn describe(run: &Run) -> RunDescription {
    RunDescription {
        row: row(run),
        program: run.loaded().hash().to_string(),
        history_events: run.history().len() as u64,
        stuck: run.stuck(),
        cancel_requested: run.cancel_requested(),
        waits: run.waits(),
        activities: run.pending_activities(),
        children: run.pending_children(),
        updates: run.pending_updates(),
        unread: run.unread(),
        result: None,
        failure: None,
        continued_from: run.history().first().and_then(|first| history::continued_from(&first.kind)),
        next_run: None,
        begins_at: run.begins_at().map(|at| text::time(at.0)),
        times_out_at: run.times_out_at().map(|at| text::time(at.0)),
        attempt: run.try_number(),
        memo: options::memo_of(run.options()),
        priority: run.options().priority,
    }
}
