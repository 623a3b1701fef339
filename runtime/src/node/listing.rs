//! Runs by what is true of them: open ones from their owners, closed ones from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use weft_bytecode::wire::text;
use weft_protocol::api::{
    ApiError, CountBy, CountGroup, CountQuery, CountReply, ListQuery, RunPage, RunRow, Selection, Status,
};
use weft_protocol::{PartitionId, RunId, Timestamp};

use super::{Shared, answer};
use crate::closed;
use crate::filter::{self, Field, Filter, Is, Key, Op, Test};
use crate::partition::request::{Answer, OpenPage, OpenRow, Request};
use crate::refusal;
use crate::store::{ClosedPage, ClosedRun};

/// Rows of a page, unless the caller says how many.
const ROWS: usize = 100;
/// How often a count is begun again because runs ended while it was taken.
const COUNTS_MAX: usize = 3;

impl Shared {
    /// What a selection means for the runs of a namespace.
    pub(super) fn selected(&self, namespace: &str, select: &Selection) -> Result<Filter, ApiError> {
        let now = self.options.clock.now();
        let schema = self.programs.schema(namespace);
        let written = select.filter.as_deref().unwrap_or_default();
        let mut all = filter::parse(written, &schema, now).map_err(|error| refusal::wrong_filter(&error))?;
        let mut add = |field, op, key| all = all.clone().and(Filter::Test(Test { field, is: Is::Compare(op, key) }));
        if let Some(workflow) = &select.workflow {
            if workflow.chars().any(char::is_control) {
                let wrong = ApiError::new(400, "wrong_parameter", format!("{workflow:?} cannot name a workflow"));
                return Err(wrong.at("workflow", "a name without control characters"));
            }
            add(Field::Workflow, Op::Equal, Key::Text(workflow.clone()));
        }
        if let Some(status) = select.status {
            add(Field::Status, Op::Equal, Key::Int(closed::number_of(status).into()));
        }
        if let Some(stuck) = select.stuck {
            add(Field::Stuck, Op::Equal, Key::Int(stuck.into()));
        }
        if let Some(from) = read_time("started_after", select.started_after.as_deref())? {
            add(Field::Started, Op::GreaterOrEqual, Key::Int(from.0));
        }
        if let Some(before) = read_time("started_before", select.started_before.as_deref())? {
            add(Field::Started, Op::Less, Key::Int(before.0));
        }
        Ok(all)
    }

    pub(super) async fn list(&self, namespace: &str, query: ListQuery) -> Result<RunPage, ApiError> {
        let core = self.core()?;
        self.namespaces.get(namespace)?;
        let filter = self.selected(namespace, &query.select)?;
        let limit = query.limit.unwrap_or(ROWS).clamp(1, self.limits.page_rows_max);
        let after = query.cursor.as_deref().map(answer::read_cursor).transpose()?;
        let mut open = Vec::new();
        if filter.can_pass(true) {
            let page =
                OpenPage { namespace: namespace.into(), filter: Arc::new(filter.clone()), after, limit: limit + 1 };
            for answer in self.ask_all(|| Request::List(page.clone())).await {
                if let Answer::Rows(rows) = answer? {
                    open.extend(rows);
                }
            }
        }
        // The store is asked after the partitions: a run that closes in between is found in one of them at least.
        let mut closed = Vec::new();
        if filter.can_pass(false) {
            let page = ClosedPage { namespace: namespace.into(), filter, after, limit: limit + 1 };
            closed = core.journal.list_closed(&page).await.map_err(|error| refusal::of_store(&error))?;
        }
        Ok(page_of(open, &closed, limit))
    }

    pub(super) async fn count(&self, namespace: &str, query: CountQuery) -> Result<CountReply, ApiError> {
        self.core()?;
        self.namespaces.get(namespace)?;
        let filter = Arc::new(self.selected(namespace, &query.select)?);
        let mut counts = self.counted(namespace, &filter).await?;
        // A run that ended in between was counted where it was open and where it is closed.
        for _ in 1..COUNTS_MAX {
            if counts.steady {
                break;
            }
            counts = self.counted(namespace, &filter).await?;
        }
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        for (status, workflow, count) in &counts.groups {
            let group = match query.by {
                Some(CountBy::Workflow) => workflow.clone(),
                Some(CountBy::Status) => format!("{status:?}"),
                None => String::new(),
            };
            *groups.entry(group).or_default() += count;
        }
        let count = groups.values().sum();
        let groups = groups.into_iter().map(|(group, count)| CountGroup { group, count });
        Ok(CountReply { count, groups: if query.by.is_some() { groups.collect() } else { Vec::new() } })
    }

    async fn counted(&self, namespace: &str, filter: &Arc<Filter>) -> Result<Counts, ApiError> {
        let core = self.core()?;
        let ask = || Request::Count(namespace.into(), filter.clone());
        let mut groups = Vec::new();
        let mut before = Vec::new();
        for answer in self.ask_all(ask).await {
            if let Answer::Counts { open, ended } = answer? {
                groups.extend(open.into_iter().map(|(workflow, count)| (Status::Running, workflow, count)));
                before.push(ended);
            }
        }
        let closed = core.journal.count_closed(namespace, filter).await.map_err(|error| refusal::of_store(&error))?;
        groups.extend(closed.into_iter().map(|(status, name, count)| (closed::status_numbered(status), name, count)));
        let nothing = || Request::Count(namespace.into(), Arc::new(Filter::Any(Vec::new())));
        let mut after = Vec::new();
        for answer in self.ask_all(nothing).await {
            if let Answer::Counts { ended, .. } = answer? {
                after.push(ended);
            }
        }
        Ok(Counts { groups, steady: before == after })
    }

    /// Asks every partition the same.
    async fn ask_all(&self, request: impl Fn() -> Request) -> Vec<crate::partition::request::Reply> {
        match self.core() {
            Ok(core) => {
                let all = (0..core.links.partitions()).map(PartitionId);
                join_all(all.map(|part| core.links.ask(part, request()))).await
            }
            Err(error) => vec![Err(error)],
        }
    }
}

/// Runs by status and workflow.
struct Counts {
    groups: Vec<(Status, String, u64)>,
    /// Whether no run ended while they were counted.
    steady: bool,
}

/// A page of what partitions and the store gave, each sorted and at least one row longer than the page if there is more.
pub(crate) fn page_of(open: Vec<OpenRow>, closed: &[ClosedRun], limit: usize) -> RunPage {
    let mut rows: Vec<((Timestamp, RunId), RunRow)> =
        open.into_iter().map(|row| ((row.started, row.run_id), row.row)).collect();
    rows.extend(closed.iter().map(|row| ((row.started, row.run_id), answer::row_of(row))));
    // Closed rows come later and are the newer word about a run that is in both.
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.closed_at.is_some().cmp(&a.1.closed_at.is_some())));
    rows.dedup_by(|later, kept| later.0 == kept.0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let cursor = rows.last().filter(|_| more).map(|((started, run), _)| answer::cursor(*started, *run));
    RunPage { runs: rows.into_iter().map(|(_, row)| row).collect(), cursor }
}

fn read_time(field: &str, given: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(given) = given else { return Ok(None) };
    match text::parse_time(given) {
        Some(ms) => Ok(Some(Timestamp(ms))),
        None => Err(ApiError::new(400, "wrong_parameter", format!("`{field}` is no time: {given:?}"))
            .at(field, "RFC 3339, as 2026-06-01T09:00:00Z")),
    }
}
