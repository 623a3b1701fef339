//! Against a real server on a real socket: each test says what the server answers and what the attempt makes of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use weft_bytecode::options::OptionValue;
use weft_bytecode::types::builtin::{BOOL, DECIMAL, INT, OPTION_JSON, STRING};
use weft_protocol::Payload;

use super::*;
use crate::activities::fixture::{Fixture, options, template};
use crate::activities::{ActivityTask, AttemptOutcome, Executors};
use crate::config::{ExecConfig, ExecutorConfig};

/// A request as the server saw it.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Answer = Arc<dyn Fn() -> axum::response::Response + Send + Sync>;

/// A server that answers everything alike and remembers what it was asked.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn answering(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Server {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer: Answer = Arc::new(move || answer.clone().into_response());
        let app = axum::Router::new().fallback(remember).with_state((Arc::clone(&seen), answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Server { address, seen }
    }

    fn only(&self) -> Seen {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "asked once");
        seen[0].clone()
    }
}

async fn remember(
    State((seen, answer)): State<(Arc<Mutex<Vec<Seen>>>, Answer)>,
    request: Request,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    seen.lock().unwrap().push(Seen { line, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() });
    answer()
}

fn executors(http: HttpConfig) -> Executors {
    let secrets = HashMap::from([("KEY".to_owned(), "sk-12345".to_owned())]);
    Executors::new(ExecutorConfig {
        http,
        exec: ExecConfig::default(),
        secrets: Secrets::Given(Arc::new(secrets)),
        payload_bytes_max: 10_000,
    })
    .unwrap()
}

async fn run(task: ActivityTask) -> AttemptOutcome {
    executors(HttpConfig::default()).attempt(task).await
}

fn failure(outcome: AttemptOutcome) -> (Failure, Option<i64>) {
    match outcome {
        AttemptOutcome::Failed { failure, retry_after_ms } => (failure, retry_after_ms),
        other => panic!("it should have failed: {other:?}"),
    }
}

fn completed(outcome: AttemptOutcome) -> Value {
    match outcome {
        AttemptOutcome::Completed(result) => result.value(),
        other => panic!("it should have completed: {other:?}"),
    }
}

