//! The standard library as a table: which methods a type has, over which natives. Methods that take lambdas are
//! loops made in `hir/lower/collect.rs`; what a native does is said in `bytecode::op`.

use weft_bytecode::op::Native;

use crate::types::{Kind, Ty, Types};

/// A type in a row of the table, seen from the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Of(Ty),
    OptionOf(Ty),
    ListOf(Ty),
    /// The receiver's own type.
    Me,
    /// Element of a list or set; key of a map.
    Item,
    /// Value of a map.
    Value,
    OptionItem,
    OptionValue,
    ListItem,
    SetItem,
    ListValue,
    /// `List<(K, V)>`.
    Entries,
    /// `List<(Int, T)>`.
    Numbered,
    ListMe,
    /// A list of anything; gives `B` for [`Sort::Zipped`].
    OtherList,
    /// `List<(A, B)>`.
    Zipped,
    /// The element of a list of lists, as a list.
    Flat,
    /// `Map<String, Json>?`.
    OptionJsonMap,
}

/// What a method asks of the element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    Ordered,
    Summable,
    Strings,
    Lists,
}

/// A method without lambdas.
#[derive(Debug)]
pub(crate) struct Method {
    pub name: &'static str,
    /// Names and types of what follows the receiver.
    pub params: &'static [(&'static str, Sort)],
    pub result: Sort,
    pub native: Native,
    pub need: Need,
}

