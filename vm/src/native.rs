//! Functions written in Rust that bytecode may call. Each is pure; those whose work grows with their arguments charge
//! fuel for it before they work.

mod business;
mod calendar;
mod codec;
mod json;
mod keyed;
mod layout;
mod list;
mod number;
mod pattern;
mod table;
mod text;
mod time;
mod validation;

pub(crate) use pattern::Patterns;
use weft_bytecode::op::Native;
use weft_bytecode::types::{Type, TypeId};

use crate::heap::Heap;
use crate::limits::{Fault, corrupt};
use crate::loaded::Loaded;

/// An argument: its static type and its slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) ty: TypeId,
    pub(crate) slot: u64,
}

/// What a native works with.
struct Call<'a> {
    heap: &'a mut Heap,
    loaded: &'a Loaded,
    args: &'a [Value],
    /// Type of the result.
    dst: TypeId,
}

/// Calls a native.
pub(crate) fn call(
    heap: &mut Heap,
    loaded: &Loaded,
    native: Native,
    args: &[Value],
    dst: TypeId,
) -> Result<u64, Fault> {
    let mut call = Call { heap, loaded, args, dst };
    if !takes_constant_time(native) {
        call.charge();
    }
    use Native::*;
    match native {
        IntAbs | IntPow | IntToFloat | FloatAbs | FloatFloor | FloatCeil | FloatRound | FloatToInt | FloatSqrt
        | DecimalAbs | DecimalRound | DecimalToInt | DecimalToFloat | IntClamp | IntSign | FloatClamp | FloatSign
        | DecimalClamp | DecimalSign | DecimalFloor | DecimalCeil | DecimalRoundHalfUp => {
            number::call(&mut call, native)
        }
        ToText | StringLength | StringIsEmpty | StringUpper | StringLower | StringTrim | StringSplit
        | StringContains | StringStartsWith | StringEndsWith | StringReplace | StringSlice | StringChars
        | StringLines | StringParseInt | StringParseDecimal | StringParseFloat | ListJoin => {
            text::call(&mut call, native)
        }
        Range | ListLength | ListFirst | ListLast | ListPush | ListConcat | ListSum | ListMin | ListMax | ListSort
        | ListSortKeys | ListZip | ListTake | ListDrop | ListReverse | ListContains | ListIndexOf | ListSlice
        | ListDistinct | ListChunk | ListWindow | ListEnumerate | ListFlatten => list::call(&mut call, native),
        GroupKeys | MapGet | MapIndex | MapHas | MapKeys | MapValues | MapEntries | MapSet | MapRemove | MapMerge
        | SetAdd | SetRemove | SetUnion | SetIntersect | SetDifference | ListToSet | SetToList => {
            table::call(&mut call, native)
        }
        JsonGet | JsonAsInt | JsonAsFloat | JsonAsString | JsonAsBool | JsonAsList | JsonAsMap | JsonIsNull
        | JsonParse | JsonEncode | ToJson => json::call(&mut call, native),
        DurationMillis | TimeToDate | DateToTime | DateAddDays | DateDaysUntil | TimeParse | DateParse => {
            time::call(&mut call, native)
        }
        StringPadStart | StringPadEnd | StringRepeat | StringIndexOf | StringTrimStart | StringTrimEnd
        | StringIsBlank | DecimalFormat | IntFormat => layout::call(&mut call, native),
        HashSha256 | HashSha512 | HashHmacSha256 | EncodeBase64 | EncodeBase64Url | EncodeHex | EncodeUrl
        | DecodeBase64 | DecodeBase64Url | DecodeHex | DecodeUrl => codec::call(&mut call, native),
        ListToMap | MapOfKeys | MapWithValues | ListMinKeys | ListMaxKeys | ListDistinctKeys | ListPartition => {
            keyed::call(&mut call, native)
        }
        StringMatches | StringFind | StringFindAll | StringSplitPattern | StringReplacePattern | StringCaptures => {
            pattern::call(&mut call, native)
        }
        ValidEmail | ValidUrl | ValidUuid | ValidPhone | ValidIban | ValidLuhn => {
            Ok(u64::from(validation::holds(native, call.text(0))))
        }
        DateIsWeekend | DateIsBusinessDay | DateAddBusinessDays | DateBusinessDaysUntil => {
            business::call(&mut call, native)
        }
        DateOf | DateYear | DateMonth | DateDay | DateDayOfWeek | DateNext | DatePrevious | DateAddMonths
        | DateAddYears | DateStartOfWeek | DateStartOfMonth | DateEndOfMonth | DateStartOfYear | DateDayOfYear
        | DateIsoWeek | DateIsoYear | DateFormat | DateParseAs | DateAt | TimeDateIn | TimeClock | TimeOffset
        | TimeFormat | TimeParseAs | TimeMillis | TimeOfMillis | DurationParse | DurationSeconds | DurationMinutes
        | DurationHours | DurationDays | DurationAbs | WeekdayNumber => calendar::call(&mut call, native),
    }
}

