//! One run of 100,000 steps: what its first thousand steps cost and what its last, and how soon after a crash it answers a
//! query, from the fence of its partition's takeover (the line `taken over` of the new process) to the answer.
//! Prints figures for docs/performance.md, never a test.
//!
//!     cargo bench --package weft-tests --bench steps
//!
//! `WEFT_BENCH_STEPS` sets how many, `WEFT_BENCH_CRASHES` how often it is killed, `WEFT_BENCH_STORES` where.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use weft_bytecode::wire::text::parse_time;
use weft_tests::measure::{number, stores};
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

const SOURCE: &str = r#"
activity step(n: Int) with { builtin: "noop" }

workflow long(steps: Int) -> Int with { id: "long" } {
  pub state done = 0
  state stopped = false

  signal stop() { stopped = true }

  for n in 0..steps {
    step(n)
    done += 1
  }
  wait until stopped
  return done
}
"#;

/// Steps whose cost is compared.
const PART: usize = 1_000;
/// Events of one page of a history.
const PAGE: u64 = 1_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, url, _database) in stores(folder.path()).await {
        measure(&name, &url, folder.path()).await;
    }
}

async fn measure(name: &str, store: &str, folder: &Path) {
    let steps = number("WEFT_BENCH_STEPS", 100_000);
    std::fs::write(folder.join("long.wf"), SOURCE).expect("the folder can be written");
    let mut server = Server::start(store, free_port(), &folder.join(format!("{name}.log")));
    server.ready().await;
    let (code, _, said) = run_weft(folder, &["deploy", "long.wf", "--address", &server.address()]);
    assert_eq!(code, 0, "{said}");
    let client = reqwest::Client::new();

    let empty = server.meter().resident_bytes();
    let sampler = Sampler::of(&server);
    let body = json!({ "workflow": "long", "args": { "steps": steps } });
    let started = client.post(server.url("runs")).json(&body).send().await.expect("the server answers");
    assert!(started.status().is_success(), "{:?}", started.text().await);
    let query = server.url("runs/long/queries/done");
    let all = || json!(steps);
    eventually(Duration::from_secs(1_800), "all steps are done", async || {
        tokio::time::sleep(Duration::from_millis(500)).await; // what is measured is left alone
        value(&client, &query).await == Some(all())
    })
    .await;
    let samples = sampler.end();
    let grown = server.meter().resident_bytes().saturating_sub(empty);
    println!("{name}: {steps} steps; the server has {:.1} MiB more", grown as f64 / f64::from(1 << 20));
    report(name, &step_times(&client, &server).await, &samples);

    let mut answered = Vec::new();
    for _ in 0..number("WEFT_BENCH_CRASHES", 5) {
        server.kill();
        let killed = now_ms();
        server.restart();
        let found = loop {
            if let Some(found) = value(&client, &query).await {
                break found;
            }
            // Often enough that the pause does not count, without taking the processor from the server.
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let at = now_ms();
        assert_eq!(found, all(), "nothing is lost");
        answered.push(at - taken_over(&server, killed));
    }
    answered.sort_unstable();
    println!("{name}: after a crash the query is answered {answered:?} ms after its partition's takeover");
}

async fn value(client: &reqwest::Client, url: &str) -> Option<Value> {
    get_json(client, url).await.ok()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    since.as_millis() as i64
}

/// When the process that was started last took its first partition over, by its log.
fn taken_over(server: &Server, after: i64) -> i64 {
    let log = server.log_text();
    let times = log.lines().filter(|line| line.contains("taken over")).filter_map(|line| {
        let (whole, _) = line.split_whitespace().next()?.split_once('.')?;
        let millis = &line[whole.len() + 1..whole.len() + 4];
        parse_time(&format!("{whole}.{millis}Z"))
    });
    times.filter(|at| *at >= after).min().expect("the log says when the partition was taken over")
}

/// When each step was asked for, from the history.
async fn step_times(client: &reqwest::Client, server: &Server) -> Vec<i64> {
    let (mut times, mut after) = (Vec::new(), 0);
    loop {
        let page = server.url(&format!("runs/long/history?limit={PAGE}&after={after}"));
        let page = get_json(client, &page).await.expect("a page of the history");
        let events = page["events"].as_array().expect("events");
        let Some(last) = events.last() else { return times };
        after = last["id"].as_u64().expect("a number");
        let steps = events.iter().filter(|event| event["type"] == "ActivityScheduled");
        times.extend(steps.map(|event| parse_time(event["at"].as_str().expect("a time")).expect("a time")));
    }
}

fn report(name: &str, times: &[i64], samples: &[(i64, Duration)]) {
    // A part ends where the next begins; the last step has none behind it.
    let parts: Vec<(f64, f64)> = (0..(times.len() - 1) / PART)
        .map(|part| {
            let (from, to) = (times[part * PART], times[(part + 1) * PART]);
            let processor = processor_at(samples, to) - processor_at(samples, from);
            ((to - from) as f64 * 1e3 / PART as f64, processor * 1e6 / PART as f64)
        })
        .collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
    let mut sorted = parts.clone();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = sorted[sorted.len() / 2];
    let figure = |part: &(f64, f64)| format!("{:.0} µs a step ({:.0} µs of the processor)", part.0, part.1);
    println!("{name}: the first thousand takes {}, the middle one {}", figure(first), figure(&middle));
    println!("{name}: the last thousand takes {}: {:.2} times the first", figure(last), last.0 / first.0);
}

/// Processor time of the server over time.
struct Sampler {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<(i64, Duration)>>,
}

impl Sampler {
    fn of(server: &Server) -> Sampler {
        let stop = Arc::new(AtomicBool::new(false));
        let (meter, stopped) = (server.meter(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut samples = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                samples.push((now_ms(), meter.processor_time()));
                std::thread::sleep(Duration::from_millis(20));
            }
            samples
        });
        Sampler { stop, thread }
    }

    fn end(self) -> Vec<(i64, Duration)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the sampler does not panic")
    }
}

/// Seconds of the processor up to a moment, as the samples around it have it.
fn processor_at(samples: &[(i64, Duration)], at: i64) -> f64 {
    let next = samples.partition_point(|(sampled, _)| *sampled < at).clamp(1, samples.len() - 1);
    let ((from, before), (to, after)) = (samples[next - 1], samples[next]);
    let part = if to == from { 0.0 } else { (at - from) as f64 / (to - from) as f64 };
    before.as_secs_f64() + (after.as_secs_f64() - before.as_secs_f64()) * part
}
