//! Whether and when a failed attempt, or a failed run, is followed by another: the policy's arithmetic, and what cuts it
//! short.

use weft_protocol::Timestamp;
use weft_protocol::limits::RETRY_AFTER_MS_MAX;
use weft_protocol::policy::{ResolvedActivity, RunRetry};

/// A failed attempt, as far as its repetition depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// Its number, from 1; a reset begins to count anew.
    pub(crate) number: u32,
    /// When no other may begin: the end of `total_timeout` or of the run.
    pub(crate) over: Option<Timestamp>,
    /// Whether the reporter thinks that another attempt may succeed.
    pub(crate) retryable: bool,
    /// The reporter's own delay, in place of the policy's.
    pub(crate) retry_after_ms: Option<i64>,
    /// Whether the activity is to be canceled.
    pub(crate) cancel_requested: bool,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another one at this time.
    At(Timestamp),
    /// The activity has failed.
    Never(Why),
}

/// Why there is no other attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It would fail again, says the reporter.
    NotRetryable,
    /// The activity is to be canceled.
    Canceled,
    /// The policy's attempts are used up.
    Attempts,
    /// It is to be attempted once.
    Once,
    /// Nobody began with it in time.
    QueueTimeout,
    /// It could not start before the end of `total_timeout` or of the run.
    TotalTimeout,
}

/// Decides what follows `attempt`, which failed at `now`.
pub(crate) fn next(options: &ResolvedActivity, attempt: Attempt, now: Timestamp) -> Next {
    if attempt.cancel_requested {
        return Next::Never(Why::Canceled);
    }
    if !attempt.retryable {
        return Next::Never(Why::NotRetryable);
    }
    if options.once {
        return Next::Never(Why::Once);
    }
    if options.retry_attempts != 0 && attempt.number >= options.retry_attempts {
        return Next::Never(Why::Attempts);
    }
    // A delay of zero is what a reporter sends who has none to give.
    let told = attempt.retry_after_ms.filter(|ms| *ms > 0).map(|ms| ms.min(RETRY_AFTER_MS_MAX));
    let at = now.plus_ms(told.unwrap_or_else(|| delay_ms(options, attempt.number)));
    match attempt.over {
        Some(over) if at >= over => Next::Never(Why::TotalTimeout),
        _ => Next::At(at),
    }
}

/// When the run after the failed run `number`, from 1, begins; `None` if there is none. `deadline` is that of all.
pub(crate) fn next_run(
    policy: &RunRetry,
    number: u32,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    if policy.attempts != 0 && number >= policy.attempts {
        return None;
    }
    let begins = now.plus_ms(grown(policy.first_ms, policy.factor_milli, policy.max_ms, number));
    deadline.is_none_or(|deadline| begins < deadline).then_some(begins)
}

/// The policy's delay after the failed attempt `number`.
fn delay_ms(options: &ResolvedActivity, number: u32) -> i64 {
    grown(options.retry_first_ms, options.retry_factor_milli, options.retry_max_ms, number)
}

/// first × factor^(number − 1), at most max.
fn grown(first_ms: i64, factor_milli: i64, max_ms: i64, number: u32) -> i64 {
    let max = max_ms.max(0);
    let first = first_ms.clamp(0, max);
    if factor_milli == 1_000 || first == 0 {
        return first;
    }
    // In thousandths of a millisecond, so that small factors do not round to a standstill.
    let (limit, factor) = (i128::from(max) * 1_000, i128::from(factor_milli.max(0)));
    let mut delay = i128::from(first) * 1_000;
    for _ in 1..number {
        let grown = (delay * factor / 1_000).min(limit);
        if grown == delay {
            break;
        }
        delay = grown;
    }
    (delay / 1_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(first: i64, factor: i64, max: i64, attempts: u32) -> ResolvedActivity {
        ResolvedActivity {
            retry_first_ms: first,
            retry_factor_milli: factor,
            retry_max_ms: max,
            retry_attempts: attempts,
            ..ResolvedActivity::default()
        }
    }

    fn attempt(number: u32) -> Attempt {
        Attempt { number, over: None, retryable: true, retry_after_ms: None, cancel_requested: false }
    }

    #[test]
    fn delays_grow_to_the_limit() {
        let doubling = options(1_000, 2_000, 100_000, 0);
        for (number, delay) in [(1, 1_000), (2, 2_000), (3, 4_000), (7, 64_000), (8, 100_000), (u32::MAX, 100_000)] {
            assert_eq!(next(&doubling, attempt(number), Timestamp(5)), Next::At(Timestamp(5 + delay)), "{number}");
        }
        let slow = options(1, 1_500, 1_000, 0);
        let delays: Vec<_> = (1..8).map(|n| delay_ms(&slow, n)).collect();
        assert_eq!(delays, [1, 1, 2, 3, 5, 7, 11]);
        assert_eq!(delay_ms(&options(10, 500, 100, 0), 3), 2);
        assert_eq!(delay_ms(&options(i64::MAX, 9_000, i64::MAX, 0), 50), i64::MAX);
        assert_eq!(delay_ms(&options(0, 2_000, 100, 0), 50), 0);
    }

    #[test]
    fn attempts_end_for_a_reason() {
        let five = options(1_000, 2_000, 100_000, 5);
        assert_eq!(next(&five, attempt(5), Timestamp(0)), Next::Never(Why::Attempts));
        let short = Attempt { over: Some(Timestamp(10_000)), ..attempt(1) };
        assert_eq!(next(&five, short, Timestamp(8_999)), Next::At(Timestamp(9_999)));
        assert_eq!(next(&five, short, Timestamp(9_000)), Next::Never(Why::TotalTimeout));
        let told = Attempt { retry_after_ms: Some(3_000), ..attempt(2) };
        assert_eq!(next(&five, told, Timestamp(0)), Next::At(Timestamp(3_000)));
        let zero = Attempt { retry_after_ms: Some(0), ..attempt(2) };
        assert_eq!(next(&five, zero, Timestamp(0)), Next::At(Timestamp(2_000)));
        let far = Attempt { retry_after_ms: Some(i64::MAX), ..attempt(2) };
        let endless = options(1_000, 2_000, 100_000, 0);
        assert_eq!(
            next(&endless, far, Timestamp(0)),
            Next::At(Timestamp(RETRY_AFTER_MS_MAX)),
            "longer than max, and bounded"
        );
        let only = ResolvedActivity { once: true, ..endless };
        assert_eq!(next(&only, attempt(1), Timestamp(0)), Next::Never(Why::Once));
        let hopeless = Attempt { retryable: false, ..attempt(1) };
        assert_eq!(next(&five, hopeless, Timestamp(0)), Next::Never(Why::NotRetryable));
        let canceled = Attempt { cancel_requested: true, ..attempt(1) };
        assert_eq!(next(&five, canceled, Timestamp(0)), Next::Never(Why::Canceled));
    }
}
