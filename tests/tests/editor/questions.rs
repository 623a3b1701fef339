//! What an editor is told about the examples.

use serde_json::{Value, json};

use crate::client::{Client, Document, file};

const PURCHASE: &str = "examples/purchase_order/workflow.wf";

fn purchase(client: &mut Client) -> Document {
    let document = Document::open(client, &file(PURCHASE));
    assert_eq!(client.diagnostics(&document.uri, 1), Vec::<Value>::new());
    document
}

fn labels(items: &Value) -> Vec<&str> {
    items.as_array().into_iter().flatten().filter_map(|item| item["label"].as_str()).collect()
}

#[test]
fn a_mistake_is_told_with_its_fix_and_gone_when_it_is_mended() {
    let mut client = Client::ready(json!({}));
    let mut document = purchase(&mut client);
    let at = document.text.find("comment: String").expect("the example has it") + "comment: ".len();
    document.edit(&mut client, at..at + "String".len(), "string");
    let said = client.diagnostics(&document.uri, 2);
    assert_eq!((said.len(), &said[0]["code"], &said[0]["source"]), (1, &json!("WF1001"), &json!("weft")), "{said:?}");
    let context = json!({ "diagnostics": said });
    let asked = json!({ "textDocument": { "uri": document.uri }, "range": said[0]["range"], "context": context });
    let actions = client.ask("textDocument/codeAction", asked);
    let edit = &actions[0]["edit"]["changes"][&document.uri][0];
    assert_eq!((&actions[0]["isPreferred"], &edit["newText"]), (&json!(true), &json!("String")), "{actions}");
    document.edit(&mut client, at..at + "string".len(), "String");
    assert_eq!(client.diagnostics(&document.uri, 3), Vec::<Value>::new());
}

#[test]
fn a_name_is_explained_found_and_renamed() {
    let mut client = Client::ready(json!({}));
    let document = purchase(&mut client);
    let call = document.place(document.at("notify_approver", 1, 3));
    let hover = client.ask("textDocument/hover", call.clone());
    let words = hover["contents"]["value"].as_str().expect("it has words");
    assert!(words.contains("activity notify_approver(po_id: String, amount: Decimal, requester: String)"), "{words}");
    assert!(words.contains("durable wait"), "{words}");
    let definition = client.ask("textDocument/definition", call.clone());
    assert_eq!(definition["range"]["start"], document.at("notify_approver", 0, 0));
    let mut asked = call.clone();
    asked["context"] = json!({ "includeDeclaration": true });
    let all = client.ask("textDocument/references", asked);
    let mentions = document.text.matches("notify_approver").count();
    assert_eq!(all.as_array().map(Vec::len), Some(mentions), "{all}");
    let mut asked = call;
    asked["newName"] = json!("ask_approver");
    let renamed = client.ask("textDocument/rename", asked.clone());
    let edits = renamed["changes"][&document.uri].as_array().expect("edits of the file");
    let wire = edits.iter().filter(|edit| edit["newText"] == "@name(\"notify_approver\")\n").count();
    assert_eq!((edits.len(), wire), (mentions + 1, 1), "it keeps its name on the wire: {renamed}");
    asked["newName"] = json!("if");
    let id = client.begin("textDocument/rename", asked);
    let refused = client.answer(id);
    assert!(refused["error"]["message"].as_str().is_some_and(|why| why.contains("cannot be a name")), "{refused}");
}

