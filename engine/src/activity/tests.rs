//! The life of an activity as a table: what is done to it, and what it says.

use super::*;
use weft_bytecode::options::RetryPolicy;

fn options(total: Option<i64>, attempts: u32) -> ResolvedActivity {
    ResolvedActivity {
        timeout_ms: Some(30_000),
        total_timeout_ms: total,
        heartbeat_ms: Some(10_000),
        retry_first_ms: 1_000,
        retry_factor_milli: 2_000,
        retry_max_ms: 100_000,
        retry_attempts: attempts,
        queue: None,
        on_cancel: CancelMode::Try,
    }
}

fn shown(moved: Result<Moved, Refused>) -> String {
    let key = |(at, key): &(Timestamp, AlarmKey)| format!("{} {key:?}", at.0);
    match moved {
        Ok(Moved::Goes { alarms, record }) => {
            let mut parts: Vec<_> = alarms.iter().map(key).collect();
            parts.extend(record.map(|r| format!("{r:?}")));
            if parts.is_empty() { "-".into() } else { parts.join(", ") }
        }
        Ok(Moved::Dispatch) => "dispatch".into(),
        Ok(Moved::Again { at, .. }) => format!("again at {}", at.0),
        Ok(Moved::Ended(kind)) => match &kind {
            EventKind::ActivityFailed { end, failure } => format!("failed {}: {failure}", end.attempt),
            EventKind::ActivityTimedOut { end, timeout, failure } => {
                format!("timed out {} {}: {failure}", end.attempt, timeout.name())
            }
            EventKind::ActivityCompleted { end, .. } => format!("completed {} {:?}", end.attempt, end.started_at),
            other => other.name().into(),
        },
        Err(refused) => format!("{refused:?}"),
    }
}

fn check(options: &ResolvedActivity, script: &[(i64, ActivityInput, &str)]) {
    let mut activity = Activity::new(0, Timestamp(0));
    let given = Given { id: EventId(2), name: "charge", options, declares: &|name| name == "CardDeclined" };
    for (step, (at, input, expected)) in script.iter().enumerate() {
        let moved = activity.apply(given, input.clone(), Timestamp(*at));
        assert_eq!(shown(moved), *expected, "step {step}: {input:?}");
    }
}

fn fault(message: &str) -> ActivityInput {
    ActivityInput::Failed { failure: Failure::fault(message), retry_after_ms: None }
}

#[test]
fn a_fault_is_retried_and_the_result_ends_it() {
    use ActivityInput::*;
    check(
        &options(None, 0),
        &[
            (5, Delivered, "30005 StartToClose(EventId(2), 1), 10005 Heartbeat(EventId(2), 1)"),
            (6, Heartbeat(None), "-"),
            (10_005, HeartbeatDue, "10006 Heartbeat(EventId(2), 1)"),
            (10_006, fault("away"), "again at 11006"),
            (10_007, Completed(Payload::null()), "Stale"),
            (11_005, RetryDue, "11006 Retry(EventId(2), 2)"),
            (11_006, RetryDue, "dispatch"),
            (11_006, RetryDue, "-"),
            (12_000, Completed(Payload::null()), "completed 2 None"),
        ],
    );
}

#[test]
fn declared_errors_and_hopeless_faults_end_it_at_once() {
    let declared = ActivityInput::Failed { failure: Failure::new("CardDeclined", "no"), retry_after_ms: None };
    check(&options(None, 0), &[(5, declared, "failed 1: CardDeclined: no")]);
    let hopeless = ActivityInput::Failed { failure: Failure::new("Fault", "no"), retry_after_ms: None };
    let gave_up = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt (caused by Fault: no)";
    check(&options(None, 0), &[(5, hopeless, gave_up)]);
}

