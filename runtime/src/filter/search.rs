//! The search document of a run: what filters may ask of it beside the columns of its row, as one JSON object of text that
//! compares byte by byte. A name has its kind in it, so that a value of a kind that the attribute had once is like none.

use serde_json::{Map, Value};
use weft_bytecode::{Program, StateDef, WorkflowDef};

use super::key::{int, keys};
use super::{Field, Has, Key, Kind, kind_of};

/// Where the number of events is.
const EVENTS: &str = ".events";
/// Where the workflow id of the parent is.
const PARENT: &str = ".parent";

/// Where a search document has a field; none if it is a column.
pub fn place(field: &Field) -> Option<String> {
    match field {
        Field::Attribute(name, kind) => Some(format!("{name}:{}", kind.name())),
        Field::Events => Some(EVENTS.into()),
        Field::Parent => Some(PARENT.into()),
        _ => None,
    }
}

/// The search document of a run that has closed.
pub fn document(
    program: &Program,
    workflow: &WorkflowDef,
    attributes: &Map<String, Value>,
    events: u64,
    parent: Option<&str>,
) -> String {
    let mut out = Map::new();
    out.insert(EVENTS.into(), int(events as i64).into());
    if let Some(parent) = parent {
        out.insert(PARENT.into(), parent.into());
    }
    for (state, value) in indexed(workflow).filter_map(|state| Some((state, attributes.get(&state.name)?))) {
        let Some(kind) = kind_of(program, state.ty) else { continue };
        let Some(mut found) = keys(kind, value) else { continue };
        let value = match kind {
            Kind::Texts => Value::from(found),
            _ => found.pop().map_or(Value::Null, Value::from),
        };
        out.insert(format!("{}:{}", state.name, kind.name()), value);
    }
    Value::Object(out).to_string()
}

/// An attribute of an open run.
pub fn attribute(
    program: &Program,
    workflow: &WorkflowDef,
    attributes: &Map<String, Value>,
    name: &str,
    kind: Kind,
) -> Has {
    let declared = indexed(workflow).find(|state| state.name == name).and_then(|state| kind_of(program, state.ty));
    let value = attributes.get(name).filter(|_| declared == Some(kind));
    match value.and_then(|value| keys(kind, value)) {
        None => Has::Missing,
        Some(keys) if kind == Kind::Texts => Has::Many(keys.into_iter().map(Key::Text).collect()),
        Some(keys) => keys.into_iter().next().map_or(Has::Missing, |key| Has::One(Key::Text(key))),
    }
}

/// A number as a search document has it.
pub fn number(value: u64) -> Key {
    Key::Text(int(value as i64))
}

/// What a search document has at a place.
pub fn look_up(document: &Map<String, Value>, place: &str) -> Has {
    let text = |value: &Value| value.as_str().map(|text| Key::Text(text.into()));
    match document.get(place) {
        Some(Value::Array(values)) => Has::Many(values.iter().filter_map(text).collect()),
        Some(value) => text(value).map_or(Has::Missing, Has::One),
        None => Has::Missing,
    }
}

fn indexed(workflow: &WorkflowDef) -> impl Iterator<Item = &StateDef> {
    workflow.state.iter().filter(|state| state.indexed)
}