const fn row(name: &'static str, params: &'static [(&'static str, Sort)], result: Sort, native: Native) -> Method {
    Method { name, params, result, native, need: Need::Nothing }
}

const fn needs(need: Need, row: Method) -> Method {
    Method { need, ..row }
}

use Native as N;
use Sort::*;

const INT: Sort = Of(Ty::INT);
const BOOL: Sort = Of(Ty::BOOL);
const FLOAT: Sort = Of(Ty::FLOAT);
const DECIMAL: Sort = Of(Ty::DECIMAL);
const STRING: Sort = Of(Ty::STRING);
const DATE: Sort = Of(Ty::DATE);
const TIME: Sort = Of(Ty::TIME);

const INT_METHODS: &[Method] = &[
    row("abs", &[], INT, N::IntAbs),
    row("pow", &[("exponent", INT)], INT, N::IntPow),
    row("to_float", &[], FLOAT, N::IntToFloat),
];
const FLOAT_METHODS: &[Method] = &[
    row("abs", &[], FLOAT, N::FloatAbs),
    row("floor", &[], FLOAT, N::FloatFloor),
    row("ceil", &[], FLOAT, N::FloatCeil),
    row("round", &[], FLOAT, N::FloatRound),
    row("to_int", &[], INT, N::FloatToInt),
    row("sqrt", &[], FLOAT, N::FloatSqrt),
];
const DECIMAL_METHODS: &[Method] = &[
    row("abs", &[], DECIMAL, N::DecimalAbs),
    row("round", &[("places", INT)], DECIMAL, N::DecimalRound),
    row("to_int", &[], INT, N::DecimalToInt),
    row("to_float", &[], FLOAT, N::DecimalToFloat),
];
const STRING_METHODS: &[Method] = &[
    row("length", &[], INT, N::StringLength),
    row("is_empty", &[], BOOL, N::StringIsEmpty),
    row("upper", &[], STRING, N::StringUpper),
    row("lower", &[], STRING, N::StringLower),
    row("trim", &[], STRING, N::StringTrim),
    row("split", &[("sep", STRING)], ListOf(Ty::STRING), N::StringSplit),
    row("contains", &[("text", STRING)], BOOL, N::StringContains),
    row("starts_with", &[("text", STRING)], BOOL, N::StringStartsWith),
    row("ends_with", &[("text", STRING)], BOOL, N::StringEndsWith),
    row("replace", &[("from", STRING), ("to", STRING)], STRING, N::StringReplace),
    row("slice", &[("from", INT), ("to", INT)], STRING, N::StringSlice),
    row("chars", &[], ListOf(Ty::STRING), N::StringChars),
    row("lines", &[], ListOf(Ty::STRING), N::StringLines),
    row("parse_int", &[], OptionOf(Ty::INT), N::StringParseInt),
    row("parse_decimal", &[], OptionOf(Ty::DECIMAL), N::StringParseDecimal),
];
const LIST_METHODS: &[Method] = &[
    row("length", &[], INT, N::ListLength),
    row("first", &[], OptionItem, N::ListFirst),
    row("last", &[], OptionItem, N::ListLast),
    row("push", &[("item", Item)], Me, N::ListPush),
    row("concat", &[("other", Me)], Me, N::ListConcat),
    needs(Need::Summable, row("sum", &[], Item, N::ListSum)),
    needs(Need::Ordered, row("min", &[], OptionItem, N::ListMin)),
    needs(Need::Ordered, row("max", &[], OptionItem, N::ListMax)),
    needs(Need::Ordered, row("sort", &[], Me, N::ListSort)),
    row("zip", &[("other", OtherList)], Zipped, N::ListZip),
    row("take", &[("count", INT)], Me, N::ListTake),
    row("drop", &[("count", INT)], Me, N::ListDrop),
    row("reverse", &[], Me, N::ListReverse),
    row("contains", &[("item", Item)], BOOL, N::ListContains),
    row("index_of", &[("item", Item)], OptionOf(Ty::INT), N::ListIndexOf),
    row("slice", &[("from", INT), ("to", INT)], Me, N::ListSlice),
    row("distinct", &[], Me, N::ListDistinct),
    row("chunk", &[("size", INT)], ListMe, N::ListChunk),
    row("enumerate", &[], Numbered, N::ListEnumerate),
    needs(Need::Strings, row("join", &[("sep", STRING)], STRING, N::ListJoin)),
    needs(Need::Lists, row("flatten", &[], Flat, N::ListFlatten)),
    row("to_set", &[], SetItem, N::ListToSet),
];
const MAP_METHODS: &[Method] = &[
    row("length", &[], INT, N::ListLength),
    row("get", &[("key", Item)], OptionValue, N::MapGet),
    row("has", &[("key", Item)], BOOL, N::MapHas),
    row("keys", &[], ListItem, N::MapKeys),
    row("values", &[], ListValue, N::MapValues),
    row("entries", &[], Entries, N::MapEntries),
    row("set", &[("key", Item), ("value", Value)], Me, N::MapSet),
    row("remove", &[("key", Item)], Me, N::MapRemove),
    row("merge", &[("other", Me)], Me, N::MapMerge),
];
const SET_METHODS: &[Method] = &[
    row("length", &[], INT, N::ListLength),
    row("has", &[("item", Item)], BOOL, N::ListContains),
    row("contains", &[("item", Item)], BOOL, N::ListContains),
    row("add", &[("item", Item)], Me, N::SetAdd),
    row("remove", &[("item", Item)], Me, N::SetRemove),
    row("union", &[("other", Me)], Me, N::SetUnion),
    row("intersect", &[("other", Me)], Me, N::SetIntersect),
    row("to_list", &[], ListItem, N::SetToList),
];
const JSON_METHODS: &[Method] = &[
    row("get", &[("path", STRING)], OptionOf(Ty::JSON), N::JsonGet),
    row("as_int", &[], OptionOf(Ty::INT), N::JsonAsInt),
    row("as_float", &[], OptionOf(Ty::FLOAT), N::JsonAsFloat),
    row("as_string", &[], OptionOf(Ty::STRING), N::JsonAsString),
    row("as_bool", &[], OptionOf(Ty::BOOL), N::JsonAsBool),
    row("as_list", &[], JSON_LIST, N::JsonAsList),
    row("as_map", &[], OptionJsonMap, N::JsonAsMap),
    row("is_null", &[], BOOL, N::JsonIsNull),
    row("encode", &[], STRING, N::JsonEncode),
];
/// `List<Json>?`: built by [`sort_ty`].
const JSON_LIST: Sort = OptionOf(Ty::UNKNOWN);
const DURATION_METHODS: &[Method] = &[row("millis", &[], INT, N::DurationMillis)];
const TIME_METHODS: &[Method] = &[row("date", &[], DATE, N::TimeToDate)];
const DATE_METHODS: &[Method] = &[
    row("time", &[], TIME, N::DateToTime),
    row("add_days", &[("days", INT)], DATE, N::DateAddDays),
    row("days_until", &[("day", DATE)], INT, N::DateDaysUntil),
    row("weekday", &[], INT, N::DateWeekday),
];

/// Functions of a type's name: `Time.parse(text)`.
pub(crate) const STATIC: &[(&str, Method)] = &[
    ("Time", row("parse", &[("text", STRING)], OptionOf(Ty::TIME), N::TimeParse)),
    ("Date", row("parse", &[("text", STRING)], OptionOf(Ty::DATE), N::DateParse)),
    ("Json", row("parse", &[("text", STRING)], OptionOf(Ty::JSON), N::JsonParse)),
];

/// Methods with lambdas, by the kind of receiver that has them: lists and sets.
pub(crate) const LAMBDA_METHODS: &[&str] =
    &["map", "filter", "fold", "flat_map", "find", "any", "all", "sort_by", "group_by"];

/// The methods of a type that are natives.
pub(crate) fn methods(kind: &Kind) -> &'static [Method] {
    match kind {
        Kind::Int => INT_METHODS,
        Kind::Float => FLOAT_METHODS,
        Kind::Decimal => DECIMAL_METHODS,
        Kind::String => STRING_METHODS,
        Kind::List(_) => LIST_METHODS,
        Kind::Map(..) => MAP_METHODS,
        Kind::Set(_) => SET_METHODS,
        Kind::Json => JSON_METHODS,
        Kind::Duration => DURATION_METHODS,
        Kind::Time => TIME_METHODS,
        Kind::Date => DATE_METHODS,
        _ => &[],
    }
}

/// The type behind a sort. `other` is the element of the argument of [`Sort::OtherList`].
pub(crate) fn sort_ty(types: &Types, sort: Sort, me: Ty, other: Ty) -> Ty {
    let (item, value) = match types.kind(me) {
        Kind::List(item) | Kind::Set(item) => (item, Ty::UNKNOWN),
        Kind::Map(key, value) => (key, value),
        _ => (Ty::UNKNOWN, Ty::UNKNOWN),
    };
    match sort {
        Of(ty) => ty,
        sort if sort == JSON_LIST => types.option(types.list(Ty::JSON)),
        OptionOf(ty) => types.option(ty),
        ListOf(ty) => types.list(ty),
        Me => me,
        Item => item,
        Value => value,
        OptionItem => types.option(item),
        OptionValue => types.option(value),
        ListItem => types.list(item),
        SetItem => types.intern(Kind::Set(item)),
        ListValue => types.list(value),
        Entries => types.list(types.tuple(&[item, value])),
        Numbered => types.list(types.tuple(&[Ty::INT, item])),
        ListMe => types.list(me),
        OtherList => Ty::UNKNOWN,
        Zipped => types.list(types.tuple(&[item, other])),
        Flat => item,
        OptionJsonMap => types.option(types.map(Ty::STRING, Ty::JSON)),
    }
}

/// Whether an element type has what a method needs; else what is missing.
pub(crate) fn lacks(types: &Types, need: Need, item: Ty) -> Option<&'static str> {
    let has = match need {
        Need::Nothing => true,
        Need::Ordered => types.is_ordered(item),
        Need::Summable => matches!(item, Ty::INT | Ty::DECIMAL | Ty::FLOAT | Ty::DURATION | Ty::UNKNOWN),
        Need::Strings => matches!(item, Ty::STRING | Ty::UNKNOWN),
        Need::Lists => matches!(types.kind(item), Kind::List(_) | Kind::Unknown),
    };
    if has {
        return None;
    }
    Some(match need {
        Need::Ordered => "ordered elements",
        Need::Summable => "elements that can be added",
        Need::Strings => "elements that are strings",
        Need::Lists => "elements that are lists",
        Need::Nothing => "",
    })
}
