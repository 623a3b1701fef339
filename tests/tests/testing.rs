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
    player_with(source, Limits::default())
}

fn player_with(source: &str, limits: Limits) -> Player {
    let sources = vec![Source { path: "t.wf".into(), text: source.into() }];
    let project = Project { name: "t".into(), edition: "2026".into(), sources, ..Project::default() };
    let analysis = compile_tests(&project);
    Player::new(analysis.suite.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics)), limits).unwrap()
}

const MEASURED: &str = "activity ask() -> Int with { queue: \"q\", timeout: 30s, retry: never }
error Gone {}
fn pick(n: Int) -> String throws Gone {
  if n > 3 {
    throw Gone()
  }
  return match n {
    0 => \"none\"
    _ => \"some\"
  }
}
workflow order(n: Int) -> String {
  state bumps = 0
  signal bump() {
    bumps += 1
  }
  let found = try {
    ask()
  } catch Failure as failure {
    -1
  }
  return \"{pick(n) catch Gone => \"gone\"} {found}\"
}
workflow alone() {
  sleep 1s
}
test \"none\" {
  mock ask() => throw Fault(\"away\")
  assert (start order(0)).result == \"none -1\"
}
test \"many\" {
  mock ask() => 3
  assert (start order(7)).result == \"gone 3\"
}
";

/// Lines of an lcov file and whether they were executed.
fn lcov(text: &str) -> Vec<(u32, bool)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("DA:")?.split_once(','));
    lines.map(|(line, hits)| (line.parse().unwrap(), hits != "0")).collect()
}

#[test]
fn coverage_says_which_lines_were_not_executed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.wf"), MEASURED).unwrap();
    let measure = |args: &[&str]| {
        let output = run(folder.path(), &[&["test", "--coverage", "--lcov", "out.info"], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), std::fs::read_to_string(folder.path().join("out.info")).unwrap())
    };
    let (told, info) = measure(&[]);
    let not: Vec<u32> = lcov(&info).into_iter().filter(|(_, hit)| !hit).map(|(line, _)| line).collect();
    assert_eq!(not, [9, 14, 15, 24, 25], "{info}");
    let shown = told.lines().last().unwrap();
    assert!(shown.ends_with(", not 9, 14-15, 24-25"), "{told}");
    let file = folder.path().canonicalize().unwrap().join("t.wf");
    let own = info.lines().find_map(|line| line.strip_prefix("SF:")).unwrap();
    assert_eq!(std::path::Path::new(own).canonicalize().unwrap(), file);
    let count = |word: &str| info.lines().find_map(|line| line.strip_prefix(word)).unwrap().parse::<usize>().unwrap();
    assert_eq!((count("LF:"), count("LH:")), (lcov(&info).len(), lcov(&info).len() - 5));
    assert!(lcov(&info).iter().all(|(line, _)| *line < 27), "no line of a test: {info}");

    let (told, info) = measure(&["--json", "none"]);
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(last["coverage"], "t.wf");
    assert_eq!(last["uncovered"], serde_json::json!([5, 9, 14, 15, 24, 25]));
    assert!(lcov(&info).contains(&(5, false)) && lcov(&info).contains(&(19, true)), "{info}");
    assert_eq!(run(folder.path(), &["test", "--lcov", "out.info"]).status.code(), Some(2));
}

#[test]
fn all_examples_are_formatted() {
    for folder in std::fs::read_dir(workspace().join("examples")).unwrap() {
        let folder = folder.unwrap().path();
        let output = run(&folder, &["fmt", "--check"]);
        assert!(output.status.success(), "{}: {}", folder.display(), text(&output.stderr));
    }
}

/// Memory is lost while a mock sleeps longer than it may: the attempt is over when it would have been.
#[tokio::test]
async fn a_timeout_runs_on_when_memory_is_lost() {
    for limit in ["timeout: 30s", "timeout: 2m, heartbeat: 30s"] {
        let late = player(&format!(
            "activity ask() -> Int with {{ queue: \"q\", {limit}, retry: never }}
             flow nap() -> Int {{ sleep 20s  return 1 }}
             workflow order() -> Int {{
               let (a, b) = parallel {{ ask() catch ActivityFailed => -1, nap() }}
               return a + b
             }}
             test \"late\" {{
               mock ask() => {{ sleep 40s  5 }}
               let begun = now()
               assert (start order()).result == 0
               assert now() - begun == 30s
             }}
             test \"crashed\" {{
               mock ask() => {{ sleep 40s  5 }}
               let begun = now()
               let o = start order()
               advance 10s
               crash
               assert o.result == 0
               assert now() - begun == 30s
             }}"
        ));
        assert_eq!(late.play(0).await.unwrap().problem, None, "{limit}");
        assert_eq!(late.play(1).await.unwrap().problem, None, "{limit}");
    }
}

/// An activity that a race or a deadline gives up is told to stop, whether or not memory was lost before it could hear it.
#[tokio::test]
async fn what_is_given_up_hears_it_again_after_a_crash() {
    let chapter = std::fs::read_to_string(workspace().join("tests/language/11-tests.md")).unwrap();
    let (_, snippet) = chapter.split_once("tells it to stop").unwrap();
    let snippet = snippet.split_once("```wf\n").unwrap().1.split_once("```").unwrap().0;
    let given_up = player(snippet);
    for test in 0..4 {
        assert_eq!(given_up.play(test).await.unwrap().problem, None, "{test}");
    }
}