/// A renamed program is the program it was: each name that the example declares is renamed in turn, and nothing is wrong then.
#[test]
fn whatever_is_renamed_compiles_as_before() {
    let mut client = Client::ready(json!({}));
    let path = file(PURCHASE);
    let mut document = purchase(&mut client);
    let original = document.text.clone();
    for name in [
        "Decision",
        "approved",
        "Outcome",
        "Rejected",
        "by",
        "notify_approver",
        "po_id",
        "decision",
        "status",
        "approve",
        "d",
        "po",
    ] {
        let at =
            original.match_indices(name).map(|(at, _)| at).find(|at| whole_word(&original, *at, name)).expect(name);
        let mut asked = document.place(document.position(at));
        asked["newName"] = json!(format!("{name}_new"));
        let renamed = client.ask("textDocument/rename", asked);
        let mut edits: Vec<(usize, usize, String)> = renamed["changes"][&document.uri]
            .as_array()
            .unwrap_or_else(|| panic!("{name}: {renamed}"))
            .iter()
            .map(|edit| {
                let offset = |place: &Value| offset(&original, place);
                let text = edit["newText"].as_str().unwrap_or_default().to_owned();
                (offset(&edit["range"]["start"]), offset(&edit["range"]["end"]), text)
            })
            .collect();
        edits.sort();
        let mut text = original.clone();
        edits.iter().rev().for_each(|(start, end, new)| text.replace_range(start..end, new));
        document.edit(&mut client, 0..document.text.len(), &text);
        let said = client.diagnostics(&document.uri, document.version);
        assert_eq!(said, Vec::<Value>::new(), "{name} in {}:\n{text}", path.display());
        document.edit(&mut client, 0..document.text.len(), &original);
        client.diagnostics(&document.uri, document.version);
    }
}

fn whole_word(text: &str, at: usize, name: &str) -> bool {
    let word = |char: char| char.is_alphanumeric() || char == '_';
    !text[..at].ends_with(word) && !text[at + name.len()..].starts_with(word)
}

fn offset(text: &str, place: &Value) -> usize {
    let number = |name: &str| place[name].as_u64().unwrap_or_default() as usize;
    text.split_inclusive('\n').take(number("line")).map(str::len).sum::<usize>() + number("character")
}

#[test]
fn what_can_be_written_is_offered() {
    let mut client = Client::ready(json!({}));
    let mut document = purchase(&mut client);
    let at = document.text.find("  return Submitted").expect("the example has it");
    document.edit(&mut client, at..at, "  let x = d.\n");
    let items = client.ask("textDocument/completion", document.place(document.position(at + "  let x = d.".len())));
    assert_eq!(labels(&items)[..3], ["approved", "approver_id", "comment"]);
    document.edit(&mut client, at..at + "  let x = d.\n".len(), "  su\n");
    let items = client.ask("textDocument/completion", document.place(document.position(at + "  su".len())));
    for wanted in ["submit_purchase_order", "decision", "status", "amount", "d", "Expired", "wait until"] {
        assert!(labels(&items).contains(&wanted), "{wanted} of {items}");
    }
    document.edit(&mut client, at..at + "  su\n".len(), "  submit_purchase_order(po_id, amount) with { t }\n");
    let place = at + "  submit_purchase_order(po_id, amount) with { t".len();
    let items = client.ask("textDocument/completion", document.place(document.position(place)));
    assert!(labels(&items).contains(&"timeout") && !labels(&items).contains(&"let"), "{items}");
    let place = at + "  submit_purchase_order(po_id, ".len();
    let help = client.ask("textDocument/signatureHelp", document.place(document.position(place)));
    assert_eq!(help["activeParameter"], json!(1), "{help}");
    let label = help["signatures"][0]["label"].as_str();
    assert_eq!(label, Some("activity submit_purchase_order(po_id: String, amount: Decimal) -> String"));
}

#[test]
fn what_syntax_cannot_know_is_marked() {
    let mut client = Client::ready(json!({}));
    let document = purchase(&mut client);
    let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 10_000, "character": 0 } });
    let asked = json!({ "textDocument": { "uri": document.uri }, "range": whole });
    let hints = client.ask("textDocument/inlayHint", asked.clone());
    let at = |position: Value| hints.as_array().and_then(|all| all.iter().find(|hint| hint["position"] == position));
    assert_eq!(at(document.at("  notify_approver(", 0, 2)).map(|hint| &hint["label"]), Some(&json!("\u{23f8}")));
    assert_eq!(at(document.at("let d", 0, 5)).map(|hint| &hint["label"]), Some(&json!(": Decision")));
    let tokens = client.ask("textDocument/semanticTokens/full", asked);
    let data = tokens["data"].as_array().expect("numbers");
    assert!(data.len() > 200 && data.len().is_multiple_of(5), "{}", data.len());
}

