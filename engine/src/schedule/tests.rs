//! A schedule by itself: events in, events and effects out. What partitions and stores add is in the sandbox's tests.

use serde_json::json;
use weft_bytecode::schedule::json as definitions;

use super::*;

const HOUR: i64 = 3_600_000;
/// 2026-06-01T00:00:00Z, a Monday.
const BEGIN: i64 = 1_780_272_000_000;

struct Played {
    schedule: Schedule,
    events: Vec<ScheduleEvent>,
    now: i64,
}

fn played(options: serde_json::Value) -> Played {
    let mut value = json!({"workflow": "w", "cron": "@hourly"});
    for (name, option) in options.as_object().expect("an object") {
        value[name] = option.clone();
    }
    let definition = definitions::read(&value).expect("a definition");
    let (schedule, out) = Schedule::create("default", "s", &definition, None, 7, Timestamp(BEGIN)).expect("a schedule");
    Played { schedule, events: out.events, now: BEGIN }
}

impl Played {
    fn give(&mut self, input: ScheduleInput) -> Vec<ScheduleEffect> {
        let out = self.schedule.decide(input, Timestamp(self.now)).expect("taken");
        self.events.extend(out.events);
        self.same_after_a_crash();
        out.effects
    }

    /// Whatever a schedule knows follows from its events.
    fn same_after_a_crash(&self) {
        let mut again = Schedule::begin("default", "s", &self.events[0]).expect("it begins");
        self.events[1..].iter().for_each(|event| again.apply(event).expect("it follows"));
        assert_eq!(again.describe(), self.schedule.describe());
        assert_eq!(again.next_look(), self.schedule.next_look());
    }

    fn at(&mut self, ms: i64) -> Vec<ScheduleEffect> {
        self.now = BEGIN + ms;
        self.give(ScheduleInput::Due)
    }

    fn ended(&mut self, fire: u64, status: Status) -> Vec<ScheduleEffect> {
        let failure = (status != Status::Completed).then(|| Failure::new("E", "no luck"));
        self.give(ScheduleInput::Ended { fire, run_id: RunId(fire), status, failure, result: None })
    }

    fn counts(&self) -> (u64, u64, u64, u64, u64) {
        let shown = self.schedule.describe();
        (shown.row.fired, shown.skipped, shown.missed, shown.dropped, shown.waiting)
    }
}

fn starts(effects: &[ScheduleEffect]) -> Vec<String> {
    let id = |effect: &ScheduleEffect| match effect {
        ScheduleEffect::Start { workflow_id, .. } => Some(workflow_id.to_string()),
        _ => None,
    };
    effects.iter().filter_map(id).collect()
}

#[test]
fn skip_leaves_out_what_comes_while_a_run_is_open() {
    let mut s = played(json!({}));
    assert_eq!(starts(&s.at(HOUR)), ["s-2026-06-01T01:00:00Z"]);
    s.give(ScheduleInput::Started(1, RunId(1)));
    assert!(s.at(3 * HOUR).is_empty());
    assert_eq!(s.counts(), (1, 2, 0, 0, 0));
    s.ended(1, Status::Completed);
    assert_eq!(starts(&s.at(4 * HOUR)), ["s-2026-06-01T04:00:00Z"]);
}

#[test]
fn one_waits_or_all_do() {
    let mut one = played(json!({"overlap": "buffer_one"}));
    one.at(HOUR);
    one.at(4 * HOUR);
    assert_eq!(one.counts(), (1, 2, 0, 0, 1));
    assert_eq!(starts(&one.ended(1, Status::Failed)), ["s-2026-06-01T02:00:00Z"]);
    let mut all = played(json!({"overlap": "buffer_all", "cron": "* * * * * * *"}));
    all.at(1_000);
    all.at(1_500_000);
    all.at(1_500_000);
    assert_eq!(all.counts(), (1, 0, 0, 499, 1_000));
    assert_eq!(starts(&all.ended(1, Status::Completed)), ["s-2026-06-01T00:00:02Z"]);
}