#[test]
fn the_policy_and_the_total_timeout_end_it() {
    let last = "failed 2: ActivityFailed: activity `charge` failed after 2 attempts (caused by Fault: b)";
    check(
        &options(None, 2),
        &[(0, fault("a"), "again at 1000"), (1_000, ActivityInput::RetryDue, "dispatch"), (1_100, fault("b"), last)],
    );
    let early = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt, no time left for another \
                 (caused by Fault: a)";
    check(&options(Some(1_500), 0), &[(600, fault("a"), early)]);
    let none = "timed out 0 schedule_to_close: ActivityFailed: activity `charge` failed after 0 attempts, no time left \
                for another (caused by Timeout: `charge` took longer than 1s500ms)";
    check(
        &options(Some(1_500), 0),
        &[
            (1_400, ActivityInput::ScheduleToCloseDue, "1500 ScheduleToClose(EventId(2))"),
            (1_500, ActivityInput::ScheduleToCloseDue, none),
        ],
    );
}

#[test]
fn time_limits_of_an_attempt() {
    use ActivityInput::*;
    let once = options(None, 1);
    let silent = "timed out 1 heartbeat: ActivityFailed: activity `charge` failed after 1 attempt (caused by Timeout: \
                  attempt 1 of `charge` was silent for 10s)";
    let started = "30000 StartToClose(EventId(2), 1), 10000 Heartbeat(EventId(2), 1)";
    check(&once, &[(0, Delivered, started), (10_000, HeartbeatDue, silent)]);
    let long = "timed out 1 start_to_close: ActivityFailed: activity `charge` failed after 1 attempt (caused by \
                Timeout: attempt 1 of `charge` took longer than 30s)";
    check(
        &once,
        &[
            (0, Delivered, started),
            (29_999, StartToCloseDue, "30000 StartToClose(EventId(2), 1)"),
            (30_000, StartToCloseDue, long),
        ],
    );
    check(&options(None, 0), &[(0, Delivered, started), (30_000, StartToCloseDue, "again at 31000")]);
    let no_time = "timed out 1 schedule_to_close: ActivityFailed: activity `charge` failed after 1 attempt, no time \
                   left for another (caused by Timeout: not enough time for another attempt before `total_timeout` \
                   (caused by Timeout: attempt 1 of `charge` took longer than 30s))";
    check(&options(Some(30_500), 0), &[(0, Delivered, started), (30_000, StartToCloseDue, no_time)]);
}

#[test]
fn cancel_ends_what_nobody_works_on_and_asks_the_others() {
    use ActivityInput::*;
    check(&options(None, 0), &[(0, Cancel, "ActivityCanceled")]);
    check(&options(None, 0), &[(0, fault("a"), "again at 1000"), (1, Cancel, "ActivityCanceled")]);
    let started = "30000 StartToClose(EventId(2), 1), 10000 Heartbeat(EventId(2), 1)";
    check(&options(None, 0), &[(0, Delivered, started), (1, Cancel, "-"), (2, Canceled, "ActivityCanceled")]);
    let failed = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt, cancel requested (caused by \
                  Fault: a)";
    check(&options(None, 0), &[(0, Delivered, started), (1, Cancel, "-"), (2, fault("a"), failed)]);
    check(&options(None, 0), &[(0, Delivered, started), (2, Canceled, "again at 1002")]);
}

#[test]
fn call_site_options_win() {
    let declared = ActivityOptions {
        target: Target::Queue("payments".into()),
        timeout_ms: None,
        total_timeout_ms: Some(60_000),
        heartbeat_ms: None,
        retry: RetryPolicy::default(),
        errors: vec![],
        on_cancel: OnCancel::Try,
    };
    let plain = resolve(&declared, None);
    assert_eq!((plain.timeout_ms, plain.queue.as_deref()), (Some(60_000), Some("payments")));
    let call = Payload::json(
        r#"{"timeout":5000,"total_timeout":null,"queue":"fast","on_cancel":"wait",
            "retry":{"first":10,"factor_milli":1000,"max":10,"attempts":3}}"#,
    );
    let resolved = resolve(&declared, Some(&call));
    assert_eq!(resolved.timeout_ms, Some(5_000));
    assert_eq!(resolved.total_timeout_ms, Some(60_000));
    assert_eq!(resolved.queue.as_deref(), Some("fast"));
    assert_eq!(resolved.on_cancel, CancelMode::Wait);
    assert_eq!((resolved.retry_first_ms, resolved.retry_attempts), (10, 3));
}
