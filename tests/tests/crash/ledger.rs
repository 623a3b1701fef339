//! What the outer world knows for certain: which requests were acknowledged, which attempts began and which of their
//! results were accepted. Kept outside the product, so that the product can be held to it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Workflow id to the run id that was acknowledged.
    pub(crate) starts: Mutex<HashMap<String, String>>,
    /// Workflow ids whose `approve` was acknowledged.
    pub(crate) signals: Mutex<HashMap<String, Instant>>,
    /// Idempotency key to when its result was acknowledged.
    pub(crate) results: Mutex<HashMap<String, Instant>>,
    /// Attempts that began: key, attempt number, when the poll that brought it was sent.
    pub(crate) attempts: Mutex<Vec<(String, u64, Instant)>>,
    /// What must never happen and did.
    pub(crate) violations: Mutex<Vec<String>>,
    acknowledged: AtomicUsize,
}

impl Ledger {
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn start(&self, workflow_id: &str, run_id: &str) {
        let before = self.starts.lock().expect("no panic").insert(workflow_id.into(), run_id.into());
        if before.is_some_and(|before| before != run_id) {
            self.violation(format!("{workflow_id} was acknowledged twice with different runs"));
        }
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn signal(&self, workflow_id: &str) {
        self.signals.lock().expect("no panic").insert(workflow_id.into(), Instant::now());
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// An attempt begins. It must not, if its result had been acknowledged before the worker even asked for work.
    pub(crate) fn attempt(&self, key: &str, attempt: u64, asked: Instant) {
        let done = self.results.lock().expect("no panic").get(key).copied();
        if done.is_some_and(|done| done < asked) {
            self.violation(format!("attempt {attempt} of {key} began after its result was acknowledged"));
        }
        self.attempts.lock().expect("no panic").push((key.into(), attempt, asked));
    }

    pub(crate) fn result(&self, key: &str) {
        self.results.lock().expect("no panic").entry(key.into()).or_insert_with(Instant::now);
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn violation(&self, what: String) {
        self.violations.lock().expect("no panic").push(what);
    }
}
