//! The calculator against words written down, and against a walk over every minute or second.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::*;
use crate::calendar;
use crate::wire::text;

fn cron(text: &str, zone: &str) -> Spec {
    Spec { cron: vec![text.into()], zone: Some(zone.into()), ..Spec::default() }
}

fn at(text: &str) -> i64 {
    text::parse_time(text).expect("a time")
}

/// The first times after a moment.
fn times(spec: &Spec, after: &str, n: usize) -> Vec<String> {
    let table = Timetable::new(spec).expect("a spec");
    table.times(at(after)).take(n).map(text::time).collect()
}

fn wrong(spec: &Spec) -> String {
    Timetable::new(spec).and_then(Timetable::fires).expect_err("it is refused").to_string()
}

#[test]
fn cron_expressions_fire_as_written() {
    let june = "2026-06-01T08:00:00Z"; // a Monday
    let next = |text: &str| times(&cron(text, "UTC"), june, 2).join(" ");
    let table = [
        ("0 9 * * 1-5", "2026-06-01T09:00:00Z 2026-06-02T09:00:00Z"),
        ("0 9 * * sat,SUN", "2026-06-06T09:00:00Z 2026-06-07T09:00:00Z"),
        ("0 9 * * fri-sun", "2026-06-05T09:00:00Z 2026-06-06T09:00:00Z"),
        ("0 9 * * 7", "2026-06-07T09:00:00Z 2026-06-14T09:00:00Z"),
        ("*/20 * * * *", "2026-06-01T08:20:00Z 2026-06-01T08:40:00Z"),
        ("50/4 * * * *", "2026-06-01T08:50:00Z 2026-06-01T08:54:00Z"),
        ("0 0 29 feb *", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"),
        ("0 0 1 1 * 2030", "2030-01-01T00:00:00Z"),
        ("15,45 30 8 * * * *", "2026-06-01T08:30:15Z 2026-06-01T08:30:45Z"),
        ("@daily", "2026-06-02T00:00:00Z 2026-06-03T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z 2028-01-01T00:00:00Z"),
        ("@weekly", "2026-06-07T00:00:00Z 2026-06-14T00:00:00Z"),
        ("@every 7h/30m", "2026-06-01T09:30:00Z 2026-06-01T16:30:00Z"),
        ("0 0 september * * # a comment", ""),
        // Both: the first of a month that is a Monday.
        ("0 0 1 * mon", "2027-02-01T00:00:00Z 2027-03-01T00:00:00Z"),
    ];
    for (text, want) in table {
        if want.is_empty() {
            assert!(Timetable::new(&cron(text, "UTC")).is_err(), "{text}");
        } else {
            assert_eq!(next(text), want, "{text}");
        }
    }
    assert_eq!(times(&Spec { zone: None, ..cron("TZ=Asia/Tokyo 0 9 * * *", "") }, june, 1), ["2026-06-02T00:00:00Z"]);
}

#[test]
fn what_cannot_fire_is_refused_with_its_field() {
    let table = [
        ("0 0 31 2 *", "cron[0]: it never fires: no day fits all its fields"),
        ("60 * * * *", "cron[0]: minute `60`: 60 is not between 0 and 59"),
        ("* 25 * * *", "cron[0]: hour `25`: 25 is not between 0 and 23"),
        ("0 0 0 * *", "cron[0]: day of month `0`: 0 is not between 1 and 31"),
        ("0 0 * foo *", "cron[0]: month `foo`: `foo` is neither a number nor a name"),
        ("0 0 * * m", "cron[0]: day of week `m`: `m` is neither a number nor a name"),
        ("0 0 * * 5-2", "cron[0]: day of week `5-2`: `5-2` runs backward"),
        ("*/0 * * * *", "cron[0]: minute `*/0`: the step `0` is no positive number"),
        ("0 0 1 1 * 1999", "cron[0]: year `1999`: 1999 is not between 2000 and 2100"),
        (
            "@reboot",
            "cron[0]: there is no `@reboot`; there are `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, `@every`",
        ),
        ("@every 90", "cron[0]: `90` is no duration"),
        ("@every 500ms", "cron[0]: the distance must be whole seconds, at least 1s"),
        ("TZ=UTC 0 0 * * *", "cron[0]: zone `UTC`, but another part says `Europe/Berlin`"),
    ];
    for (text, want) in table {
        assert_eq!(wrong(&cron(text, "Europe/Berlin")), want, "{text}");
    }
    assert!(wrong(&cron("0 0 * *", "UTC")).starts_with("cron[0]: 4 fields; there are 5"));
    assert_eq!(wrong(&cron("0 0 * * *", "Europe/Bern")), "zone: there is no time zone `Europe/Bern`");
    assert!(wrong(&Spec::default()).starts_with("nothing says when it fires"));
    let all_out = Spec { exclude: vec![Calendar::default()], ..cron("* * * * * * *", "UTC") };
    assert!(wrong(&all_out).starts_with("it never fires: nothing is left"));
    // A local time in the hour that is skipped, on that very day.
    assert!(wrong(&cron("30 2 29 3 * 2026", "Europe/Berlin")).contains("it never fires"));
}

#[test]
fn calendars_and_exclusions() {
    let spec = Spec {
        calendar: vec![Calendar { hour: Some("9".into()), weekday: Some("mon-fri".into()), ..Calendar::default() }],
        exclude: vec![Calendar::of_date("2026-12-25").expect("a date")],
        zone: Some("Europe/Berlin".into()),
        ..Spec::default()
    };
    assert_eq!(
        times(&spec, "2026-12-24T00:00:00Z", 2),
        ["2026-12-24T08:00:00Z", "2026-12-28T08:00:00Z"],
        "a whole day is left out, and the weekend is none of the days"
    );
    let range = Spec { start: Some("2026-06-03".into()), end: Some("2026-06-05".into()), ..cron("0 12 * * *", "UTC") };
    let all = times(&range, "2026-01-01T00:00:00Z", 10);
    assert_eq!(all, ["2026-06-03T12:00:00Z", "2026-06-04T12:00:00Z", "2026-06-05T12:00:00Z"]);
    let union =
        Spec { every: vec![Interval { every_ms: 3_600_000, phase_ms: 900_000 }], ..cron("15,30 10 * * *", "UTC") };
    assert_eq!(
        times(&union, "2026-06-01T09:20:00Z", 3),
        ["2026-06-01T10:15:00Z", "2026-06-01T10:30:00Z", "2026-06-01T11:15:00Z"],
        "one time of two sources is one time"
    );
}

#[test]
fn a_local_time_that_is_skipped_does_not_fire_and_one_that_comes_twice_fires_twice() {
    let table = [
        // Clocks go from 02:00 to 03:00 and from 02:00 back to 01:00.
        ("America/New_York", "30 2 * * *", "2026-03-07T00:00:00Z", "2026-03-07T07:30:00Z 2026-03-09T06:30:00Z"),
        ("America/New_York", "30 1 * * *", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z 2026-11-01T06:30:00Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z 2026-03-30T00:30:00Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z"),
        // Half an hour only: 02:00 to 02:30, and 02:00 back to 01:30.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T16:00:00Z", "2026-10-04T15:15:00Z 2026-10-05T15:15:00Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z 2026-04-04T15:15:00Z"),
    ];
    for (zone, text, after, want) in table {
        assert_eq!(times(&cron(text, zone), after, 2).join(" "), want, "{zone} {text}");
    }
    let every = Spec { every: vec![Interval { every_ms: 3_600_000, phase_ms: 0 }], ..Spec::default() };
    let every = Spec { zone: Some("Europe/Berlin".into()), ..every };
    assert_eq!(times(&every, "2026-10-25T00:30:00Z", 2), ["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
}

#[test]
fn jitter_is_the_same_each_time_and_stays_before_the_next() {
    let spec = Spec { jitter_ms: 3_600_000, ..cron("*/10 * * * *", "UTC") };
    let table = Timetable::new(&spec).expect("a spec");
    let nominal: Vec<i64> = table.times(at("2026-06-01T00:00:00Z")).take(200).collect();
    let moved: Vec<i64> = nominal.iter().map(|time| table.jittered(*time, "default/a") - time).collect();
    assert!(moved.iter().all(|part| (0..600_000).contains(part)), "{moved:?}");
    assert_eq!(table.jittered(nominal[3], "default/a") - nominal[3], moved[3]);
    assert!(moved.iter().any(|part| *part < 100_000) && moved.iter().any(|part| *part > 500_000), "it is spread");
    assert!(nominal.iter().zip(&moved).any(|(time, part)| table.jittered(*time, "default/b") - time != *part));
}

/// The years are looked through in no time, whatever the spec.
#[test]
fn a_search_is_bounded() {
    let began = std::time::Instant::now();
    for spec in [
        Spec {
            exclude: vec![Calendar { year: Some("2026-2100".into()), ..Calendar::default() }],
            ..cron("* * * * * * *", "UTC")
        },
        Spec {
            exclude: vec![Calendar { second: Some("0-58".into()), ..Calendar::default() }],
            ..cron("* * * * * * *", "Europe/Berlin")
        },
        cron("0 0 29 2 mon 2096-2100", "Australia/Lord_Howe"),
    ] {
        let table = Timetable::new(&spec).ok();
        table.iter().for_each(|table| drop(table.times(REFERENCE_MS).take(50).collect::<Vec<_>>()));
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn json_is_read_as_it_is_written() {
    let value = serde_json::json!({
        "workflow": "report", "args": {"period": "daily"}, "cron": "0 9 * * 1-5", "every": "1h", "phase": "10m",
        "calendar": {"hour": [9, "17"], "weekday": "mon-fri", "comment": "office"},
        "exclude": ["2026-12-25", {"month": 1, "day": 1}], "start": "2026-06-01", "zone": "Europe/Berlin",
        "jitter": "5m", "overlap": "buffer_one", "catch_up": "1h", "limit": 3, "note": "why"
    });
    let read = json::read(&value).expect("a definition");
    assert_eq!(read.spec.calendar[0].hour.as_deref(), Some("9,17"));
    assert_eq!(read.spec.exclude[0], Calendar::of_date("2026-12-25").expect("a date"));
    read.check().expect("it can be used");
    assert_eq!(json::read(&json::write(&read)), Ok(read));
    let told = |value: serde_json::Value| json::read(&value).expect_err("refused").to_string();
    assert!(told(serde_json::json!({"workflow": "w", "crn": "x"})).starts_with("crn: there is no such field"));
    assert_eq!(told(serde_json::json!({"workflow": "w", "every": 5})), "every: a duration, or `{every, phase}`");
    assert!(told(serde_json::json!({"workflow": "w", "calendar": {"hours": 5}})).starts_with("calendar.hours: "));
}

// ---- against a walk

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, from: i64, to: i64) -> i64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + ((z ^ z >> 31) % (to - from + 1).unsigned_abs()) as i64
    }

    /// Some text of a field: `*`, or a list of values, ranges and steps.
    fn field(&mut self, min: i64, max: i64) -> String {
        if self.roll(0, 6) < 3 {
            return "*".into();
        }
        let pieces = (0..self.roll(1, 2)).map(|_| {
            let (a, b) = (self.roll(min, max), self.roll(min, max));
            match self.roll(0, 6) {
                0..=2 => a.to_string(),
                3 | 4 => format!("{}-{}", a.min(b), a.max(b)),
                5 => format!("{a}/{}", b.max(1)),
                _ => format!("*/{}", b.max(1)),
            }
        });
        pieces.collect::<Vec<_>>().join(",")
    }
}

/// Whether a value is in a field, read in another way: piece by piece, by asking and not by filling.
fn holds(field: &str, min: i64, max: i64, value: i64) -> bool {
    field.split(',').any(|piece| {
        let (range, step) = piece.split_once('/').unwrap_or((piece, ""));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((a, b)) => (a.parse().expect("a number"), b.parse().expect("a number")),
            None if step.is_empty() => (range.parse().expect("a number"), range.parse().expect("a number")),
            None => (range.parse().expect("a number"), max),
        };
        let step: i64 = if step.is_empty() { 1 } else { step.parse().expect("a number") };
        (from..=to).contains(&value) && (value - from) % step == 0
    })
}

/// Whether the clock of a zone shows a time of a cron with seconds.
fn shows(fields: &[String], zone: &TimeZone, second: i64) -> bool {
    let local = Zoned::new(Timestamp::from_second(second).expect("in range"), zone.clone());
    let weekday = i64::from(local.weekday().to_sunday_zero_offset());
    holds(&fields[0], 0, 59, i64::from(local.second()))
        && holds(&fields[1], 0, 59, i64::from(local.minute()))
        && holds(&fields[2], 0, 23, i64::from(local.hour()))
        && holds(&fields[3], 1, 31, i64::from(local.day()))
        && holds(&fields[4], 1, 12, i64::from(local.month()))
        && (holds(&fields[5], 0, 6, weekday) || weekday == 0 && holds(&fields[5], 0, 7, 7))
        && holds(&fields[6], 2000, 2100, i64::from(local.year()))
}

const ZONES: [&str; 6] =
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"];

/// Moments around which clocks change in one of the zones, and some others.
const AROUND: [&str; 8] = [
    "2026-03-08T06:00:00Z",
    "2026-11-01T05:00:00Z",
    "2026-03-29T00:00:00Z",
    "2026-10-25T00:00:00Z",
    "2026-04-04T14:00:00Z",
    "2026-10-03T14:30:00Z",
    "2018-11-04T02:00:00Z",
    "2028-02-28T22:00:00Z",
];

/// By seconds over three hours: every time, and no other one.
#[test]
fn a_walk_over_seconds_finds_the_same() {
    let mut dice = Dice(1);
    for _ in 0..150 {
        let (second, minute, hour) = (dice.field(0, 59), dice.field(0, 59), dice.field(0, 23));
        let fields = [second, minute, hour, "*".into(), "*".into(), dice.field(0, 7), "*".into()];
        let (zone, around) = (ZONES[dice.roll(0, 5) as usize], AROUND[dice.roll(0, 7) as usize]);
        let (from, span) = (at(around) / 1_000, 3 * 3_600);
        let zone_of = calendar::zone(zone).expect("a zone");
        let walked: Vec<i64> = (from + 1..=from + span).filter(|s| shows(&fields, &zone_of, *s)).collect();
        let table = Timetable::new(&cron(&fields.join(" "), zone)).expect("it fires");
        let found = table.times(from * 1_000).map(|ms| ms / 1_000).take_while(|s| *s <= from + span);
        assert_eq!(found.collect::<Vec<_>>(), walked, "{fields:?} in {zone} after {around}");
    }
}

/// By minutes over ninety days, with days, months and an exclusion.
#[test]
fn a_walk_over_minutes_finds_the_same() {
    let mut dice = Dice(2);
    for _ in 0..60 {
        let [minute, hour, day, month, weekday] =
            [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)].map(|(min, max)| dice.field(min, max));
        let (out_hour, out_day) = (dice.field(0, 23), dice.field(1, 31));
        let (zone, around) = (ZONES[dice.roll(0, 5) as usize], AROUND[dice.roll(0, 7) as usize]);
        let any = || "*".to_owned();
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let fields = ["0".into(), minute, hour, day, month, weekday, any()];
        let out = [any(), any(), out_hour.clone(), out_day.clone(), any(), any(), any()];
        let (from, span) = (at(around) / 1_000, 90 * 86_400);
        let zone_of = calendar::zone(zone).expect("a zone");
        let first = from + 60 - from % 60;
        let hit = |s: &i64| shows(&fields, &zone_of, *s) && !shows(&out, &zone_of, *s);
        let walked: Vec<i64> = (first..=from + span).step_by(60).filter(hit).take(300).collect();
        let exclude = vec![Calendar { hour: Some(out_hour), day: Some(out_day), ..Calendar::default() }];
        let found: Vec<i64> = match Timetable::new(&Spec { exclude, ..cron(&text, zone) }) {
            Ok(table) => {
                let times = table.times(from * 1_000).map(|ms| ms / 1_000);
                times.take_while(|s| *s <= from + span).take(300).collect()
            }
            Err(_) => Vec::new(),
        };
        assert_eq!(found, walked, "{fields:?} without {out:?} in {zone} after {around}");
    }
}
