//! Natives on dates, times, zones and durations: arguments as JSON, the result as JSON.

use weft_bytecode::Type;
use weft_bytecode::calendar::WEEKDAYS;
use weft_bytecode::op::Native;
use weft_bytecode::types::Variant;
use weft_bytecode::types::builtin::{DATE, DURATION, TIME};

use super::natives::{gives, trap};
use crate::step::TrapKind;
use Type::{Date, Duration, Int, String as S, Time};

fn weekday() -> Type {
    let variants = WEEKDAYS.iter().map(|name| Variant { name: (*name).to_owned(), fields: Vec::new() }).collect();
    Type::Enum { name: "Weekday".into(), variants }
}

#[test]
fn parts_of_dates() {
    gives(Native::DateOf, &[Int, Int, Int], Date, &["2028", "2", "29"], "\"2028-02-29\"");
    let part = |native, expected| gives(native, &[Date], Int, &["\"2027-01-03\""], expected);
    part(Native::DateYear, "2027");
    part(Native::DateMonth, "1");
    part(Native::DateDay, "3");
    part(Native::DateDayOfYear, "3");
    part(Native::DateIsoWeek, "53");
    part(Native::DateIsoYear, "2026");
    gives(Native::DateDayOfWeek, &[Date], weekday(), &["\"2027-01-03\""], "\"Sunday\"");
    gives(Native::WeekdayNumber, &[weekday()], Int, &["\"Sunday\""], "7");
}

#[test]
fn steps_of_the_calendar() {
    let step = |native, from, expected| gives(native, &[Date], Date, &[from], expected);
    step(Native::DateStartOfWeek, "\"2026-06-07\"", "\"2026-06-01\"");
    step(Native::DateStartOfMonth, "\"2026-06-07\"", "\"2026-06-01\"");
    step(Native::DateEndOfMonth, "\"9999-12-07\"", "\"9999-12-31\"");
    step(Native::DateStartOfYear, "\"2026-06-07\"", "\"2026-01-01\"");
    let next = |native, expected| gives(native, &[Date, weekday()], Date, &["\"2026-06-01\"", "\"Monday\""], expected);
    next(Native::DateNext, "\"2026-06-08\"");
    next(Native::DatePrevious, "\"2026-05-25\"");
    gives(Native::DateAddMonths, &[Date, Int], Date, &["\"2026-01-31\"", "1"], "\"2026-02-28\"");
    gives(Native::DateAddYears, &[Date, Int], Date, &["\"2028-02-29\"", "-1"], "\"2027-02-28\"");
}

#[test]
fn clocks() {
    let berlin = "\"Europe/Berlin\"";
    let skipped = &["\"2026-03-29\"", "\"2h30m\"", berlin];
    gives(Native::DateAt, &[Date, Duration, S], Time, skipped, "\"2026-03-29T01:30:00Z\"");
    let late = &["\"2026-06-01T22:30:00Z\"", berlin];
    gives(Native::TimeDateIn, &[Time, S], Date, late, "\"2026-06-02\"");
    gives(Native::TimeClock, &[Time, S], Duration, late, "\"30m\"");
    gives(Native::TimeOffset, &[Time, S], Duration, late, "\"2h\"");
    gives(Native::TimeMillis, &[Time], Int, &["\"1970-01-01T00:00:01Z\""], "1000");
    gives(Native::TimeOfMillis, &[Int], Time, &["1000"], "\"1970-01-01T00:00:01Z\"");
}

#[test]
fn dates_as_people_write_them() {
    gives(Native::DateFormat, &[Date, S], S, &["\"2026-06-01\"", "\"%d.%m.%y\""], "\"01.06.26\"");
    gives(Native::DateParseAs, &[S, S], Type::Option(DATE), &["\"1/6/2026\"", "\"%d/%m/%Y\""], "\"2026-06-01\"");
    gives(Native::DateParseAs, &[S, S], Type::Option(DATE), &["\"x\"", "\"%d/%m/%Y\""], "null");
    let written = &["\"2026-06-01T22:30:00Z\"", "\"%H:%M %Z\"", "\"Europe/Berlin\""];
    gives(Native::TimeFormat, &[Time, S, S], S, written, "\"00:30 CEST\"");
    let read = &["\"2026-06-02 00:30\"", "\"%Y-%m-%d %H:%M\"", "\"Europe/Berlin\""];
    gives(Native::TimeParseAs, &[S, S, S], Type::Option(TIME), read, "\"2026-06-01T22:30:00Z\"");
}

