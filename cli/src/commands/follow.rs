//! Follows a run to its end and shows its progress: redrawn in place on a terminal, a line for each thing elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::MissedTickBehavior;
use weft_protocol::api::RunDescription;
use weft_runtime::api::{Api, RunKey};

use crate::exit::Failed;
use crate::output::{Output, style};
use crate::view::live::Live;
use crate::view::progress::{Progress, Told};

/// Events asked for at once.
const PAGE: usize = 500;
/// How long to wait for the next event before asking again.
const WAIT: Duration = Duration::from_secs(30);
/// How often the view is redrawn, and the run looked at while it moves.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two looks at a run in which nothing happens.
const QUIET_TICKS: u32 = 10;
/// Ticks after something happened during which a run counts as moving.
const MOVING_TICKS: u32 = 20;

/// How following ended.
pub(crate) enum End {
    /// The run has closed.
    Closed,
    /// The run is parked.
    Stuck,
    /// The person has had enough.
    Interrupted,
}

/// Follows a run, showing its progress on stderr. Where it goes on as a new one, that is followed: `run` names the last.
///
/// # Errors
/// If the API does not answer any more.
pub(crate) async fn follow(out: &Output, api: &dyn Api, run: &mut RunKey, progress: Progress) -> Result<End, Failed> {
    let mut view =
        View { out: *out, id: run.workflow_id.clone(), live: out.live.then(Live::new), progress, seen: None };
    let mut stop = std::pin::pin!(crate::local::stop_requested());
    loop {
        match follow_one(&mut view, api, run, &mut stop).await? {
            (End::Closed, Some(next)) => run.run_id = Some(next),
            (end, _) => return Ok(end),
        }
    }
}

/// Follows a run to its end; gives the run that it goes on as, if it does.
async fn follow_one(
    view: &mut View,
    api: &dyn Api,
    run: &RunKey,
    mut stop: impl Future<Output = ()> + Unpin,
) -> Result<(End, Option<String>), Failed> {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut after, mut tick, mut moving_until) = (0, 0_u32, MOVING_TICKS);
    // A question that is under way stays so over many ticks.
    let mut next = api.history(run, after, PAGE, WAIT);
    loop {
        let page = tokio::select! {
            biased;
            () = &mut stop => return Ok((End::Interrupted, None)),
            page = &mut next => Some(page?),
            _ = ticks.tick() => None,
        };
        if let Some(page) = page {
            after = page.events.last().and_then(|e| e["id"].as_u64()).unwrap_or(after);
            view.events(&page.events);
            if page.complete {
                let next = page.events.last().and_then(|last| last["next_run"].as_str()).map(str::to_owned);
                return Ok((End::Closed, next));
            }
            moving_until = tick.saturating_add(MOVING_TICKS);
            next = api.history(run, after, PAGE, WAIT);
            continue;
        }
        tick = tick.saturating_add(1);
        if tick <= moving_until || tick % QUIET_TICKS == 0 {
            let seen = api.describe(run).await?;
            if seen.stuck.is_some() {
                return Ok((End::Stuck, None));
            }
            view.seen(seen);
        }
        view.redraw();
    }
}

/// What is on the terminal.
struct View {
    out: Output,
    id: String,
    live: Option<Live>,
    progress: Progress,
    seen: Option<RunDescription>,
}

impl View {
    fn events(&mut self, events: &[Value]) {
        let told: Vec<Told> = events.iter().filter_map(|e| self.progress.event(e)).collect();
        self.tell(&told);
    }

    fn seen(&mut self, run: RunDescription) {
        let mut lines = self.progress.retries(&run);
        if self.live.is_none() {
            lines.extend(self.progress.waits(&run));
        }
        self.tell(&lines);
        self.seen = Some(run);
    }

    fn tell(&mut self, told: &[Told]) {
        let block = self.block();
        match &mut self.live {
            Some(live) => live.frame(&told.iter().map(|t| t.text.clone()).collect::<Vec<_>>(), block),
            None => told.iter().for_each(|t| self.out.tell(&t.text, || t.object.clone())),
        }
    }

    fn redraw(&mut self) {
        if self.live.is_some() {
            self.tell(&[]);
        }
    }

    /// The lines below those that stay: the run, and what it waits for.
    fn block(&self) -> Vec<String> {
        let Some(seen) = self.seen.as_ref().filter(|_| self.live.is_some()) else { return Vec::new() };
        let now = Timestamp::now();
        let head = format!("{} {}", self.out.paint(&self.id, style::STRONG), self.progress.elapsed(now));
        let mut block = vec![String::new(), format!("  {head}")];
        block.extend(self.progress.pending(seen, now).iter().map(|line| format!("    {line}")));
        block
    }
}
