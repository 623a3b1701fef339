//! Commands that ask a server: which one is meant, what a deploy takes away, what a start did.

use weft_tests::server::Server;

use super::*;

/// A `weft dev` on a folder of its own that holds one workflow.
fn served() -> (TempDir, Background, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("base.wf"), "workflow base() -> Int { return 1 }\n").unwrap();
    let (dev, address) = dev(dir.path());
    (dir, dev, address)
}

/// As [`run_weft`] with variables of the environment.
fn with_env(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(weft());
    let output = command.args(args).envs(env.iter().copied()).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_option_goes_before_the_environment() {
    let dir = project();
    let (here, nowhere) = (served(), format!("http://127.0.0.1:{}", free_port()));
    let config = format!("[env.live]\naddress = \"{}\"\n[env.gone]\naddress = \"{nowhere}\"\n", here.2);
    std::fs::write(dir.path().join("weft.toml"), config).unwrap();
    for (env, args, code, word) in [
        (&[("WEFT_ADDRESS", nowhere.as_str())][..], &["list", "--env", "live"][..], 0, ""),
        (&[("WEFT_ADDRESS", &here.2)], &["list", "--env", "gone"], 4, &nowhere[..]),
        (&[("WEFT_ENV", "gone")], &["list", "--address", &here.2], 0, ""),
        (&[("WEFT_ENV", "gone"), ("WEFT_ADDRESS", &here.2)], &["list"], 0, ""),
        (&[("WEFT_ADDRESS", &here.2)], &["list", "--env", "lve"], 2, "no [env.lve]"),
        (&[("WEFT_ADDRESS", &here.2)], &["list", "--env", "lve", "--namespace", "default"], 2, "no [env.lve]"),
        (&[("WEFT_ADDRESS", &here.2), ("WEFT_ENV", "lve")], &["list"], 2, "no [env.lve]"),
        (&[], &["list", "--env", "live", "--address", &here.2], 2, "given twice"),
    ] {
        let (got, _, err) = with_env(dir.path(), env, args);
        assert_eq!(got, code, "{env:?} weft {args:?}: {err}");
        assert!(err.contains(word), "{env:?} weft {args:?}: {err}");
    }
    let (_, _, err) = with_env(dir.path(), &[("WEFT_ADDRESS", &nowhere)], &["result", "x", "--env", "live"]);
    assert!(err.contains("there is no run"), "{err}");
}

#[test]
fn a_file_is_deployed_as_the_project_of_its_folder() {
    let (_dir, _dev, address) = served();
    let project = |name: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("workflow.wf"), format!("workflow {name}() -> Int {{ return 1 }}\n")).unwrap();
        dir
    };
    let (a, b) = (project("a"), project("b"));
    for dir in [&a, &b] {
        let (code, out, err) = ask(dir.path(), &address, &["deploy", "workflow.wf", "--json"]);
        let reply: Value = serde_json::from_str(&out).unwrap();
        let folder = dir.path().file_name().unwrap().to_str().unwrap();
        assert_eq!((code, reply["project"].as_str(), &reply["removed"]), (0, Some(folder), &json!([])), "{err}");
        let (_, out, _) = ask(dir.path(), &address, &["deploy", "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["changed"], false, "the folder is the same project");
    }
    assert_eq!(ask(a.path(), &address, &["start", "a"]).0, 0, "the second project took nothing from the first");
}

#[test]
fn a_deploy_says_what_it_takes_away() {
    let (_dir, _dev, address) = served();
    let dir = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("w.wf"), text).unwrap();
    let deploy = |args: &[&str]| ask(dir.path(), &address, &[&["deploy"], args].concat());
    let (both, one) = ("workflow a() { }\nworkflow b() { }\n", "workflow a() { }\n");
    write(both);
    let (code, _, err) = deploy(&[]);
    assert!(code == 0 && !err.contains("no longer has"), "{err}");
    write(one);
    let (code, _, err) = deploy(&[]);
    assert!(code == 0 && err.contains("no longer has: b"), "{err}");
    write(both);
    assert_eq!(deploy(&[]).0, 0);
    write(one);
    let (_, out, _) = deploy(&["--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["removed"], json!(["b"]));
    write("");
    let (code, out, err) = deploy(&[]);
    assert_eq!((code, out.as_str()), (5, ""), "{err}");
    assert!(err.contains("declares no workflow"), "{err}");
    assert_eq!(ask(dir.path(), &address, &["start", "a"]).0, 0, "what was deployed stays");
}

#[test]
fn dev_keeps_the_last_good_program_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("w.wf"), text).unwrap();
    write("workflow a() -> Int { return 1 }\n");
    let port = free_port();
    let mut dev = Background::start(dir.path(), &["dev", ".", "--listen", &format!("127.0.0.1:{port}")]);
    let mut err = BufReader::new(dev.0.stderr.take().unwrap());
    let mut until = |text: &str| {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(err.read_line(&mut line).unwrap() > 0, "it ended before it said `{text}`");
        }
    };
    until("deployed");
    write("");
    until("declares no workflow");
    until("the program deployed before stays");
    assert_eq!(ask(dir.path(), &format!("http://127.0.0.1:{port}"), &["start", "a"]).0, 0);
}

