//! Activities without an outside: `noop` gives nothing, `echo` its arguments. They run in the owner's process under the
//! same commit rule as all others.

use std::sync::LazyLock;

use weft_bytecode::options::Target;
use weft_bytecode::types::builtin;
use weft_protocol::Payload;

use super::{ActivityTask, AttemptOutcome, decode};

static NULL: LazyLock<Payload> = LazyLock::new(Payload::null);

/// Runs a `builtin` activity.
pub fn run(task: &ActivityTask) -> AttemptOutcome {
    match &task.def().options.target {
        Target::Builtin(name) if name == "noop" => noop(task),
        Target::Builtin(name) if name == "echo" => echo(task),
        Target::Builtin(name) => decode::fault(
            "UnknownBuiltin",
            format!("this version of weft has no builtin `{name}`; it has noop and echo"),
        ),
        other => decode::lasting_fault("WrongTarget", format!("not a builtin activity: {other:?}")),
    }
}

fn noop(task: &ActivityTask) -> AttemptOutcome {
    let def = task.def();
    // `weft bench` measures the engine around this: no allocation, no check where nothing can be wrong.
    if def.result == builtin::UNIT {
        return AttemptOutcome::Completed(NULL.clone());
    }
    finish(task, &serde_json::Value::Null)
}

/// A lone parameter of the result's type is given back as it is, anything else as the record of the arguments.
fn echo(task: &ActivityTask) -> AttemptOutcome {
    let (def, args) = (task.def(), task.args.value());
    match task.program.fields(def.args) {
        [only] if only.ty == def.result => finish(task, args.get(&only.name).unwrap_or(&serde_json::Value::Null)),
        _ => finish(task, &args),
    }
}

fn finish(task: &ActivityTask, value: &serde_json::Value) -> AttemptOutcome {
    match decode::result(&task.program, task.def(), value) {
        Ok(result) => AttemptOutcome::Completed(result),
        Err(e) => {
            decode::lasting_fault("BadResult", format!("`{}` does not give its result type: {e}", task.def().name))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weft_bytecode::types::builtin::{INT, OPTION_JSON, UNIT};

    use super::*;
    use crate::activities::fixture::Fixture;

    #[test]
    fn noop_gives_nothing_and_echo_its_arguments() {
        let builtin = |name: &str| Target::Builtin(name.into());
        let noop = Fixture::new(builtin("noop")).param("n", INT).task(&json!({"n": 1}));
        assert_eq!(run(&noop), AttemptOutcome::Completed(Payload::null()));

        let optional = Fixture::new(builtin("noop")).result(OPTION_JSON).task(&json!({}));
        assert_eq!(run(&optional), AttemptOutcome::Completed(Payload::null()));

        let one = Fixture::new(builtin("echo")).param("n", INT).result(INT).task(&json!({"n": i64::MAX}));
        assert_eq!(run(&one), AttemptOutcome::Completed(Payload::json("9223372036854775807")));

        let all = Fixture::new(builtin("echo")).param("n", INT).result(weft_bytecode::types::builtin::JSON);
        assert_eq!(run(&all.task(&json!({"n": 1}))), AttemptOutcome::Completed(Payload::json(r#"{"n":1}"#)));

        let nothing = Fixture::new(builtin("echo")).param("n", INT).result(UNIT).task(&json!({"n": 1}));
        assert_eq!(run(&nothing), AttemptOutcome::Completed(Payload::null()));
    }

    #[test]
    fn a_result_that_is_not_the_declared_one_is_a_lasting_fault() {
        let task = Fixture::new(Target::Builtin("noop".into())).result(INT).task(&json!({}));
        let AttemptOutcome::Failed { failure, .. } = run(&task) else { panic!("it cannot give an Int") };
        assert!(!failure.retryable && failure.message.contains("expected Int"), "{failure:?}");
    }
}