#[test]
fn durations() {
    let part = |native, expected| gives(native, &[Duration], Int, &["\"36h30m1s\""], expected);
    part(Native::DurationSeconds, "131401");
    part(Native::DurationMinutes, "2190");
    part(Native::DurationHours, "36");
    part(Native::DurationDays, "1");
    gives(Native::DurationAbs, &[Duration], Duration, &["\"-1s\""], "\"1s\"");
    gives(Native::DurationParse, &[S], Type::Option(DURATION), &["\"1h30m\""], "\"1h30m\"");
    gives(Native::DurationParse, &[S], Type::Option(DURATION), &["\"soon\""], "null");
}

#[test]
fn what_the_calendar_does_not_have() {
    let index = |native, params: &[Type], dst, args: &[&str]| {
        assert_eq!(trap(native, params, dst, args), TrapKind::Index, "{}", native.name());
    };
    index(Native::DateOf, &[Int, Int, Int], Date, &["2026", "2", "29"]);
    index(Native::DateAddMonths, &[Date, Int], Date, &["\"9999-12-01\"", "1"]);
    index(Native::DateAddYears, &[Date, Int], Date, &["\"0001-01-01\"", "9223372036854775807"]);
    index(Native::DateNext, &[Date, weekday()], Date, &["\"9999-12-31\"", "\"Monday\""]);
    index(Native::DateAt, &[Date, Duration, S], Time, &["\"2026-06-01\"", "\"9h\"", "\"Europe/Berlni\""]);
    index(Native::DateAt, &[Date, Duration, S], Time, &["\"9999-12-31\"", "\"1d\"", "\"UTC\""]);
    index(Native::TimeDateIn, &[Time, S], Date, &["\"9999-12-31T23:00:00Z\"", "\"Asia/Tokyo\""]);
    index(Native::TimeOffset, &[Time, S], Duration, &["\"2026-06-01T00:00:00Z\"", "\"\""]);
    index(Native::TimeFormat, &[Time, S, S], S, &["\"2026-06-01T00:00:00Z\"", "\"%!\"", "\"UTC\""]);
    index(Native::TimeParseAs, &[S, S, S], Type::Option(TIME), &["\"1\"", "\"%d\"", "\"Mars\""]);
    index(Native::DateFormat, &[Date, S], S, &["\"2026-06-01\"", "\"%H\""]);
    index(Native::TimeOfMillis, &[Int], Time, &["9223372036854775807"]);
}

/// No payload has such a time or date, but the sum of a time and a duration is any that a register holds.
#[test]
fn parts_of_what_is_beyond_the_calendar_trap() {
    use super::asm::{F, P};
    use weft_bytecode::Constant;
    use weft_bytecode::op::Op;
    use weft_bytecode::types::builtin::INT;
    let trapped = |native: Native, result, far: i64| {
        let mut p = P::new();
        let mut f = F::new("main", &[], result);
        let k = p.constant(Constant::Scalar(far as u64));
        let (long, epoch, time) = (f.reg(DURATION), f.int(TIME, 0), f.reg(TIME));
        f.wide(Op::LoadConst, long, k).op(Op::AddInt, time, epoch, long);
        let zone = p.text(&mut f, "Asia/Tokyo");
        let made = match result {
            INT => {
                let day = f.native(Native::TimeToDate, DATE, &[time]);
                f.native(native, result, &[day])
            }
            _ => f.native(native, result, &[time, zone]),
        };
        f.ret(made);
        assert_eq!(p.main(f).trap().0, TrapKind::Index, "{} of {far}", native.name());
    };
    for far in [i64::MAX, i64::MIN] {
        trapped(Native::TimeClock, DURATION, far);
        trapped(Native::TimeOffset, DURATION, far);
        trapped(Native::TimeDateIn, DATE, far);
        trapped(Native::DateYear, INT, far);
        trapped(Native::DateIsoWeek, INT, far);
        trapped(Native::DateDayOfYear, INT, far);
    }
}
