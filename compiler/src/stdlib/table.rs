//! Made from `stdlib/*.wf` by `BLESS=1 cargo test -p weft-compiler stdlib`; not edited by hand.

use weft_bytecode::op::Native as N;

use super::Body::{Lowered, Native};
use super::Shape::*;
use super::*;

pub(super) const DATE_ROWS: &[Row] = &[
    Row { name: "of", vars: &[], me: None, params: &[Param { name: "year", shape: INT, default: None }, Param { name: "month", shape: INT, default: None }, Param { name: "day", shape: INT, default: None }], result: DATE, need: None, field: false, body: Native(N::DateOf) },
    Row { name: "parse", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&DATE), need: None, field: false, body: Native(N::DateParse) },
    Row { name: "time", vars: &[], me: Some(DATE), params: &[], result: TIME, need: None, field: false, body: Native(N::DateToTime) },
    Row { name: "add_days", vars: &[], me: Some(DATE), params: &[Param { name: "days", shape: INT, default: None }], result: DATE, need: None, field: false, body: Native(N::DateAddDays) },
    Row { name: "days_until", vars: &[], me: Some(DATE), params: &[Param { name: "day", shape: DATE, default: None }], result: INT, need: None, field: false, body: Native(N::DateDaysUntil) },
    Row { name: "year", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateYear) },
    Row { name: "month", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateMonth) },
    Row { name: "day", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateDay) },
    Row { name: "weekday", vars: &[], me: Some(DATE), params: &[], result: WEEKDAY, need: None, field: true, body: Native(N::DateDayOfWeek) },
    Row { name: "day_of_year", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateDayOfYear) },
    Row { name: "iso_week", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateIsoWeek) },
    Row { name: "iso_year", vars: &[], me: Some(DATE), params: &[], result: INT, need: None, field: true, body: Native(N::DateIsoYear) },
    Row { name: "next", vars: &[], me: Some(DATE), params: &[Param { name: "weekday", shape: WEEKDAY, default: None }], result: DATE, need: None, field: false, body: Native(N::DateNext) },
    Row { name: "previous", vars: &[], me: Some(DATE), params: &[Param { name: "weekday", shape: WEEKDAY, default: None }], result: DATE, need: None, field: false, body: Native(N::DatePrevious) },
    Row { name: "add_months", vars: &[], me: Some(DATE), params: &[Param { name: "months", shape: INT, default: None }], result: DATE, need: None, field: false, body: Native(N::DateAddMonths) },
    Row { name: "add_years", vars: &[], me: Some(DATE), params: &[Param { name: "years", shape: INT, default: None }], result: DATE, need: None, field: false, body: Native(N::DateAddYears) },
    Row { name: "start_of_week", vars: &[], me: Some(DATE), params: &[], result: DATE, need: None, field: false, body: Native(N::DateStartOfWeek) },
    Row { name: "start_of_month", vars: &[], me: Some(DATE), params: &[], result: DATE, need: None, field: false, body: Native(N::DateStartOfMonth) },
    Row { name: "end_of_month", vars: &[], me: Some(DATE), params: &[], result: DATE, need: None, field: false, body: Native(N::DateEndOfMonth) },
    Row { name: "start_of_year", vars: &[], me: Some(DATE), params: &[], result: DATE, need: None, field: false, body: Native(N::DateStartOfYear) },
    Row { name: "at", vars: &[], me: Some(DATE), params: &[Param { name: "clock", shape: DURATION, default: None }, Param { name: "zone", shape: STRING, default: Some(Default::Text("UTC")) }], result: TIME, need: None, field: false, body: Native(N::DateAt) },
    Row { name: "format", vars: &[], me: Some(DATE), params: &[Param { name: "pattern", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::DateFormat) },
    Row { name: "parse_as", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }, Param { name: "pattern", shape: STRING, default: None }], result: Option(&DATE), need: None, field: false, body: Native(N::DateParseAs) },
    Row { name: "is_weekend", vars: &[], me: Some(DATE), params: &[], result: BOOL, need: None, field: true, body: Native(N::DateIsWeekend) },
    Row { name: "is_business_day", vars: &[], me: Some(DATE), params: &[Param { name: "holidays", shape: List(&DATE), default: Some(Default::Empty) }], result: BOOL, need: None, field: false, body: Native(N::DateIsBusinessDay) },
    Row { name: "add_business_days", vars: &[], me: Some(DATE), params: &[Param { name: "days", shape: INT, default: None }, Param { name: "holidays", shape: List(&DATE), default: Some(Default::Empty) }], result: DATE, need: None, field: false, body: Native(N::DateAddBusinessDays) },
    Row { name: "business_days_until", vars: &[], me: Some(DATE), params: &[Param { name: "day", shape: DATE, default: None }, Param { name: "holidays", shape: List(&DATE), default: Some(Default::Empty) }], result: INT, need: None, field: false, body: Native(N::DateBusinessDaysUntil) },
];