/// Whether the work does not grow with the arguments.
fn takes_constant_time(native: Native) -> bool {
    use Native::*;
    matches!(
        native,
        StringIsEmpty
            | ListLength
            | ListFirst
            | ListLast
            | MapGet
            | MapIndex
            | MapHas
            | JsonIsNull
            | JsonAsInt
            | JsonAsFloat
            | JsonAsString
            | JsonAsBool
    )
}

impl Call<'_> {
    fn slot(&self, place: usize) -> u64 {
        self.args[place].slot
    }

    fn int(&self, place: usize) -> i64 {
        self.slot(place) as i64
    }

    fn text(&self, place: usize) -> &str {
        self.heap.text(self.slot(place))
    }

    /// Charges for looking at all of the arguments.
    fn charge(&mut self) {
        let refs = self.args.iter().filter(|arg| self.loaded.is_ref(arg.ty) && arg.slot != 0);
        let bytes = refs.map(|arg| self.heap.size(arg.slot)).sum();
        self.heap.charge(bytes);
    }

    fn new_text(&mut self, text: &str) -> Result<u64, Fault> {
        crate::value::new_text(self.heap, text)
    }

    /// Elements in a list.
    fn count(&self, list: u64) -> usize {
        self.heap.get(list, 0) as usize
    }

    fn item(&self, list: u64, index: usize) -> u64 {
        self.heap.get(list, 1 + index)
    }

    fn items(&self, list: u64) -> &[u64] {
        &self.heap.payload(list)[1..1 + self.count(list)]
    }

    /// A list whose elements stay where they were too.
    fn list(&mut self, ty: TypeId, items: &[u64]) -> Result<u64, Fault> {
        let list = self.fresh_list(ty, items)?;
        crate::interp::share_children(self.heap, self.loaded, list);
        Ok(list)
    }

    /// A list of elements nobody else has.
    fn fresh_list(&mut self, ty: TypeId, items: &[u64]) -> Result<u64, Fault> {
        let list = self.heap.alloc(ty, 1 + items.len())?;
        self.heap.set(list, 0, items.len() as u64);
        self.heap.payload_mut(list)[1..].copy_from_slice(items);
        Ok(list)
    }

    /// `T?` of the result type from a `T` that stays where it was too, if it is there.
    fn optional(&mut self, value: Option<u64>) -> Result<u64, Fault> {
        let Type::Option(inner) = self.loaded.ty(self.dst) else {
            return Err(corrupt("the native's result should be an optional"));
        };
        match value {
            None => Ok(0),
            Some(value) if self.loaded.is_ref(*inner) => {
                self.heap.share(value);
                Ok(value)
            }
            Some(value) => self.heap.alloc_words(self.dst, &[value]),
        }
    }

    /// `T?` of the result type from an element of a collection, if it is there. One that is an optional stays as it is.
    fn found(&mut self, item: TypeId, value: Option<u64>) -> Result<u64, Fault> {
        if item != self.dst {
            return self.optional(value);
        }
        let value = value.unwrap_or(0);
        if value != 0 {
            self.heap.share(value);
        }
        Ok(value)
    }

    /// The element type of a `List` or `Set`.
    fn element(&self, ty: TypeId) -> Result<TypeId, Fault> {
        match self.loaded.ty(ty) {
            Type::List(item) | Type::Set(item) => Ok(*item),
            _ => Err(corrupt("a list was expected")),
        }
    }
}
