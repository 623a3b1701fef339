//! The clock of a node: it runs a little fast or slow, stands wrong, and is set while the node runs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;
use weft_protocol::Timestamp;
use weft_runtime::clock::Clock;
use weft_runtime::ownership::Moment;
use weft_runtime::sandbox::BEGINNING;

/// Longest sleep before the clock is looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct NodeClock {
    begun: Instant,
    /// Thousandths of a thousandth by which it runs fast.
    drift: i64,
    /// Milliseconds that the machine has been up when the world begins.
    up: u64,
    /// Milliseconds by which it stands wrong.
    off: AtomicI64,
    set: Notify,
}

impl NodeClock {
    pub(crate) fn new(begun: Instant, drift: i64, up: u64, off: i64) -> NodeClock {
        NodeClock { begun, drift, up, off: AtomicI64::new(off), set: Notify::new() }
    }

    /// Somebody sets it.
    pub(crate) fn jump(&self, by: i64) {
        self.off.fetch_add(by, Ordering::Relaxed);
        self.set.notify_waiters();
    }

    fn elapsed(&self) -> i64 {
        let real = self.begun.elapsed().as_millis() as i64;
        real + real * self.drift / 1_000_000
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        BEGINNING.plus_ms(self.elapsed() + self.off.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let mut set = std::pin::pin!(self.set.notified());
                set.as_mut().enable();
                let left = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
                if left == 0 {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(left).min(SLEEP_MAX), set).await;
            }
        })
    }

    fn moment(&self) -> Moment {
        Moment(self.up + self.elapsed() as u64)
    }
}
