//! How tests ended: for people, for programs, as JUnit.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};
use serde_json::{Value, json};
use weft_compiler::Diagnostic;
use weft_compiler::diagnostic::Sources;
use weft_runtime::testing::{BESIDE_MAX, Played, Problem};

use super::suites::{Chosen, Suites, span};
use crate::commands::Context;
use crate::exit::Failed;
use crate::output::style;
use crate::view::safe::safe_line;
use crate::view::{counted, diagnostics};

/// Events at the end of a history that are shown of a test that failed.
const TAIL: usize = 8;

/// A test that has ended.
pub(super) struct Ended {
    /// What it left, or why it could not be played.
    pub(super) played: Result<Played, String>,
    pub(super) took: Duration,
}

impl Ended {
    pub(super) fn passed(&self) -> bool {
        self.played.as_ref().is_ok_and(|played| played.problem.is_none())
    }
}

/// Says how a test ended.
pub(super) fn tell(context: &Context, suites: &Suites, test: &Chosen, ended: &Ended) -> Result<(), Failed> {
    let out = &context.out;
    let (file, line) = suites.place(test);
    let name = &suites.def(test).name;
    if out.json {
        return out.value(&object(suites, test, ended));
    }
    let word = if ended.passed() { out.paint_out("ok", style::GOOD) } else { out.paint_out("FAILED", style::ERROR) };
    out.line(&format!("{word} {}:{line}: {}", safe_line(&file), safe_line(name)))?;
    match &ended.played {
        Ok(played) => {
            if let Some(problem) = &played.problem {
                diagnostics::show_one(out, &suites.project(test).project, &diagnostic(problem, suites, test));
                // Where a value is longer than what fits beside the code.
                for (side, value) in problem.sides.iter().filter(|(_, value)| value.chars().count() > BESIDE_MAX) {
                    out.say(&format!("  {} is {}", safe_line(side), safe_line(value)));
                }
                problem.notes.iter().for_each(|note| out.say(&format!("  {}", safe_line(note))));
                tail(context, played);
            }
        }
        Err(why) => out.say(why),
    }
    Ok(())
}

/// What happened last, below a failure.
fn tail(context: &Context, played: &Played) {
    let out = &context.out;
    for (id, lines) in &played.histories {
        out.say(&out.paint(&format!("history of {}", safe_line(id)), style::DIM));
        let skipped = lines.len().saturating_sub(TAIL);
        if skipped > 0 {
            out.say(&out.paint(&format!("  ({} before)", counted(skipped, "event")), style::DIM));
        }
        for line in &lines[skipped..] {
            out.say(&format!("  {}", safe_line(line)));
        }
    }
    for (_, text) in &played.logs {
        out.say(&format!("{} {}", out.paint("log", style::DIM), safe_line(text)));
    }
}

/// A problem as the compiler words its own.
fn diagnostic(problem: &Problem, suites: &Suites, test: &Chosen) -> Diagnostic {
    let place = problem.span.unwrap_or(suites.def(test).span);
    let mut d = Diagnostic::error(problem.code.unwrap_or(""), span(place), problem.message.clone());
    d = d.label(problem.label.clone());
    for (at, words) in &problem.also {
        d = d.also(span(*at), words.clone());
    }
    match &problem.help {
        Some(help) => d.help(help.clone()),
        None => d,
    }
}

fn object(suites: &Suites, test: &Chosen, ended: &Ended) -> Value {
    let (file, line) = suites.place(test);
    let mut object = json!({
        "test": suites.def(test).name,
        "project": suites.project(test).project.name,
        "file": file,
        "line": line,
        "status": if ended.passed() { "passed" } else { "failed" },
        "duration_ms": ended.took.as_secs_f64() * 1_000.0,
    });
    let failure = match &ended.played {
        Ok(Played { problem: Some(problem), .. }) => {
            let sources = &suites.project(test).project.sources;
            let mut failure = Sources::new(sources).json(&diagnostic(problem, suites, test));
            let side = |(text, value): &(String, String)| json!({ "text": text, "value": value });
            failure["sides"] = problem.sides.iter().map(side).collect();
            failure["notes"] = problem.notes.iter().map(|note| Value::from(note.as_str())).collect();
            failure
        }
        Err(why) => json!({ "message": why }),
        Ok(_) => return object,
    };
    object["failure"] = failure;
    if let Ok(played) = &ended.played {
        let runs = played.histories.iter().map(|(id, history)| json!({ "workflow_id": id, "history": history }));
        object["runs"] = runs.collect();
        object["logs"] = played.logs.iter().map(|(_, text)| Value::from(text.as_str())).collect();
    }
    object
}

/// Writes the tests as JUnit XML: a suite for each project.
pub(super) fn junit(file: &Path, suites: &Suites, chosen: &[Chosen], ended: &[Ended]) -> Result<(), Failed> {
    let mut report = Report::new("weft");
    let mut of_project: Vec<(String, TestSuite)> = Vec::new();
    for (test, ended) in chosen.iter().zip(ended) {
        let found = suites.project(test);
        let project = found.root.display().to_string();
        let mut status = TestCaseStatus::success();
        if !ended.passed() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            match &ended.played {
                Ok(Played { problem: Some(problem), .. }) => {
                    let text = Sources::new(&found.project.sources).plain(&diagnostic(problem, suites, test));
                    status.set_message(problem.message.clone()).set_type(problem.code.unwrap_or("assertion"));
                    status.set_description(text);
                }
                Ok(_) => {}
                Err(why) => drop(status.set_message(why.clone())),
            }
        }
        let mut case = TestCase::new(suites.def(test).name.clone(), status);
        let (path, line) = suites.place(test);
        case.set_classname(path.trim_end_matches(".wf").replace('/', ".")).set_time(ended.took);
        case.extra.insert(XmlString::new("file"), XmlString::new(path));
        case.extra.insert(XmlString::new("line"), XmlString::new(line.to_string()));
        match of_project.iter_mut().find(|(known, _)| *known == project) {
            Some((_, suite)) => drop(suite.add_test_case(case)),
            None => {
                let mut suite = TestSuite::new(found.project.name.clone());
                suite.add_test_case(case);
                of_project.push((project, suite));
            }
        }
    }
    report.add_test_suites(of_project.into_iter().map(|(_, suite)| suite));
    let shown = file.display();
    let text = report.to_string().map_err(|e| {
        Failed::new(crate::exit::Exit::Refused, "junit", format!("cannot write {shown}")).why(e.to_string())
    })?;
    std::fs::write(file, text).map_err(|e| Failed::io(format!("cannot write {shown}"), &e))
}
