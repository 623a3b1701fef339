//! Databases that are away, refuse, lie or come from another version; and two nodes that start at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weft_protocol::{LogSeq, PartitionId};
use weft_runtime::filter::Filter;
use weft_runtime::store::memory::{Disturbance, Fault, Memory, Operation};
use weft_runtime::store::{self, Journal, StoreError, StoreOptions, yardstick};
use weft_tests::postgres::{Postgres, database};
use weft_tests::server::eventually;

use crate::place::{self, PARTITIONS, options};
use crate::properties::{chunk, chunks};

const P0: PartitionId = PartitionId(0);

async fn open_error(url: &str) -> StoreError {
    store::open(url, &StoreOptions::default()).await.expect_err("this store cannot be opened")
}

#[track_caller]
fn assert_unavailable(outcome: Result<(), StoreError>, says: &str) {
    match outcome {
        Err(StoreError::Unavailable(what)) => assert!(what.contains(says), "{what}"),
        other => panic!("expected the store to be unavailable, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_migrate_once_however_many_open_them() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("weft.db").display());
    for url in [sqlite, database().await.url().to_string()] {
        let opens = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { store::open(&url, &options()).await.unwrap().partitions() })
        });
        let partitions: Vec<u16> = futures::future::join_all(opens).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(partitions, [PARTITIONS; 8]);
        let journal = store::open(&url, &StoreOptions { partitions: Some(17) }).await.unwrap();
        assert_eq!(journal.partitions(), PARTITIONS, "partitions stay as the store was created");
        assert_eq!(journal.ownership().await.unwrap().len(), usize::from(PARTITIONS));
    }
}

/// SQLite refuses at once, without waiting, where two that make one file could wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_made_once_however_many_make_it() {
    for _ in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("weft.db").display());
        let opens = (0..16).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { store::open(&url, &options()).await.map(|journal| journal.partitions()) })
        });
        for open in futures::future::join_all(opens).await {
            assert_eq!(open.unwrap().unwrap(), PARTITIONS);
        }
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let sqlite = place::sqlite().await;
    let mut connection = sqlx::SqliteConnection::connect(sqlite.url.strip_prefix("sqlite:").unwrap()).await.unwrap();
    connection.execute("pragma user_version = 99").await.unwrap();
    let postgres = place::postgres().await;
    let mut connection = sqlx::PgConnection::connect(&postgres.url).await.unwrap();
    connection.execute("update store set version = 99").await.unwrap();
    for url in [sqlite.url.as_str(), postgres.url.as_str()] {
        let error = open_error(url).await;
        assert!(matches!(&error, StoreError::Unusable(what) if what.contains("version 99")), "{error}");
    }
}

