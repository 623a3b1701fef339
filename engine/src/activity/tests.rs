//! The life of an activity as a table: what is done to it, and what it says.

use super::*;
use crate::transition::Steer;
use serde_json::Value;

const TOO_LONG: ActivityInput = ActivityInput::LimitDue(TimeoutKind::StartToClose);
const UNBEGUN: ActivityInput = ActivityInput::LimitDue(TimeoutKind::ScheduleToStart);
const TOO_LATE: ActivityInput = ActivityInput::LimitDue(TimeoutKind::ScheduleToClose);
const SILENT: ActivityInput = ActivityInput::LimitDue(TimeoutKind::Heartbeat);

fn options(total: Option<i64>, attempts: u32) -> ResolvedActivity {
    ResolvedActivity {
        timeout_ms: Some(30_000),
        total_timeout_ms: total,
        heartbeat_ms: Some(10_000),
        retry_first_ms: 1_000,
        retry_factor_milli: 2_000,
        retry_max_ms: 100_000,
        retry_attempts: attempts,
        ..ResolvedActivity::default()
    }
}

/// Word, alarms, records; `-` if there are none.
fn followed(word: &str, follow: &Follow) -> String {
    let mut parts: Vec<String> = Some(word.to_owned()).filter(|word| !word.is_empty()).into_iter().collect();
    parts.extend(follow.alarms.iter().map(|(at, key)| format!("{} {key:?}", at.0).replace("EventId(2)", "2")));
    parts.extend(follow.records.iter().map(|record| match record {
        Record::AttemptFailed { attempt, next_at, .. } => format!("failed {attempt} until {}", next_at.0),
        Record::AttemptStarted { attempt, at, .. } => format!("began {attempt} at {}", at.0),
        Record::Heartbeat { progress, .. } => {
            format!("progress {}", progress.as_ref().map_or(Value::Null, Payload::value))
        }
        Record::Steered { .. } => "steered".into(),
        Record::Told { .. } | Record::AskedAgain { .. } | Record::Deleted { .. } => "of a run".into(),
    }));
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}

fn shown(moved: Result<Moved, Refused>) -> String {
    match moved {
        Ok(Moved::Goes(follow)) => followed("", &follow),
        Ok(Moved::Dispatch(follow)) => followed("dispatch", &follow),
        Ok(Moved::Withdraw(follow)) => followed("withdraw", &follow),
        Ok(Moved::Again(follow)) => followed("again", &follow),
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
    let given =
        Given { id: EventId(2), name: "charge", options, run_over: None, declares: &|name| name == "CardDeclined" };
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
            (5, Delivered, "30005 StartToClose(2, 1), 10005 Heartbeat(2, 1)"),
            (6, Heartbeat(None), "-"),
            (10_005, SILENT, "10006 Heartbeat(2, 1)"),
            (10_006, fault("away"), "again, 11006 Retry(2, 2), failed 1 until 11006"),
            (10_007, Delivered, "Stale"),
            (10_007, Heartbeat(None), "Stale"),
            (11_005, RetryDue, "11006 Retry(2, 2)"),
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
        &[
            (0, fault("a"), "again, 1000 Retry(2, 2), failed 1 until 1000"),
            (1_000, ActivityInput::RetryDue, "dispatch"),
            (1_100, fault("b"), last),
        ],
    );
    let early = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt, no time left for another \
                 (caused by Fault: a)";
    check(&options(Some(1_500), 0), &[(600, fault("a"), early)]);
    let none = "timed out 0 schedule_to_start: ActivityFailed: activity `charge` failed after 0 attempts, no time left \
                for another (caused by Timeout: no result of `charge` in 1s500ms)";
    check(&options(Some(1_500), 0), &[(1_400, TOO_LATE, "1500 ScheduleToClose(2)"), (1_500, TOO_LATE, none)]);
}

