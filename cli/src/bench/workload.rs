//! The workload: a node of its own in this process, a workflow compiled from source, and a fixed number of runs of it in
//! flight. Nothing of the line is left out but the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use weft_compiler::{Project, Source};
use weft_protocol::api::{StartRequest, Status};
use weft_runtime::api::{Api, RunKey};
use weft_runtime::node::{Node, NodeOptions};
use weft_runtime::store::{Journal, StoreOptions};

use super::BenchArgs;
use crate::exit::{Exit, Failed};

/// The workflow. Each step is an activity under the rule that holds for all: it starts when its schedule is durable, and
/// the next one when its result is.
const SOURCE: &str = r#"activity step() with { builtin: "noop" }

workflow bench(steps: Int) {
  for _ in 0..steps {
    step()
  }
}
"#;
const NAMESPACE: &str = "default";
/// Runs at a time whose single steps are timed by following their history; the others are only awaited.
const FOLLOWED_MAX: u32 = 2;
/// Longest wait for a run or event: a store that hangs that long has failed.
const WAIT: Duration = Duration::from_secs(60);

/// What the workload did.
pub(super) struct Work {
    /// Completed runs.
    pub(super) workflows: u64,
    /// Their steps.
    pub(super) steps: u64,
    /// From the first start to the last end.
    pub(super) took: Duration,
    /// CPU time of this process meanwhile.
    pub(super) cpu: Duration,
    /// Microseconds of the steps that were timed, sorted.
    pub(super) step_micros: Vec<u32>,
    /// Workflow ids of this bench start with it.
    pub(super) prefix: String,
    /// Where the log is.
    pub(super) journal: Arc<dyn Journal>,
}

impl Work {
    /// A percentile of the step times in milliseconds.
    pub(super) fn step_ms(&self, percent: usize) -> f64 {
        let last = self.step_micros.len().saturating_sub(1);
        let at = (self.step_micros.len() * percent / 100).min(last);
        self.step_micros.get(at).map_or(0.0, |micros| f64::from(*micros) / 1e3)
    }
}

struct Line {
    node: Node,
    steps: u32,
    prefix: String,
    next: AtomicU64,
    until: Instant,
}

/// Runs the workload.
pub(super) async fn run(args: &BenchArgs) -> Result<Work, Failed> {
    let mut options = NodeOptions::new(&args.store, format!("weft-bench-{}", std::process::id()));
    options.store_options = StoreOptions { partitions: args.partitions };
    options.loops = args.loops;
    let node = Node::open(options).await.map_err(|error| Failed::new(Exit::Refused, "store", error.to_string()))?;
    node.serving().await?;
    node.deploy(NAMESPACE, program()?).await?;
    let Some(journal) = node.journal() else {
        return Err(Failed::new(Exit::Unreachable, "store", "the node serves without a store"));
    };

    let mut tag = [0; 4];
    getrandom::fill(&mut tag).map_err(|error| Failed::new(Exit::Refused, "random", error.to_string()))?;
    let cpu = cpu_time();
    let start = Instant::now();
    let line = Arc::new(Line {
        node,
        steps: args.steps,
        prefix: format!("bench-{:08x}-", u32::from_be_bytes(tag)),
        next: AtomicU64::new(0),
        until: start + Duration::from_secs(args.seconds.into()),
    });
    let drivers = (0..args.inflight).map(|n| tokio::spawn(drive(line.clone(), n < FOLLOWED_MAX)));
    let (mut workflows, mut step_micros) = (0, Vec::new());
    for driver in futures::future::join_all(drivers).await {
        let (runs, mut micros) = driver.map_err(|error| Failed::new(Exit::Refused, "bench", error.to_string()))??;
        workflows += runs;
        step_micros.append(&mut micros);
    }
    let took = start.elapsed();
    let cpu = cpu_time().saturating_sub(cpu);
    line.node.shutdown().await;
    step_micros.sort_unstable();
    let steps = workflows * u64::from(args.steps);
    Ok(Work { workflows, steps, took, cpu, step_micros, prefix: line.prefix.clone(), journal })
}

/// Compiles the workflow.
fn program() -> Result<Vec<u8>, Failed> {
    let source = Source { path: "bench.wf".into(), text: SOURCE.into() };
    let project = Project { name: "bench".into(), edition: "2026".into(), sources: vec![source], ..Project::default() };
    let analysis = weft_compiler::compile(&project);
    let program = analysis.program.ok_or_else(|| {
        let said: Vec<String> = analysis.diagnostics.iter().map(|diagnostic| format!("{diagnostic:?}")).collect();
        Failed::new(Exit::Program, "bench", "the workflow of the bench does not compile").why(said.join("\n"))
    })?;
    Ok(weft_bytecode::codec::encode(&program))
}

/// Keeps one run in flight until time is over.
async fn drive(line: Arc<Line>, followed: bool) -> Result<(u64, Vec<u32>), Failed> {
    let (mut runs, mut micros) = (0, Vec::new());
    while Instant::now() < line.until {
        let n = line.next.fetch_add(1, Ordering::Relaxed);
        let request = StartRequest {
            workflow: "bench".into(),
            id: Some(format!("{}{n}", line.prefix)),
            args: json!({ "steps": line.steps }),
            request_id: None,
            on_conflict: None,
            on_closed: None,
            ..StartRequest::default()
        };
        let started = line.node.start(NAMESPACE, request).await?;
        let run =
            RunKey { namespace: NAMESPACE.into(), workflow_id: started.workflow_id, run_id: Some(started.run_id) };
        if followed {
            follow(&line.node, &run, &mut micros).await?;
        }
        finish(&line.node, &run).await?;
        runs += 1;
    }
    Ok((runs, micros))
}

async fn finish(node: &Node, run: &RunKey) -> Result<(), Failed> {
    let result = node.result(run, WAIT).await?;
    if result.status == Status::Completed {
        return Ok(());
    }
    Err(Failed::new(Exit::EndedOtherwise, "bench", format!("run {} did not complete", run.workflow_id))
        .why(serde_json::to_string(&result).unwrap_or_default()))
}

/// Times the steps of one run as its history becomes durable.
async fn follow(node: &Node, run: &RunKey, micros: &mut Vec<u32>) -> Result<(), Failed> {
    let mut last = Instant::now();
    let mut after = 0;
    loop {
        let page = node.history(run, after, 1_000, WAIT).await?;
        let now = Instant::now();
        // Steps that became durable together were one wait each, but of a wait that had ended before anybody looked:
        // only a lone one is timed.
        let ended = page.events.iter().filter(|event| event["type"] == "ActivityCompleted").count();
        if ended == 1 {
            micros.push(now.duration_since(last).as_micros() as u32);
        }
        if ended > 0 {
            last = now;
        }
        after += page.events.len() as u64;
        if page.complete {
            return Ok(());
        }
    }
}

/// CPU time of this process, all threads.
fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let time = |value: nix::sys::time::TimeVal| {
        Duration::from_secs(value.tv_sec().unsigned_abs()) + Duration::from_micros(value.tv_usec().unsigned_abs())
    };
    time(usage.user_time()) + time(usage.system_time())
}