/// A test says that a run is stuck although it did not start it itself.
#[tokio::test]
async fn a_stuck_child_is_reported() {
    let family = player(
        "workflow share(people: Int) -> Int with { id: \"share\" } { return 100 / people }
         workflow outer() -> Int with { id: \"outer\" } { return share(0) }
         test \"waits\" { assert (start outer()).result == 1 }
         test \"does not wait\" { start outer() }",
    );
    for test in 0..2 {
        let problem = family.play(test).await.unwrap().problem.unwrap();
        assert!(problem.message.starts_with("the run `share` is stuck at t.wf:1"), "{problem:?}");
    }
}

/// A body that asks for ever is told so.
#[tokio::test]
async fn a_test_that_asks_again_and_again_ends() {
    let asking = player(
        "workflow w() { signal done()  receive done }
         test \"polls\" { let r = start w()  while r.is_running { } }
         test \"waits\" { let r = start w()  while r.is_running { advance 1h } }",
    );
    for test in 0..2 {
        let problem = asking.play(test).await.unwrap().problem.unwrap();
        assert_eq!(problem.message, "the test asks for more than 10000 things");
    }
}

/// What goes round for ever is told, in a run and in a test; `sleep 0s` waits for nothing.
#[tokio::test]
async fn a_loop_in_which_no_time_passes_ends() {
    let limits = Limits { fuel_activation_max: 1_000_000, ..Limits::default() };
    let idle = player_with(
        "workflow w() { while true { sleep 0s } }
         test \"run\" { let r = start w()  advance 1s  assert r.is_running }
         test \"body\" { var n = 0  while true { n += 1 } }",
        limits,
    );
    for test in 0..2 {
        let problem = idle.play(test).await.unwrap().problem.unwrap();
        assert!(format!("{problem:?}").contains("fuel_activation_max"), "{problem:?}");
    }
}

/// The first to answer decides; who is given up meanwhile hears that, and the test goes on. Both orders of words are the same
/// when they are told again after a crash.
#[tokio::test]
async fn branches_that_answer_at_one_instant_and_words_between_starts() {
    let same = player(
        "activity price(c: String) -> Int with { queue: \"q\", timeout: 1m, retry: never }
         error No {}
         activity try_it(n: Int) -> Int throws No with { queue: \"q\", timeout: 1m, retry: never }
         workflow child(c: String) -> Int with { id: \"c-{c}\" } { return price(c) }
         workflow plan() -> Int { return race { price(\"de\"), price(\"fr\") } }
         workflow children() -> Int { return race { child(\"de\"), child(\"fr\") } }
         workflow fails() -> Int {
           let (a, b) = parallel { try_it(1), try_it(2) } catch No => (0, 0)
           return a + b
         }
         workflow each() -> Int {
           let all = parallel for n in [1, 2, 3] { try_it(n) } catch No => []
           return all.length()
         }
         workflow listener() with { id: \"a\" } { signal s()  receive s }
         workflow teller() {
           let x = start listener()
           send x.s()
           let y = start listener() with { id: \"b\" }
           send y.s()
           let z = start listener() with { id: \"z\" }
           send z.cancel()
           child(\"x\")
         }
         test \"race\" { mock price(_) => 5  let p = start plan()  assert p.result == 5 }
         test \"mock is not used up\" {
           mock price(_) times 1 => 5
           mock price(_) => 6
           let p = start plan()
           assert p.result == 5
           let q = start plan()
           assert q.result == 6
         }
         test \"race of children\" { mock price(_) => 5  let p = start children()  assert p.result == 5 }
         test \"fail fast\" {
           mock try_it(1) => throw No()
           mock try_it(_) => 7
           let p = start fails()
           assert p.result == 0
         }
         test \"each\" {
           mock try_it(1) => throw No()
           mock try_it(_) => 7
           let p = start each()
           assert p.result == 0
         }
         test \"words\" { mock price(_) => 5  let r = start teller()  assert r.result == () }",
    );
    for test in 0..same.tests().len() {
        assert_eq!(same.play(test).await.unwrap().problem, None, "{test}");
    }
}

/// Runs that start runs without an end are told as well, nested and one after the other.
#[tokio::test]
async fn runs_that_start_themselves_end() {
    let endless = player(
        "workflow nested(n: Int) -> Int { return nested(n + 1) }
         workflow wide(n: Int) -> Int {
           let (a, b) = parallel { wide(n + 1), wide(n + 1) }
           return a + b
         }
         workflow row(n: Int) { start row(n + 1) with { on_parent_close: abandon } }
         test \"nested\" { assert (start nested(0)).result == 1 }
         test \"wide\" { start wide(0) }
         test \"row\" { start row(0) }",
    );
    let nested = endless.play(0).await.unwrap().problem.unwrap();
    assert!(format!("{nested:?}").contains("child_depth_max"), "{nested:?}");
    for (test, says) in [(1, "more than 10000 runs are open at once"), (2, "happen one after the other at one moment")]
    {
        let problem = endless.play(test).await.unwrap().problem.unwrap();
        assert!(problem.message.contains(says), "{problem:?}");
    }
}

/// What an update that never ends waits for is shown.
#[tokio::test]
async fn an_update_that_does_not_end_says_what_it_waits_for() {
    let waiting = player(
        "workflow gate() with { id: \"gate\" } {
           state opened = false
           update pass() { wait until opened }
           signal open() { opened = true }
           wait until opened
         }
         test \"passes\" {
           let g = start gate()
           g.pass()
         }",
    );
    let problem = waiting.play(0).await.unwrap().problem.unwrap();
    assert_eq!(problem.message, "the update `pass` of the run `gate` does not end");
    assert!(problem.notes.iter().any(|note| note.starts_with("t.wf:3: waits for condition")), "{problem:?}");
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
