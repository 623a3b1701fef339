//! The four rules of `lsp/src/lib.rs`, each with the client that would notice.

use serde_json::json;

use crate::client::{Client, Document, file};

const PURCHASE: &str = "examples/purchase_order/workflow.wf";

#[test]
fn edits_are_applied_in_order_while_everything_is_busy() {
    let mut client = Client::ready(json!({}));
    let mut document = Document::open(&mut client, &file(PURCHASE));
    let end = document.text.len();
    let mut asked = Vec::new();
    for n in 0..400 {
        // Each edit depends on all before it: a lost one, or two in another order, give another text.
        let at = if n % 3 == 0 { end } else { document.text.len() };
        document.edit(&mut client, at..at, &format!("// {n}\n"));
        if n % 10 == 0 {
            asked.push(client.begin("textDocument/documentSymbol", json!({ "textDocument": { "uri": document.uri } })));
        }
    }
    document.edit(&mut client, end..end, "fn broken( -> Int = missing\n");
    let said = client.diagnostics(&document.uri, document.version);
    assert!(!said.is_empty(), "the last state is looked at");
    for id in asked {
        assert!(client.answer(id)["result"].is_array());
    }
    // The text that the server has is the one that was typed: what is laid out anew is at the right places.
    let broken = document.text.find("fn broken").expect("it was typed");
    let line = document.text[broken..].find('\n').expect("it is a line") + 1;
    document.edit(&mut client, broken..broken + line, "fn  whole( ) -> Int  =  1\n");
    assert_eq!(client.diagnostics(&document.uri, document.version).len(), 0);
    let edits = client.ask(
        "textDocument/formatting",
        json!({ "textDocument": { "uri": document.uri }, "options": { "tabSize": 2, "insertSpaces": true } }),
    );
    let edit = &edits[0];
    assert_eq!(edit["range"]["start"], document.position(broken), "{edits}");
    assert!(edit["newText"].as_str().is_some_and(|text| text.starts_with("fn whole() -> Int = 1\n")), "{edits}");
}

#[test]
fn a_storm_of_cancels_leaves_the_server_as_it_was() {
    let mut client = Client::ready(json!({}));
    let document = Document::open(&mut client, &file(PURCHASE));
    let place = document.place(document.at("decision", 0, 1));
    let ids: Vec<i64> = (0..300)
        .map(|_| {
            let id = client.begin("textDocument/hover", place.clone());
            client.tell("$/cancelRequest", json!({ "id": id }));
            id
        })
        .collect();
    for id in ids {
        let answer = client.answer(id);
        // Answered before the cancel was read, or canceled; nothing else, and each once.
        assert!(answer["error"]["code"] == json!(-32800) || answer["result"]["contents"].is_object(), "{answer}");
    }
    assert!(client.ask("textDocument/hover", place)["contents"].is_object());
}

#[test]
fn a_client_that_never_replies_is_served_all_the_same() {
    // It promises to answer whatever it is asked, and does not.
    let promises = json!({ "workspace": { "configuration": true, "applyEdit": true, "workspaceFolders": true,
        "didChangeWatchedFiles": { "dynamicRegistration": true } }, "window": { "workDoneProgress": true } });
    let mut client = Client::ready(promises);
    let document = Document::open(&mut client, &file(PURCHASE));
    for _ in 0..50 {
        let hover = client.ask("textDocument/hover", document.place(document.at("decision", 0, 1)));
        assert!(hover["contents"].is_object());
    }
}

#[test]
fn the_server_ends_with_its_client() {
    let mut clean = Client::ready(json!({}));
    clean.ask("shutdown", json!(null));
    clean.tell("exit", json!(null));
    assert_eq!(clean.ended().code(), Some(0));

    let mut abrupt = Client::ready(json!({}));
    abrupt.tell("exit", json!(null));
    assert_eq!(abrupt.ended().code(), Some(1), "`exit` without `shutdown`");

    assert_eq!(Client::ready(json!({})).hang_up().code(), Some(1), "the end of the input");

    // A process that is gone by the time the server looks: its pipes may be held open by others.
    let mut short = std::process::Command::new("true").spawn().expect("`true` is everywhere");
    let id = short.id();
    short.wait().expect("it ends");
    let mut orphan = Client::new();
    orphan.begin("initialize", json!({ "processId": id, "rootUri": null, "capabilities": {} }));
    assert_eq!(orphan.ended().code(), Some(1), "the process of the client is gone");
}
