//! How long an author waits for the language server: keystrokes in a file of 10,000 lines within a project of more than 100,000,
//! typed on a schedule, eight a second, whether the last one was answered or not. A keystroke is answered by the diagnostics of
//! its version, or of a later one. Times are figures for docs/performance.md, never a test.
//!
//!     cargo bench --package weft-tests --bench editor

#[path = "../tests/editor/client.rs"]
#[allow(dead_code, reason = "the tests ask more of it")]
mod client;

use std::time::{Duration, Instant};

use client::{Client, Document};
use serde_json::json;
use weft_tests::project;

/// Files of the project beside the long one, of about two hundred lines each.
const FILES: usize = 500;
/// Lines of the file that is edited, at least.
const LINES: usize = 10_000;
/// Keystrokes.
const KEYS: usize = 200;
/// Between two.
const KEY_EVERY: Duration = Duration::from_millis(125);
/// Times each question is asked.
const ASKED: usize = 100;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the project");
    let root = folder.path().canonicalize().expect("it is there");
    for (what, files) in [("alone", 0), ("in a project", FILES)] {
        let root = root.join(files.to_string());
        std::fs::create_dir(&root).expect("the folder may be written");
        project::write(&root, files).expect("the folder may be written");
        let path = root.join("long.wf");
        let text = project::long_program(LINES);
        std::fs::write(&path, &text).expect("the folder may be written");
        println!("{} lines, {what} of {files} more files", text.lines().count());
        measure(&path);
    }
}

fn measure(path: &std::path::Path) {
    let start = Instant::now();
    let mut client = Client::ready(json!({}));
    println!("  ready {:?}", start.elapsed());
    let mut document = Document::open(&mut client, path);
    client.diagnostics(&document.uri, 1);
    println!("  first diagnostics {:?}", start.elapsed());

    // A body in the middle: a comment that grows, as a thought does.
    let middle = document.text.len() / 2;
    let at = middle + document.text[middle..].find("\n  let ").expect("bodies have names") + 1;
    document.edit(&mut client, at..at, "  // \n");
    client.diagnostics(&document.uri, document.version);
    let mut typed: Vec<(i64, Instant)> = Vec::new();
    let mut took: Vec<Duration> = Vec::new();
    let begin = Instant::now();
    for key in 0..KEYS {
        let due = begin + KEY_EVERY * key as u32;
        answered(&mut client, &document.uri, &mut typed, &mut took, due);
        let end = at + "  // ".len() + key;
        document.edit(&mut client, end..end, "x");
        typed.push((document.version, Instant::now()));
    }
    while !typed.is_empty() {
        answered(&mut client, &document.uri, &mut typed, &mut took, Instant::now() + Duration::from_secs(60));
    }
    say("keystroke to diagnostics", took);

    let place = document.place(document.position(at + document.text[at..].find("let ").expect("it is behind") + 4));
    for question in ["hover", "definition", "completion"] {
        let method = format!("textDocument/{question}");
        let ask = |client: &mut Client| {
            let start = Instant::now();
            client.ask(&method, place.clone());
            start.elapsed()
        };
        say(question, (0..ASKED).map(|_| ask(&mut client)).collect());
    }
    let whole = json!({ "textDocument": { "uri": document.uri } });
    for question in ["documentSymbol", "foldingRange", "semanticTokens/full"] {
        let ask = |client: &mut Client| {
            let start = Instant::now();
            client.ask(&format!("textDocument/{question}"), whole.clone());
            start.elapsed()
        };
        say(question, (0..ASKED / 10).map(|_| ask(&mut client)).collect());
    }
    println!("  memory {} MB", client.resident_bytes() >> 20);
}

/// Hears what was answered until a moment, or until nothing is open.
fn answered(client: &mut Client, uri: &str, typed: &mut Vec<(i64, Instant)>, took: &mut Vec<Duration>, until: Instant) {
    while let Some(message) = client.heard_until(until) {
        let params = &message["params"];
        if params["uri"] == uri
            && let Some(version) = params["version"].as_i64()
        {
            let now = Instant::now();
            typed.retain(|(of, sent)| {
                let open = *of > version;
                if !open {
                    took.push(now - *sent);
                }
                open
            });
        }
        if typed.is_empty() && until > Instant::now() + Duration::from_secs(1) {
            return;
        }
    }
}

fn say(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!("  {what}: p50 {:?}, p99 {:?}, longest {:?}", at(50), at(99), at(100));
}
