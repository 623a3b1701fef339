//! What came back from outside, against what the activity declares: its result, its declared errors, or a `Fault`.
//! Shared by `http`, `exec` and the workers of queues, so that all three are read by the same rules.

use serde_json::Value;
use weft_bytecode::wire::{self, Strictness, WireError};
use weft_bytecode::{ActivityDef, Program, TypeId};
use weft_protocol::{Failure, Payload};

use super::AttemptOutcome;

/// A result in its canonical form. Unknown fields are ignored, so that a service may say more than is asked of it; of
/// `Unit` nothing is read.
///
/// # Errors
/// The first field that does not have its type.
pub fn result(program: &Program, def: &ActivityDef, value: &Value) -> Result<Payload, Box<WireError>> {
    if def.result == weft_bytecode::types::builtin::UNIT {
        return Ok(Payload::null());
    }
    wire::normalize(program, def.result, value, Strictness::Lenient).map(|value| Payload::from(&value))
}

/// A result from bytes as they were received: JSON, where nothing at all is `null`.
///
/// # Errors
/// Why the bytes are no such result, for people.
pub(crate) fn result_bytes(program: &Program, def: &ActivityDef, bytes: &[u8]) -> Result<Payload, String> {
    let value = json(bytes)?;
    result(program, def, &value).map_err(|e| e.to_string())
}

/// The declared error that `body` carries the fields of. `message` may be among them.
///
/// # Errors
/// Why the body does not have the fields, for people.
pub(crate) fn declared_error(program: &Program, def: &ActivityDef, name: &str, body: &[u8]) -> Result<Failure, String> {
    let ty = thrown(program, def, name).ok_or_else(|| format!("`{name}` is not among the errors it throws"))?;
    let own = wire::own_fields(program.fields(ty));
    let body = match json(body) {
        Ok(body) => body,
        // An error without fields of its own says all by its status.
        Err(_) if own.is_empty() => Value::Null,
        Err(why) => return Err(why),
    };
    let fields = if own.is_empty() && !body.is_object() { &Value::Null } else { &body };
    let details = wire::normalize_details(program, ty, fields).map_err(|e| e.to_string())?;
    let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
    Ok(Failure::new(name, message).with_details(&details))
}

/// A failure as a worker, a script or a service reports it. A type the activity `throws` is that error, its details
/// checked and never retried; any other is a `Fault` that keeps the reported type and details.
///
/// # Errors
/// The field of the details that a declared error does not have.
pub fn reported(program: &Program, def: &ActivityDef, failure: Failure) -> Result<Failure, Box<WireError>> {
    match thrown(program, def, &failure.kind) {
        Some(ty) => {
            let given = failure.details.as_ref().map_or(Value::Null, Payload::value);
            let details = wire::normalize_details(program, ty, &given)?;
            Ok(Failure { retryable: false, ..failure }.with_details(&details))
        }
        None => {
            let details = failure.details.as_ref().map_or(Value::Null, Payload::value);
            // Already a fault in its full form.
            if failure.kind == "Fault" && details.get("type").is_some_and(Value::is_string) {
                return Ok(failure);
            }
            let details = serde_json::json!({ "type": failure.kind, "details": details });
            Ok(Failure { kind: "Fault".into(), ..failure }.with_details(&details))
        }
    }
}

/// The declared error that these bytes are, if they are a FAILURE whose type the activity throws; or why it is none, for
/// people, as the end of a sentence about who answered.
pub(crate) fn thrown_failure(program: &Program, def: &ActivityDef, bytes: &[u8]) -> Option<Result<Failure, String>> {
    let value = json(bytes).ok()?;
    let kind = value.get("type").and_then(Value::as_str)?;
    thrown(program, def, kind)?;
    let details = value.get("details").is_some_and(|details| !details.is_null());
    let checked = Failure::from_json(&value).and_then(|failure| {
        reported(program, def, failure).map_err(|why| match details {
            true => format!("its `details` are not those of it: {why}"),
            false => format!("its fields stand in `details`, which is not there: {why}"),
        })
    });
    Some(checked.map_err(|why| format!("reports the declared error `{kind}`, but {why}")))
}

/// A fault that another attempt may not have.
pub(crate) fn fault(kind: &str, message: impl Into<String>) -> AttemptOutcome {
    failed(typed(Failure::fault(message), kind))
}

/// A fault that every attempt would have.
pub(crate) fn lasting_fault(kind: &str, message: impl Into<String>) -> AttemptOutcome {
    failed(lasting(kind, message))
}

/// The failure of a [`lasting_fault`].
pub(crate) fn lasting(kind: &str, message: impl Into<String>) -> Failure {
    typed(Failure { retryable: false, ..Failure::fault(message) }, kind)
}

fn typed(failure: Failure, kind: &str) -> Failure {
    failure.with_details(&serde_json::json!({ "type": kind, "details": null }))
}

fn failed(failure: Failure) -> AttemptOutcome {
    AttemptOutcome::Failed { failure, retry_after_ms: None }
}

fn thrown(program: &Program, def: &ActivityDef, name: &str) -> Option<TypeId> {
    let named = |ty: &&TypeId| matches!(program.ty(**ty), weft_bytecode::Type::Error { name: n, .. } if n == name);
    def.throws.iter().find(named).copied()
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|e| format!("not JSON: {e}; it begins {}", excerpt(bytes)))
}

/// The beginning of what was received, for a message.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const CHARS_MAX: usize = 200;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(CHARS_MAX * 4)]);
    let text = text.trim();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
