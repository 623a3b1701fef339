//! Spans of time for people: two units at most, rounded down.

use std::time::Duration;

/// `350ms`, `2.4s`, `1m 5s`, `2h 30m`, `6d 4h`.
pub(crate) fn span(duration: Duration) -> String {
    let ms = duration.as_millis();
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{seconds}.{}s", ms % 1_000 / 100),
        60_000..3_600_000 => format!("{minutes}m {}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{}d {}h", hours / 24, hours % 24),
    }
}

/// A countdown: tenths while they matter, then whole seconds; rounded up, so that it never says zero while time is left.
pub(crate) fn countdown(duration: Duration) -> String {
    let tenths = u64::try_from(duration.as_millis().div_ceil(100)).unwrap_or(u64::MAX);
    match tenths {
        0..100 => format!("{}.{}s", tenths / 10, tenths % 10),
        100..600 => format!("{}s", tenths.div_ceil(10)),
        _ => span(Duration::from_secs(tenths.div_ceil(10))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        let of = |ms| span(Duration::from_millis(ms));
        assert_eq!([of(0), of(999), of(1_250), of(59_999)], ["0ms", "999ms", "1.2s", "59.9s"]);
        assert_eq!([of(65_000), of(9_000_000), of(532_800_000)], ["1m 5s", "2h 30m", "6d 4h"]);
        let left = |ms| countdown(Duration::from_millis(ms));
        assert_eq!(
            [left(1), left(400), left(9_950), left(10_001), left(61_000)],
            ["0.1s", "0.4s", "10s", "11s", "1m 1s"]
        );
    }
}