#[test]
fn others_are_stopped_once_and_the_newest_starts() {
    for (overlap, terminate) in [("cancel_other", false), ("terminate_other", true)] {
        let mut s = played(json!({"overlap": overlap}));
        s.at(HOUR);
        assert!(s.at(2 * HOUR).is_empty(), "not before it is known which run it is");
        let run = RunRef { workflow_id: "s-2026-06-01T01:00:00Z".into(), run_id: RunId(9) };
        let stop = if terminate { ScheduleEffect::Terminate(run) } else { ScheduleEffect::Cancel(run) };
        assert_eq!(s.give(ScheduleInput::Started(1, RunId(9))), std::slice::from_ref(&stop));
        assert!(s.at(3 * HOUR).is_empty(), "asked once");
        assert_eq!(s.schedule.clone().unsettled().len(), 1);
        assert_eq!(starts(&s.ended(1, Status::Canceled)), ["s-2026-06-01T03:00:00Z"]);
        assert_eq!(s.counts(), (2, 1, 0, 0, 0));
    }
}

#[test]
fn all_are_allowed_beside_each_other() {
    let mut s = played(json!({"overlap": "allow_all"}));
    assert_eq!(starts(&s.at(3 * HOUR)).len(), 3);
    s.ended(2, Status::Completed);
    assert_eq!((s.schedule.describe().running.len(), s.schedule.describe().last), (2, None));
}

#[test]
fn a_window_bounds_what_is_made_up_for() {
    let mut s = played(json!({"overlap": "allow_all", "catch_up": "2h"}));
    assert_eq!(starts(&s.at(72 * HOUR)).len(), 3, "those of the last two hours");
    assert_eq!(s.counts(), (3, 0, 69, 0, 0));
    let missed = s.events.iter().filter(|event| matches!(event.kind, ScheduleEventKind::Skipped { .. })).count();
    assert_eq!(missed, 1, "one event for all of them");
}

#[test]
fn jitter_is_no_delay_that_is_missed() {
    let mut s = played(json!({"every": "4h", "cron": [], "jitter": "4h", "catch_up": "10s"}));
    let mut started = 0;
    while started < 20 {
        let look = s.schedule.next_look().expect("there is a next one");
        started += starts(&s.at(look.0 - BEGIN)).len();
        s.ended(started as u64, Status::Completed);
    }
    assert_eq!(s.counts(), (20, 0, 0, 0, 0));
}

#[test]
fn a_pause_lets_times_pass() {
    let mut s = played(json!({}));
    s.give(ScheduleInput::Pause("holidays".into()));
    assert_eq!(s.schedule.next_look(), None);
    assert!(s.at(10 * HOUR).is_empty());
    let by_hand = s.give(ScheduleInput::Trigger { overlap: None, request_id: Some("r".into()) });
    assert_eq!(starts(&by_hand), ["s-2026-06-01T10:00:00Z"]);
    assert!(s.give(ScheduleInput::Trigger { overlap: None, request_id: Some("r".into()) }).is_empty());
    s.ended(1, Status::Completed);
    s.now += HOUR / 2;
    s.give(ScheduleInput::Resume("back".into()));
    assert_eq!(s.schedule.row().note, "back");
    assert_eq!(starts(&s.at(11 * HOUR)), ["s-2026-06-01T11:00:00Z"]);
    assert_eq!(s.counts(), (2, 0, 0, 0, 0));
}

#[test]
fn a_failure_pauses_if_it_is_to() {
    for (status, pauses) in [(Status::Failed, true), (Status::TimedOut, true), (Status::Canceled, false)] {
        let mut s = played(json!({"pause_on_failure": true, "overlap": "buffer_one"}));
        s.at(HOUR);
        s.at(2 * HOUR);
        let next = s.ended(1, status);
        assert_eq!(s.schedule.row().paused, pauses);
        assert_eq!(starts(&next).len(), usize::from(!pauses), "what waited starts no more");
        if pauses {
            assert_eq!(s.schedule.row().note, "paused due to workflow failure: s-2026-06-01T01:00:00Z: no luck");
        }
    }
}

#[test]
fn a_limit_counts_what_it_started_by_itself() {
    let mut s = played(json!({"limit": 2}));
    s.give(ScheduleInput::Trigger { overlap: Some(Overlap::AllowAll), request_id: None });
    for hour in 1..5 {
        s.at(hour * HOUR);
        s.ended(hour as u64 + 1, Status::Completed);
    }
    assert_eq!(s.schedule.describe().remaining, Some(0));
    assert_eq!(s.counts().0, 3);
    assert_eq!(s.schedule.next_look(), None);
    let more = definitions::read(&json!({"workflow": "w", "cron": "@hourly", "limit": 3})).expect("a definition");
    s.give(ScheduleInput::Replace(Box::new(more), None));
    assert_eq!(starts(&s.at(6 * HOUR)), ["s-2026-06-01T05:00:00Z"], "those after it was replaced");
}