#[tokio::test]
async fn parameters_are_the_body_and_the_answer_is_the_result() {
    let server = Server::answering(r#"{"id":"u1","big":9223372036854775807,"price":"1.50","extra":1}"#).await;
    let task = Fixture::http(&format!("POST http://{}/api/users", server.address))
        .param("name", STRING)
        .param("big", INT)
        .result_record(&[("price", DECIMAL), ("big", INT), ("id", STRING)])
        .task(&json!({"name": "Ann", "big": i64::MIN}));
    assert_eq!(
        run(task).await,
        AttemptOutcome::Completed(Payload::json(r#"{"price":"1.5","big":9223372036854775807,"id":"u1"}"#))
    );
    let seen = server.only();
    assert_eq!(seen.line, "POST /api/users");
    assert_eq!(seen.body, r#"{"name":"Ann","big":-9223372036854775808}"#, "64 bits survive");
    assert_eq!(seen.header("content-type"), "application/json");
    assert_eq!(seen.header("idempotency-key"), "0010000000000007-5");
    assert_eq!(seen.header("weft-run-id"), "0010000000000007");
    assert_eq!(seen.header("weft-workflow-id"), "order-7/%C3%A4");
    assert_eq!((seen.header("weft-activity"), seen.header("weft-attempt")), ("act", "2"));
}

#[tokio::test]
async fn holes_are_one_segment_and_leave_the_body() {
    let server = Server::answering("null").await;
    let url = format!("PUT http://{}/orders/{{id}}/lines/{{line.n}}?fast={{fast}}", server.address);
    let mut fixture = Fixture::http(&url).param("id", STRING).param("fast", BOOL);
    let line = fixture.record(&[("n", INT)]);
    let task = fixture.param("line", line).param("note", STRING).task(&json!({
        "id": "a/b ?#ä%", "fast": true, "line": {"n": 3}, "note": "x"
    }));
    assert_eq!(completed(run(task).await), Value::Null);
    let seen = server.only();
    assert_eq!(seen.line, "PUT /orders/a%2Fb%20%3F%23%C3%A4%25/lines/3?fast=true");
    assert_eq!(seen.body, r#"{"line":{"n":3},"note":"x"}"#, "only part of `line` is in the URL");
}

#[tokio::test]
async fn a_value_cannot_walk_to_another_path() {
    let server = Server::answering("null").await;
    for id in ["..", "."] {
        let task =
            Fixture::http(&format!("DELETE http://{}/users/{{id}}/sessions", server.address)).param("id", STRING);
        let (failure, _) = failure(run(task.task(&json!({ "id": id }))).await);
        assert!(!failure.retryable && failure.message.contains("cannot be a segment"), "{failure}");
    }
    assert!(server.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn get_head_and_delete_have_a_query_string() {
    for method in ["GET", "HEAD", "DELETE"] {
        let server = Server::answering("null").await;
        let mut fixture = Fixture::http(&format!("{method} http://{}/q?v=1", server.address));
        let list = fixture.ty(weft_bytecode::Type::List(INT));
        let task = fixture.param("text", STRING).param("list", list).param("none", OPTION_JSON).task(&json!({
            "text": "a&b=c d", "list": [1, 2], "none": null
        }));
        assert_eq!(completed(run(task).await), Value::Null);
        let seen = server.only();
        assert_eq!(seen.line, format!("{method} /q?v=1&text=a%26b%3Dc+d&list=1&list=2"));
        assert_eq!((seen.body.as_str(), seen.header("content-type")), ("", ""));
    }
}

#[tokio::test]
async fn options_place_values_and_secrets() {
    let server = Server::answering("null").await;
    let task = Fixture::http(&format!("POST http://{}/v1/charges", server.address))
        .param("cents", INT)
        .param("id", STRING)
        .with_http(|http| {
            http.form = Some(options(&[
                ("amount", OptionValue::Param(vec!["cents".into()])),
                ("currency", OptionValue::Json("\"usd\"".into())),
            ]));
            http.query = Some(options(&[("expand", OptionValue::List(vec![OptionValue::Json("\"a\"".into())]))]));
            http.headers = Some(options(&[
                ("X-Order", OptionValue::Template(template("order-{id}"))),
                ("X-Key", OptionValue::Secret("KEY".into())),
            ]));
            http.bearer = Some(OptionValue::Secret("KEY".into()));
        })
        .task(&json!({"cents": 1250, "id": "7"}));
    assert_eq!(completed(run(task).await), Value::Null);
    let seen = server.only();
    assert_eq!(seen.line, "POST /v1/charges?expand=a");
    assert_eq!(
        (seen.body.as_str(), seen.header("content-type")),
        ("amount=1250&currency=usd", "application/x-www-form-urlencoded")
    );
    assert_eq!((seen.header("x-order"), seen.header("x-key")), ("order-7", "sk-12345"));
    assert_eq!(seen.header("authorization"), "Bearer sk-12345");
}

#[tokio::test]
async fn a_body_option_replaces_the_parameters() {
    let server = Server::answering("null").await;
    let task = Fixture::http(&format!("DELETE http://{}/x", server.address))
        .param("id", STRING)
        .with_http(|http| {
            http.body = Some(options(&[("nested", options(&[("id", OptionValue::Param(vec!["id".into()]))]))]))
        })
        .task(&json!({"id": "7"}));
    assert_eq!(completed(run(task).await), Value::Null);
    let seen = server.only();
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("DELETE /x", r#"{"nested":{"id":"7"}}"#));
}

#[tokio::test]
async fn a_missing_secret_is_asked_for_again_and_named() {
    let server = Server::answering("null").await;
    let task = Fixture::http(&format!("POST http://{}/x", server.address))
        .with_http(|http| http.bearer = Some(OptionValue::Secret("OTHER".into())))
        .task(&json!({}));
    let (failure, _) = failure(run(task).await);
    assert!(failure.retryable && failure.message.contains("WEFT_SECRET_OTHER"), "{failure}");
    assert!(server.seen.lock().unwrap().is_empty(), "nothing was sent without it");
}

#[tokio::test]
async fn a_secret_that_is_echoed_is_not_reported() {
    let server = Server::answering((StatusCode::UNAUTHORIZED, "bad key sk-12345")).await;
    let task = Fixture::http(&format!("POST http://{}/x", server.address))
        .with_http(|http| {
            http.bearer = Some(OptionValue::Secret("KEY".into()));
            http.query = Some(options(&[("key", OptionValue::Secret("KEY".into()))]));
        })
        .task(&json!({}));
    let (failure, _) = failure(run(task).await);
    let told = failure.to_json().to_string();
    assert!(told.contains("bad key ***") && !told.contains("sk-12345"), "{told}");
}

#[tokio::test]
async fn an_expected_status_is_a_declared_error() {
    let server = Server::answering((StatusCode::PAYMENT_REQUIRED, r#"{"code":"stolen","message":"no"}"#)).await;
    let fixture =
        || Fixture::http(&format!("POST http://{}/x", server.address)).throws("CardDeclined", &[("code", STRING)]);
    let (got, _) = failure(run(fixture().errors(&[(402, "CardDeclined")]).task(&json!({}))).await);
    assert_eq!((got.kind.as_str(), got.message.as_str(), got.retryable), ("CardDeclined", "no", false));
    assert_eq!(got.details, Some(Payload::json(r#"{"code":"stolen"}"#)));

    let (got, _) = failure(run(fixture().task(&json!({}))).await);
    assert_eq!((got.kind.as_str(), got.retryable), ("Fault", false), "402 is not expected: {got}");
}

#[tokio::test]
async fn an_expected_status_without_the_fields_is_a_lasting_fault() {
    let server = Server::answering((StatusCode::PAYMENT_REQUIRED, r#"{"code":7}"#)).await;
    let task = Fixture::http(&format!("POST http://{}/x", server.address))
        .throws("CardDeclined", &[("code", STRING)])
        .errors(&[(402, "CardDeclined")])
        .task(&json!({}));
    let (got, _) = failure(run(task).await);
    assert!(got.kind == "Fault" && !got.retryable, "{got}");
    assert!(got.message.contains("`code`: expected String, found the number 7"), "{got}");
}

#[tokio::test]
async fn an_error_without_fields_needs_no_body() {
    let server = Server::answering((StatusCode::CONFLICT, "<html>")).await;
    let task =
        Fixture::http(&format!("POST http://{}/x", server.address)).throws("Taken", &[]).errors(&[(409, "Taken")]);
    let (got, _) = failure(run(task.task(&json!({}))).await);
    assert_eq!((got.kind.as_str(), got.retryable), ("Taken", false));
}

#[tokio::test]
async fn a_failure_body_is_the_declared_error_it_names() {
    let body = r#"{"type":"OutOfStock","message":"none left","details":{"sku":"s1","more":1}}"#;
    let server = Server::answering((StatusCode::SERVICE_UNAVAILABLE, body)).await;
    let fixture = || Fixture::http(&format!("POST http://{}/x", server.address));
    let (got, _) = failure(run(fixture().throws("OutOfStock", &[("sku", STRING)]).task(&json!({}))).await);
    assert_eq!((got.kind.as_str(), got.message.as_str()), ("OutOfStock", "none left"));
    assert_eq!(got.details, Some(Payload::json(r#"{"sku":"s1"}"#)));
    let (got, _) = failure(run(fixture().task(&json!({}))).await);
    assert_eq!((got.kind.as_str(), got.retryable), ("Fault", true), "undeclared it is a 503 like any other");
}

#[tokio::test]
async fn statuses_say_whether_to_repeat() {
    for (status, retryable) in [
        (400, false),
        (404, false),
        (408, true),
        (409, false),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
        (304, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Server::answering((status, "why")).await;
        let (got, after) =
            failure(run(Fixture::http(&format!("POST http://{}/x?k=1", server.address)).task(&json!({}))).await);
        assert_eq!((got.kind.as_str(), got.retryable, after), ("Fault", retryable, None), "{status}: {got}");
        assert!(got.message.contains(&format!("POST http://{}/x answered {status}", server.address)), "{got}");
        assert_eq!(got.details.unwrap().value()["details"]["status"], status.as_u16());
    }
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let answer = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]);
    let server = Server::answering(answer).await;
    let fixture = |server: &Server| Fixture::http(&format!("POST http://{}/x", server.address)).task(&json!({}));
    assert_eq!(failure(run(fixture(&server)).await).1, Some(120_000));

    let at = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(3_600)).unwrap();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let server = Server::answering((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", date)])).await;
    let after = failure(run(fixture(&server)).await).1.expect("a date is read as well");
    assert!((3_500_000..=3_600_000).contains(&after), "{after}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::answering((StatusCode::FOUND, [("location", "/elsewhere")])).await;
    let (got, _) = failure(run(Fixture::http(&format!("GET http://{}/x", server.address)).task(&json!({}))).await);
    assert!(!got.retryable && got.message.contains("to /elsewhere; redirects are not followed"), "{got}");
    server.only();
}

#[tokio::test]
async fn no_answer_is_worth_another_attempt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (got, _) = failure(run(Fixture::http(&format!("GET http://{address}/x")).task(&json!({}))).await);
    assert!(got.retryable && got.message.contains("was not answered") && got.message.contains("refused"), "{got}");
}

#[tokio::test]
async fn a_result_that_does_not_decode_is_a_lasting_fault() {
    for (body, expected) in [
        (
            r#"{"n":"7"}"#,
            "`n`: expected Int (a whole number of 64 bits without point or exponent), found the text \"7\"",
        ),
        (r#"{"n":1.0}"#, "`n`: expected Int"),
        ("{}", "`n`: expected Int"),
        ("<html>", "not JSON"),
        ("", "expected Record, found null"),
    ] {
        let server = Server::answering(body).await;
        let task =
            Fixture::http(&format!("GET http://{}/x", server.address)).result_record(&[("n", INT)]).task(&json!({}));
        let (got, _) = failure(run(task).await);
        assert!(!got.retryable && got.message.contains(expected), "{body}: {got}");
    }
}

#[tokio::test]
async fn too_much_is_refused_by_the_limits_name() {
    let server = Server::answering(format!("\"{}\"", "x".repeat(20_000))).await;
    let fixture = || Fixture::http(&format!("GET http://{}/x", server.address));
    let (got, _) = failure(run(fixture().result(STRING).task(&json!({}))).await);
    assert!(!got.retryable && got.message.contains("payload_bytes_max = 10000"), "{got}");
    assert_eq!(completed(run(fixture().task(&json!({}))).await), Value::Null, "of Unit nothing is read");
}

#[tokio::test]
async fn only_allowed_hosts_are_called() {
    let server = Server::answering("null").await;
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    for (allow, allowed) in [
        (vec![format!("127.0.0.1:{port}")], true),
        (vec!["127.0.0.1".to_owned()], true),
        (vec!["127.0.0.1:1".to_owned()], false),
        (vec!["example.com".to_owned()], false),
        (vec![], false),
    ] {
        let config = HttpConfig { allow: Some(allow.clone()), ..HttpConfig::default() };
        let task = Fixture::http(&format!("GET http://{}/x", server.address)).task(&json!({}));
        let outcome = executors(config).attempt(task).await;
        assert_eq!(matches!(outcome, AttemptOutcome::Completed(_)), allowed, "{allow:?}: {outcome:?}");
    }
}

#[test]
fn host_patterns() {
    for (pattern, host, expected) in [
        ("api.example.com", "API.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "badexample.com", false),
        ("example.com:443", "example.com", true),
        ("example.com:444", "example.com", false),
        ("[::1]", "[::1]", true),
        ("[::1]:443", "[::1]", true),
    ] {
        assert_eq!(host_matches(pattern, host, Some(443)), expected, "{pattern} {host}");
    }
}

/// A server that accepts and never answers.
async fn silent() -> (String, tokio::sync::oneshot::Receiver<tokio::net::TcpStream>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (connected, when) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = connected.send(stream);
    });
    (address, when)
}

#[tokio::test]
async fn a_canceled_attempt_stops() {
    let (address, connected) = silent().await;
    let task = Fixture::http(&format!("GET http://{address}/x")).task(&json!({}));
    let cancel = task.cancel.clone();
    let attempt = tokio::spawn(run(task));
    let mut stream = connected.await.unwrap();
    cancel.cancel();
    assert_eq!(attempt.await.unwrap(), AttemptOutcome::Canceled);
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.unwrap();
    assert!(rest.starts_with(b"GET /x"), "and the connection is closed");
}

#[tokio::test]
async fn at_the_deadline_the_call_ends_and_the_engine_decides() {
    let (address, connected) = silent().await;
    let mut fixture = Fixture::http(&format!("GET http://{address}/x"));
    fixture.deadline = Some(SystemClock.now().plus_ms(50));
    let task = fixture.task(&json!({}));
    let cancel = task.cancel.clone();
    let attempt = tokio::spawn(run(task));
    let mut stream = connected.await.unwrap();
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.unwrap();
    assert!(!attempt.is_finished(), "whether it timed out is the engine's to say");
    cancel.cancel();
    assert_eq!(attempt.await.unwrap(), AttemptOutcome::Canceled);
}

#[tokio::test]
async fn at_the_deadline_the_slot_is_free_again() {
    let (address, connected) = silent().await;
    let executors = executors(HttpConfig { in_flight_max: 1, ..HttpConfig::default() });
    let mut fixture = Fixture::http(&format!("GET http://{address}/x"));
    fixture.deadline = Some(SystemClock.now().plus_ms(20));
    let task = fixture.task(&json!({}));
    let (over, cancel) = (executors.clone(), task.cancel.clone());
    let attempt = tokio::spawn(async move { over.attempt(task).await });
    let _connection = connected.await.unwrap();
    // The one that took the slot is over; the run it belongs to may be stuck and not say so for days.
    executors.admit(&Fixture::http("GET http://localhost/").task(&json!({}))).await;
    assert!(!attempt.is_finished());
    cancel.cancel();
    assert_eq!(attempt.await.unwrap(), AttemptOutcome::Canceled);
}

#[tokio::test]
async fn a_slot_is_free_again_when_it_is_dropped() {
    let executors = executors(HttpConfig { in_flight_max: 1, ..HttpConfig::default() });
    let task = Fixture::http("GET http://localhost/").task(&json!({}));
    let first = executors.admit(&task).await;
    let mut second = Box::pin(executors.admit(&task));
    assert!(futures::FutureExt::now_or_never(second.as_mut()).is_none());
    drop(first);
    second.await;
}

#[tokio::test]
async fn who_is_told_to_stop_does_not_wait_for_room() {
    let executors = executors(HttpConfig { in_flight_max: 1, ..HttpConfig::default() });
    let task = Fixture::http("GET http://localhost/").task(&json!({}));
    let _first = executors.admit(&task).await;
    let told = Fixture::http("GET http://localhost/").task(&json!({}));
    told.cancel.cancel();
    assert_eq!(executors.attempt(told).await, AttemptOutcome::Canceled);
}
