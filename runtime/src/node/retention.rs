//! Closed runs go when their namespace has kept them long enough. The sweep sleeps until the oldest of them is due, so that
//! an idle store is not asked; what is due goes in small pieces, so that a busy one does not wait.

use std::sync::Arc;
use std::time::Duration;

use weft_protocol::Timestamp;

use super::{Core, Shared, Standing};
use crate::namespaces::Namespace;
use crate::store::{Claim, StoreError};

/// Runs that go at once.
const RUNS_AT_ONCE: usize = 500;
/// Between two pieces.
const BREATH: Duration = Duration::from_millis(50);
/// After a sweep that the store did not answer.
const AGAIN_AFTER_MS: i64 = 10_000;
/// A run may be kept this much longer: a tenth of the retention, but neither less nor more than these.
const SLACK_MS: (i64, i64) = (500, 60_000);

/// Sweeps while this node serves, until it stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut standing = shared.standing.subscribe();
    while !shared.stop.is_cancelled() {
        let serving = async { standing.wait_for(|now| *now == Standing::Serving).await.is_ok() };
        if shared.stop.run_until_cancelled(serving).await != Some(true) {
            return;
        }
        let (Ok(core), Ok(by)) = (shared.core(), shared.claim()) else { continue };
        let due = match shared.stop.run_until_cancelled(sweep(&shared, core, by)).await {
            None => return,
            Some(Ok(due)) => due,
            Some(Err(error)) => {
                tracing::warn!(%error, "closed runs that are due stay a while");
                shared.options.clock.now().plus_ms(AGAIN_AFTER_MS)
            }
        };
        while shared.options.clock.now() < due {
            tokio::select! {
                biased;
                () = shared.stop.cancelled() => return,
                () = shared.namespaces.changed() => break,
                () = shared.options.clock.sleep_until(due) => {}
            }
        }
    }
}

/// Lets everything go that is due, and says when to look again.
async fn sweep(shared: &Shared, core: &Core, by: Claim) -> Result<Timestamp, StoreError> {
    let mut next = Timestamp(i64::MAX);
    for namespace in shared.namespaces.all() {
        // Whoever has lost its partitions sweeps no more; the next owner does.
        if !shared.lease.valid() {
            return Ok(shared.options.clock.now().plus_ms(AGAIN_AFTER_MS));
        }
        if namespace.deleted {
            // A child that was on its way when the namespace was deleted.
            if shared.end_all(core, &namespace.name).await > 0 {
                next = shared.options.clock.now().plus_ms(AGAIN_AFTER_MS);
                continue;
            }
            forget(core, by, &namespace, Timestamp(i64::MAX)).await?;
            core.journal.drop_namespace(by, &namespace.name).await?;
            shared.programs.forget(&namespace.name);
            shared.namespaces.remove(&namespace.name);
            continue;
        }
        let now = shared.options.clock.now();
        forget(core, by, &namespace, now.plus_ms(-namespace.retention_ms)).await?;
        // What closes from now on is due later than all that is there.
        let oldest = core.journal.oldest_closed(&namespace.name).await?.unwrap_or(now);
        let slack = (namespace.retention_ms / 10).clamp(SLACK_MS.0, SLACK_MS.1);
        next = next.min(oldest.max(now.plus_ms(-namespace.retention_ms)).plus_ms(namespace.retention_ms + slack));
    }
    Ok(next)
}

/// Deletes the runs of a namespace that closed before a time.
async fn forget(core: &Core, by: Claim, namespace: &Namespace, before: Timestamp) -> Result<(), StoreError> {
    let mut gone = 0;
    loop {
        let piece = core.journal.forget_closed(by, &namespace.name, before, RUNS_AT_ONCE).await?;
        gone += piece;
        if piece < RUNS_AT_ONCE as u64 {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    if gone > 0 {
        tracing::debug!(gone, namespace = %namespace.name, "closed runs were kept long enough");
    }
    Ok(())
}