pub(super) const DECIMAL_ROWS: &[Row] = &[
    Row { name: "abs", vars: &[], me: Some(DECIMAL), params: &[], result: DECIMAL, need: None, field: false, body: Native(N::DecimalAbs) },
    Row { name: "round", vars: &[], me: Some(DECIMAL), params: &[Param { name: "places", shape: INT, default: Some(Default::Int(0)) }], result: DECIMAL, need: None, field: false, body: Native(N::DecimalRound) },
    Row { name: "to_int", vars: &[], me: Some(DECIMAL), params: &[], result: INT, need: None, field: false, body: Native(N::DecimalToInt) },
    Row { name: "to_float", vars: &[], me: Some(DECIMAL), params: &[], result: FLOAT, need: None, field: false, body: Native(N::DecimalToFloat) },
    Row { name: "format", vars: &[], me: Some(DECIMAL), params: &[Param { name: "places", shape: INT, default: None }, Param { name: "group", shape: STRING, default: Some(Default::Text("")) }, Param { name: "point", shape: STRING, default: Some(Default::Text(".")) }], result: STRING, need: None, field: false, body: Native(N::DecimalFormat) },
    Row { name: "round_half_up", vars: &[], me: Some(DECIMAL), params: &[Param { name: "places", shape: INT, default: Some(Default::Int(0)) }], result: DECIMAL, need: None, field: false, body: Native(N::DecimalRoundHalfUp) },
    Row { name: "floor", vars: &[], me: Some(DECIMAL), params: &[Param { name: "places", shape: INT, default: Some(Default::Int(0)) }], result: DECIMAL, need: None, field: false, body: Native(N::DecimalFloor) },
    Row { name: "ceil", vars: &[], me: Some(DECIMAL), params: &[Param { name: "places", shape: INT, default: Some(Default::Int(0)) }], result: DECIMAL, need: None, field: false, body: Native(N::DecimalCeil) },
    Row { name: "clamp", vars: &[], me: Some(DECIMAL), params: &[Param { name: "low", shape: DECIMAL, default: None }, Param { name: "high", shape: DECIMAL, default: None }], result: DECIMAL, need: None, field: false, body: Native(N::DecimalClamp) },
    Row { name: "sign", vars: &[], me: Some(DECIMAL), params: &[], result: INT, need: None, field: false, body: Native(N::DecimalSign) },
];

pub(super) const DECODE_ROWS: &[Row] = &[
    Row { name: "base64", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&STRING), need: None, field: false, body: Native(N::DecodeBase64) },
    Row { name: "base64_url", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&STRING), need: None, field: false, body: Native(N::DecodeBase64Url) },
    Row { name: "hex", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&STRING), need: None, field: false, body: Native(N::DecodeHex) },
    Row { name: "url", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&STRING), need: None, field: false, body: Native(N::DecodeUrl) },
];

