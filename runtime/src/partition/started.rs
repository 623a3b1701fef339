//! What a start may say beside the workflow and its arguments: options of the run, and a message that goes with it.
//! Checked before anything is logged.

use serde_json::Value;
use weft_bytecode::options::PRIORITY_LAST;
use weft_protocol::Payload;
use weft_protocol::api::{ApiError, RetryRequest, StartRequest};
use weft_protocol::limits::Limits;
use weft_protocol::policy::{RunOptions, RunRetry};
use weft_vm::Loaded;

use super::ask::{checked_signal, checked_update};
use super::request::With;
use crate::refusal;

/// Longest first delay of a retry policy whose longest delay is not given, as a multiple of it.
const RETRY_MAX_TIMES: i64 = 100;

/// The options of a run as a start gives them.
pub(super) fn given_options(request: &StartRequest, limits: &Limits) -> Result<RunOptions, ApiError> {
    let priority = request.priority.filter(|priority| !(1..=PRIORITY_LAST).contains(priority));
    if let Some(wrong) = priority {
        return Err(wrong_option("priority", wrong, "1 to 5; 1 goes first"));
    }
    let memo = request.memo.as_ref().map(|memo| Payload::from(&Value::Object(memo.clone())));
    if let Some(bytes) = memo.as_ref().map(Payload::len).filter(|bytes| *bytes > limits.memo_bytes_max) {
        return Err(refusal::too_large("the memo", bytes, "memo_bytes_max", limits.memo_bytes_max));
    }
    Ok(RunOptions {
        run_timeout_ms: above_0("run_timeout_ms", request.run_timeout_ms)?,
        execution_timeout_ms: above_0("execution_timeout_ms", request.execution_timeout_ms)?,
        delay_ms: above_0("delay_ms", request.delay_ms)?,
        retry: request.retry.map(|retry| policy(&retry)).transpose()?,
        memo,
        priority: request.priority,
    })
}

fn policy(given: &RetryRequest) -> Result<RunRetry, ApiError> {
    let first_ms = above_0("retry.first_ms", given.first_ms)?.unwrap_or(1_000);
    let factor = given.factor.unwrap_or(2.0);
    if !(1.0..=1_000_000.0).contains(&factor) {
        return Err(wrong_option("retry.factor", factor, "a number from 1"));
    }
    let max_ms = match above_0("retry.max_ms", given.max_ms)? {
        Some(max) if max < first_ms => return Err(wrong_option("retry.max_ms", max, "no less than `first_ms`")),
        Some(max) => max,
        None => first_ms.saturating_mul(RETRY_MAX_TIMES),
    };
    // A factor of so many is a whole number of thousandths.
    let factor_milli = (factor * 1_000.0).round() as i64;
    Ok(RunRetry { first_ms, factor_milli, max_ms, attempts: given.attempts.unwrap_or(0) })
}

fn above_0(name: &str, given: Option<i64>) -> Result<Option<i64>, ApiError> {
    match given {
        Some(ms) if ms <= 0 => Err(wrong_option(name, ms, "a number of milliseconds above 0")),
        given => Ok(given),
    }
}

fn wrong_option(name: &str, given: impl std::fmt::Display, expected: &str) -> ApiError {
    ApiError::new(422, "wrong_input", format!("`{name}` is {given}")).at(name, expected)
}

/// The message that goes with a start, checked against the code that a new run would have.
pub(super) fn with_start(
    program: &Loaded,
    workflow: u16,
    request: &StartRequest,
    options: &RunOptions,
    limits: &Limits,
) -> Result<Option<With>, ApiError> {
    let (program, max) = (program.program(), limits.payload_bytes_max);
    match (&request.signal, &request.update) {
        (Some(_), Some(_)) => {
            let wrong = ApiError::new(422, "wrong_input", "a start takes either a signal or an update with it");
            Err(wrong.at("update", "nothing, where `signal` is given"))
        }
        (Some(signal), None) => {
            let (name, args) = (signal.name.clone(), signal.args.clone());
            checked_signal(program, workflow, &name, &args, max).map_err(|error| inside(error, "signal"))?;
            let request_id = signal.request_id.clone().or_else(|| request.request_id.clone());
            Ok(Some(With::Signal { name, args, request_id }))
        }
        (None, Some(update)) => {
            if options.delay_ms.is_some() {
                let message = "an update cannot go with a start that is delayed: nobody could answer it";
                return Err(ApiError::new(422, "wrong_input", message).at("update", "a start without a delay"));
            }
            let (name, args) = (update.name.clone(), update.args.clone());
            checked_update(program, workflow, &name, &args, max).map_err(|error| inside(error, "update"))?;
            let id = update.update_id.clone().or_else(|| request.request_id.clone());
            let update_id = id.ok_or_else(refusal::update_id)?;
            Ok(Some(With::Update { name, args, update_id }))
        }
        (None, None) => Ok(None),
    }
}

/// What is wrong in the arguments of a message that goes with a start.
fn inside(mut error: ApiError, message: &str) -> ApiError {
    error.path = error.path.map(|path| format!("{message}.{path}"));
    error
}
