//! Which namespaces there are, as this node knows them. `default` is always there. The node that owns the partitions is the
//! only one that changes them, so what it knows is what is so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;
use weft_protocol::Timestamp;
use weft_protocol::api::ApiError;
use weft_protocol::id::is_namespace;

use crate::refusal;

/// The namespace that needs no set-up.
pub const DEFAULT: &str = "default";
/// How long closed runs are kept where nothing else is said: 30 days.
pub const RETENTION_MS: i64 = 30 * 24 * 3_600_000;
/// Longest retention: a hundred years.
pub const RETENTION_MS_MAX: i64 = 100 * 366 * 24 * 3_600_000;
/// Shortest retention.
pub const RETENTION_MS_MIN: i64 = 1_000;
/// Namespaces of a store.
pub const NAMESPACES_MAX: usize = 10_000;
/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 2_000;

/// A namespace as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// How long closed runs are kept, milliseconds.
    pub retention_ms: i64,
    /// For people.
    pub description: String,
    /// When it was created; 0 of `default` if nobody has changed it.
    pub created: Timestamp,
    /// It is being deleted: what it holds goes in pieces.
    pub deleted: bool,
}

impl Namespace {
    /// A new one.
    pub fn new(name: &str, created: Timestamp) -> Namespace {
        Namespace { name: name.into(), retention_ms: RETENTION_MS, description: String::new(), created, deleted: false }
    }
}

/// The namespaces of a store.
#[derive(Debug, Default)]
pub struct Namespaces {
    state: RwLock<State>,
    /// Told when a retention may have become shorter.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<String, Namespace>,
    /// Nothing is begun in them while it is looked whether anything runs there.
    barred: BTreeSet<String>,
}

/// While it lives, its namespace is not deleted.
#[derive(Debug)]
pub struct Entered<'a>(#[allow(dead_code, reason = "it is held, not read")] RwLockReadGuard<'a, State>);

/// While it lives, nothing is begun in its namespace.
#[derive(Debug)]
pub struct Barred<'a>(&'a Namespaces, &'a str);

impl Drop for Barred<'_> {
    fn drop(&mut self) {
        self.0.write().barred.remove(self.1);
    }
}

impl Namespaces {
    /// What the store says.
    pub fn load(&self, rows: Vec<Namespace>) {
        let mut known: BTreeMap<_, _> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        known.entry(DEFAULT.into()).or_insert_with(|| Namespace::new(DEFAULT, Timestamp(0)));
        *self.write() = State { known, barred: BTreeSet::new() };
        self.changed.notify_one();
    }

    /// A namespace was created or changed.
    pub fn put(&self, namespace: Namespace) {
        self.write().known.insert(namespace.name.clone(), namespace);
        self.changed.notify_one();
    }

    /// Keeps everybody out of a namespace that may be deleted, while what is given lives.
    pub fn bar<'a>(&'a self, name: &'a str) -> Barred<'a> {
        self.write().barred.insert(name.into());
        Barred(self, name)
    }

    /// Nothing of a namespace is left.
    pub fn remove(&self, name: &str) {
        self.write().known.remove(name);
    }

    /// All of them by name, those that are being deleted included.
    pub fn all(&self) -> Vec<Namespace> {
        self.read().known.values().cloned().collect()
    }

    /// One that is there, also while it is being deleted.
    pub fn find(&self, name: &str) -> Option<Namespace> {
        self.read().known.get(name).cloned()
    }

    /// One that may be used.
    ///
    /// # Errors
    /// If no namespace can have the name, or none has.
    pub fn get(&self, name: &str) -> Result<Namespace, ApiError> {
        self.read().usable(name).cloned()
    }

    /// Keeps a namespace from being deleted until what was begun in it is known to its partition.
    ///
    /// # Errors
    /// As [`Namespaces::get`].
    pub fn enter(&self, name: &str) -> Result<Entered<'_>, ApiError> {
        let state = self.read();
        state.usable(name)?;
        Ok(Entered(state))
    }

    /// Returns when something may have become due.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, name: &str) -> Result<&Namespace, ApiError> {
        if !is_namespace(name) {
            return Err(refusal::wrong_namespace(name));
        }
        let there = |namespace: &&Namespace| !namespace.deleted && !self.barred.contains(&namespace.name);
        self.known.get(name).filter(there).ok_or_else(|| {
            let names: Vec<&str> = self.known.values().filter(there).map(|other| &*other.name).collect();
            refusal::namespace_not_found(name, &names)
        })
    }
}