pub(super) const DURATION_ROWS: &[Row] = &[
    Row { name: "millis", vars: &[], me: Some(DURATION), params: &[], result: INT, need: None, field: false, body: Native(N::DurationMillis) },
    Row { name: "seconds", vars: &[], me: Some(DURATION), params: &[], result: INT, need: None, field: false, body: Native(N::DurationSeconds) },
    Row { name: "minutes", vars: &[], me: Some(DURATION), params: &[], result: INT, need: None, field: false, body: Native(N::DurationMinutes) },
    Row { name: "hours", vars: &[], me: Some(DURATION), params: &[], result: INT, need: None, field: false, body: Native(N::DurationHours) },
    Row { name: "days", vars: &[], me: Some(DURATION), params: &[], result: INT, need: None, field: false, body: Native(N::DurationDays) },
    Row { name: "abs", vars: &[], me: Some(DURATION), params: &[], result: DURATION, need: None, field: false, body: Native(N::DurationAbs) },
    Row { name: "parse", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&DURATION), need: None, field: false, body: Native(N::DurationParse) },
];

pub(super) const ENCODE_ROWS: &[Row] = &[
    Row { name: "base64", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::EncodeBase64) },
    Row { name: "base64_url", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::EncodeBase64Url) },
    Row { name: "hex", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::EncodeHex) },
    Row { name: "url", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::EncodeUrl) },
];

pub(super) const FLOAT_ROWS: &[Row] = &[
    Row { name: "abs", vars: &[], me: Some(FLOAT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::FloatAbs) },
    Row { name: "floor", vars: &[], me: Some(FLOAT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::FloatFloor) },
    Row { name: "ceil", vars: &[], me: Some(FLOAT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::FloatCeil) },
    Row { name: "round", vars: &[], me: Some(FLOAT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::FloatRound) },
    Row { name: "to_int", vars: &[], me: Some(FLOAT), params: &[], result: INT, need: None, field: false, body: Native(N::FloatToInt) },
    Row { name: "sqrt", vars: &[], me: Some(FLOAT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::FloatSqrt) },
    Row { name: "clamp", vars: &[], me: Some(FLOAT), params: &[Param { name: "low", shape: FLOAT, default: None }, Param { name: "high", shape: FLOAT, default: None }], result: FLOAT, need: None, field: false, body: Native(N::FloatClamp) },
    Row { name: "sign", vars: &[], me: Some(FLOAT), params: &[], result: INT, need: None, field: false, body: Native(N::FloatSign) },
];

pub(super) const HASH_ROWS: &[Row] = &[
    Row { name: "sha256", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::HashSha256) },
    Row { name: "sha512", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::HashSha512) },
    Row { name: "hmac_sha256", vars: &[], me: None, params: &[Param { name: "key", shape: STRING, default: None }, Param { name: "text", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::HashHmacSha256) },
];

pub(super) const INT_ROWS: &[Row] = &[
    Row { name: "abs", vars: &[], me: Some(INT), params: &[], result: INT, need: None, field: false, body: Native(N::IntAbs) },
    Row { name: "pow", vars: &[], me: Some(INT), params: &[Param { name: "exponent", shape: INT, default: None }], result: INT, need: None, field: false, body: Native(N::IntPow) },
    Row { name: "to_float", vars: &[], me: Some(INT), params: &[], result: FLOAT, need: None, field: false, body: Native(N::IntToFloat) },
    Row { name: "to_decimal", vars: &[], me: Some(INT), params: &[], result: DECIMAL, need: None, field: false, body: Lowered },
    Row { name: "clamp", vars: &[], me: Some(INT), params: &[Param { name: "low", shape: INT, default: None }, Param { name: "high", shape: INT, default: None }], result: INT, need: None, field: false, body: Native(N::IntClamp) },
    Row { name: "sign", vars: &[], me: Some(INT), params: &[], result: INT, need: None, field: false, body: Native(N::IntSign) },
    Row { name: "format", vars: &[], me: Some(INT), params: &[Param { name: "group", shape: STRING, default: Some(Default::Text(",")) }], result: STRING, need: None, field: false, body: Native(N::IntFormat) },
];

