//! Signatures of natives. A generic one binds its type variables to the argument registers' types.

use crate::calendar::WEEKDAYS;
use crate::op::Native;
use crate::program::Program;
use crate::types::{Type, TypeId, builtin};

/// Whether values of a type have an order.
pub(super) fn is_ordered(program: &Program, ty: TypeId) -> bool {
    ordered(program, ty, 0)
}

fn ordered(program: &Program, ty: TypeId, depth: usize) -> bool {
    // Tuples inside tuples; the type table of a forged program could lead in a circle.
    const TUPLES_MAX: usize = 50;
    match program.ty(ty) {
        Type::Tuple(items) => depth < TUPLES_MAX && items.iter().all(|item| ordered(program, *item, depth + 1)),
        Type::String | Type::Bytes | Type::Decimal => true,
        other => other.is_scalar(),
    }
}

/// Whether a call has types that the native takes.
pub(super) fn fits(program: &Program, native: Native, args: &[TypeId], dst: TypeId) -> bool {
    use Native::*;
    use builtin::*;
    let ty = |id: TypeId| program.ty(id);
    let sig = |params: &[TypeId], result: TypeId| args == params && dst == result;
    let data = |id: TypeId| !matches!(ty(id), Type::Fn(..));
    let optional = |id: TypeId| *ty(dst) == Type::Option(id);
    let list_of = |id: TypeId| match ty(id) {
        Type::List(item) => Some(*item),
        _ => None,
    };
    let set_of = |id: TypeId| match ty(id) {
        Type::Set(item) => Some(*item),
        _ => None,
    };
    let map_of = |id: TypeId| match ty(id) {
        Type::Map(key, value) => Some((*key, *value)),
        _ => None,
    };
    let texts = list_of(dst) == Some(STRING);
    match native {
        Range => args == [INT; 3] && list_of(dst) == Some(INT),
        IntAbs => sig(&[INT], INT),
        IntPow => sig(&[INT, INT], INT),
        IntToFloat => sig(&[INT], FLOAT),
        ToText => args.len() == 1 && data(args[0]) && dst == STRING,
        FloatAbs | FloatFloor | FloatCeil | FloatRound | FloatSqrt => sig(&[FLOAT], FLOAT),
        FloatToInt => sig(&[FLOAT], INT),
        DecimalAbs => sig(&[DECIMAL], DECIMAL),
        DecimalRound => sig(&[DECIMAL, INT], DECIMAL),
        DecimalToInt => sig(&[DECIMAL], INT),
        DecimalToFloat => sig(&[DECIMAL], FLOAT),
        StringLength => sig(&[STRING], INT),
        StringIsEmpty => sig(&[STRING], BOOL),
        StringUpper | StringLower | StringTrim => sig(&[STRING], STRING),
        StringSplit => args == [STRING, STRING] && texts,
        StringContains | StringStartsWith | StringEndsWith => sig(&[STRING, STRING], BOOL),
        StringReplace => sig(&[STRING; 3], STRING),
        StringSlice => sig(&[STRING, INT, INT], STRING),
        StringChars | StringLines => args == [STRING] && texts,
        StringParseInt => args == [STRING] && optional(INT),
        StringParseDecimal => args == [STRING] && optional(DECIMAL),
        ListJoin => args.len() == 2 && list_of(args[0]) == Some(STRING) && args[1] == STRING && dst == STRING,
        JsonGet => args == [JSON, STRING] && optional(JSON),
        JsonAsInt => args == [JSON] && optional(INT),
        JsonAsFloat => args == [JSON] && optional(FLOAT),
        JsonAsString => args == [JSON] && optional(STRING),
        JsonAsBool => args == [JSON] && optional(BOOL),
        JsonAsList => match ty(dst) {
            Type::Option(inner) => args == [JSON] && list_of(*inner) == Some(JSON),
            _ => false,
        },
        JsonAsMap => match ty(dst) {
            Type::Option(inner) => args == [JSON] && map_of(*inner) == Some((STRING, JSON)),
            _ => false,
        },
        JsonIsNull => sig(&[JSON], BOOL),
        JsonParse => args == [STRING] && optional(JSON),
        JsonEncode => sig(&[JSON], STRING),
        ToJson => args.len() == 1 && data(args[0]) && dst == JSON,
        DurationMillis => sig(&[DURATION], INT),
        TimeToDate => sig(&[TIME], DATE),
        DateToTime => sig(&[DATE], TIME),
        DateAddDays => sig(&[DATE, INT], DATE),
        DateDaysUntil => sig(&[DATE, DATE], INT),
        TimeParse => args == [STRING] && optional(TIME),
        DateParse => args == [STRING] && optional(DATE),
        DateOf => sig(&[INT; 3], DATE),
        DateYear | DateMonth | DateDay | DateDayOfYear | DateIsoWeek | DateIsoYear => sig(&[DATE], INT),
        DateStartOfWeek | DateStartOfMonth | DateEndOfMonth | DateStartOfYear => sig(&[DATE], DATE),
        DateAddMonths | DateAddYears => sig(&[DATE, INT], DATE),
        DateDayOfWeek => args == [DATE] && is_weekday(program, dst),
        DateNext | DatePrevious => match args {
            [DATE, day] => is_weekday(program, *day) && dst == DATE,
            _ => false,
        },
        WeekdayNumber => match args {
            [day] => is_weekday(program, *day) && dst == INT,
            _ => false,
        },
        DateFormat => sig(&[DATE, STRING], STRING),
        DateParseAs => args == [STRING, STRING] && optional(DATE),
        DateAt => sig(&[DATE, DURATION, STRING], TIME),
        TimeDateIn => sig(&[TIME, STRING], DATE),
        TimeClock | TimeOffset => sig(&[TIME, STRING], DURATION),
        TimeFormat => sig(&[TIME, STRING, STRING], STRING),
        TimeParseAs => args == [STRING; 3] && optional(TIME),
        TimeMillis => sig(&[TIME], INT),
        TimeOfMillis => sig(&[INT], TIME),
        DurationParse => args == [STRING] && optional(DURATION),
        DurationSeconds | DurationMinutes | DurationHours | DurationDays => sig(&[DURATION], INT),
        DurationAbs => sig(&[DURATION], DURATION),
        StringPadStart | StringPadEnd => sig(&[STRING, INT, STRING], STRING),
        StringRepeat => sig(&[STRING, INT], STRING),
        StringIndexOf => args == [STRING, STRING] && optional(INT),
        StringTrimStart | StringTrimEnd => sig(&[STRING], STRING),
        StringIsBlank => sig(&[STRING], BOOL),
        DecimalFormat => sig(&[DECIMAL, INT, STRING, STRING], STRING),
        IntClamp => sig(&[INT; 3], INT),
        IntSign => sig(&[INT], INT),
        IntFormat => sig(&[INT, STRING], STRING),
        FloatClamp => sig(&[FLOAT; 3], FLOAT),
        FloatSign => sig(&[FLOAT], INT),
        DecimalClamp => sig(&[DECIMAL; 3], DECIMAL),
        DecimalSign => sig(&[DECIMAL], INT),
        DecimalFloor | DecimalCeil | DecimalRoundHalfUp => sig(&[DECIMAL, INT], DECIMAL),
        StringParseFloat => args == [STRING] && optional(FLOAT),
        HashSha256 | HashSha512 | EncodeBase64 | EncodeBase64Url | EncodeHex | EncodeUrl => sig(&[STRING], STRING),
        HashHmacSha256 => sig(&[STRING, STRING], STRING),
        DecodeBase64 | DecodeBase64Url | DecodeHex | DecodeUrl => args == [STRING] && optional(STRING),
        StringMatches => sig(&[STRING, STRING], BOOL),
        StringFind => args == [STRING, STRING] && optional(STRING),
        StringFindAll | StringSplitPattern => args == [STRING, STRING] && texts,
        StringReplacePattern => sig(&[STRING; 3], STRING),
        StringCaptures => match ty(dst) {
            Type::Option(inner) => args == [STRING, STRING] && map_of(*inner) == Some((STRING, STRING)),
            _ => false,
        },
        ValidEmail | ValidUrl | ValidUuid | ValidPhone | ValidIban | ValidLuhn => sig(&[STRING], BOOL),
        DateIsWeekend => sig(&[DATE], BOOL),
        DateIsBusinessDay | DateAddBusinessDays | DateBusinessDaysUntil => match (native, args) {
            (DateIsBusinessDay, [DATE, holidays]) => list_of(*holidays) == Some(DATE) && dst == BOOL,
            (DateAddBusinessDays, [DATE, INT, holidays]) => list_of(*holidays) == Some(DATE) && dst == DATE,
            (DateBusinessDaysUntil, [DATE, DATE, holidays]) => list_of(*holidays) == Some(DATE) && dst == INT,
            _ => false,
        },
        ListLength => match args {
            [of] => matches!(ty(*of), Type::List(_) | Type::Set(_) | Type::Map(..)) && dst == INT,
            _ => false,
        },
        ListContains => match args {
            [of, item] => list_of(*of).or(set_of(*of)) == Some(*item) && dst == BOOL,
            _ => false,
        },
        GroupKeys => match args {
            [keys, values] => match (list_of(*keys), list_of(*values), map_of(dst)) {
                (Some(key), Some(_), Some((k, group))) => k == key && group == *values,
                _ => false,
            },
            _ => false,
        },
        ListSortKeys | ListMinKeys | ListMaxKeys | ListDistinctKeys | ListPartition | MapOfKeys => {
            let [keys, values] = args else { return false };
            let (Some(key), Some(value)) = (list_of(*keys), list_of(*values)) else { return false };
            match native {
                ListSortKeys => is_ordered(program, key) && dst == *values,
                ListMinKeys | ListMaxKeys => is_ordered(program, key) && found(program, dst, value),
                ListDistinctKeys => data(key) && dst == *values,
                ListPartition => key == BOOL && *ty(dst) == Type::Tuple(vec![*values; 2]),
                _ => map_of(dst) == Some((key, value)),
            }
        }
        ListToMap => args.len() == 1 && map_of(dst).is_some_and(|entry| pair(program, args[0]) == Some(entry)),
        MapWithValues => match args {
            [map, values] => match (map_of(*map), list_of(*values), map_of(dst)) {
                (Some((key, _)), Some(value), Some(made)) => made == (key, value),
                _ => false,
            },
            _ => false,
        },
        MapGet | MapIndex | MapHas | MapKeys | MapValues | MapEntries | MapSet | MapRemove | MapMerge => {
            let Some((key, value)) = args.first().and_then(|of| map_of(*of)) else { return false };
            let map = args[0];
            match native {
                MapGet => args[1..] == [key] && found(program, dst, value),
                MapIndex => args[1..] == [key] && dst == value,
                MapHas => args[1..] == [key] && dst == BOOL,
                MapKeys => args.len() == 1 && list_of(dst) == Some(key),
                MapValues => args.len() == 1 && list_of(dst) == Some(value),
                MapEntries => args.len() == 1 && pair(program, dst) == Some((key, value)),
                MapSet => args[1..] == [key, value] && dst == map,
                MapRemove => args[1..] == [key] && dst == map,
                _ => args[1..] == [map] && dst == map,
            }
        }
        SetAdd | SetRemove | SetUnion | SetIntersect | SetDifference | SetToList => {
            let Some(item) = args.first().and_then(|of| set_of(*of)) else { return false };
            let set = args[0];
            match native {
                SetAdd | SetRemove => args[1..] == [item] && dst == set,
                SetToList => args.len() == 1 && list_of(dst) == Some(item),
                _ => args[1..] == [set] && dst == set,
            }
        }
        _ => {
            let Some(item) = args.first().and_then(|of| list_of(*of)) else { return false };
            let list = args[0];
            match native {
                ListFirst | ListLast => args.len() == 1 && found(program, dst, item),
                ListMin | ListMax => args.len() == 1 && is_ordered(program, item) && optional(item),
                ListPush => args[1..] == [item] && dst == list,
                ListConcat => args[1..] == [list] && dst == list,
                ListSum => args.len() == 1 && [INT, DECIMAL, FLOAT, DURATION].contains(&item) && dst == item,
                ListSort => args.len() == 1 && is_ordered(program, item) && dst == list,
                ListZip => match args[1..] {
                    [other] => list_of(other).is_some_and(|other| pair(program, dst) == Some((item, other))),
                    _ => false,
                },
                ListTake | ListDrop => args[1..] == [INT] && dst == list,
                ListReverse | ListDistinct => args.len() == 1 && dst == list,
                ListIndexOf => args[1..] == [item] && optional(INT),
                ListSlice => args[1..] == [INT, INT] && dst == list,
                ListChunk | ListWindow => args[1..] == [INT] && list_of(dst) == Some(list),
                ListEnumerate => args.len() == 1 && pair(program, dst) == Some((INT, item)),
                ListFlatten => args.len() == 1 && dst == item && list_of(item).is_some(),
                ListToSet => args.len() == 1 && set_of(dst) == Some(item),
                _ => false,
            }
        }
    }
}

/// Whether a type is that of an element that may not be there. An optional is no more optional than it is.
fn found(program: &Program, dst: TypeId, item: TypeId) -> bool {
    match program.ty(item) {
        Type::Option(_) => dst == item,
        _ => *program.ty(dst) == Type::Option(item),
    }
}

/// Whether a type is the library's enum of the days of the week.
fn is_weekday(program: &Program, ty: TypeId) -> bool {
    let Type::Enum { variants, .. } = program.ty(ty) else { return false };
    variants.iter().map(|v| v.name.as_str()).eq(WEEKDAYS) && variants.iter().all(|v| v.fields.is_empty())
}

/// The two types of a list of pairs.
fn pair(program: &Program, list: TypeId) -> Option<(TypeId, TypeId)> {
    let Type::List(item) = program.ty(list) else { return None };
    match program.ty(*item) {
        Type::Tuple(items) => match items[..] {
            [a, b] => Some((a, b)),
            _ => None,
        },
        _ => None,
    }
}
