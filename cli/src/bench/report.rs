//! What a bench found, for people and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};
use weft_runtime::store::Durability;

use super::{BenchArgs, Findings};
use crate::commands::Context;
use crate::exit::Failed;

/// The settings that decide durability, as `name=value, …`.
pub(super) fn settings(durability: &Durability) -> String {
    let settings: Vec<String> = durability.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    settings.join(", ")
}

/// Prints the findings.
pub(super) fn report(context: &Context, args: &BenchArgs, found: &Findings) -> Result<(), Failed> {
    if context.out.json { context.out.value(&as_json(args, found)) } else { context.out.data(&as_text(args, found)) }
}

/// Rounded to what the measure is good for.
fn round(value: f64) -> Value {
    json!((value * 1_000.0).round() / 1_000.0)
}

fn as_json(args: &BenchArgs, found: &Findings) -> Value {
    let figures = Figures::of(found);
    let settings: serde_json::Map<String, Value> =
        found.durability.settings.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "store": found.store,
        "steps": args.steps,
        "inflight": args.inflight,
        "seconds": round(found.work.took.as_secs_f64()),
        "cores": cores(),
        "workflows_per_s": round(figures.workflows_per_s),
        "steps_per_s": round(figures.steps_per_s),
        "step_p50_ms": round(found.work.step_ms(50)),
        "step_p99_ms": round(found.work.step_ms(99)),
        "steps_timed": found.work.step_micros.len(),
        "cpu_us_per_step": round(figures.cpu_us_per_step),
        "log_bytes_per_step": round(figures.log_bytes_per_step),
        "log_chunks": found.log.chunks,
        "single_row_commits_per_s": found.yardsticks.rows.map(|rate| round(rate.per_s)),
        "single_row_commit_p50_ms": found.yardsticks.row.map(|rate| round(rate.p50_ms)),
        "chunk_events_per_s": found.yardsticks.chunks.map(|rate| round(rate.per_s)),
        "steps_per_single_row_commit": figures.steps_per_commit.map(round),
        "steps_claimed": found.work.steps,
        "steps_in_log": found.log.steps,
        "durable": found.durability.durable,
        "durability": settings,
    })
}

fn as_text(args: &BenchArgs, found: &Findings) -> String {
    let figures = Figures::of(found);
    let durable = if found.durability.durable { "durable" } else { "NOT durable" };
    let mut text = format!(
        "{}\n  {durable}: {}\n\n{} runs of {} steps in flight for {:.1} s on {} cores\n",
        found.store,
        settings(&found.durability),
        args.inflight,
        args.steps,
        found.work.took.as_secs_f64(),
        cores(),
    );
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<34}{value:>14}");
    };
    row("workflows a second", format!("{:.0}", figures.workflows_per_s));
    row("steps a second", format!("{:.0}", figures.steps_per_s));
    row("a step, median", format!("{:.2} ms", found.work.step_ms(50)));
    row("a step, 99 of 100", format!("{:.2} ms", found.work.step_ms(99)));
    row("CPU of this process for a step", format!("{:.1} µs", figures.cpu_us_per_step));
    row("log for a step", format!("{:.0} B", figures.log_bytes_per_step));
    row("steps found in the log", format!("{}", found.log.steps));
    if let (Some(rows), Some(one), Some(chunks)) =
        (found.yardsticks.rows, found.yardsticks.row, found.yardsticks.chunks)
    {
        row("single-row commits a second", format!("{:.0}", rows.per_s));
        row("one on one connection, median", format!("{:.2} ms", one.p50_ms));
        row("bare chunk append, events a second", format!("{:.0}", chunks.per_s));
        row("steps for each single-row commit", format!("{:.1}", figures.steps_per_commit.unwrap_or(0.0)));
    }
    text
}

struct Figures {
    workflows_per_s: f64,
    steps_per_s: f64,
    cpu_us_per_step: f64,
    log_bytes_per_step: f64,
    steps_per_commit: Option<f64>,
}

impl Figures {
    fn of(found: &Findings) -> Figures {
        let (took, steps) = (found.work.took.as_secs_f64(), found.work.steps.max(1) as f64);
        let steps_per_s = found.work.steps as f64 / took;
        Figures {
            workflows_per_s: found.work.workflows as f64 / took,
            steps_per_s,
            cpu_us_per_step: found.work.cpu.as_secs_f64() * 1e6 / steps,
            log_bytes_per_step: found.log.bytes as f64 / steps,
            steps_per_commit: found.yardsticks.rows.map(|rate| steps_per_s / rate.per_s),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
