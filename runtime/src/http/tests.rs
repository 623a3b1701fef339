//! The document against the routes, and requests against what they are read as. What a node answers to them over a
//! socket is tested in `tests/tests/http.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use weft_protocol::api::{MessageRequest, PollRequest, StartRequest, StopRequest};

use super::request::decode;
use super::*;

fn document() -> Value {
    serde_json::from_str(openapi::text()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn the_document_describes_every_path_and_no_other() {
    let served: BTreeSet<_> = routes().iter().map(|(path, _)| (*path).to_owned()).collect();
    let described: BTreeSet<_> = document()["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(served, described);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, value: &Value, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("references stay inside the document");
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    *seen += 1;
                }
                fields.values().for_each(|field| check(document, field, seen));
            }
            Value::Array(items) => items.iter().for_each(|item| check(document, item, seen)),
            _ => {}
        }
    }
    let document = document();
    let mut seen = 0;
    check(&document, &document, &mut seen);
    assert!(seen > 100, "only {seen} references");
}

/// `ApiError::new(404, "run_not_found", …` anywhere in this crate: the row of that status in docs/api.md has the code.
#[test]
fn every_code_stands_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/api.md")).unwrap();
    let mut folders = vec![root.join("src")];
    let mut seen = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for made in source.split("ApiError::new(").skip(1) {
                let mut words = made.splitn(3, ',').map(str::trim);
                let (Some(status), Some(code)) = (words.next(), words.next()) else { continue };
                let Some(code) = code.strip_prefix('"').and_then(|code| code.strip_suffix('"')) else { continue };
                seen.insert((status.to_owned(), code.to_owned()));
            }
        }
    }
    assert!(seen.len() > 40, "only {} codes", seen.len());
    for (status, code) in seen {
        let row = page.lines().find(|line| line.starts_with(&format!("| {status} |"))).unwrap_or_default();
        assert!(row.contains(&format!("`{code}`")), "docs/api.md has no `{code}` in its row of {status}");
    }
}

#[test]
fn every_operation_says_what_it_answers() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}: its name is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}: no summary");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{at}: no success");
        for (status, response) in responses {
            let content = response["content"].as_object();
            if status.starts_with(['4', '5']) {
                let schema = &content.unwrap()[problem::PROBLEM_JSON]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{at} {status}");
            } else if status != "204" {
                assert!(content.is_some(), "{at} {status}: no content");
            }
            assert!(response["description"].is_string(), "{at} {status}");
        }
        for segment in path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')) {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|p| p["name"] == segment && p["in"] == "path"), "{at}: `{segment}`");
        }
        if method == "post" {
            assert!(operation["requestBody"]["content"].is_object(), "{at}: no body");
            assert!(responses.contains_key("413") && responses.contains_key("415"), "{at}");
        }
    }
}

#[test]
fn schemas_refuse_what_the_routes_refuse() {
    let document = document();
    for name in ["StartRequest", "MessageRequest", "StopRequest", "PollRequest", "FailRequest"] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name} takes no unknown fields: {schema}");
    }
}

fn refused<T: serde::de::DeserializeOwned>(body: &str) -> ApiError {
    match decode::<T>(body.as_bytes()) {
        Ok(_) => panic!("it should be refused: {body}"),
        Err(Problem(error)) => error,
    }
}

#[test]
fn wrong_fields_have_a_path_and_what_was_expected() {
    for (error, path, expected) in [
        (refused::<StartRequest>("{}"), "workflow", "a value"),
        (refused::<StartRequest>(r#"{"workflow":7}"#), "workflow", "a string"),
        (refused::<StartRequest>(r#"{"workflow":"w","idd":"x"}"#), "idd", "one of `workflow`, `id`"),
        (
            refused::<StartRequest>(r#"{"workflow":"w","on_conflict":"maybe"}"#),
            "on_conflict",
            "one of `join`, `reject`",
        ),
        (refused::<StartRequest>(r#"{"workflow":"w","run_timeout_ms":1.5}"#), "run_timeout_ms", "a whole number"),
        (refused::<StartRequest>(r#"["w"]"#), "", "a JSON object"),
        (refused::<StartRequest>("null"), "", "a JSON object"),
        (refused::<MessageRequest>(r#"{"arg":{}}"#), "arg", "`args` or `request_id`"),
        (refused::<StopRequest>(r#"{"reason":null}"#), "reason", "a string"),
        (refused::<PollRequest>(r#"{"holding":["x",7]}"#), "holding[1]", "a string"),
        (refused::<PollRequest>(r#"{"max":-1}"#), "max", "a whole number"),
    ] {
        assert_eq!((error.status, error.code.as_str()), (422, "wrong_input"), "{error:?}");
        assert_eq!(error.path.as_deref(), Some(path), "{error:?}");
        assert!(error.expected.as_deref().unwrap().starts_with(expected), "{error:?}");
    }
}

#[test]
fn what_is_no_json_is_malformed() {
    for body in
        ["", "{", "{}}", "{'a':1}", "nul", "[1,]", "{\"a\":1,\"a\":2}", "\u{feff}{}", "{\"a\":NaN}", "\"\\ud800\""]
    {
        let error = refused::<MessageRequest>(body);
        assert_eq!((error.status, error.code.as_str()), (400, "malformed_json"), "{body}: {error:?}");
    }
    let deep = format!("{{\"args\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    assert_eq!(refused::<MessageRequest>(&deep).code, "malformed_json");
}

#[test]
fn sixty_four_bits_and_more_survive() {
    let body = r#"{"workflow":"w","args":{"n":9223372036854775807,"d":123456789012345678901234567.89,"f":1.0}}"#;
    let read: StartRequest = decode(body.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), body);
}

async fn text() -> StatusCode {
    panic!("a text")
}

async fn number() -> StatusCode {
    std::panic::panic_any(7)
}

#[tokio::test]
async fn a_panic_is_a_refusal_too() {
    let app =
        Router::new().route("/text", get(text)).route("/number", get(number)).layer(CatchPanicLayer::custom(panicked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    for path in ["text", "number"] {
        let answer = reqwest::get(format!("http://{address}/{path}")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["content-type"], problem::PROBLEM_JSON);
        let body = answer.json::<Value>().await.unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("a text"), "the cause is for the log alone");
    }
}
