//! Time as the owner stamps it on events. The only place that reads the system's clock for workflows; everything below
//! gets a [`Timestamp`] as an argument.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use tokio::sync::Notify;
use weft_protocol::Timestamp;

use crate::ownership::Moment;

/// Longest single sleep: after it the wall clock is read again, so that a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// A clock that can be waited for.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since 1970.
    fn now(&self) -> Timestamp;
    /// Returns when `at` may have come; it may be early, so the caller looks again.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
    /// The time that leases are measured on, whatever the wall clock is set to.
    fn moment(&self) -> Moment {
        Moment::now()
    }
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Before 1970 the clock is plainly wrong; the engine never goes back behind a run's last event anyway.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let left = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_millis(left).min(SLEEP_MAX)))
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct VirtualClock {
    now: Mutex<Timestamp>,
    moved: Notify,
}

impl VirtualClock {
    /// Stands at `now`.
    pub fn new(now: Timestamp) -> VirtualClock {
        VirtualClock { now: Mutex::new(now), moved: Notify::new() }
    }

    /// Moves it forward and wakes who waited for a time up to then.
    pub fn advance(&self, ms: i64) {
        {
            let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *now = now.plus_ms(ms);
        }
        self.moved.notify_waiters();
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let mut moved = std::pin::pin!(self.moved.notified());
                // Registered before the look, so that a move in between is not missed.
                moved.as_mut().enable();
                if self.now() >= at {
                    return;
                }
                moved.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_virtual_sleep_ends_when_its_time_has_come() {
        let clock = VirtualClock::new(Timestamp(1_000));
        let mut sleep = clock.sleep_until(Timestamp(1_500));
        assert!(futures::poll!(&mut sleep).is_pending());
        clock.advance(499);
        assert!(futures::poll!(&mut sleep).is_pending());
        clock.advance(1);
        assert!(futures::poll!(&mut sleep).is_ready());
        assert_eq!(clock.now(), Timestamp(1_500));
    }
}