pub(super) const JSON_ROWS: &[Row] = &[
    Row { name: "parse", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&JSON), need: None, field: false, body: Native(N::JsonParse) },
    Row { name: "get", vars: &[], me: Some(JSON), params: &[Param { name: "path", shape: STRING, default: None }], result: Option(&JSON), need: None, field: false, body: Native(N::JsonGet) },
    Row { name: "as_int", vars: &[], me: Some(JSON), params: &[], result: Option(&INT), need: None, field: false, body: Native(N::JsonAsInt) },
    Row { name: "as_float", vars: &[], me: Some(JSON), params: &[], result: Option(&FLOAT), need: None, field: false, body: Native(N::JsonAsFloat) },
    Row { name: "as_string", vars: &[], me: Some(JSON), params: &[], result: Option(&STRING), need: None, field: false, body: Native(N::JsonAsString) },
    Row { name: "as_bool", vars: &[], me: Some(JSON), params: &[], result: Option(&BOOL), need: None, field: false, body: Native(N::JsonAsBool) },
    Row { name: "as_list", vars: &[], me: Some(JSON), params: &[], result: Option(&List(&JSON)), need: None, field: false, body: Native(N::JsonAsList) },
    Row { name: "as_map", vars: &[], me: Some(JSON), params: &[], result: Option(&Map(&STRING, &JSON)), need: None, field: false, body: Native(N::JsonAsMap) },
    Row { name: "is_null", vars: &[], me: Some(JSON), params: &[], result: BOOL, need: None, field: false, body: Native(N::JsonIsNull) },
    Row { name: "encode", vars: &[], me: Some(JSON), params: &[], result: STRING, need: None, field: false, body: Native(N::JsonEncode) },
];