#[test]
fn time_limits_of_an_attempt() {
    use ActivityInput::*;
    let once = options(None, 1);
    let silent = "timed out 1 heartbeat: ActivityFailed: activity `charge` failed after 1 attempt (caused by Timeout: \
                  attempt 1 of `charge` was silent for 10s)";
    let started = "30000 StartToClose(2, 1), 10000 Heartbeat(2, 1)";
    check(&once, &[(0, Delivered, started), (10_000, SILENT, silent)]);
    let long = "timed out 1 start_to_close: ActivityFailed: activity `charge` failed after 1 attempt (caused by \
                Timeout: attempt 1 of `charge` took longer than 30s)";
    let started = "30000 StartToClose(2, 1)";
    let quiet = |options| ResolvedActivity { heartbeat_ms: None, ..options };
    let once = quiet(once);
    check(&once, &[(0, Delivered, started), (29_999, TOO_LONG, "30000 StartToClose(2, 1)"), (30_000, TOO_LONG, long)]);
    check(
        &quiet(options(None, 0)),
        &[(0, Delivered, started), (30_000, TOO_LONG, "again, 31000 Retry(2, 2), failed 1 until 31000")],
    );
    let no_time = "timed out 1 schedule_to_close: ActivityFailed: activity `charge` failed after 1 attempt, no time \
                   left for another (caused by Timeout: not enough time for another attempt before its deadline \
                   (caused by Timeout: attempt 1 of `charge` took longer than 30s))";
    check(&quiet(options(Some(30_500), 0)), &[(0, Delivered, started), (30_000, TOO_LONG, no_time)]);
}

#[test]
fn cancel_ends_what_nobody_works_on_and_asks_the_others() {
    use ActivityInput::*;
    check(&options(None, 0), &[(0, Cancel, "ActivityCanceled")]);
    check(
        &options(None, 0),
        &[(0, fault("a"), "again, 1000 Retry(2, 2), failed 1 until 1000"), (1, Cancel, "ActivityCanceled")],
    );
    let started = "30000 StartToClose(2, 1), 10000 Heartbeat(2, 1)";
    check(&options(None, 0), &[(0, Delivered, started), (1, Cancel, "-"), (2, Canceled, "ActivityCanceled")]);
    let failed = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt, cancel requested (caused by \
                  Fault: a)";
    check(&options(None, 0), &[(0, Delivered, started), (1, Cancel, "-"), (2, fault("a"), failed)]);
    check(&options(None, 0), &[(0, Delivered, started), (2, Canceled, "again, 1002 Retry(2, 2), failed 1 until 1002")]);
}

#[test]
fn an_attempt_that_nobody_begins_with_is_never_retried() {
    use ActivityInput::*;
    let waits = ResolvedActivity { queue_timeout_ms: Some(5_000), ..options(None, 0) };
    let began = "30001 StartToClose(2, 1), 10001 Heartbeat(2, 1), began 1 at 1";
    let none = "timed out 0 schedule_to_start: ActivityFailed: activity `charge` failed after 0 attempts, \
                `queue_timeout` was over before the next (caused by Timeout: nobody began with attempt 1 of `charge` in 5s)";
    check(&waits, &[(4_999, UNBEGUN, "5000 ScheduleToStart(2, 1)"), (5_000, UNBEGUN, none)]);
    // Each attempt waits anew, from the end of its backoff.
    let second = "timed out 1 schedule_to_start: ActivityFailed: activity `charge` failed after 1 attempt, \
                  `queue_timeout` was over before the next (caused by Timeout: nobody began with attempt 2 of `charge` in \
                  5s (caused by Fault: a))";
    check(
        &waits,
        &[
            (1, Delivered, began),
            (5_000, UNBEGUN, "-"),
            (6_000, fault("a"), "again, 7000 Retry(2, 2), failed 1 until 7000"),
            (6_500, UNBEGUN, "-"),
            (9_000, RetryDue, "dispatch, 12000 ScheduleToStart(2, 2)"),
            (12_000, UNBEGUN, second),
        ],
    );
}

#[test]
fn of_limits_that_are_over_together_the_first_counts() {
    use ActivityInput::*;
    let all = ResolvedActivity { timeout_ms: Some(10_000), ..options(Some(10_000), 1) };
    let started = "10000 StartToClose(2, 1), 10000 Heartbeat(2, 1)";
    for alarm in [TOO_LONG, TOO_LATE, SILENT] {
        let ended = "timed out 1 start_to_close: ActivityFailed: activity `charge` failed after 1 attempt (caused by \
                     Timeout: attempt 1 of `charge` took longer than 10s)";
        check(&all, &[(0, Delivered, started), (10_000, alarm, ended)]);
    }
    let unbegun = "timed out 0 schedule_to_start: ActivityFailed: activity `charge` failed after 0 attempts, no time left \
                   for another (caused by Timeout: no result of `charge` in 10s)";
    check(&all, &[(10_000, TOO_LATE, unbegun)]);
    // Looked at late, what was over first counts: silence since 5 s, not the ten seconds of the attempt.
    let silent = "timed out 1 heartbeat: ActivityFailed: activity `charge` failed after 1 attempt (caused by Timeout: \
                  attempt 1 of `charge` was silent for 4s)";
    let quick = ResolvedActivity { heartbeat_ms: Some(4_000), ..options(None, 1) };
    let started = "30000 StartToClose(2, 1), 4000 Heartbeat(2, 1)";
    check(&quick, &[(0, Delivered, started), (1_000, Heartbeat(None), "-"), (60_000, TOO_LONG, silent)]);
}

