//! Options of a run: what a start gives, over what its workflow declares.

use serde_json::{Map, Value};
use weft_bytecode::WorkflowDef;
use weft_bytecode::options::{PRIORITY_LAST, RetryPolicy};
use weft_bytecode::wire::template::{self, OptionError};
use weft_protocol::Payload;
use weft_protocol::policy::{RunOptions, RunRetry};

/// Options as they hold: `given` over the declaration, whose memo is filled from canonical arguments. Memos are put
/// together, name by name.
///
/// # Errors
/// Why there is no memo, for people.
pub fn resolved(given: RunOptions, def: &WorkflowDef, args: &Payload) -> Result<RunOptions, String> {
    let declared = &def.options;
    let memo = memo(given.memo, def, args)?;
    Ok(RunOptions {
        run_timeout_ms: given.run_timeout_ms.or(declared.run_timeout_ms),
        execution_timeout_ms: given.execution_timeout_ms.or(declared.execution_timeout_ms),
        delay_ms: given.delay_ms.or(declared.delay_ms),
        retry: given.retry.or(declared.retry.as_ref().map(run_retry)),
        memo,
        priority: given.priority.or(declared.priority).map(|priority| priority.clamp(1, PRIORITY_LAST)),
    })
}

/// A declared policy in the words of run time.
pub fn run_retry(policy: &RetryPolicy) -> RunRetry {
    RunRetry {
        first_ms: policy.first_ms,
        factor_milli: policy.factor_milli,
        max_ms: policy.max_ms,
        attempts: policy.attempts,
    }
}

fn memo(given: Option<Payload>, def: &WorkflowDef, args: &Payload) -> Result<Option<Payload>, String> {
    let Some(declared) = &def.options.memo else { return Ok(given) };
    let wrong = |error: OptionError| error.to_string();
    let secret = |name: &str| Err(format!("`secret(\"{name}\")` has no place in a memo"));
    let Value::Object(mut all) = template::evaluate(declared, &args.value(), &wrong, &secret)? else {
        return Ok(given);
    };
    if let Some(Value::Object(given)) = given.map(|given| given.value()) {
        all.extend(given);
    }
    Ok(Some(Payload::from(&Value::Object(all))))
}

/// A memo as an object; empty if there is none.
pub fn memo_of(options: &RunOptions) -> Map<String, Value> {
    match options.memo.as_ref().map(Payload::value) {
        Some(Value::Object(memo)) => memo,
        _ => Map::new(),
    }
}