pub(super) const LIST_ROWS: &[Row] = &[
    Row { name: "length", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: INT, need: None, field: false, body: Native(N::ListLength) },
    Row { name: "is_empty", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "first", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Option(&Var(0)), need: None, field: false, body: Native(N::ListFirst) },
    Row { name: "last", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Option(&Var(0)), need: None, field: false, body: Native(N::ListLast) },
    Row { name: "push", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: List(&Var(0)), need: None, field: false, body: Native(N::ListPush) },
    Row { name: "concat", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "other", shape: List(&Var(0)), default: None }], result: List(&Var(0)), need: None, field: false, body: Native(N::ListConcat) },
    Row { name: "map", vars: &["T", "U"], me: Some(List(&Var(0))), params: &[Param { name: "make", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: List(&Var(1)), need: None, field: false, body: Lowered },
    Row { name: "filter", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: List(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "fold", vars: &["T", "U"], me: Some(List(&Var(0))), params: &[Param { name: "init", shape: Var(1), default: None }, Param { name: "join", shape: Fn(&[Var(1), Var(0)], &Var(1)), default: None }], result: Var(1), need: None, field: false, body: Lowered },
    Row { name: "flat_map", vars: &["T", "U"], me: Some(List(&Var(0))), params: &[Param { name: "make", shape: Fn(&[Var(0)], &List(&Var(1))), default: None }], result: List(&Var(1)), need: None, field: false, body: Lowered },
    Row { name: "find", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: Option(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "any", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "all", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "sort_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: List(&Var(0)), need: Some(Need::Ordered(1)), field: false, body: Lowered },
    Row { name: "group_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Map(&Var(1), &List(&Var(0))), need: None, field: false, body: Lowered },
    Row { name: "sum", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Var(0), need: Some(Need::Summable(0)), field: false, body: Native(N::ListSum) },
    Row { name: "min", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Option(&Var(0)), need: Some(Need::Ordered(0)), field: false, body: Native(N::ListMin) },
    Row { name: "max", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Option(&Var(0)), need: Some(Need::Ordered(0)), field: false, body: Native(N::ListMax) },
    Row { name: "sort", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: List(&Var(0)), need: Some(Need::Ordered(0)), field: false, body: Native(N::ListSort) },
    Row { name: "zip", vars: &["T", "U"], me: Some(List(&Var(0))), params: &[Param { name: "other", shape: List(&Var(1)), default: None }], result: List(&Tuple(&[Var(0), Var(1)])), need: None, field: false, body: Native(N::ListZip) },
    Row { name: "take", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "count", shape: INT, default: None }], result: List(&Var(0)), need: None, field: false, body: Native(N::ListTake) },
    Row { name: "drop", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "count", shape: INT, default: None }], result: List(&Var(0)), need: None, field: false, body: Native(N::ListDrop) },
    Row { name: "reverse", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: List(&Var(0)), need: None, field: false, body: Native(N::ListReverse) },
    Row { name: "contains", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: BOOL, need: None, field: false, body: Native(N::ListContains) },
    Row { name: "index_of", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: Option(&INT), need: None, field: false, body: Native(N::ListIndexOf) },
    Row { name: "slice", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "from", shape: INT, default: None }, Param { name: "to", shape: INT, default: None }], result: List(&Var(0)), need: None, field: false, body: Native(N::ListSlice) },
    Row { name: "distinct", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: List(&Var(0)), need: None, field: false, body: Native(N::ListDistinct) },
    Row { name: "chunk", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "size", shape: INT, default: None }], result: List(&List(&Var(0))), need: None, field: false, body: Native(N::ListChunk) },
    Row { name: "enumerate", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: List(&Tuple(&[INT, Var(0)])), need: None, field: false, body: Native(N::ListEnumerate) },
    Row { name: "join", vars: &[], me: Some(List(&STRING)), params: &[Param { name: "sep", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::ListJoin) },
    Row { name: "flatten", vars: &["T"], me: Some(List(&List(&Var(0)))), params: &[], result: List(&Var(0)), need: None, field: false, body: Native(N::ListFlatten) },
    Row { name: "to_set", vars: &["T"], me: Some(List(&Var(0))), params: &[], result: Set(&Var(0)), need: None, field: false, body: Native(N::ListToSet) },
    Row { name: "count", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: INT, need: None, field: false, body: Lowered },
    Row { name: "partition", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: Tuple(&[List(&Var(0)), List(&Var(0))]), need: None, field: false, body: Lowered },
    Row { name: "take_while", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: List(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "drop_while", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: List(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "min_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Option(&Var(0)), need: Some(Need::Ordered(1)), field: false, body: Lowered },
    Row { name: "max_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Option(&Var(0)), need: Some(Need::Ordered(1)), field: false, body: Lowered },
    Row { name: "sum_by", vars: &["T", "N"], me: Some(List(&Var(0))), params: &[Param { name: "number", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Var(1), need: Some(Need::Summable(1)), field: false, body: Lowered },
    Row { name: "distinct_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: List(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "key_by", vars: &["T", "K"], me: Some(List(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Map(&Var(1), &Var(0)), need: None, field: false, body: Lowered },
    Row { name: "to_map", vars: &["K", "V"], me: Some(List(&Tuple(&[Var(0), Var(1)]))), params: &[], result: Map(&Var(0), &Var(1)), need: None, field: false, body: Native(N::ListToMap) },
    Row { name: "window", vars: &["T"], me: Some(List(&Var(0))), params: &[Param { name: "size", shape: INT, default: None }], result: List(&List(&Var(0))), need: None, field: false, body: Native(N::ListWindow) },
];

pub(super) const MAP_ROWS: &[Row] = &[
    Row { name: "length", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[], result: INT, need: None, field: false, body: Native(N::ListLength) },
    Row { name: "is_empty", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "get", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "key", shape: Var(0), default: None }], result: Option(&Var(1)), need: None, field: false, body: Native(N::MapGet) },
    Row { name: "has", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "key", shape: Var(0), default: None }], result: BOOL, need: None, field: false, body: Native(N::MapHas) },
    Row { name: "keys", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[], result: List(&Var(0)), need: None, field: false, body: Native(N::MapKeys) },
    Row { name: "values", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[], result: List(&Var(1)), need: None, field: false, body: Native(N::MapValues) },
    Row { name: "entries", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[], result: List(&Tuple(&[Var(0), Var(1)])), need: None, field: false, body: Native(N::MapEntries) },
    Row { name: "set", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "key", shape: Var(0), default: None }, Param { name: "value", shape: Var(1), default: None }], result: Map(&Var(0), &Var(1)), need: None, field: false, body: Native(N::MapSet) },
    Row { name: "remove", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "key", shape: Var(0), default: None }], result: Map(&Var(0), &Var(1)), need: None, field: false, body: Native(N::MapRemove) },
    Row { name: "merge", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "other", shape: Map(&Var(0), &Var(1)), default: None }], result: Map(&Var(0), &Var(1)), need: None, field: false, body: Native(N::MapMerge) },
    Row { name: "filter", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "test", shape: Fn(&[Var(0), Var(1)], &BOOL), default: None }], result: Map(&Var(0), &Var(1)), need: None, field: false, body: Lowered },
    Row { name: "map_values", vars: &["K", "V", "U"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "make", shape: Fn(&[Var(1)], &Var(2)), default: None }], result: Map(&Var(0), &Var(2)), need: None, field: false, body: Lowered },
    Row { name: "any", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "test", shape: Fn(&[Var(0), Var(1)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "all", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "test", shape: Fn(&[Var(0), Var(1)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "count", vars: &["K", "V"], me: Some(Map(&Var(0), &Var(1))), params: &[Param { name: "test", shape: Fn(&[Var(0), Var(1)], &BOOL), default: None }], result: INT, need: None, field: false, body: Lowered },
];

pub(super) const SET_ROWS: &[Row] = &[
    Row { name: "length", vars: &["T"], me: Some(Set(&Var(0))), params: &[], result: INT, need: None, field: false, body: Native(N::ListLength) },
    Row { name: "is_empty", vars: &["T"], me: Some(Set(&Var(0))), params: &[], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "has", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: BOOL, need: None, field: false, body: Native(N::ListContains) },
    Row { name: "contains", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: BOOL, need: None, field: false, body: Native(N::ListContains) },
    Row { name: "add", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: Set(&Var(0)), need: None, field: false, body: Native(N::SetAdd) },
    Row { name: "remove", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "item", shape: Var(0), default: None }], result: Set(&Var(0)), need: None, field: false, body: Native(N::SetRemove) },
    Row { name: "union", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "other", shape: Set(&Var(0)), default: None }], result: Set(&Var(0)), need: None, field: false, body: Native(N::SetUnion) },
    Row { name: "intersect", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "other", shape: Set(&Var(0)), default: None }], result: Set(&Var(0)), need: None, field: false, body: Native(N::SetIntersect) },
    Row { name: "to_list", vars: &["T"], me: Some(Set(&Var(0))), params: &[], result: List(&Var(0)), need: None, field: false, body: Native(N::SetToList) },
    Row { name: "map", vars: &["T", "U"], me: Some(Set(&Var(0))), params: &[Param { name: "make", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: List(&Var(1)), need: None, field: false, body: Lowered },
    Row { name: "filter", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: List(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "fold", vars: &["T", "U"], me: Some(Set(&Var(0))), params: &[Param { name: "init", shape: Var(1), default: None }, Param { name: "join", shape: Fn(&[Var(1), Var(0)], &Var(1)), default: None }], result: Var(1), need: None, field: false, body: Lowered },
    Row { name: "flat_map", vars: &["T", "U"], me: Some(Set(&Var(0))), params: &[Param { name: "make", shape: Fn(&[Var(0)], &List(&Var(1))), default: None }], result: List(&Var(1)), need: None, field: false, body: Lowered },
    Row { name: "find", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: Option(&Var(0)), need: None, field: false, body: Lowered },
    Row { name: "any", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "all", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "test", shape: Fn(&[Var(0)], &BOOL), default: None }], result: BOOL, need: None, field: false, body: Lowered },
    Row { name: "sort_by", vars: &["T", "K"], me: Some(Set(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: List(&Var(0)), need: Some(Need::Ordered(1)), field: false, body: Lowered },
    Row { name: "group_by", vars: &["T", "K"], me: Some(Set(&Var(0))), params: &[Param { name: "key", shape: Fn(&[Var(0)], &Var(1)), default: None }], result: Map(&Var(1), &List(&Var(0))), need: None, field: false, body: Lowered },
    Row { name: "difference", vars: &["T"], me: Some(Set(&Var(0))), params: &[Param { name: "other", shape: Set(&Var(0)), default: None }], result: Set(&Var(0)), need: None, field: false, body: Native(N::SetDifference) },
];

pub(super) const STRING_ROWS: &[Row] = &[
    Row { name: "length", vars: &[], me: Some(STRING), params: &[], result: INT, need: None, field: false, body: Native(N::StringLength) },
    Row { name: "is_empty", vars: &[], me: Some(STRING), params: &[], result: BOOL, need: None, field: false, body: Native(N::StringIsEmpty) },
    Row { name: "upper", vars: &[], me: Some(STRING), params: &[], result: STRING, need: None, field: false, body: Native(N::StringUpper) },
    Row { name: "lower", vars: &[], me: Some(STRING), params: &[], result: STRING, need: None, field: false, body: Native(N::StringLower) },
    Row { name: "trim", vars: &[], me: Some(STRING), params: &[], result: STRING, need: None, field: false, body: Native(N::StringTrim) },
    Row { name: "split", vars: &[], me: Some(STRING), params: &[Param { name: "sep", shape: STRING, default: None }], result: List(&STRING), need: None, field: false, body: Native(N::StringSplit) },
    Row { name: "contains", vars: &[], me: Some(STRING), params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::StringContains) },
    Row { name: "starts_with", vars: &[], me: Some(STRING), params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::StringStartsWith) },
    Row { name: "ends_with", vars: &[], me: Some(STRING), params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::StringEndsWith) },
    Row { name: "replace", vars: &[], me: Some(STRING), params: &[Param { name: "from", shape: STRING, default: None }, Param { name: "to", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::StringReplace) },
    Row { name: "slice", vars: &[], me: Some(STRING), params: &[Param { name: "from", shape: INT, default: None }, Param { name: "to", shape: INT, default: None }], result: STRING, need: None, field: false, body: Native(N::StringSlice) },
    Row { name: "chars", vars: &[], me: Some(STRING), params: &[], result: List(&STRING), need: None, field: false, body: Native(N::StringChars) },
    Row { name: "lines", vars: &[], me: Some(STRING), params: &[], result: List(&STRING), need: None, field: false, body: Native(N::StringLines) },
    Row { name: "parse_int", vars: &[], me: Some(STRING), params: &[], result: Option(&INT), need: None, field: false, body: Native(N::StringParseInt) },
    Row { name: "parse_decimal", vars: &[], me: Some(STRING), params: &[], result: Option(&DECIMAL), need: None, field: false, body: Native(N::StringParseDecimal) },
    Row { name: "pad_start", vars: &[], me: Some(STRING), params: &[Param { name: "width", shape: INT, default: None }, Param { name: "with", shape: STRING, default: Some(Default::Text(" ")) }], result: STRING, need: None, field: false, body: Native(N::StringPadStart) },
    Row { name: "pad_end", vars: &[], me: Some(STRING), params: &[Param { name: "width", shape: INT, default: None }, Param { name: "with", shape: STRING, default: Some(Default::Text(" ")) }], result: STRING, need: None, field: false, body: Native(N::StringPadEnd) },
    Row { name: "repeat", vars: &[], me: Some(STRING), params: &[Param { name: "count", shape: INT, default: None }], result: STRING, need: None, field: false, body: Native(N::StringRepeat) },
    Row { name: "index_of", vars: &[], me: Some(STRING), params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&INT), need: None, field: false, body: Native(N::StringIndexOf) },
    Row { name: "trim_start", vars: &[], me: Some(STRING), params: &[], result: STRING, need: None, field: false, body: Native(N::StringTrimStart) },
    Row { name: "trim_end", vars: &[], me: Some(STRING), params: &[], result: STRING, need: None, field: false, body: Native(N::StringTrimEnd) },
    Row { name: "is_blank", vars: &[], me: Some(STRING), params: &[], result: BOOL, need: None, field: false, body: Native(N::StringIsBlank) },
    Row { name: "parse_float", vars: &[], me: Some(STRING), params: &[], result: Option(&FLOAT), need: None, field: false, body: Native(N::StringParseFloat) },
    Row { name: "matches", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::StringMatches) },
    Row { name: "find", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }], result: Option(&STRING), need: None, field: false, body: Native(N::StringFind) },
    Row { name: "find_all", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }], result: List(&STRING), need: None, field: false, body: Native(N::StringFindAll) },
    Row { name: "split_pattern", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }], result: List(&STRING), need: None, field: false, body: Native(N::StringSplitPattern) },
    Row { name: "replace_pattern", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }, Param { name: "with", shape: STRING, default: None }], result: STRING, need: None, field: false, body: Native(N::StringReplacePattern) },
    Row { name: "captures", vars: &[], me: Some(STRING), params: &[Param { name: "pattern", shape: STRING, default: None }], result: Option(&Map(&STRING, &STRING)), need: None, field: false, body: Native(N::StringCaptures) },
];

