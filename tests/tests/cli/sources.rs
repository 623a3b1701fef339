//! Commands on sources: `weft fmt` on files, folders and standard input; `weft fix`; `weft graph`.

use std::io::Write;

use super::*;

const WILD: &str = "workflow  w( a:Int )->Int{\n    return a+1   // one more\n}\n";
const NEAT: &str = "workflow w(a: Int) -> Int {\n  return a + 1  // one more\n}\n";

#[test]
fn a_project_is_formatted_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::write(at("wild.wf"), WILD).unwrap();
    std::fs::write(at("sub/neat.wf"), NEAT.replace("workflow w", "workflow v")).unwrap();
    std::fs::write(at("broken.wf"), "workflow x(\n  let  y =\n}\n").unwrap();
    let (code, out, err) = run_weft(dir.path(), &["fmt", "--check"]);
    assert_eq!((code, out.as_str()), (3, "wild.wf\n"), "{err}");
    assert!(err.contains("WF0"), "what is broken is told: {err}");
    assert_eq!(std::fs::read_to_string(at("wild.wf")).unwrap(), WILD, "a check changes nothing");

    let (code, out, _) = run_weft(dir.path(), &["fmt"]);
    assert_eq!((code, out.as_str()), (3, "wild.wf\n"), "the others are formatted although one is broken");
    assert_eq!(std::fs::read_to_string(at("wild.wf")).unwrap(), NEAT);
    assert_eq!(std::fs::read_to_string(at("broken.wf")).unwrap(), "workflow x(\n  let  y =\n}\n");

    std::fs::remove_file(at("broken.wf")).unwrap();
    assert_eq!(run_weft(dir.path(), &["fmt", "--check"]).0, 0);
    let (code, out, _) = run_weft(dir.path(), &["fmt", "--json"]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, 0);
    assert_eq!(
        lines,
        [json!({ "file": "sub/neat.wf", "changed": false }), json!({ "file": "wild.wf", "changed": false })]
    );
}

#[test]
fn one_file_alone_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.wf", "b.wf"] {
        std::fs::write(dir.path().join(name), WILD).unwrap();
    }
    let a = dir.path().join("a.wf");
    std::fs::set_permissions(&a, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a.wf", dir.path().join("link.wf")).unwrap();
    assert_eq!(run_weft(dir.path(), &["fmt", "a.wf"]).0, 0);
    assert_eq!(std::fs::read_to_string(&a).unwrap(), NEAT);
    assert_eq!(std::fs::metadata(&a).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_to_string(dir.path().join("b.wf")).unwrap(), WILD, "the other was not named");
    assert!(dir.path().join("link.wf").is_symlink());
}

#[test]
fn standard_input_becomes_standard_output() {
    for (text, expected) in [(WILD, (Some(0), NEAT)), ("workflow (", (Some(3), "workflow (\n"))] {
        let mut weft = Command::new(weft())
            .args(["fmt", "--stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        weft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let done = weft.wait_with_output().unwrap();
        assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), expected);
    }
}

#[test]
fn what_needs_no_person_is_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(
        at("a.wf"),
        "workflow a(n: Int) -> Int {\n  if n === 1 { return 1 } elif n > 5 { return 2 }\n  return 3\n}\n",
    )
    .unwrap();
    std::fs::write(at("b.wf"), "workflow b(n: Int) -> Int {\n  return n + missing\n}\n").unwrap();
    let (code, out, err) = run_weft(dir.path(), &["fix"]);
    assert_eq!(code, 3, "one mistake is left: {err}");
    assert!(out.lines().all(|line| line.starts_with("a.wf:2: ")) && out.lines().count() == 2, "{out}");
    assert!(err.contains("WF1001") && err.contains("fixed 2 mistakes"), "{err}");
    let text = std::fs::read_to_string(at("a.wf")).unwrap();
    assert_eq!(
        text,
        "workflow a(n: Int) -> Int {\n  if n == 1 { return 1 } else if n > 5 { return 2 }\n  return 3\n}\n"
    );
    std::fs::write(at("b.wf"), "workflow b(n: Int) -> Int {\n  return n\n}\n").unwrap();
    let (code, out, err) = run_weft(dir.path(), &["fix"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
}

#[test]
fn a_graph_is_printed_for_who_draws_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("w.wf"), "workflow a() { sleep 1s }\nworkflow b() { sleep 2s }\n").unwrap();
    let (code, out, _) = run_weft(dir.path(), &["graph", ".", "b"]);
    assert_eq!(code, 0);
    assert_eq!(out, "flowchart TD\n  n0([\"b\"])\n  n1[/\"sleep 2s\"/]\n  n2([\"done\"])\n  n0 --> n1\n  n1 --> n2\n");
    let (_, out, _) = run_weft(dir.path(), &["graph", "w.wf", "--format", "dot", "--json"]);
    assert_eq!(out.lines().count(), 2, "{out}");
    let (code, _, err) = run_weft(dir.path(), &["graph", ".", "c"]);
    assert!(code == 5 && err.contains("it has a, b"), "{err}");
}