#[test]
fn a_start_that_is_refused_is_none_of_the_limit() {
    let mut s = played(json!({"limit": 1}));
    assert_eq!(starts(&s.at(HOUR)).len(), 1);
    assert_eq!(s.schedule.describe().remaining, Some(0));
    s.give(ScheduleInput::Refused(1, Failure::new("WrongInput", "an argument is missing")));
    assert_eq!(s.schedule.describe().remaining, Some(1));
    assert_eq!(starts(&s.at(2 * HOUR)), ["s-2026-06-01T02:00:00Z"]);
}

#[test]
fn a_new_timetable_takes_times_from_its_beginning_on() {
    let mut s = played(json!({"cron": "0 9 * * *", "overlap": "allow_all"}));
    assert_eq!(starts(&s.at(9 * HOUR)), ["s-2026-06-01T09:00:00Z"]);
    s.now = BEGIN + 17 * HOUR;
    let often = json!({"workflow": "w", "cron": "*/30 * * * *", "overlap": "allow_all"});
    let more = definitions::read(&often).expect("a definition");
    assert!(s.give(ScheduleInput::Replace(Box::new(more), None)).is_empty());
    assert_eq!(starts(&s.at(17 * HOUR + HOUR / 2)), ["s-2026-06-01T17:30:00Z"]);
    // What is due is due: it is only the options that are other ones.
    s.now = BEGIN + 18 * HOUR;
    let one = json!({"workflow": "w", "cron": "*/30 * * * *", "overlap": "buffer_one"});
    let one = definitions::read(&one).expect("a definition");
    assert!(s.give(ScheduleInput::Replace(Box::new(one), None)).is_empty());
    assert_eq!(starts(&s.at(18 * HOUR)), ["s-2026-06-01T18:00:00Z"]);
}

/// One that starts at noon of each day and a while, and when it does.
fn with_jitter() -> (Played, i64) {
    let s = played(json!({"cron": "0 12 * * *", "jitter": "1h"}));
    let at = s.schedule.next_look().expect("it has times").0 - BEGIN;
    assert!(at > 12 * HOUR + 60_000 && at < 13 * HOUR, "{at}");
    (s, at)
}

const NOON: [&str; 1] = ["s-2026-06-01T12:00:00Z"];

#[test]
fn a_pause_that_is_over_before_the_jitter_is_loses_no_time() {
    let (mut s, at) = with_jitter();
    for ms in [1_000, 20_000] {
        s.now = BEGIN + 12 * HOUR + ms;
        s.give(ScheduleInput::Pause("a moment".into()));
        s.now += 10_000;
        s.give(ScheduleInput::Resume(String::new()));
    }
    assert!(s.at(at - 1).is_empty());
    assert_eq!(starts(&s.at(at)), NOON);
    assert!(s.at(at + HOUR).is_empty(), "once");
}

#[test]
fn what_would_start_or_come_during_a_pause_does_not() {
    let (mut s, at) = with_jitter();
    for (pause, resume) in [(12 * HOUR + 1, at), (36 * HOUR - 1, 36 * HOUR + 1)] {
        s.now = BEGIN + pause;
        s.give(ScheduleInput::Pause(String::new()));
        s.now = BEGIN + resume;
        s.give(ScheduleInput::Resume(String::new()));
        assert!(s.at(resume + HOUR).is_empty());
    }
    assert_eq!(starts(&s.at(61 * HOUR)), ["s-2026-06-03T12:00:00Z"]);
}

#[test]
fn a_new_timetable_takes_what_waited_in_the_jitter_of_the_old() {
    let (mut s, at) = with_jitter();
    s.now = BEGIN + 12 * HOUR + 60_000;
    let later = json!({"workflow": "w", "cron": "0 18 * * *", "jitter": "1h"});
    let later = definitions::read(&later).expect("a definition");
    assert_eq!(starts(&s.give(ScheduleInput::Replace(Box::new(later), None))), NOON);
    assert!(s.at(at).is_empty());
}

#[test]
fn other_options_leave_out_nothing() {
    let mut s = played(json!({"every": "1m", "cron": [], "overlap": "allow_all"}));
    s.now = BEGIN + 48 * HOUR;
    let more = json!({"workflow": "w", "every": "1m", "overlap": "allow_all", "args": {"n": 1}});
    let more = definitions::read(&more).expect("a definition");
    s.give(ScheduleInput::Replace(Box::new(more), None));
    for _ in 0..4 {
        s.at(48 * HOUR);
    }
    assert_eq!(s.counts(), (48 * 60, 0, 0, 0, 0));
}

