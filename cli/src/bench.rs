//! `weft bench`: what a store carries, so that its size can be chosen. A real workflow on a real node, beside two
//! yardsticks that the same store was measured with before and after: single-row commits, which is what an engine with a
//! commit per step pays, and bare chunk appends, which is the limit.

mod readback;
mod report;
mod workload;

use std::time::Duration;

use clap::Args;
use weft_runtime::ownership::url_of;
use weft_runtime::store::yardstick::{self, Rate};
use weft_runtime::store::{self, Durability, Journal, StoreError, StoreOptions};

use crate::commands::Context;
use crate::exit::{Exit, Failed, Outcome};

/// Connections of the single-row yardstick. SQLite has one writer and takes one.
const CONNECTIONS: u16 = 16;
/// Bounds of one yardstick's time.
const YARDSTICK_MIN: Duration = Duration::from_secs(1);
const YARDSTICK_MAX: Duration = Duration::from_secs(3);

/// `weft bench`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// The store to measure: postgres://…, sqlite:PATH or memory:. Use an empty one; the runs stay in it
    #[arg(long, value_name = "URL", env = "WEFT_STORE", hide_env_values = true)]
    pub(crate) store: String,
    /// Sequential activity steps of a workflow
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) steps: u32,
    /// Runs in flight at any time
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) inflight: u32,
    /// How long new runs are started
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) seconds: u32,
    /// Partitions, if the store is made by this command
    #[arg(long, value_name = "N")]
    pub(crate) partitions: Option<u16>,
    /// Executor loops, each with some of the partitions and a connection [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) loops: usize,
}

/// Both yardsticks; the better of two measures counts.
#[derive(Debug, Clone, Copy, Default)]
struct Yardsticks {
    /// Single-row commits on many connections.
    rows: Option<Rate>,
    /// The same on one connection alone.
    row: Option<Rate>,
    /// Bare chunk appends.
    chunks: Option<Rate>,
}

/// Everything a bench found out.
struct Findings {
    store: String,
    durability: Durability,
    yardsticks: Yardsticks,
    work: workload::Work,
    log: readback::InLog,
}

/// Measures and reports.
///
/// # Errors
/// If the store cannot be used, a run does not complete, or the log does not hold what was claimed.
pub(crate) async fn bench(context: &Context, args: &BenchArgs) -> Outcome {
    let found = measure(context, args).await?;
    report::report(context, args, &found)?;
    if found.log.steps != found.work.steps {
        return Err(Failed::new(
            Exit::EndedOtherwise,
            "steps_missing",
            "the log does not hold the steps that were claimed",
        )
        .why(format!("{} steps were completed and {} are in the log", found.work.steps, found.log.steps))
        .help("use a store that nothing else writes to; if nothing does, this is a bug: please report it"));
    }
    Ok(Exit::Done)
}

async fn measure(context: &Context, args: &BenchArgs) -> Result<Findings, Failed> {
    let options = StoreOptions { partitions: args.partitions };
    let journal = store::open(&args.store, &options).await.map_err(refused)?;
    let durability = journal.durability().await.map_err(refused)?;
    if !durability.durable {
        context.out.say(&format!("this store is not durable: {}", report::settings(&durability)));
    }
    must_be_idle(&*journal).await?;
    let how_long = Duration::from_secs(args.seconds.into()).clamp(YARDSTICK_MIN, YARDSTICK_MAX);
    context.out.say("yardsticks, before…");
    let before = yardsticks(&args.store, how_long).await?;
    context.out.say(&format!("{} runs of {} steps in flight, {} s…", args.inflight, args.steps, args.seconds));
    let work = workload::run(args).await?;
    context.out.say("yardsticks, after…");
    let after = yardsticks(&args.store, how_long).await?;
    context.out.say("reading the log back…");
    let log = readback::read(&*work.journal, &work.prefix).await.map_err(refused)?;
    Ok(Findings { store: format!("{journal:?}"), durability, yardsticks: before.better(after), work, log })
}

/// Another node's runs would be measured as well, and it would keep the partitions.
async fn must_be_idle(journal: &dyn Journal) -> Result<(), Failed> {
    const SILENT_MS: i64 = 3_000;
    let nodes = journal.nodes().await.map_err(refused)?;
    match nodes.iter().find(|node| node.silent_ms < SILENT_MS) {
        Some(node) => Err(Failed::new(Exit::Refused, "store_in_use", "a server is using this store")
            .why(format!("node {} at {} answered {} ms ago", node.id, url_of(&node.address), node.silent_ms))
            .help("give an empty database, or stop the server and wait three seconds")),
        None => Ok(()),
    }
}

async fn yardsticks(url: &str, how_long: Duration) -> Result<Yardsticks, Failed> {
    Ok(Yardsticks {
        rows: yardstick::single_rows(url, CONNECTIONS, how_long).await.map_err(refused)?,
        row: yardstick::single_rows(url, 1, how_long).await.map_err(refused)?,
        chunks: yardstick::chunk_events(url, how_long).await.map_err(refused)?,
    })
}

impl Yardsticks {
    fn better(self, other: Yardsticks) -> Yardsticks {
        let better = |one: Option<Rate>, two: Option<Rate>| {
            let (one, two) = (one?, two?);
            Some(Rate { per_s: one.per_s.max(two.per_s), p50_ms: one.p50_ms.min(two.p50_ms) })
        };
        Yardsticks {
            rows: better(self.rows, other.rows),
            row: better(self.row, other.row),
            chunks: better(self.chunks, other.chunks),
        }
    }
}

/// A store's trouble as the end of a command.
fn refused(error: StoreError) -> Failed {
    let exit = match error {
        StoreError::Unavailable(_) => Exit::Unreachable,
        _ => Exit::Refused,
    };
    Failed::new(exit, "store", error.to_string())
}
