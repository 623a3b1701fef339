//! A durable bad outcome, as it is logged and sent.

use serde::{Deserialize, Serialize};

use crate::payload::Payload;

/// What went wrong: in an activity, a child, a wait or a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Declared error name, or a built-in: `ActivityFailed`, `ChildFailed`, `Timeout`, `Canceled`, `Fault`,
    /// `CompensationFailed`, `AlreadyRunning`, `Terminated`, `RunClosed`.
    pub kind: String,
    /// For people.
    pub message: String,
    /// The fields of the error besides `message` and `cause`, a JSON object; or whatever a worker sent.
    pub details: Option<Payload>,
    /// Whether the reporter thinks that another attempt may succeed.
    pub retryable: bool,
    /// What caused it.
    pub cause: Option<Box<Failure>>,
}

impl Failure {
    /// A failure without details or cause.
    pub fn new(kind: &str, message: impl Into<String>) -> Failure {
        Failure { kind: kind.into(), message: message.into(), details: None, retryable: false, cause: None }
    }

    /// A retryable fault: what an activity reports without declaring it.
    pub fn fault(message: impl Into<String>) -> Failure {
        Failure { retryable: true, ..Failure::new("Fault", message) }
    }

    /// With the fields of its error type.
    pub fn with_details(mut self, details: &serde_json::Value) -> Failure {
        self.details = Some(Payload::from(details));
        self
    }

    /// With what caused it.
    pub fn with_cause(mut self, cause: Failure) -> Failure {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Looks at each value in it, with those of its causes.
    pub fn payloads(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        if let Some(details) = &mut self.details {
            visit(details);
        }
        if let Some(cause) = &mut self.cause {
            cause.payloads(visit);
        }
    }

    /// The JSON form of the API: `ActivityFailed`, `ChildFailed` and `Timeout` keep their fields beside
    /// `details` as well as inside.
    pub fn to_json(&self) -> serde_json::Value {
        let mut out = serde_json::Map::new();
        out.insert("type".into(), self.kind.clone().into());
        out.insert("message".into(), self.message.clone().into());
        let details = self.details.as_ref().map(Payload::value);
        let shown_beside = matches!(self.kind.as_str(), "ActivityFailed" | "ChildFailed" | "Timeout");
        if let (true, Some(serde_json::Value::Object(fields))) = (shown_beside, &details) {
            out.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        out.insert("details".into(), details.unwrap_or(serde_json::Value::Null));
        out.insert("retryable".into(), self.retryable.into());
        out.insert("cause".into(), self.cause.as_ref().map_or(serde_json::Value::Null, |c| c.to_json()));
        serde_json::Value::Object(out)
    }

    /// Reads the JSON form. A missing `message` is empty, a missing `retryable` is true.
    ///
    /// # Errors
    /// The path of the field that is wrong.
    pub fn from_json(value: &serde_json::Value) -> Result<Failure, String> {
        let object = value.as_object().ok_or("expected a failure object with `type` and `message`")?;
        let kind = object.get("type").and_then(|t| t.as_str()).ok_or("`type` is missing or not a string")?;
        let message = match object.get("message") {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(_) => return Err("`message` is not a string".into()),
        };
        let retryable = match object.get("retryable") {
            None | Some(serde_json::Value::Null) => true,
            Some(serde_json::Value::Bool(yes)) => *yes,
            Some(_) => return Err("`retryable` is not a boolean".into()),
        };
        let details = object.get("details").filter(|d| !d.is_null()).map(Payload::from);
        let cause = match object.get("cause") {
            None | Some(serde_json::Value::Null) => None,
            Some(cause) => Some(Box::new(Failure::from_json(cause).map_err(|e| format!("cause: {e}"))?)),
        };
        Ok(Failure { kind: kind.into(), message, details, retryable, cause })
    }
}

/// Causes that are shown in a line of text; of more, those between the first ones and the last are only counted.
const CAUSES_SHOWN: usize = 4;

impl Failure {
    /// Its kind and message. A fault has behind it what the worker calls it.
    fn words(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        let details = self.details.as_ref().filter(|_| self.kind == "Fault").map(Payload::value);
        if let Some(called) = details.as_ref().and_then(|details| details["type"].as_str()) {
            write!(f, " {called}")?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let causes: Vec<&Failure> = std::iter::successors(self.cause.as_deref(), |one| one.cause.as_deref()).collect();
        let left_out = causes.len().saturating_sub(CAUSES_SHOWN);
        self.words(f)?;
        for (n, cause) in causes.iter().enumerate() {
            if n + 1 == CAUSES_SHOWN && left_out > 0 {
                write!(f, " (… {left_out} more …")?;
            }
            if n + 1 < CAUSES_SHOWN || n + 1 == causes.len() {
                f.write_str(" (caused by ")?;
                cause.words(f)?;
            }
        }
        let open = if left_out > 0 { CAUSES_SHOWN + 1 } else { causes.len() };
        (0..open).try_for_each(|_| f.write_str(")"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_shows_how_it_began() {
        let chain = |causes: usize| {
            let root = Failure::new("Fault", "no");
            (0..causes).fold(root, |cause, n| Failure::new("ChildFailed", format!("{n}")).with_cause(cause)).to_string()
        };
        assert_eq!(chain(1), "ChildFailed: 0 (caused by Fault: no)");
        let four = "ChildFailed: 3 (caused by ChildFailed: 2 (caused by ChildFailed: 1 (caused by ChildFailed: 0 \
                    (caused by Fault: no))))";
        assert_eq!(chain(4), four);
        let more = "ChildFailed: 99 (caused by ChildFailed: 98 (caused by ChildFailed: 97 (caused by ChildFailed: 96 \
                    (… 96 more … (caused by Fault: no)))))";
        assert_eq!(chain(100), more);
    }

    #[test]
    fn a_fault_says_what_its_worker_calls_it() {
        let mut fault = Failure::fault("try later");
        fault.details = Some(Payload::from(&serde_json::json!({ "type": "Busy" })));
        assert_eq!(fault.to_string(), "Fault Busy: try later");
    }
}
