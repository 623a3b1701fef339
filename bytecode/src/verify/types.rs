//! The type table and the constants.

use std::collections::{BTreeSet, HashSet};

use super::{Checked, known_type, require};
use crate::program::{Constant, Program};
use crate::types::{Field, Type, TypeId, builtin};
use crate::wire::{self, text};

pub(super) fn check(program: &Program) -> Checked {
    let first = builtin::all();
    require(program.types.get(..first.len()) == Some(&first[..]), || {
        "the type table does not begin with the built-in types".into()
    })?;
    require(program.types.len() <= usize::from(u16::MAX), || "there are more than 65,535 types".into())?;
    // Types have no order; nothing here depends on the set's.
    let mut seen = HashSet::with_capacity(program.types.len());
    for (id, ty) in program.types.iter().enumerate() {
        let of = |message: String| format!("type {id}: {message}");
        require(seen.insert(ty), || of("it is there twice".into()))?;
        parts(program, ty).map_err(of)?;
    }
    let mut sizes = vec![None; program.types.len()];
    for id in 0..program.types.len() as u16 {
        written_out(program, TypeId(id), &mut sizes, 0).map_err(|message| format!("type {id}: {message}"))?;
    }
    // Defaults are read by their types, so all types must be sound before.
    let defaults = program.types.iter().flat_map(fields_of).filter(|field| field.default.is_some());
    for field in defaults {
        let read = field.default.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let canonical = read.as_ref().and_then(|json| {
            let checked = wire::normalize(program, field.ty, json, wire::Strictness::Input).ok()?;
            let (canonical, given) = (checked.to_string(), json.to_string());
            Some(canonical == given)
        });
        let of = |message: &str| format!("the default of the field `{}` {message}", field.name);
        // What leaves a field out would be filled in again wherever it is used, perhaps with itself.
        require(canonical.is_some(), || of("does not have its type"))?;
        require(canonical == Some(true), || of("is not in its canonical form"))?;
    }
    Ok(())
}

/// Levels of types within types, counted where a type is known by its parts and not by a name.
pub const NESTING_MAX: usize = 100;
/// Parts of such a type, each counted as often as it occurs.
pub const PARTS_MAX: usize = 10_000;

/// How large a type is that is known by its parts, with its levels: whatever walks through it comes to an end.
fn written_out(
    program: &Program,
    id: TypeId,
    known: &mut [Option<(usize, usize)>],
    above: usize,
) -> Checked<(usize, usize)> {
    let place = usize::from(id.0);
    if let Some(size) = known[place] {
        return Ok(size);
    }
    let too_deep = || format!("it nests deeper than {NESTING_MAX} levels of types without a name");
    require(above < NESTING_MAX, too_deep)?;
    let (mut size, mut levels) = (1usize, 1);
    for part in unnamed_parts(program.ty(id)) {
        let (parts, below) = written_out(program, part, known, above + 1)?;
        size = size.saturating_add(parts);
        levels = levels.max(1 + below);
    }
    require(size <= PARTS_MAX, || format!("it has more than {PARTS_MAX} parts"))?;
    require(levels <= NESTING_MAX, too_deep)?;
    known[place] = Some((size, levels));
    Ok((size, levels))
}

fn unnamed_parts(ty: &Type) -> Vec<TypeId> {
    match ty {
        Type::Option(inner) | Type::List(inner) | Type::Set(inner) | Type::Result(inner) => vec![*inner],
        Type::Map(key, value) => vec![*key, *value],
        Type::Tuple(items) => items.clone(),
        Type::Record { name: None, fields } => fields.iter().map(|field| field.ty).collect(),
        Type::Fn(params, result) => params.iter().copied().chain([*result]).collect(),
        _ => Vec::new(),
    }
}

fn fields_of(ty: &Type) -> Vec<&Field> {
    match ty {
        Type::Record { fields, .. } | Type::Error { fields, .. } => fields.iter().collect(),
        Type::Enum { variants, .. } => variants.iter().flat_map(|v| &v.fields).collect(),
        _ => Vec::new(),
    }
}