#[test]
fn an_error_is_one_line_whatever_the_id_holds() {
    let (dir, _dev, address) = served();
    let (code, _, err) = ask(dir.path(), &address, &["result", "a\nerror: b"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.starts_with("error: ") && err.lines().next().unwrap().contains("`a\\nerror: b`"), "{err}");
}

#[test]
fn a_start_over_a_run_that_ended_says_so() {
    let dir = project();
    let (_dev, address) = dev(dir.path());
    let ask = |args: &[&str]| ask(dir.path(), &address, args);
    let start = ["start", "refuses", "code=7", "--id", "r"];
    let (code, _, err) = ask(&[&start[..], &["--request-id", "q"]].concat());
    assert_eq!(code, 0, "{err}");
    assert_eq!(ask(&["result", "r", "--wait", "30s"]).0, 1);
    let (code, out, err) = ask(&start);
    assert_eq!((code, out.as_str()), (5, ""), "{err}");
    assert!(err.contains("a run of the id `r` ended before (Failed); nothing is started"), "{err}");
    assert!(err.contains("--on-closed allow"), "{err}");
    let (code, out, _) = ask(&[&start[..], &["--json"]].concat());
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &reply["started"], &reply["status"]), (5, &json!(false), &json!("Failed")));
    let (code, out, err) = ask(&[&start[..], &["--request-id", "q"]].concat());
    assert_eq!((code, out.as_str()), (0, "r\n"), "the same request again is the start it was: {err}");
    let (code, _, err) = ask(&[&start[..], &["--on-closed", "reject"]].concat());
    assert!(code == 5 && err.contains("--on-closed allow") && !err.contains("on_closed"), "{err}");

    let open = ["start", "asks", "who=ann"];
    assert_eq!(ask(&open).0, 0);
    let (code, out, err) = ask(&open);
    assert_eq!((code, out.as_str()), (0, "asks-ann\n"), "{err}");
    assert!(err.contains("joined the open run"), "{err}");
    let (_, out, _) = ask(&[&open[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["status"], "Running");
    let (code, _, err) = ask(&[&open[..], &["--on-conflict", "reject"]].concat());
    assert!(code == 5 && err.contains("--on-conflict join") && !err.contains("on_conflict"), "{err}");
}

#[tokio::test]
async fn who_waits_for_a_run_waits_for_its_server() {
    let dir = project();
    let store = format!("sqlite:{}", dir.path().join("server.db").display());
    let mut server = Server::start(&store, free_port(), &dir.path().join("server.log"));
    server.ready().await;
    let address = server.address();
    assert_eq!(ask(dir.path(), &address, &["deploy"]).0, 0);
    assert_eq!(ask(dir.path(), &address, &["start", "asks", "who=ann"]).0, 0);
    let mut show = Background::start(dir.path(), &["show", "asks-ann", "--follow", "--plain", "--address", &address]);
    let mut events = BufReader::new(show.0.stdout.take().unwrap()).lines();
    assert_eq!(events.next().unwrap().unwrap(), "1 RunStarted asks {\"who\":\"ann\"}");
    server.kill();
    show.until("asking again until it is back");
    server.restart();
    server.ready().await;
    let reply = ["signal", "asks-ann", "reply", "text=yes"];
    assert_eq!(ask(dir.path(), &address, &reply).0, 0);
    let rest: Vec<String> = events.map(|line| line.unwrap()).collect();
    assert!(rest.len() == 2 && rest[1].starts_with("3 RunCompleted"), "each event once: {rest:?}");
    assert_eq!(show.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_goes_on_when_its_file_has_errors() {
    let dir = project();
    let listen = format!("127.0.0.1:{}", free_port());
    let mut run = Background::start(dir.path(), &["run", "shop.wf", "asks", "who=eve", "--listen", &listen]);
    run.until("answer it with");
    run.signal(Signal::SIGTERM);
    assert_eq!(run.end().0, 130);
    std::fs::write(dir.path().join("shop.wf"), "workflow asks( {").unwrap();
    let mut run = Background::start(dir.path(), &["run", "shop.wf", "--continue", "asks-eve", "--listen", &listen]);
    let said = run.until("answer it with");
    assert!(said.contains("`asks-eve` keeps the code it was started with"), "{said}");
    let reply = ["signal", "asks-eve", "reply", "text=yes"];
    assert_eq!(ask(dir.path(), &format!("http://{listen}"), &reply).0, 0);
    assert_eq!(run.end(), (0, "\"eve: yes\"\n".to_owned()));
    assert_eq!(run_weft(dir.path(), &["run", "shop.wf", "asks", "who=eve"]).0, 3, "to start one it must be right");
    let (code, _, err) = run_weft(dir.path(), &["run", "shop.wf", "--continue", "nobody"]);
    assert_eq!(code, 5, "{err}");
}
