//! A server, a folder with projects, the command line, and somebody who works on what is asked for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use weft_tests::binary::workspace;
use weft_tests::server::{Server, eventually, free_port, get_json, run_weft};

/// Far more than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of it. The server ends with it.
pub(crate) struct World {
    pub(crate) server: Server,
    folder: TempDir,
    client: reqwest::Client,
    /// Tasks that were polled and are not done yet, by queue.
    tasks: VecDeque<(String, Value)>,
}

impl World {
    /// A server on a store.
    pub(crate) async fn new(store: &str) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Server::start(store, free_port(), &folder.path().join("server.log"));
        server.ready().await;
        World { server, folder, client: reqwest::Client::new(), tasks: VecDeque::new() }
    }

    /// The program of an example.
    pub(crate) fn example(&self, name: &str) -> String {
        std::fs::read_to_string(example(name).join("workflow.wf")).expect("the example is there")
    }

    /// A file beside the program of an example.
    pub(crate) fn file_of(&self, name: &str, file: &str) -> String {
        example(name).join(file).display().to_string()
    }

    /// The program of an example with workers of the queue `shop` in place of its scripts.
    pub(crate) fn queued(&self, name: &str) -> String {
        let mut text = self.example(name);
        while let Some(at) = text.find("exec: \"") {
            let end = at + 7 + text[at + 7..].find('"').expect("the text ends") + 1;
            text.replace_range(at..end, "queue: \"shop\"");
        }
        text
    }

    /// The line of a program that begins a text.
    pub(crate) fn line_of(&self, program: &str, text: &str) -> usize {
        let at = program.find(text).expect("the program has that");
        1 + program[..at].matches('\n').count()
    }

    /// Writes a project into the folder.
    pub(crate) fn write(&self, name: &str, program: &str) {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("weft.toml"), format!("name = \"{name}\"\n")).expect("a file");
        std::fs::write(folder.join("workflow.wf"), program).expect("a file");
    }

    /// Writes a file into the folder.
    pub(crate) fn save(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// Writes a project and deploys it.
    pub(crate) fn deploys(&self, name: &str, program: &str) {
        self.deploys_with(name, program, &[]);
    }

    /// The same with options.
    pub(crate) fn deploys_with(&self, name: &str, program: &str, options: &[&str]) {
        self.write(name, program);
        self.weft(&[&["deploy", name], options].concat());
    }

    /// A command that does its work; what it prints.
    pub(crate) fn weft(&self, args: &[&str]) -> String {
        let (code, out, err) = self.try_weft(args);
        assert_eq!(code, 0, "weft {args:?}: {err}");
        out
    }

    /// A command: exit code, what it prints, what it says.
    pub(crate) fn try_weft(&self, args: &[&str]) -> (i32, String, String) {
        run_weft(self.folder.path(), &[args, &["--address", &self.server.address()]].concat())
    }

    /// The result of a run, which must complete.
    pub(crate) fn result(&self, id: &str) -> Value {
        serde_json::from_str(&self.weft(&["result", id])).expect("a result is JSON")
    }

    /// Everything known about a schedule.
    pub(crate) fn schedule(&self, name: &str) -> Value {
        serde_json::from_str(&self.weft(&["schedule", "describe", name, "--json"])).expect("JSON")
    }

    /// The history of a run, without times.
    pub(crate) fn history(&self, id: &str) -> String {
        self.weft(&["show", id, "--plain"])
    }

    /// The activities and marks of a history, in order.
    pub(crate) fn commands(&self, id: &str) -> Vec<String> {
        let history = self.history(id);
        let words = history.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let named = words.filter(|words| matches!(words[1], "ActivityScheduled" | "PatchRecorded"));
        named.map(|words| words[2].to_owned()).collect()
    }

    /// The history of a run must be the one beside the example.
    pub(crate) fn history_is_that_of(&self, name: &str, id: &str) {
        let expected = std::fs::read_to_string(example(name).join("history.txt")).expect("the example has one");
        assert_eq!(self.history(id), expected, "{name}");
    }

    /// The program that a run is pinned to.
    pub(crate) fn program(&self, id: &str) -> Value {
        let described: Value = serde_json::from_str(&self.weft(&["describe", id, "--json"])).expect("JSON");
        described["program"].clone()
    }

    /// Waits until the history of a run has an event of this kind, or that names this.
    pub(crate) async fn event(&self, id: &str, what: &str) {
        self.events(id, what, 1).await;
    }

    /// The same for so many.
    pub(crate) async fn events(&self, id: &str, what: &str, count: usize) {
        let url = self.server.url(&format!("runs/{id}/history"));
        eventually(PATIENCE, &format!("{id} has {what}"), async || {
            let page = get_json(&self.client, &url).await.unwrap_or_default();
            let events = page["events"].as_array().cloned().unwrap_or_default();
            events.iter().filter(|event| event["type"] == what || event["activity"] == what).count() >= count
        })
        .await;
    }

    /// Completes an activity of a run, and waits until that is in its history.
    pub(crate) async fn complete(&mut self, queue: &str, activity: &str, id: &str, result: Value) {
        let task = self.task(queue, activity, id).await;
        let url = self.server.url(&format!("tasks/{}/complete", task["token"].as_str().expect("a token")));
        let reply = self.client.post(&url).json(&json!({ "result": result })).send().await.expect("an answer");
        let status = reply.status();
        let text = reply.text().await.unwrap_or_default();
        assert!(status.is_success(), "{activity} of {id}: {status} {text}");
    }

    /// The oldest task of an activity of a run.
    async fn task(&mut self, queue: &str, activity: &str, id: &str) -> Value {
        let url = self.server.url(&format!("queues/{queue}/poll"));
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let wanted =
                |(of, task): &(String, Value)| of == queue && task["activity"] == activity && task["workflow_id"] == id;
            if let Some(at) = self.tasks.iter().position(wanted) {
                return self.tasks.remove(at).expect("it was found there").1;
            }
            assert!(std::time::Instant::now() < deadline, "no `{activity}` of {id}; there is {:?}", self.tasks);
            let holding: Vec<&Value> = self.tasks.iter().map(|(_, task)| &task["token"]).collect();
            let body = json!({ "worker": "test", "max": 10, "wait": "1s", "holding": holding });
            // The server may be away for a moment.
            let Ok(reply) = self.client.post(&url).json(&body).send().await else { continue };
            let reply: Value = reply.json().await.unwrap_or_default();
            let tasks = reply["tasks"].as_array().cloned().unwrap_or_default();
            self.tasks.extend(tasks.into_iter().map(|task| (queue.to_owned(), task)));
        }
    }
}

fn example(name: &str) -> PathBuf {
    workspace().join("examples").join(name)
}