#[tokio::test]
async fn what_can_never_work_says_so_and_keeps_the_password() {
    let postgres = database().await;
    let mut admin = postgres.admin().await;
    admin.execute("create role locked login password 'right'").await.unwrap();
    let port = postgres.port();
    for (url, says) in [
        (format!("postgres://locked:wr0ng@127.0.0.1:{port}/postgres"), "refuses the login"),
        (format!("postgres://postgres:wr0ng@127.0.0.1:{port}/missing"), "does not exist"),
        ("postgres://locked:wr0ng@127.0.0.1:port/x".into(), "malformed"),
        ("mysql://locked:wr0ng@127.0.0.1/x".into(), "no URL of a store"),
        ("sqlite:".into(), "needs a file"),
        ("sqlite:/no/such/folder/weft.db".into(), "does not exist"),
    ] {
        let error = open_error(&url).await;
        assert!(matches!(error, StoreError::Unusable(_)), "{url}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(says) && !text.contains("wr0ng"), "{url}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "these are my notes, and not a database at all; SQLite reads a hundred bytes of a header first.....",
    )
    .unwrap();
    let error = open_error(&format!("sqlite:{}", path.display())).await;
    assert!(matches!(&error, StoreError::Unusable(what) if what.contains("notes.txt")), "{error:?}");
    let many = store::open("memory:", &StoreOptions { partitions: Some(5_000) }).await;
    assert!(matches!(many, Err(StoreError::Unusable(_))));
}

#[tokio::test]
async fn a_database_that_is_away_at_start_is_unavailable() {
    let port = weft_tests::server::free_port();
    let error = open_error(&format!("postgres://me:s3cret@127.0.0.1:{port}/db")).await;
    assert!(matches!(&error, StoreError::Unavailable(what) if what.contains(&port.to_string())), "{error:?}");
    assert!(!error.to_string().contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_and_comes_back_goes_on_in_place() {
    let mut postgres = Postgres::start().await;
    let journal = store::open(&postgres.create("weft").await, &options()).await.unwrap();
    let mut lane = journal.lane().await.unwrap();
    lane.append(&chunks(&[chunk(P0, 1, 1, b"before")])).await.unwrap();
    for round in 2..4 {
        postgres.stop();
        let next = chunks(&[chunk(P0, round, 1, b"during")]);
        assert_unavailable(lane.append(&next).await, "");
        assert_unavailable(lane.append(&next).await, "");
        assert_unavailable(journal.ping().await, "");
        postgres.restart().await;
        lane.append(&next).await.expect("the same lane connects again");
        journal.ping().await.expect("the pool does, too");
    }
    let bodies: Vec<Vec<u8>> =
        journal.read(P0, LogSeq(1), 10).await.unwrap().into_iter().map(|chunk| chunk.body).collect();
    assert_eq!(bodies, [b"before", b"during", b"during"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_found_again() {
    let postgres = database().await;
    let url = postgres.url().to_string();
    let cut = Arc::new(AtomicBool::new(false));
    let proxy = proxy(postgres.port(), cut.clone()).await;
    let through = url.replace(&format!(":{}/", postgres.port()), &format!(":{proxy}/"));
    let journal = store::open(&through, &options()).await.unwrap();
    let mut lane = journal.lane().await.unwrap();
    // The same statement as below: a new one would be prepared first, and that answer be the one that is lost.
    lane.append(&chunks(&[chunk(P0, 1, 1, b"one"), chunk(P0, 2, 1, b"two")])).await.unwrap();

    cut.store(true, Ordering::SeqCst);
    let unknown = chunks(&[chunk(P0, 3, 1, b"three"), chunk(P0, 4, 1, b"four")]);
    assert_unavailable(lane.append(&unknown).await, "");
    let direct = store::open(&url, &options()).await.unwrap();
    eventually(Duration::from_secs(30), "the commit lands though nobody heard of it", async || {
        direct.read(P0, LogSeq(1), 10).await.unwrap().len() == 4
    })
    .await;

    cut.store(false, Ordering::SeqCst);
    assert!(matches!(lane.append(&unknown).await, Err(StoreError::Conflict)), "sent again, it is not written twice");
    assert_eq!(direct.read(P0, LogSeq(3), 10).await.unwrap(), unknown.chunks);
    lane.append(&chunks(&[chunk(P0, 5, 1, b"five")])).await.unwrap();
}

/// Forwards to a database. While `cut` is set, what the database answers is thrown away and the connection ends.
async fn proxy(port: u16, cut: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let cut = cut.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
                    if cut.load(Ordering::SeqCst) || to_client.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address.port()
}

#[tokio::test]
async fn a_read_only_or_impatient_database_is_unavailable_until_it_is_not() {
    let place = place::postgres().await;
    let mut admin = sqlx::PgConnection::connect(&place.url).await.unwrap();
    let (name,): (String,) = sqlx::query_as("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    let next = chunks(&[chunk(P0, 1, 1, b"one")]);
    for (setting, says) in
        [("default_transaction_read_only = on", "read-only"), ("statement_timeout = '1ms'", "gave the statement up")]
    {
        admin.execute(format!("alter database {name} set {setting}").as_str()).await.unwrap();
        if says == "read-only" {
            assert_unavailable(place.journal.lane().await.unwrap().append(&next).await, says);
        } else {
            admin.execute("begin; lock table log_0").await.unwrap();
            assert_unavailable(place.journal.lane().await.unwrap().append(&next).await, says);
            admin.execute("rollback").await.unwrap();
        }
        admin.execute(format!("alter database {name} reset all").as_str()).await.unwrap();
    }
    place.journal.lane().await.unwrap().append(&next).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_does_not_wait_for_slow_readers() {
    let place = place::postgres().await;
    let node = place.journal.join("http://one").await.unwrap();
    let mut admin = sqlx::PgConnection::connect(&place.url).await.unwrap();
    admin.execute("begin; lock table run").await.unwrap();
    let lists: Vec<_> = (0..8)
        .map(|_| {
            let journal = place.journal.clone();
            tokio::spawn(async move { journal.count_closed("default", &Filter::all()).await })
        })
        .collect();
    eventually(Duration::from_secs(30), "the lists hold every connection that they can have", async || {
        matches!(place.journal.ping().await, Err(StoreError::Unavailable(why)) if why.contains("no connection became free"))
    })
    .await;
    place.journal.beat(node).await.expect("the heartbeat has its own");
    admin.execute("rollback").await.unwrap();
    for list in lists {
        let _ = list.await.unwrap();
    }
}

#[tokio::test]
async fn settings_that_lose_commits_are_named() {
    let durable = place::postgres().await;
    let found = durable.journal.durability().await.unwrap();
    assert!(found.durable && found.settings.contains(&("fsync".into(), "on".into())), "{found:?}");
    let mut admin = sqlx::PgConnection::connect(&durable.url).await.unwrap();
    let (name,): (String,) = sqlx::query_as("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    admin.execute(format!("alter database {name} set synchronous_commit = off").as_str()).await.unwrap();
    let found = durable.again().await.durability().await.unwrap();
    assert!(!found.durable && found.settings.contains(&("synchronous_commit".into(), "off".into())), "{found:?}");

    let sqlite = place::sqlite().await.journal.durability().await.unwrap();
    assert!(sqlite.durable, "{sqlite:?}");
    let expected = [("journal_mode", "WAL"), ("synchronous", "FULL")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(sqlite.settings, expected);
    assert!(!place::memory().journal.durability().await.unwrap().durable);
}

#[tokio::test]
async fn sqlite_waits_for_another_process_and_outlives_a_lost_connection() {
    let place = place::sqlite().await;
    let path = place.url.strip_prefix("sqlite:").unwrap().to_string();
    let mut other = sqlx::SqliteConnection::connect(&path).await.unwrap();
    other.execute("begin immediate").await.unwrap();
    let journal = place.journal.clone();
    let waiting = tokio::spawn(async move {
        journal.lane().await.unwrap().append(&chunks(&[chunk(P0, 1, 1, b"one"), chunk(P0, 2, 1, b"two")])).await
    });
    tokio::task::yield_now().await;
    other.execute("commit").await.unwrap();
    waiting.await.unwrap().unwrap();

    // A future that is dropped in the middle of a write leaves no open transaction behind.
    for seq in 3..10 {
        let mut lane = place.journal.lane().await.unwrap();
        let append = chunks(&[chunk(P0, seq, 1, b"x"), chunk(PartitionId(1), seq, 1, b"y")]);
        let dropped = tokio::time::timeout(Duration::from_micros(50 * seq), lane.append(&append)).await;
        drop(dropped);
        if place.journal.lane().await.unwrap().append(&append).await.is_err() {
            let there = place.journal.read(P0, LogSeq(seq), 1).await.unwrap();
            assert_eq!(there, append.chunks[..1], "a conflict means that the dropped write had happened");
        }
    }
    assert_eq!(place.journal.read(P0, LogSeq(1), 100).await.unwrap().len(), 9);
}

#[tokio::test]
async fn a_disturbed_memory_store_does_what_it_is_told() {
    let calm = Memory::new(1);
    let faults = [Some(Fault::Refused), Some(Fault::AnswerLost), None, Some(Fault::Deposed)];
    let count = std::sync::atomic::AtomicUsize::new(0);
    let disturbed = calm.disturbed(move |operation| match operation {
        Operation::Append => {
            let fault = faults[count.fetch_add(1, Ordering::SeqCst)];
            Disturbance { delay: Duration::from_millis(1), fault }
        }
        _ => Disturbance::default(),
    });
    let mut lane = disturbed.lane().await.unwrap();
    let first = chunks(&[chunk(P0, 1, 0, b"one")]);
    assert_unavailable(lane.append(&first).await, "refused");
    assert_eq!(calm.read(P0, LogSeq(1), 9).await.unwrap().len(), 0);
    assert_unavailable(lane.append(&first).await, "answer was lost");
    assert_eq!(calm.read(P0, LogSeq(1), 9).await.unwrap(), first.chunks);
    assert!(matches!(lane.append(&first).await, Err(StoreError::Conflict)));
    assert!(matches!(lane.append(&chunks(&[chunk(P0, 2, 0, b"two")])).await, Err(StoreError::Conflict)));
    assert_eq!(calm.ownership().await.unwrap()[0].epoch, 1);
    assert_eq!(calm.read(P0, LogSeq(2), 9).await.unwrap()[0].epoch, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn yardsticks_measure_and_leave_nothing() {
    let (sqlite, postgres) = (place::sqlite().await, place::postgres().await);
    let short = Duration::from_millis(50);
    for url in [sqlite.url.as_str(), postgres.url.as_str()] {
        for _ in 0..2 {
            let rows = yardstick::single_rows(url, 4, short).await.unwrap().expect("this store commits");
            let events = yardstick::chunk_events(url, short).await.unwrap().expect("this store commits");
            assert!(rows.per_s > 0.0 && rows.p50_ms > 0.0 && events.per_s > rows.per_s, "{rows:?} {events:?}");
        }
    }
    assert_eq!(yardstick::single_rows("memory:", 4, short).await.unwrap(), None);
    let mut connection = sqlx::PgConnection::connect(&postgres.url).await.unwrap();
    let left = "select count(*) from pg_class where relname like 'weft_bench%'";
    assert_eq!(sqlx::query_as::<_, (i64,)>(left).fetch_one(&mut connection).await.unwrap(), (0,));
}
