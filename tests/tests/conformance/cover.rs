//! What must occur among the cases, so that a construct cannot be built and forgotten here.

use std::collections::BTreeSet;

use weft_bytecode::options::Target;
use weft_bytecode::{PatchMode, Program};

use crate::script::{Case, Step};

/// Every event that a run of this version can write.
const EVENTS: &[&str] = &[
    "RunStarted",
    "ActivityScheduled",
    "ActivityCancelRequested",
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityTimedOut",
    "ActivityCanceled",
    "TimerStarted",
    "TimerFired",
    "TimerCanceled",
    "SignalReceived",
    "ChildScheduled",
    "ChildStarted",
    "ChildStartFailed",
    "ChildCancelRequested",
    "ChildCompleted",
    "ChildFailed",
    "ChildCanceled",
    "ChildTimedOut",
    "ChildTerminated",
    "PatchRecorded",
    "AttributesSet",
    "CancelRequested",
    "CodeMoved",
    "ActivationFailed",
    "RunCompleted",
    "RunFailed",
    "RunCanceled",
    "RunTerminated",
    "RunTimedOut",
    "UpdateAccepted",
    "UpdateCompleted",
    "UpdateFailed",
    "RunContinuedAsNew",
    "SignalSent",
    "SignalDelivered",
    "SignalRefused",
    "CancelSent",
    "CancelDelivered",
    "CancelRefused",
    "DelayEnded",
    "RunReset",
];

/// What a script can do to a run; each is an Input of the engine, or several.
const STEPS: &[&str] = &[
    "Start",
    "Complete",
    "Fail",
    "Heartbeat",
    "Canceled",
    "Advance",
    "Signal",
    "Update",
    "Query",
    "List",
    "Cancel",
    "Terminate",
    "Reset",
    "Delete",
    "Crash",
    "Deploy",
    "Move",
];

/// The language, construct by construct: a name for people, and how its node of the syntax tree begins when it is
/// written out.
const SYNTAX: &[(&str, &str)] = &[
    ("record", "Record { name:"),
    ("enum", "Enum { name:"),
    ("error", "Error { name:"),
    ("alias", "Alias {"),
    ("const", "Const {"),
    ("default activity", "Default { kind: Activity"),
    ("activity", "Activity {"),
    ("workflow", "Workflow("),
    ("fn", "Fn("),
    ("flow", "Flow("),
    ("state", "State { public: false"),
    ("pub state", "State { public: true"),
    ("indexed state", "indexed: true"),
    ("signal", "Signal {"),
    ("query", "Query {"),
    ("update", "Update {"),
    ("check", "check: Some("),
    ("let and var", "Let {"),
    ("assignment", "Assign {"),
    ("if", "If {"),
    ("match", "Match {"),
    ("for", "For {"),
    ("while", "While {"),
    ("parallel { }", "ParallelBlock {"),
    ("parallel for", "ParallelFor {"),
    ("race", "Race("),
    ("spawn f(x)", "Spawn("),
    ("spawn { }", "SpawnBlock("),
    ("await", "Await("),
    ("select", "Select("),
    ("select: receive", "source: Receive {"),
    ("select: await", "source: Await {"),
    ("select: when", "source: When("),
    ("select: after", "source: After("),
    ("select: at", "source: At("),
    ("sleep", "Sleep {"),
    ("wait until", "WaitUntil {"),
    ("receive", "Receive {"),
    ("throw", "Throw("),
    ("try", "Try {"),
    ("postfix catch", "Catch {"),
    ("patch", "Patch {"),
    ("start", "Start("),
    ("T?", "Option("),
    ("none", "kind: None"),
    ("??", "op: Coalesce"),
    ("lambda", "Lambda {"),
    ("list", "List("),
    ("map", "Map("),
    ("tuple", "Tuple("),
    ("string with a hole", "Hole("),
    ("duration", "Duration(Some"),
    ("size", "Size(Some"),
    ("dotted number", "Dotted("),
    ("..", "op: Range"),
    ("break", "Break"),
    ("continue", "Continue"),
    ("continue as new", "ContinueAsNew("),
    ("send", "Send("),
];

