//! Request ids of starts: which run each of them began, for a client that tells its start again because the answer was
//! lost. They are in the log, so they outlive a crash; in memory a partition keeps the newest.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use weft_protocol::WorkflowId;
use weft_protocol::event::RunRef;

/// Request ids of starts that a partition remembers. Beyond that only the newest run of an id knows its own.
pub(super) const STARTS_KEPT: usize = 100_000;

/// Namespace, workflow id if the start gave or declared one, request id.
type Key = (Arc<str>, Option<WorkflowId>, Arc<str>);

/// Runs by the request ids of their starts.
#[derive(Debug, Default)]
pub(super) struct Starts {
    known: FxHashMap<Key, RunRef>,
    /// The keys, oldest first.
    order: VecDeque<Key>,
}

impl Starts {
    /// The run that a start with this request id began.
    pub(super) fn find(
        &self,
        namespace: &Arc<str>,
        workflow_id: Option<&WorkflowId>,
        request_id: &str,
    ) -> Option<&RunRef> {
        self.known.get(&(namespace.clone(), workflow_id.cloned(), request_id.into()))
    }

    /// The run that a start has begun is not there any more.
    pub(super) fn forget_request(&mut self, namespace: &Arc<str>, workflow_id: Option<&WorkflowId>, request_id: &str) {
        let key = (namespace.clone(), workflow_id.cloned(), request_id.into());
        if self.known.remove(&key).is_some() {
            self.order.retain(|known| *known != key);
        }
    }

    /// The runs of a workflow id are as if they had never been.
    pub(super) fn forget(&mut self, namespace: &str, workflow_id: &WorkflowId) {
        let of = |key: &Key, run: &RunRef| *key.0 == *namespace && run.workflow_id == *workflow_id;
        self.known.retain(|key, run| !of(key, run));
        let known = &self.known;
        self.order.retain(|key| known.contains_key(key));
    }

    /// Remembers what a start began, and forgets the oldest if there are too many.
    pub(super) fn remember(
        &mut self,
        namespace: Arc<str>,
        workflow_id: Option<WorkflowId>,
        request_id: &str,
        run: RunRef,
    ) {
        let key = (namespace, workflow_id, request_id.into());
        if self.known.insert(key.clone(), run).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > STARTS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