/// What a type is made of exists, and is data unless the type is a function's.
fn parts(program: &Program, ty: &Type) -> Checked {
    let data = |id: TypeId| match known_type(program, id)? {
        Type::Fn(..) => Err(String::from("a function is no data")),
        _ => Ok(()),
    };
    match ty {
        Type::Option(inner) => {
            data(*inner)?;
            require(!matches!(program.ty(*inner), Type::Option(_)), || "an optional of an optional".into())
        }
        Type::List(item) | Type::Set(item) | Type::Result(item) => data(*item),
        Type::Map(key, value) => {
            data(*key)?;
            data(*value)
        }
        Type::Tuple(items) => {
            require(items.len() >= 2, || "a tuple of fewer than two".into())?;
            items.iter().try_for_each(|item| data(*item))
        }
        Type::Record { fields, .. } => {
            named_once(fields)?;
            fields.iter().try_for_each(|field| data(field.ty))
        }
        Type::Enum { variants, .. } => {
            require(!variants.is_empty(), || "an enum without variants".into())?;
            // A place is `variant << 8 | field`.
            let small = variants.len() <= 256 && variants.iter().all(|v| v.fields.len() <= 256);
            require(small || ty.is_scalar(), || "an enum with payloads has more than 256 variants or fields".into())?;
            require(variants.len() <= usize::from(u16::MAX), || "an enum has more than 65,535 variants".into())?;
            for variant in variants {
                named_once(&variant.fields)?;
                variant.fields.iter().try_for_each(|field| data(field.ty))?;
            }
            Ok(())
        }
        Type::Error { fields, .. } => {
            let common = [("message", builtin::STRING), ("cause", builtin::OPTION_FAILURE)];
            let begins = fields.len() >= 2
                && common.iter().zip(fields).all(|((name, ty), field)| field.name == *name && field.ty == *ty);
            require(begins, || "an error does not begin with `message` and `cause`".into())?;
            named_once(fields)?;
            fields.iter().try_for_each(|field| data(field.ty))
        }
        Type::Fn(params, result) => {
            known_type(program, *result)?;
            params.iter().try_for_each(|param| known_type(program, *param).map(|_| ()))
        }
        _ => Ok(()),
    }
}

fn named_once(fields: &[Field]) -> Checked {
    let mut seen = BTreeSet::new();
    fields.iter().try_for_each(|field| {
        require(seen.insert(field.name.as_str()), || format!("the field `{}` is there twice", field.name))
    })
}

pub(super) fn constants(program: &Program) -> Checked {
    for (k, constant) in program.constants.iter().enumerate() {
        let fine = match constant {
            Constant::Scalar(_) | Constant::String(_) | Constant::Bytes(_) => true,
            Constant::Decimal(digits) => text::parse_decimal(digits).is_some_and(|d| text::decimal(d) == *digits),
            Constant::Json(json) => serde_json::from_str(json)
                .is_ok_and(|value| wire::normalize(program, builtin::JSON, &value, wire::Strictness::Input).is_ok()),
        };
        require(fine, || format!("constant {k} cannot be read"))?;
    }
    Ok(())
}

/// Whether a slot of a scalar type can have this value.
pub(super) fn scalar_fits(ty: &Type, slot: u64) -> bool {
    let value = slot as i64;
    match ty {
        Type::Unit => slot == 0,
        Type::Bool => slot <= 1,
        Type::Int | Type::Duration => true,
        Type::Float => f64::from_bits(slot).is_finite(),
        Type::Time => (text::TIME_MIN..=text::TIME_MAX).contains(&value),
        Type::Date => (text::DATE_MIN..=text::DATE_MAX).contains(&value),
        Type::Enum { variants, .. } => ty.is_scalar() && (slot as usize) < variants.len(),
        _ => false,
    }
}