pub(super) const TIME_ROWS: &[Row] = &[
    Row { name: "parse", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: Option(&TIME), need: None, field: false, body: Native(N::TimeParse) },
    Row { name: "parse_as", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }, Param { name: "pattern", shape: STRING, default: None }, Param { name: "zone", shape: STRING, default: Some(Default::Text("UTC")) }], result: Option(&TIME), need: None, field: false, body: Native(N::TimeParseAs) },
    Row { name: "of_millis", vars: &[], me: None, params: &[Param { name: "millis", shape: INT, default: None }], result: TIME, need: None, field: false, body: Native(N::TimeOfMillis) },
    Row { name: "millis", vars: &[], me: Some(TIME), params: &[], result: INT, need: None, field: false, body: Native(N::TimeMillis) },
    Row { name: "date", vars: &[], me: Some(TIME), params: &[Param { name: "zone", shape: STRING, default: Some(Default::Text("UTC")) }], result: DATE, need: None, field: false, body: Native(N::TimeDateIn) },
    Row { name: "clock", vars: &[], me: Some(TIME), params: &[Param { name: "zone", shape: STRING, default: Some(Default::Text("UTC")) }], result: DURATION, need: None, field: false, body: Native(N::TimeClock) },
    Row { name: "offset", vars: &[], me: Some(TIME), params: &[Param { name: "zone", shape: STRING, default: None }], result: DURATION, need: None, field: false, body: Native(N::TimeOffset) },
    Row { name: "format", vars: &[], me: Some(TIME), params: &[Param { name: "pattern", shape: STRING, default: None }, Param { name: "zone", shape: STRING, default: Some(Default::Text("UTC")) }], result: STRING, need: None, field: false, body: Native(N::TimeFormat) },
];