#[test]
fn another_file_of_the_project_is_looked_at_as_it_is_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it is there");
    let write = |name: &str, text: &str| {
        std::fs::write(root.join(name), text).expect("the folder can be written");
        root.join(name)
    };
    write("weft.toml", "name = \"shop\"\n");
    let lib = write("lib.wf", "pub fn double(n: Int) -> Int = n * 2\n");
    let main = write("main.wf", "import lib { double }\nfn four() -> Int = double(2)\n");
    let mut client = Client::ready(json!({}));
    let main = Document::open(&mut client, &main);
    assert_eq!(client.diagnostics(&main.uri, 1).len(), 0);
    let place = client.ask("textDocument/definition", main.place(main.at("double", 1, 2)));
    assert_eq!(place["uri"].as_str(), Some(format!("file://{}", lib.display()).as_str()));
    let mut lib = Document::open(&mut client, &lib);
    client.diagnostics(&lib.uri, 1);
    let at = lib.text.find("double").expect("it is there");
    lib.edit(&mut client, at..at + "double".len(), "twice");
    // Nothing was saved: the other file is wrong all the same.
    let wrong = |d: &Value| d["message"].as_str().is_some_and(|message| message.contains("double"));
    while !client.diagnostics(&main.uri, 1).iter().any(wrong) {}
    assert_eq!(client.ask("workspace/symbol", json!({ "query": "twc" }))[0]["name"], "twice");
}

#[test]
fn what_is_closed_is_as_the_file_says_and_is_not_complained_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it is there");
    std::fs::write(root.join("weft.toml"), "name = \"shop\"\n").expect("the folder can be written");
    let (lib, main) = (root.join("lib.wf"), root.join("main.wf"));
    std::fs::write(&lib, "pub fn double(n: Int) -> Int = n * 2\n").expect("the folder can be written");
    std::fs::write(&main, "import lib { double }\nfn four() -> Int = double(2)\n").expect("the folder can be written");
    let mut client = Client::ready(json!({}));
    let main = Document::open(&mut client, &main);
    let lib = Document::open_as(&mut client, &lib, "fn nothing( -> Int = 1\n".into());
    while client.diagnostics(&main.uri, 1).is_empty() {}
    let close = |document: &Document| json!({ "textDocument": { "uri": document.uri } });
    client.tell("textDocument/didClose", close(&lib));
    while !client.diagnostics(&main.uri, 1).is_empty() {}
    std::fs::write(root.join("lib.wf"), "pub fn twice(n: Int) -> Int = n * 2\n").expect("the folder can be written");
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": lib.uri, "type": 2 }] }));
    while client.diagnostics(&main.uri, 1).is_empty() {}
    client.tell("textDocument/didClose", close(&main));
    while !client.closed_diagnostics(&main.uri).is_empty() {}
}

#[test]
fn positions_are_those_that_the_client_counts() {
    for (offered, column) in [(json!(["utf-8", "utf-16"]), 27), (json!(["utf-16"]), 24), (json!(null), 24)] {
        let mut client = Client::ready(json!({ "general": { "positionEncodings": offered } }));
        let text = "fn f() -> String = \"ä\u{1f600}\" + x\n".to_owned();
        let document = Document::open_as(&mut client, &file("examples/first").join("untitled.wf"), text);
        let said = client.diagnostics(&document.uri, 1);
        let of_x = said.iter().find(|d| d["code"] == "WF1001").expect("x is not declared");
        let start = &of_x["range"]["start"]["character"];
        let before = "fn f() -> String = \"ä\u{1f600}\" + ";
        let wanted = if column == 27 { before.len() } else { before.encode_utf16().count() };
        assert_eq!(start, &json!(wanted), "{said:?}");
    }
}
