//! A fresh store of each kind, with three partitions, and a way to break its bytes.

use std::sync::Arc;

use sqlx::{Connection, Executor};
use tempfile::TempDir;
use weft_protocol::{LogSeq, PartitionId};
use weft_runtime::store::memory::Memory;
use weft_runtime::store::{self, Journal, StoreOptions};
use weft_tests::postgres::database;

/// Partitions of every store under test.
pub(crate) const PARTITIONS: u16 = 3;

/// A store and where it is.
pub(crate) struct Place {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) url: String,
    memory: Option<Memory>,
    _folder: Option<TempDir>,
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions { partitions: Some(PARTITIONS) }
}

pub(crate) fn memory() -> Place {
    let memory = Memory::new(PARTITIONS);
    Place { journal: Arc::new(memory.clone()), url: "memory:".into(), memory: Some(memory), _folder: None }
}

pub(crate) async fn sqlite() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("weft.db").display());
    Place { journal: store::open(&url, &options()).await.unwrap(), url, memory: None, _folder: Some(folder) }
}

pub(crate) async fn postgres() -> Place {
    let url = database().await.url().to_string();
    Place { journal: store::open(&url, &options()).await.unwrap(), url, memory: None, _folder: None }
}

impl Place {
    /// Opens the store once more, as another node does.
    pub(crate) async fn again(&self) -> Arc<dyn Journal> {
        match &self.memory {
            Some(memory) => Arc::new(memory.clone()),
            None => store::open(&self.url, &options()).await.unwrap(),
        }
    }

    /// Replaces the stored body of a chunk behind the store's back.
    pub(crate) async fn damage(&self, part: PartitionId, seq: LogSeq, body: &[u8]) {
        let changed = if let Some(memory) = &self.memory {
            u64::from(memory.damage(part, seq, |stored| *stored = body.to_vec()))
        } else if let Some(path) = self.url.strip_prefix("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            let place = i64::from(part.0) << 48 | seq.0 as i64;
            let query = sqlx::query("update log_0 set body = ? where place = ?").bind(body).bind(place);
            connection.execute(query).await.unwrap().rows_affected()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            let query = sqlx::query("update log_0 set body = $1 where part = $2 and seq = $3");
            let query = query.bind(body).bind(i32::from(part.0)).bind(seq.0 as i64);
            connection.execute(query).await.unwrap().rows_affected()
        };
        assert_eq!(changed, 1, "the chunk is there to be damaged");
    }
}
