//! What people are shown: nothing that acts on their terminal, and words they can do something with.

use super::*;

fn one(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("w.wf"), text).unwrap();
    dir
}

#[test]
fn what_a_program_says_does_not_act_on_the_terminal() {
    let dir =
        one("activity bad() with { exec: \"python3 bad.py\", retry: never, timeout: 10s }\nworkflow w() { bad() }\n");
    let bad = "import sys\nsys.stderr.write('\\x1b[31mred\\x1b]0;title\\x07 \\u202etxt\\u2069 \\x7f')\nsys.exit(1)\n";
    std::fs::write(dir.path().join("bad.py"), bad).unwrap();
    let harmless = |text: &str, colored: bool| {
        let acts = |c: char| {
            (c.is_control() && c != '\n' && c != '\t' && !(colored && c == '\x1b'))
                || ('\u{202a}'..='\u{202e}').contains(&c)
        };
        assert!(!text.contains(acts) && !text.contains("\x1b[31mred"), "{text:?}");
        assert!(text.contains("\\u{1b}[31mred"), "it is shown spelled out: {text:?}");
    };
    for color in ["never", "always"] {
        let (code, _, err) = run_weft(dir.path(), &["run", "w.wf", "--id", color, "--color", color]);
        assert_eq!(code, 1);
        harmless(&err, color == "always");
        for view in ["show", "describe"] {
            let (_, out, _) = run_weft(dir.path(), &[view, color, "--data", ".weft", "--color", color]);
            harmless(&out, color == "always");
        }
    }
}

#[test]
fn a_build_never_overwrites_a_source() {
    let dir = project();
    std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    for file in ["shop.wf", "new.wf", "NEW.WF", "notes.txt"] {
        let (code, _, err) = run_weft(dir.path(), &["build", "-o", file]);
        assert_eq!(code, 2, "{file}: {err}");
        assert!(err.contains(file), "{err}");
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("shop.wf")).unwrap(), PROGRAM);
    assert_eq!(std::fs::read_to_string(dir.path().join("notes.txt")).unwrap(), "mine");
    for _ in 0..2 {
        assert_eq!(run_weft(dir.path(), &["build", "-o", "shop.weft"]).0, 0, "a program over a program");
    }
    let (code, out, _) = run_weft(dir.path(), &["build", "--listing", "--json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && answer["listing"].as_str().unwrap().contains("overflows"), "{out}");
}

#[test]
fn wrong_arguments_are_2_and_named() {
    let dir = project();
    let write = |text: &str| std::fs::write(dir.path().join("in.json"), text).unwrap();
    for (text, word) in [
        (r#"{"name":"a","name":"b"}"#, "the key \"name\" is given twice"),
        (r#"{"name":"a","times":{"x":1,"x":2}}"#, "the key \"x\" of `times` is given twice"),
        (r#"{"name":"a","times":"two"}"#, "`times`: expected Int"),
        (r#"{"name":"a","often":2}"#, "often"),
        ("[1]", "not a JSON object"),
    ] {
        write(text);
        let (code, out, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "--input", "in.json"]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}: {err}");
        assert!(err.contains(word), "{text}: {err}");
    }
    assert!(!dir.path().join(".weft").exists(), "nothing is opened for what is wrong");
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "hello", "name=a", "times=two"]);
    assert_eq!(code, 2);
    assert!(err.contains("`times=two`: expected Int") && err.contains("such as times=1"), "{err}");
    assert!(!err.contains("line 1 column"), "not the words of the JSON reader: {err}");
    assert_eq!(run_weft(dir.path(), &["run", "shop.wf", "hello", "--input", "none.json"]).0, 5);

    let (_dev, address) = dev(dir.path());
    write(r#"{"name":"a","times":"two"}"#);
    let (code, _, err) = ask(dir.path(), &address, &["start", "hello", "--input", "in.json"]);
    assert_eq!(code, 2, "the same from the server: {err}");
    assert_eq!(ask(dir.path(), &address, &["list", "--limit", "0"]).0, 2);
}

#[test]
fn a_configuration_that_means_nothing_is_refused() {
    let dir = project();
    for (text, word) in [
        ("edition = \"2031\"", "there is no edition `2031`"),
        ("namespace = \"a/b\"", "`a/b` cannot name a namespace"),
        ("namespace = \"..\"", "cannot name a namespace"),
        ("namespace = \"\"", "cannot name a namespace"),
        ("namespace = \"two words\"", "cannot name a namespace"),
    ] {
        std::fs::write(dir.path().join("weft.toml"), text).unwrap();
        let (code, _, err) = run_weft(dir.path(), &["check"]);
        assert_eq!(code, 3, "{text}: {err}");
        assert!(err.contains(word) && err.contains("weft.toml"), "{text}: {err}");
    }
    std::fs::write(dir.path().join("weft.toml"), "edition = \"2026\"\nnamespace = \"team-1.live\"").unwrap();
    assert_eq!(run_weft(dir.path(), &["check"]).0, 0);
    assert_eq!(run_weft(dir.path(), &["list", "--namespace", "a/b"]).0, 2);
}

#[test]
fn a_server_says_that_it_cannot_run_the_programs() {
    let dir = project();
    let elsewhere = tempfile::tempdir().unwrap();
    let serve = |allow: &[&str]| {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut serve =
            Background::start(dir.path(), &[&["serve", "--database", "memory:", "--listen", &listen], allow].concat());
        serve.until("listening");
        (serve, format!("http://{listen}"))
    };
    let elsewhere = elsewhere.path().to_str().unwrap();
    for (allow, word) in [
        (&[][..], "--allow-exec DIR"),
        (&["--allow-exec", elsewhere], "`echo.py`, which is not in"),
        (&["--allow-exec", "."], ""),
    ] {
        let (_serve, address) = serve(allow);
        eventually_deployed(dir.path(), &address);
        let (code, _, err) = ask(dir.path(), &address, &["deploy"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(err.contains("warning"), !word.is_empty(), "{allow:?}: {err}");
        assert!(err.contains(word), "{allow:?}: {err}");
    }
    let (code, _, err) = run_weft(dir.path(), &["serve", "--database", "memory:", "--allow-exec", "nowhere"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("folder of the deployed project"), "{err}");
}

/// A server listens a moment before it serves.
fn eventually_deployed(dir: &Path, address: &str) {
    let until = std::time::Instant::now() + MAX;
    while ask(dir, address, &["deploy"]).0 != 0 {
        assert!(std::time::Instant::now() < until, "the server never took a deploy");
    }
}

#[test]
fn a_very_long_line_is_shown_around_the_mistake() {
    let long = format!("workflow w() -> Int {{ return {}missing }}\n", "1 + ".repeat(300));
    let dir = one(&format!("{long}// the end\n"));
    let (code, _, err) = run_weft(dir.path(), &["check"]);
    assert_eq!(code, 3);
    assert!(err.contains("missing") && err.contains("WF1001"), "{err}");
    let widest = err.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest < 250, "{widest} columns:\n{err}");
}

#[test]
fn codes_are_found_by_their_number_and_slips_corrected() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run_weft(dir.path(), &["explain", "1001"]).0, 0);
    let (code, _, err) = run_weft(dir.path(), &["explain", "WF9999"]);
    assert_eq!(code, 5);
    assert!(!err.contains("did you mean"), "nothing is near: {err}");
}
