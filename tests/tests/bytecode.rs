//! `tests/bytecode/*.wf`: a source, what its first workflow gives (where it needs nothing from outside), and the listing
//! of its program in the trailing comment. `BLESS=1` rewrites the listings, never the results.

use std::path::PathBuf;

use weft_bytecode::{Program, verify};
use weft_compiler::{Project, Source, compile};
use weft_protocol::limits::Limits;
use weft_protocol::{Payload, RunId, Timestamp, WorkflowId};
use weft_vm::{Activation, Context, Loaded, Then, Vm};

/// Between the source and the listing.
const RULE: &str = "\n// ---\n";
/// Before what the workflow gives, as JSON.
const GIVES: &str = "// gives: ";
/// Before the kind of trap it ends in.
const TRAPS: &str = "// traps: ";

struct Case {
    path: PathBuf,
    name: String,
    source: String,
    listing: String,
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bytecode");
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .expect("tests/bytecode exists")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("a case can be read");
            let (source, listing) = text.split_once(RULE).unwrap_or((text.trim_end(), ""));
            Case {
                name: path.file_stem().expect("a file has a name").to_string_lossy().into_owned(),
                source: format!("{}\n", source.trim_end()),
                listing: listing.to_owned(),
                path,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() >= 10, "the cases are gone");
    cases
}

fn program(case: &Case) -> Program {
    let sources = vec![Source { path: format!("{}.wf", case.name), text: case.source.clone() }];
    let project = Project { name: case.name.clone(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = compile(&project);
    assert!(analysis.diagnostics.is_empty(), "{}: {:#?}", case.name, analysis.diagnostics);
    analysis.program.expect("a source without mistakes becomes a program")
}

#[test]
fn listings_are_as_written() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found: String =
            program(&case).listing().lines().map(|l| format!("// {l}").trim_end().to_owned() + "\n").collect();
        if found == case.listing {
            continue;
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&case.path, format!("{}{}{found}", case.source.trim_end(), RULE))
                .expect("a case can be written");
        } else {
            wrong.push(case.name);
        }
    }
    assert!(wrong.is_empty(), "other listings for {wrong:?}; look at them with BLESS=1 and git diff");
}

#[test]
fn programs_are_valid_and_the_same_each_time() {
    for case in cases() {
        let (first, second) = (program(&case), program(&case));
        verify::verify(&first).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let (first, second) = (weft_bytecode::codec::encode(&first), weft_bytecode::codec::encode(&second));
        assert!(first == second, "{}: two compilations differ", case.name);
    }
}

#[test]
fn workflows_give_what_they_say() {
    let mut ran = 0;
    for case in cases() {
        let gives = case.source.lines().find_map(|l| l.strip_prefix(GIVES));
        let traps = case.source.lines().find_map(|l| l.strip_prefix(TRAPS));
        if gives.is_none() && traps.is_none() {
            continue;
        }
        ran += 1;
        let end = run(program(&case));
        match (gives, end) {
            (Some(gives), Then::Completed(found)) => {
                let expected: serde_json::Value = serde_json::from_str(gives).expect("the result is JSON");
                assert_eq!(found.value(), expected, "{}", case.name);
            }
            (None, Then::Trapped(trap)) => {
                assert_eq!(Some(format!("{:?}", trap.kind).as_str()), traps, "{}: {}", case.name, trap.message);
            }
            (_, end) => panic!("{}: ended with {end:?}", case.name),
        }
    }
    assert!(ran >= 8, "only {ran} cases say what they give");
}

/// Runs the first workflow, without arguments, to its end.
fn run(program: Program) -> Then {
    let loaded = Loaded::new(program).expect("the program is valid");
    let mut vm = Vm::new(loaded, 0, &Payload::from(&serde_json::json!({})), [7; 16], &Limits::default());
    let workflow_id = WorkflowId("case".into());
    let ctx = Context {
        now: Timestamp(1_000),
        workflow_id: &workflow_id,
        run_id: RunId(1),
        started_at: Timestamp(1_000),
        history_events: 1,
        history_bytes: 100,
        recorded_patch: None,
    };
    let mut activation = Activation::Start;
    loop {
        let step = vm.step(activation, &ctx);
        match step.then {
            Then::Slice => activation = Activation::Continue,
            end => return end,
        }
    }
}
