//! Which namespaces there are, as this node knows them. `default` is always there. The node that owns the partitions is the
//! only one that changes them, so what it knows is what is so.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

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
    known: RwLock<BTreeMap<String, Namespace>>,
    /// Told when a retention may have become shorter.
    changed: Notify,
}

/// While it lives, its namespace is not deleted.
#[derive(Debug)]
pub struct Entered<'a>(
    #[allow(dead_code, reason = "it is held, not read")] RwLockReadGuard<'a, BTreeMap<String, Namespace>>,
);

impl Namespaces {
    /// What the store says.
    pub fn load(&self, rows: Vec<Namespace>) {
        let mut known: BTreeMap<_, _> = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        known.entry(DEFAULT.into()).or_insert_with(|| Namespace::new(DEFAULT, Timestamp(0)));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        self.changed.notify_one();
    }

    /// A namespace was created or changed.
    pub fn put(&self, namespace: Namespace) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(namespace.name.clone(), namespace);
        self.changed.notify_one();
    }

    /// Nothing of a namespace is left.
    pub fn remove(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// All of them by name, those that are being deleted included.
    pub fn all(&self) -> Vec<Namespace> {
        self.read().values().cloned().collect()
    }

    /// One that is there, also while it is being deleted.
    pub fn find(&self, name: &str) -> Option<Namespace> {
        self.read().get(name).cloned()
    }

    /// One that may be used.
    ///
    /// # Errors
    /// If no namespace can have the name, or none has.
    pub fn get(&self, name: &str) -> Result<Namespace, ApiError> {
        known_in(&self.read(), name).cloned()
    }

    /// Keeps a namespace from being deleted until what was begun in it is known to its partition.
    ///
    /// # Errors
    /// As [`Namespaces::get`].
    pub fn enter(&self, name: &str) -> Result<Entered<'_>, ApiError> {
        let known = self.read();
        known_in(&known, name)?;
        Ok(Entered(known))
    }

    /// Returns when something may have become due.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Namespace>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known_in<'a>(known: &'a BTreeMap<String, Namespace>, name: &str) -> Result<&'a Namespace, ApiError> {
    if !is_namespace(name) {
        return Err(refusal::wrong_namespace(name));
    }
    let found = known.get(name).filter(|namespace| !namespace.deleted);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.values().filter(|other| !other.deleted).map(|other| &*other.name).collect();
        refusal::namespace_not_found(name, &names)
    })
}
