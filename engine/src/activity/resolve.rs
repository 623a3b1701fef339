//! The options of one call of an activity: call site over declaration, capped by each other and by the run's own limit.

use serde::Deserialize;
use weft_bytecode::options::{
    ActivityOptions, FAIRNESS_KEY_BYTES_MAX, FAIRNESS_WEIGHTS_MILLI, OnCancel, PRIORITY_LAST, SUMMARY_BYTES_MAX,
    Target, Template,
};
use weft_bytecode::wire::template;
use weft_protocol::Payload;
use weft_protocol::policy::{CancelMode, ResolvedActivity, RunOptions};

/// Options given where an activity is called; what is missing or null is not given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CallOptions {
    timeout: Option<i64>,
    total_timeout: Option<i64>,
    queue_timeout: Option<i64>,
    heartbeat: Option<i64>,
    queue: Option<String>,
    retry: Option<CallRetry>,
    once: Option<bool>,
    on_cancel: Option<CancelMode>,
    priority: Option<i64>,
    fairness_key: Option<String>,
    /// A Decimal, which is a text.
    fairness_weight: Option<String>,
    summary: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct CallRetry {
    first: i64,
    factor_milli: i64,
    max: i64,
    attempts: i64,
}

/// The options of one scheduled activity with these arguments, in a run that has these.
pub(crate) fn resolve(
    declared: &ActivityOptions,
    call: Option<&Payload>,
    args: &Payload,
    run: &RunOptions,
) -> ResolvedActivity {
    let call = call.and_then(Payload::text).and_then(|text| serde_json::from_str::<CallOptions>(text).ok());
    let call = call.unwrap_or_default();
    let place = &declared.place;
    let mut out = ResolvedActivity {
        timeout_ms: call.timeout.or(declared.timeout_ms),
        total_timeout_ms: call.total_timeout.or(declared.total_timeout_ms),
        queue_timeout_ms: call.queue_timeout.or(declared.queue_timeout_ms),
        heartbeat_ms: call.heartbeat.or(declared.heartbeat_ms),
        retry_first_ms: declared.retry.first_ms,
        retry_factor_milli: declared.retry.factor_milli,
        retry_max_ms: declared.retry.max_ms,
        retry_attempts: declared.retry.attempts,
        once: call.once.unwrap_or(declared.once),
        queue: call.queue.or_else(|| match &declared.target {
            Target::Queue(name) => Some(name.clone()),
            Target::Http(_) | Target::Exec(_) | Target::Builtin(_) => None,
        }),
        on_cancel: call.on_cancel.unwrap_or_else(|| cancel_mode(declared.on_cancel)),
        priority: call.priority.or(place.priority.or(run.priority).map(i64::from)).map(priority),
        fairness_key: text(call.fairness_key, place.fairness_key.as_ref(), args, FAIRNESS_KEY_BYTES_MAX),
        fairness_weight_milli: call.fairness_weight.and_then(|text| weight(&text)).or(place.fairness_weight_milli),
        summary: text(call.summary, declared.summary.as_ref(), args, SUMMARY_BYTES_MAX),
    };
    if let Some(retry) = call.retry {
        out.retry_first_ms = retry.first;
        out.retry_factor_milli = retry.factor_milli;
        out.retry_max_ms = retry.max;
        out.retry_attempts = u32::try_from(retry.attempts.max(0)).unwrap_or(u32::MAX);
    }
    cap(&mut out, run.run_timeout_ms);
    out
}

/// No limit is longer than the one around it; given only a limit over all attempts, each attempt has that limit too.
fn cap(options: &mut ResolvedActivity, run_timeout_ms: Option<i64>) {
    let shorter = |limit: Option<i64>, around: Option<i64>| match (limit, around) {
        (Some(limit), Some(around)) => Some(limit.min(around)),
        (limit, _) => limit,
    };
    options.timeout_ms = options.timeout_ms.or(options.total_timeout_ms);
    options.total_timeout_ms = shorter(options.total_timeout_ms, run_timeout_ms);
    let around = options.total_timeout_ms.or(run_timeout_ms);
    options.timeout_ms = shorter(options.timeout_ms, around);
    options.queue_timeout_ms = shorter(options.queue_timeout_ms, around);
    options.heartbeat_ms = shorter(options.heartbeat_ms, options.timeout_ms);
}

fn priority(given: i64) -> u8 {
    given.clamp(1, i64::from(PRIORITY_LAST)) as u8
}

/// A Decimal in thousandths, within what a weight may be.
fn weight(text: &str) -> Option<u32> {
    let milli = text.parse::<f64>().ok()? * 1_000.0;
    let (least, most) = (*FAIRNESS_WEIGHTS_MILLI.start(), *FAIRNESS_WEIGHTS_MILLI.end());
    Some(milli.round().clamp(least as f64, most as f64) as u32)
}

