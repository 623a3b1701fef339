//! Who gets an attempt, and where it goes when whoever had it goes away.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use weft_bytecode::options::Target;
use weft_protocol::api::PollRequest;
use weft_protocol::limits::Limits;

use super::*;
use crate::activities::fixture::Fixture;

const LONG: Duration = Duration::from_secs(60);

fn task(attempt: u32) -> ActivityTask {
    let mut task = Fixture::new(Target::Queue("q".into())).task(&json!({}));
    task.attempt = attempt;
    task
}

fn attempts(handout: &Handout) -> Vec<u32> {
    handout.tasks().iter().map(|task| task.attempt).collect()
}

#[test]
fn a_token_has_one_spelling() {
    let token = TaskToken::of(&task(3));
    assert_eq!(token.to_string(), "0010000000000007.5.3");
    assert_eq!(token.to_string().parse(), Ok(token));
    for bad in [
        "",
        "1.2",
        "0010000000000007.5.3.1",
        "10000000000007.5.3",
        "0010000000000007.05.3",
        "0010000000000007.5.+3",
        "ä.5.3",
    ] {
        assert_eq!(bad.parse::<TaskToken>(), Err(NotAToken), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_gets_what_is_ready_or_what_comes() {
    let queues = TaskQueues::new();
    queues.push("q", task(1));
    queues.push("q", task(2));
    queues.push("q", task(3));
    let first = queues.poll("default", "q", 2, LONG).await;
    assert_eq!(attempts(&first), [1, 2]);
    assert_eq!(attempts(&queues.poll("default", "q", 2, LONG).await), [3], "then dropped: it goes back");
    assert_eq!(attempts(&queues.poll("default", "q", 2, LONG).await), [3]);
    first.accept();

    assert_eq!(queues.poll("default", "q", 1, Duration::ZERO).await.accept().len(), 1);
    let mut waiting = Box::pin(queues.poll("default", "q", 1, LONG));
    assert!(waiting.as_mut().now_or_never().is_none());
    queues.push("q", task(4));
    assert_eq!(attempts(&waiting.await), [4]);
}

#[tokio::test(start_paused = true)]
async fn waiting_polls_are_served_in_their_order() {
    let queues = TaskQueues::new();
    let mut first = Box::pin(queues.poll("default", "q", 5, LONG));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(queues.poll("default", "q", 5, LONG));
    assert!(second.as_mut().now_or_never().is_none());
    queues.push("q", task(1));
    queues.push("q", task(2));
    assert_eq!(attempts(&second.await), [2]);
    assert_eq!(attempts(&first.await), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_goes_away_loses_nothing() {
    let queues = TaskQueues::new();
    let mut gone = Box::pin(queues.poll("default", "q", 1, LONG));
    assert!(gone.as_mut().now_or_never().is_none());
    let mut next = Box::pin(queues.poll("default", "q", 1, LONG));
    assert!(next.as_mut().now_or_never().is_none());
    queues.push("q", task(1));
    drop(gone);
    assert_eq!(attempts(&next.await), [1], "handed to the first, which never looked");

    let mut gone = Box::pin(queues.poll("default", "q", 1, LONG));
    let _ = gone.as_mut().now_or_never();
    drop(gone);
    assert_eq!(queues.depth("default", "q"), (1, 0), "the one above was given back, nobody waits");
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_with_nothing_and_leaves_nothing_behind() {
    let queues = TaskQueues::new();
    let start = Instant::now();
    assert!(queues.poll("default", "nobody", 1, LONG).await.tasks().is_empty());
    assert_eq!(start.elapsed(), LONG);
    assert!(queues.lock().by_name.is_empty(), "queue names come from outside and must not pile up");
}

#[tokio::test(start_paused = true)]
async fn canceled_attempts_are_not_handed_out() {
    let queues = TaskQueues::new();
    for attempt in 1..=200 {
        let task = task(attempt);
        task.cancel.cancel();
        queues.push("q", task);
    }
    assert!(queues.depth("default", "q").0 < SWEEP_MIN, "nobody polls, and yet they go");
    queues.push("q", task(201));
    assert_eq!(attempts(&queues.poll("default", "q", 9, LONG).await), [201]);
}

#[tokio::test(start_paused = true)]
async fn a_large_handout_is_split() {
    let queues = TaskQueues::new();
    let large = "x".repeat(HANDOUT_BYTES_MAX / 2 - 20);
    for _ in 0..3 {
        queues.push("q", Fixture::new(Target::Queue("q".into())).task(&json!({ "text": large })));
    }
    assert_eq!(queues.poll("default", "q", 9, LONG).await.accept().len(), 2);
    assert_eq!(queues.poll("default", "q", 9, LONG).await.accept().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reserved_attempt_waits_for_its_worker() {
    let queues = TaskQueues::new();
    let grace = Duration::from_secs(10);
    queues.reserve("q", task(1), grace);
    queues.reserve("q", task(2), grace);
    assert!(queues.poll("default", "q", 9, Duration::from_secs(1)).await.tasks().is_empty());
    let mine = TaskToken::of(&task(1));
    assert!(queues.claim("other", mine).is_none());
    assert_eq!(queues.claim("default", mine).map(|claimed| claimed.task.attempt), Some(1));
    assert!(queues.claim("default", mine).is_none(), "once");

    let start = Instant::now();
    let handout = queues.poll("default", "q", 9, LONG).await;
    assert_eq!(attempts(&handout), [2], "whose worker did not come back");
    assert_eq!(start.elapsed(), Duration::from_secs(9));
    assert!(queues.claim("default", TaskToken::of(&task(2))).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_reserved_again_goes_back_to_its_own_queue_for_the_whole_grace() {
    let queues = TaskQueues::new();
    let grace = Duration::from_secs(10);
    queues.reserve("q", task(1), grace);
    tokio::time::advance(Duration::from_secs(6)).await;
    let claimed = queues.claim("default", TaskToken::of(&task(1))).expect("it is reserved");
    queues.reserve_again(claimed, grace);

    let start = Instant::now();
    assert_eq!(attempts(&queues.poll("default", "q", 9, LONG).await), [1]);
    assert_eq!(start.elapsed(), grace, "the end of the first grace is none of the second's");
}

#[test]
fn a_poll_says_what_is_wrong_with_it() {
    let limits = Limits::default();
    let plan = PollPlan::read(&PollRequest::default(), &limits).unwrap();
    assert_eq!((plan.max, plan.wait), (1, Duration::from_secs(30)));
    let long = PollRequest { wait: Some("1h".into()), max: Some(1_000), ..PollRequest::default() };
    assert_eq!(PollPlan::read(&long, &limits).unwrap().wait, LONG, "never above long_poll_max");
    for (request, path) in [
        (PollRequest { max: Some(0), ..PollRequest::default() }, "max"),
        (PollRequest { max: Some(1_001), ..PollRequest::default() }, "max"),
        (PollRequest { wait: Some("soon".into()), ..PollRequest::default() }, "wait"),
        (PollRequest { wait: Some("-1s".into()), ..PollRequest::default() }, "wait"),
        (
            PollRequest { holding: vec!["0010000000000007.5.3".into(), "x".into()], ..PollRequest::default() },
            "holding[1]",
        ),
    ] {
        let error = PollPlan::read(&request, &limits).unwrap_err();
        assert_eq!((error.status, error.path.as_deref()), (422, Some(path)));
    }
}