#[test]
fn once_is_begun_once() {
    use ActivityInput::*;
    let once = ResolvedActivity { once: true, heartbeat_ms: None, ..options(None, 0) };
    let began = "30005 StartToClose(2, 1), began 1 at 5";
    let lost = "timed out 1 start_to_close: ActivityFailed: activity `charge` failed after 1 attempt, and `once` allows no \
                other (caused by Timeout: attempt 1 of `charge` took longer than 30s)";
    check(
        &once,
        &[
            (5, Delivered, began),
            (6, Delivered, "Stale"),
            (7, Redelivered(Timestamp(5)), "Stale"),
            (30_005, TOO_LONG, lost),
        ],
    );
    let failed = "failed 1: ActivityFailed: activity `charge` failed after 1 attempt, and `once` allows no other (caused \
                  by Fault: a)";
    check(&once, &[(5, Delivered, began), (6, fault("a"), failed)]);
}

#[test]
fn progress_is_written_now_and_then_and_when_an_attempt_fails() {
    use ActivityInput::*;
    let beat = |n: i32| Heartbeat(Some(Payload::json(&n.to_string())));
    let started = "30000 StartToClose(2, 1), 10000 Heartbeat(2, 1)";
    check(
        &options(None, 0),
        &[
            (0, Delivered, started),
            (1, beat(1), "progress 1"),
            (2, beat(2), "8001 Progress(2, 1)"),
            (3, beat(3), "-"),
            (8_000, ProgressDue, "-"),
            (8_001, ProgressDue, "progress 3"),
            (8_002, beat(4), "progress 4"),
            (8_003, beat(5), "16002 Progress(2, 1)"),
            (8_004, fault("a"), "again, 9004 Retry(2, 2), progress 5, failed 1 until 9004"),
            (9_004, RetryDue, "dispatch"),
            (9_005, beat(6), "39005 StartToClose(2, 2), 19005 Heartbeat(2, 2), progress 6"),
        ],
    );
}

#[test]
fn a_paused_activity_begins_no_attempt_and_a_reset_one_begins_anew() {
    use ActivityInput::*;
    let resolved = options(None, 2);
    let given = Given { id: EventId(2), name: "charge", options: &resolved, run_over: None, declares: &|_| false };
    let mut activity = Activity::new(0, Timestamp(0));
    let pause = || Steer::Pause { reason: "maintenance".into() };
    let reset = |keep_paused| Steer::Reset { keep_paused, clear_progress: false };
    let steer = |activity: &mut Activity, steer: Steer, at: i64| shown(Ok(activity.steer(given, steer, Timestamp(at))));
    let apply =
        |activity: &mut Activity, input: ActivityInput, at: i64| shown(activity.apply(given, input, Timestamp(at)));
    assert_eq!(steer(&mut activity, Steer::Unpause, 0), "-");
    assert_eq!(steer(&mut activity, pause(), 0), "withdraw, steered");
    assert_eq!(steer(&mut activity, pause(), 1), "-");
    assert_eq!(apply(&mut activity, Delivered, 1), "Stale");
    assert_eq!(steer(&mut activity, Steer::Unpause, 2), "dispatch, steered");
    assert_eq!(apply(&mut activity, Delivered, 3), "30003 StartToClose(2, 1), 10003 Heartbeat(2, 1)");
    assert_eq!(steer(&mut activity, pause(), 4), "steered");
    assert_eq!(apply(&mut activity, fault("a"), 5), "again, 1005 Retry(2, 2), failed 1 until 1005");
    assert_eq!(apply(&mut activity, RetryDue, 1_005), "-", "it is parked");
    assert_eq!(steer(&mut activity, reset(true), 1_006), "steered");
    assert_eq!(steer(&mut activity, reset(false), 1_007), "dispatch, steered");
    assert_eq!(
        apply(&mut activity, fault("b"), 1_008),
        "again, 2008 Retry(2, 3), failed 2 until 2008",
        "the first again"
    );
    assert_eq!(steer(&mut activity, reset(false), 1_009), "dispatch, steered", "it does not wait");
    assert_eq!((activity.attempt, activity.forgiven), (3, 2));
    assert_eq!(apply(&mut activity, Delivered, 1_010), "31010 StartToClose(2, 3), 11010 Heartbeat(2, 3)");
    assert_eq!(steer(&mut activity, reset(false), 1_011), "steered");
    assert!(activity.reset, "the attempt is told, and goes on");
}