#[test]
fn far_more_due_times_than_a_look_takes_are_counted_as_far_as_that_is_quick() {
    let mut s = played(json!({"cron": "* * * * * * *", "jitter": "1s", "overlap": "allow_all"}));
    s.now = BEGIN + 24 * HOUR;
    assert_eq!(starts(&s.give(ScheduleInput::Pause(String::new()))).len(), TIMES_A_LOOK);
    assert_eq!(s.counts(), (TIMES_A_LOOK as u64, 0, 0, TIMES_COUNTED_MAX, 0));
}

#[test]
fn a_pause_without_a_note_keeps_the_one_that_says_why() {
    let mut s = played(json!({}));
    for (note, shown) in [("holidays", "holidays"), ("", "holidays"), ("illness", "illness")] {
        s.give(ScheduleInput::Pause(note.into()));
        assert_eq!(s.schedule.row().note, shown);
    }
    s.give(ScheduleInput::Resume(String::new()));
    assert_eq!(s.schedule.row().note, "");
}

#[test]
fn what_is_due_when_it_is_paused_is_taken_or_counted() {
    let mut s = played(json!({"every": "1m", "cron": [], "overlap": "allow_all"}));
    s.now = BEGIN + 72 * HOUR;
    assert_eq!(starts(&s.give(ScheduleInput::Pause("enough".into()))).len(), 1_000);
    assert_eq!(s.counts(), (1_000, 0, 0, 72 * 60 - 1_000, 0));
    s.give(ScheduleInput::Resume(String::new()));
    assert!(s.at(72 * HOUR).is_empty());
}

#[test]
fn a_backfill_takes_each_time_of_its_range() {
    let mut s = played(json!({"paused": true, "limit": 1}));
    let (from, to) = (Timestamp(BEGIN - 3 * HOUR), Timestamp(BEGIN));
    let all = s.give(ScheduleInput::Backfill { from, to, overlap: Some(Overlap::AllowAll), request_id: None });
    assert_eq!(starts(&all).len(), 4, "both ends belong to it");
    assert_eq!(s.schedule.describe().remaining, Some(1));
    let skip = s.give(ScheduleInput::Backfill { from, to, overlap: None, request_id: None });
    assert_eq!(starts(&skip).len(), 1);
    let far = ScheduleInput::Backfill { from: to, to: from, overlap: None, request_id: None };
    assert_eq!(s.schedule.decide(far, to), Err(ScheduleRefused::Range));
    assert_eq!(s.schedule.describe().backfills, 0);
}

#[test]
fn a_trigger_is_told_what_became_of_it() {
    let mut s = played(json!({}));
    let trigger = |id: &str, overlap| ScheduleInput::Trigger { overlap, request_id: Some(id.into()) };
    let mut became = |input, refused: Option<ScheduleInput>| {
        let events = s.schedule.decide(input, Timestamp(s.now)).expect("taken").events;
        if let Some(refused) = refused {
            s.schedule.decide(refused, Timestamp(s.now)).expect("taken");
        }
        let answer = s.schedule.became(&events);
        (answer.became, answer.start.map(|start| start.status))
    };
    let of = |became: &str, start: Option<&str>| (became.to_owned(), start.map(str::to_owned));
    let refused = ScheduleInput::Refused(1, Failure::new("StartRefused", "an argument is missing"));
    assert_eq!(became(trigger("a", None), Some(refused)), of("refused", Some("Refused")));
    assert_eq!(became(trigger("b", None), None), of("asked", Some("Running")));
    assert_eq!(became(trigger("b", None), None), of("repeated", None));
    assert_eq!(became(trigger("c", None), None), of("skipped", None));
    assert_eq!(became(trigger("d", Some(Overlap::BufferOne)), None), of("waiting", None));
}

#[test]
fn a_start_that_fails_makes_room() {
    let mut s = played(json!({"overlap": "buffer_all"}));
    s.at(2 * HOUR);
    let next = s.give(ScheduleInput::Refused(1, Failure::new("AlreadyRunning", "taken")));
    assert_eq!(starts(&next), ["s-2026-06-01T02:00:00Z"]);
    assert_eq!(s.schedule.describe().recent[0].status, "Refused");
}