/// A text of the call, or the declared one filled from the arguments. One that has no text is none: it is not what the
/// call is about.
fn text(call: Option<String>, declared: Option<&Template>, args: &Payload, bytes_max: usize) -> Option<String> {
    let mut text = call.or_else(|| template::render(declared?, &args.value()).ok())?;
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    Some(text)
}

pub(crate) fn cancel_mode(mode: OnCancel) -> CancelMode {
    match mode {
        OnCancel::Try => CancelMode::Try,
        OnCancel::Wait => CancelMode::Wait,
        OnCancel::Abandon => CancelMode::Abandon,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> ActivityOptions {
        ActivityOptions { total_timeout_ms: Some(60_000), ..ActivityOptions::new(Target::Queue("payments".into())) }
    }

    fn lasting(run_timeout_ms: Option<i64>) -> RunOptions {
        RunOptions { run_timeout_ms, ..RunOptions::default() }
    }

    #[test]
    fn call_site_options_win() {
        let args = Payload::json("{}");
        let urgent = RunOptions { priority: Some(2), ..RunOptions::default() };
        let plain = resolve(&declared(), None, &args, &urgent);
        assert_eq!((plain.timeout_ms, plain.queue.as_deref()), (Some(60_000), Some("payments")));
        assert_eq!(plain.priority, Some(2), "its run's");
        let call = Payload::json(
            r#"{"timeout":5000,"total_timeout":null,"queue":"fast","on_cancel":"wait","once":true,"priority":9,
                "fairness_key":"ann","fairness_weight":"2.5","summary":"the charge",
                "retry":{"first":10,"factor_milli":1000,"max":10,"attempts":3}}"#,
        );
        let resolved = resolve(&declared(), Some(&call), &args, &urgent);
        assert_eq!(resolved.timeout_ms, Some(5_000));
        assert_eq!(resolved.total_timeout_ms, Some(60_000));
        assert_eq!(resolved.queue.as_deref(), Some("fast"));
        assert_eq!(resolved.on_cancel, CancelMode::Wait);
        assert_eq!((resolved.retry_first_ms, resolved.retry_attempts, resolved.once), (10, 3, true));
        assert_eq!((resolved.priority, resolved.fairness_weight_milli), (Some(5), Some(2_500)));
        assert_eq!((resolved.fairness_key.as_deref(), resolved.summary.as_deref()), (Some("ann"), Some("the charge")));
    }

    #[test]
    fn no_limit_is_longer_than_the_one_around_it() {
        let mut options = declared();
        options.timeout_ms = Some(90_000);
        options.queue_timeout_ms = Some(70_000);
        options.heartbeat_ms = Some(80_000);
        let limits = |run| {
            let out = resolve(&options, None, &Payload::json("{}"), &lasting(run));
            (out.total_timeout_ms, out.timeout_ms, out.queue_timeout_ms, out.heartbeat_ms)
        };
        let all = |ms| (Some(ms), Some(ms), Some(ms), Some(ms));
        assert_eq!(limits(None), all(60_000));
        assert_eq!(limits(Some(20_000)), all(20_000));
        let mut endless = ActivityOptions::new(Target::Queue("q".into()));
        endless.timeout_ms = Some(30_000);
        let out = resolve(&endless, None, &Payload::json("{}"), &lasting(Some(20_000)));
        assert_eq!((out.total_timeout_ms, out.timeout_ms, out.queue_timeout_ms), (None, Some(20_000), None));
    }

    #[test]
    fn texts_are_filled_and_cut() {
        use weft_bytecode::options::Part;
        let mut options = declared();
        let hole = Part::Hole(vec!["who".into()]);
        options.place.fairness_key = Some(Template { parts: vec![hole.clone()] });
        options.summary = Some(Template { parts: vec![Part::Text("for ".into()), hole] });
        let ann = resolve(&options, None, &Payload::json(r#"{"who":"ann"}"#), &lasting(None));
        assert_eq!((ann.fairness_key.as_deref(), ann.summary.as_deref()), (Some("ann"), Some("for ann")));
        let long = Payload::json(&format!(r#"{{"who":"{}"}}"#, "ä".repeat(300)));
        let cut = resolve(&options, None, &long, &lasting(None));
        assert_eq!(cut.fairness_key.map(|key| key.len()), Some(64));
        assert_eq!(cut.summary.map(|summary| summary.len()), Some(400));
        let none = resolve(&options, None, &Payload::json(r#"{"who":null}"#), &lasting(None));
        assert_eq!((none.fairness_key, none.summary), (None, None));
    }
}