/// Types that must occur in signatures or values.
const TYPES: &[&str] = &["Int", "Float", "Decimal", "String", "Bool", "Duration", "Time", "Date", "Json", "Bytes"];

/// What is missing among the cases, for people; nothing if all is there.
pub(crate) fn missing(cases: &[Case]) -> Vec<String> {
    let mut missing = BTreeSet::new();
    let histories: String = cases.iter().map(|case| case.expected.as_str()).collect();
    let has_event = |name: &str| histories.lines().any(|line| line.split(' ').nth(1) == Some(name));
    missing.extend(EVENTS.iter().filter(|name| !has_event(name)).map(|name| format!("event {name}")));

    let steps: Vec<String> = cases.iter().flat_map(|case| &case.steps).map(|step| format!("{step:?}")).collect();
    let has_step = |name: &str| steps.iter().any(|step| step.split([' ', '(']).next() == Some(name));
    missing.extend(STEPS.iter().filter(|name| !has_step(name)).map(|name| format!("step {name}")));
    for (what, is) in [
        ("a refused signal", "Refused(\"run_closed\", Signal"),
        ("a repeated request", "request: Some"),
        ("progress", "progress: Some"),
        ("a deploy that a run does not follow", "followed: false"),
    ] {
        if !steps.iter().any(|step| step.contains(is)) {
            missing.insert(format!("step with {what}"));
        }
    }
    for (what, text) in [
        ("a second attempt", "attempt=2"),
        ("an attempt that took too long", "start_to_close"),
        ("silence", "heartbeat"),
        ("total_timeout", "schedule_to_close"),
        ("unread messages", "unread {"),
    ] {
        if !histories.contains(text) {
            missing.insert(format!("history with {what}"));
        }
    }

    let trees: String = cases
        .iter()
        .map(|case| format!("{:?}", weft_compiler::syntax::parse(weft_compiler::FileId(0), &case.text).0))
        .collect();
    missing.extend(SYNTAX.iter().filter(|(_, node)| !trees.contains(node)).map(|(name, _)| format!("syntax `{name}`")));

    let programs: Vec<Program> = cases.iter().filter_map(|case| case.compile(None).ok()).collect();
    missing.extend(in_programs(&programs));
    missing.into_iter().collect()
}

fn in_programs(programs: &[Program]) -> Vec<String> {
    let any = |test: &dyn Fn(&Program) -> bool| programs.iter().any(test);
    let target = |test: fn(&Target) -> bool| any(&|p: &Program| p.activities.iter().any(|a| test(&a.options.target)));
    let patch = |mode: PatchMode| any(&|p: &Program| p.patches.iter().any(|site| site.mode == mode));
    let mut facts = vec![
        ("http activity", target(|t| matches!(t, Target::Http(_)))),
        ("exec activity", target(|t| matches!(t, Target::Exec(_)))),
        ("queue activity", target(|t| matches!(t, Target::Queue(_)))),
        ("builtin activity", target(|t| matches!(t, Target::Builtin(_)))),
        ("patch", patch(PatchMode::Once)),
        ("patch each", patch(PatchMode::Each)),
        ("patch sticky", patch(PatchMode::Sticky)),
        ("deprecated patch", patch(PatchMode::Deprecated)),
        ("handler of a signal", any(&|p| p.workflows.iter().any(|w| w.signals.iter().any(|s| s.handler.is_some())))),
        ("mailbox", any(&|p| p.workflows.iter().any(|w| w.signals.iter().any(|s| s.handler.is_none())))),
    ];
    let used = |name: &str| {
        programs.iter().any(|program| {
            let of_functions = program.functions.iter().flat_map(|f| f.regs.iter());
            of_functions.map(|ty| program.type_name(*ty)).any(|ty| ty == name)
        })
    };
    facts.extend(TYPES.iter().map(|name| (*name, used(name))));
    facts.into_iter().filter(|(_, there)| !there).map(|(what, _)| what.to_owned()).collect()
}

/// Whether a script asks for anything at all.
pub(crate) fn is_played(case: &Case) -> bool {
    case.steps.iter().any(|step| matches!(step, Step::Start { .. }))
}