pub(super) const VALIDATION_ROWS: &[Row] = &[
    Row { name: "email", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidEmail) },
    Row { name: "url", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidUrl) },
    Row { name: "uuid", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidUuid) },
    Row { name: "phone", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidPhone) },
    Row { name: "iban", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidIban) },
    Row { name: "luhn", vars: &[], me: None, params: &[Param { name: "text", shape: STRING, default: None }], result: BOOL, need: None, field: false, body: Native(N::ValidLuhn) },
];

pub(super) const WEEKDAY_ROWS: &[Row] = &[
    Row { name: "number", vars: &[], me: Some(WEEKDAY), params: &[], result: INT, need: None, field: true, body: Native(N::WeekdayNumber) },
];

/// Modules by the name before the point.
pub(super) const MODULES: &[(&str, &[Row])] = &[
    ("Date", DATE_ROWS),
    ("Decimal", DECIMAL_ROWS),
    ("decode", DECODE_ROWS),
    ("Duration", DURATION_ROWS),
    ("encode", ENCODE_ROWS),
    ("Float", FLOAT_ROWS),
    ("hash", HASH_ROWS),
    ("Int", INT_ROWS),
    ("Json", JSON_ROWS),
    ("List", LIST_ROWS),
    ("Map", MAP_ROWS),
    ("Set", SET_ROWS),
    ("String", STRING_ROWS),
    ("Time", TIME_ROWS),
    ("validation", VALIDATION_ROWS),
    ("Weekday", WEEKDAY_ROWS),
];
