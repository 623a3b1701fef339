//! `weft test`: docs/testing.md shows what it prints; the examples pass; planted leaks are caught.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use weft_compiler::{Project, Source, compile_tests};
use weft_protocol::limits::Limits;
use weft_runtime::testing::Player;
use weft_tests::binary::{weft, workspace};

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(weft()).args(args).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is printed, without what differs from run to run: ids that are made up, and the summary with its time.
fn printed(output: &Output) -> String {
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let mut lines: Vec<String> = all.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.pop();
    for line in &mut lines {
        if let Some((head, id)) = line.rsplit_once('-')
            && head.starts_with("history of ")
            && id.len() == 16
        {
            *line = format!("{head}-ID");
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// Every snippet of the page is played, and prints what stands below it. `BLESS=1` rewrites that.
#[test]
fn the_page_shows_what_is_printed() {
    let path = workspace().join("docs/testing.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut out, mut rest, mut count) = (String::new(), page.as_str(), 0);
    while let Some((before, after)) = rest.split_once("```wf\n") {
        let (source, after) = after.split_once("\n```\n").unwrap();
        let (gap, after) = after.split_once("```text\n").expect("each snippet shows what is printed");
        let (_, after) = after.split_once("```\n").unwrap();
        std::fs::write(folder.path().join("t.wf"), format!("{source}\n")).unwrap();
        let told = printed(&run(folder.path(), &["test", "t.wf"]));
        out.push_str(&format!("{before}```wf\n{source}\n```\n{gap}```text\n{told}\n```\n"));
        rest = after;
        count += 1;
    }
    out.push_str(rest);
    assert!(count >= 5, "only {count} snippets");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, out).unwrap();
    } else {
        assert_eq!(page, out, "docs/testing.md (BLESS=1)");
    }
}

#[test]
fn the_tests_of_all_examples_pass() {
    let examples = workspace().join("examples");
    let mut names: Vec<String> =
        std::fs::read_dir(&examples).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let args: Vec<&str> = ["test", "--json"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let output = run(&examples, &args);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let ended: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in &names {
        assert!(ended.iter().any(|test| test["project"] == **name), "{name} has no test");
    }
    assert!(ended.iter().all(|test| test["status"] == "passed"));
}

const MIXED: &str = "workflow one() -> Int { return 1 }\n\
                     test \"good\" { assert (start one()).result == 1 }\n\
                     test \"bad\" { assert (start one()).result == 2 }\n";

#[test]
fn tests_are_chosen_listed_and_written_as_junit() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.wf"), MIXED).unwrap();
    let code = |args: &[&str]| run(folder.path(), args).status.code().unwrap();
    assert_eq!(code(&["test", "good"]), 0);
    assert_eq!(code(&["test", "bad"]), 1);
    assert_eq!(code(&["test", "ugly"]), 5);
    let list = run(folder.path(), &["test", "--list"]);
    assert_eq!(text(&list.stdout), "t.wf:2: good\nt.wf:3: bad\n");
    assert_eq!(code(&["test", "--junit", "out.xml"]), 1);
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).unwrap();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures), (2, 1));
    std::fs::write(folder.path().join("t.wf"), "workflow one( {").unwrap();
    assert_eq!(code(&["test"]), 3);
}

#[test]
fn a_failure_in_json_has_both_sides_and_the_history() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.wf"), MIXED).unwrap();
    let output = run(folder.path(), &["test", "--json", "bad"]);
    let ended: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    assert_eq!((ended["status"].as_str(), ended["line"].as_u64()), (Some("failed"), Some(3)));
    let values: Vec<&Value> = ended["failure"]["sides"].as_array().unwrap().iter().map(|s| &s["value"]).collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(ended["runs"][0]["history"][1], "2 RunCompleted 1");
}

fn player(source: &str) -> Player {
    let sources = vec![Source { path: "t.wf".into(), text: source.into() }];
    let project = Project { name: "t".into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = compile_tests(&project);
    Player::new(analysis.suite.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics)), Limits::default()).unwrap()
}

/// A run that draws other random numbers after a restart: what the second play of every test is for.
#[tokio::test]
async fn what_differs_after_a_crash_is_caught() {
    let draws = player(
        "workflow draw() -> String { sleep 1s  return uuid() }\n\
                        test \"draws\" { assert (start draw()).result != \"\" }\n",
    );
    assert_eq!(draws.play(0).await.unwrap().problem, None);
    let problem = draws.with_leak(7).play(0).await.unwrap().problem.unwrap();
    assert_eq!(problem.code, Some("WF6003"));
    assert!(problem.message.contains("when resumed after write 1"), "{problem:?}");
    assert!(problem.notes[0].contains("RunCompleted"), "{problem:?}");
}

#[tokio::test]
async fn pages_of_what_a_play_finds_are_true() {
    let page = std::fs::read_to_string(workspace().join("docs/errors/WF6001.md")).unwrap();
    let example = |heading: &str| {
        let section = page.split_once(&format!("## {heading}\n")).unwrap().1;
        section.split_once("```wf\n").unwrap().1.split_once("```").unwrap().0.to_owned()
    };
    let wrong = player(&example("Wrong")).play(0).await.unwrap().problem.unwrap();
    assert_eq!(wrong.code, Some("WF6001"));
    assert_eq!(player(&example("Right")).play(0).await.unwrap().problem, None);
}

/// What the tour and the page for prompts show as tests, passes.
#[test]
fn the_tests_of_the_tour_pass() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for page in ["docs/tour.md", "docs/spec.md"] {
        let page = std::fs::read_to_string(workspace().join(page)).unwrap();
        for block in page.split("```wf\n").skip(1) {
            let source = block.split("```").next().unwrap();
            if !source.contains("\ntest \"") {
                continue;
            }
            std::fs::write(folder.path().join("t.wf"), source).unwrap();
            let output = run(folder.path(), &["test", "t.wf"]);
            assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
            count += 1;
        }
    }
    assert!(count >= 2, "only {count} snippets have tests");
}
