//! The API over HTTP: [`Api`] answered by a server somewhere else. The routes are `runtime/src/http`'s.

use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use weft_engine::Steer;
use weft_protocol::Failure;
use weft_protocol::api::{
    ApiError, BatchReply, BatchRequest, CountQuery, CountReply, DeployReply, HeartbeatReply, HistoryPage, ListQuery,
    MessageRequest, NamespaceChange, NamespaceInfo, NamespaceList, NamespaceRequest, PollReply, PollRequest,
    ResetReply, ResetRequest, ResultReply, RunDescription, RunPage, ScheduleDescription, ScheduleList, StartReply,
    StartRequest, StopRequest, UpdateReply, UpdateRequest, WorkflowSignature,
};
use weft_protocol::moving::{Moving, PatchesReply};
use weft_runtime::api::{ActivityAct, ActivityKey, Api, RunKey, ScheduleRequest};

use crate::exit::{Failed, UNREACHABLE};

/// Where a server is unless something says otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:7373";
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take beyond the wait that was asked for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer may take that all open runs are looked at for.
const RUNS_TIMEOUT: Duration = Duration::from_secs(3_600);
/// What stays readable in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A server by its address.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: String,
}

impl Client {
    /// A client of the server at an address. Connects when asked something.
    ///
    /// # Errors
    /// If the address is no http or https URL.
    pub(crate) fn new(address: &str) -> Result<Client, Failed> {
        let wrong = |why: String| {
            Failed::usage(format!("`{address}` is not the address of a server"))
                .why(why)
                .help(format!("an address looks like {DEFAULT_ADDRESS}; it comes from --address or WEFT_ADDRESS"))
        };
        let url = Url::parse(address).map_err(|e| wrong(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(format!("`{}` is neither http nor https", url.scheme())));
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("weft/", env!("CARGO_PKG_VERSION")));
        // A proxy for the world outside has no business between two programs on one machine.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| wrong(e.to_string()))?;
        Ok(Client { http, address: address.trim_end_matches('/').to_owned() })
    }

    fn url(&self, namespace: &str, path: &[&str]) -> String {
        let mut url = format!("{}/api/v1/namespaces/{}", self.address, segment(namespace));
        for part in path {
            url.push('/');
            url.push_str(&segment(part));
        }
        url
    }

    fn run_url(&self, run: &RunKey, path: &[&str]) -> String {
        let mut parts = vec!["runs", run.workflow_id.as_str()];
        parts.extend(path);
        let mut url = self.url(&run.namespace, &parts);
        if let Some(id) = &run.run_id {
            url.push_str("?run=");
            url.push_str(&segment(id));
        }
        url
    }

    fn get(&self, url: String) -> reqwest::RequestBuilder {
        self.http.request(Method::GET, url).timeout(ANSWER_TIMEOUT)
    }

    fn post<T: Serialize>(&self, url: String, body: &T) -> reqwest::RequestBuilder {
        self.http.request(Method::POST, url).timeout(ANSWER_TIMEOUT).json(body)
    }

    /// A program on its way. Each open run may have to be read by it before there is an answer.
    fn post_program(&self, url: String, program: Vec<u8>) -> reqwest::RequestBuilder {
        let request = self.http.request(Method::POST, url).timeout(RUNS_TIMEOUT);
        request.header("content-type", "application/octet-stream").body(program)
    }

    /// Sends and reads the answer, whatever its status.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, ApiError> {
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        if status.is_success() { Ok(body.to_vec()) } else { Err(refusal(&self.address, status, &body)) }
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ApiError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| self.strange(&error))
    }

    fn strange(&self, error: &serde_json::Error) -> ApiError {
        ApiError::new(500, "answer", format!("the answer of {} is not what it should be: {error}", self.address))
            .help("is it a Weft server, of this version?")
    }

    fn unreachable(&self, error: &reqwest::Error) -> ApiError {
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            why = inner.to_string();
            source = inner.source();
        }
        let what = if error.is_timeout() && !error.is_connect() {
            format!("the server at {} did not answer in time", self.address)
        } else {
            format!("the server at {} cannot be reached: {why}", self.address)
        };
        ApiError::new(503, UNREACHABLE, what)
            .help("start one with `weft dev` (or `weft serve`), or say where it is with --address or WEFT_ADDRESS")
    }
}

fn segment(text: &str) -> String {
    // A segment of dots alone would be taken for a step in the path.
    if text.chars().all(|c| c == '.') {
        return text.replace('.', "%2E");
    }
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A refusal as the server words it; something else's error page is named as such.
fn refusal(address: &str, status: StatusCode, body: &[u8]) -> ApiError {
    let mut value: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("status".into(), status.as_u16().into());
    }
    if let Ok(error) = serde_json::from_value(value) {
        return error;
    }
    let text: String = String::from_utf8_lossy(body).trim().chars().take(300).collect();
    let what = match text.as_str() {
        "" => format!("{address} answered {status}"),
        text => format!("{address} answered {status}: {text}"),
    };
    ApiError::new(status.as_u16(), "http", what).help("is it a Weft server, of this version?")
}

fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

#[async_trait]
impl Api for Client {
    async fn deploy_moving(&self, namespace: &str, program: Vec<u8>, moving: Moving) -> Result<DeployReply, ApiError> {
        let mut url = self.url(namespace, &["deployments"]);
        match moving {
            Moving::Pin => {}
            Moving::Safe => url.push_str("?move=safe"),
            Moving::All => url.push_str("?move=all"),
        }
        self.ask(self.post_program(url, program)).await
    }

    async fn patches(&self, namespace: &str, program: Vec<u8>) -> Result<PatchesReply, ApiError> {
        self.ask(self.post_program(self.url(namespace, &["patches"]), program)).await
    }

    async fn start(&self, namespace: &str, request: StartRequest) -> Result<StartReply, ApiError> {
        self.ask(self.post(self.url(namespace, &["runs"]), &request).query(&[("wait", "0s")])).await
    }

    async fn signal(&self, run: &RunKey, name: &str, request: MessageRequest) -> Result<(), ApiError> {
        self.send(self.post(self.run_url(run, &["signals", name]), &request)).await.map(drop)
    }

    async fn update(
        &self,
        run: &RunKey,
        name: &str,
        request: UpdateRequest,
        wait: Duration,
    ) -> Result<UpdateReply, ApiError> {
        let ask = self.post(self.run_url(run, &["updates", name]), &request).query(&[("wait", millis(wait))]);
        self.ask(ask.timeout(wait + ANSWER_TIMEOUT)).await
    }

    async fn query(&self, run: &RunKey, name: &str, args: Value) -> Result<Value, ApiError> {
        self.ask(self.post(self.run_url(run, &["queries", name]), &json!({ "args": args }))).await
    }

    async fn result(&self, run: &RunKey, wait: Duration) -> Result<ResultReply, ApiError> {
        let request = self.get(self.run_url(run, &["result"])).query(&[("wait", millis(wait))]);
        self.ask(request.timeout(wait + ANSWER_TIMEOUT)).await
    }

    async fn describe(&self, run: &RunKey) -> Result<RunDescription, ApiError> {
        self.ask(self.get(self.run_url(run, &[]))).await
    }

    async fn list(&self, namespace: &str, query: ListQuery) -> Result<RunPage, ApiError> {
        self.ask(self.get(self.url(namespace, &["runs"])).query(&query)).await
    }

    async fn count(&self, namespace: &str, query: CountQuery) -> Result<CountReply, ApiError> {
        self.ask(self.get(self.url(namespace, &["count"])).query(&query)).await
    }

    async fn batch(&self, namespace: &str, request: BatchRequest) -> Result<BatchReply, ApiError> {
        self.ask(self.post(self.url(namespace, &["batch"]), &request)).await
    }

    async fn namespaces(&self) -> Result<NamespaceList, ApiError> {
        self.ask(self.get(format!("{}/api/v1/namespaces", self.address))).await
    }

    async fn namespace(&self, name: &str) -> Result<NamespaceInfo, ApiError> {
        self.ask(self.get(self.url(name, &[]))).await
    }

    async fn create_namespace(&self, request: NamespaceRequest) -> Result<NamespaceInfo, ApiError> {
        self.ask(self.post(format!("{}/api/v1/namespaces", self.address), &request)).await
    }

    async fn change_namespace(&self, name: &str, to: NamespaceChange) -> Result<NamespaceInfo, ApiError> {
        self.ask(self.http.patch(self.url(name, &[])).timeout(ANSWER_TIMEOUT).json(&to)).await
    }

    async fn delete_namespace(&self, name: &str) -> Result<(), ApiError> {
        self.send(self.http.delete(self.url(name, &[])).timeout(ANSWER_TIMEOUT)).await.map(drop)
    }

    async fn history(&self, run: &RunKey, after: u64, limit: usize, wait: Duration) -> Result<HistoryPage, ApiError> {
        let query = [("after", after.to_string()), ("limit", limit.to_string()), ("wait", millis(wait))];
        self.ask(self.get(self.run_url(run, &["history"])).query(&query).timeout(wait + ANSWER_TIMEOUT)).await
    }

    async fn cancel(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError> {
        self.send(self.post(self.run_url(run, &["cancel"]), &request)).await.map(drop)
    }

    async fn reset(&self, run: &RunKey, request: ResetRequest) -> Result<ResetReply, ApiError> {
        self.ask(self.post(self.run_url(run, &["reset"]), &request)).await
    }

    async fn delete(&self, namespace: &str, workflow_id: &str) -> Result<(), ApiError> {
        let url = self.url(namespace, &["runs", workflow_id]);
        self.send(self.http.request(Method::DELETE, url).timeout(ANSWER_TIMEOUT)).await.map(drop)
    }

    async fn terminate(&self, run: &RunKey, request: StopRequest) -> Result<(), ApiError> {
        self.send(self.post(self.run_url(run, &["terminate"]), &request)).await.map(drop)
    }

    async fn workflow(&self, namespace: &str, name: &str) -> Result<WorkflowSignature, ApiError> {
        self.ask(self.get(self.url(namespace, &["workflows", name]))).await
    }

    async fn run_workflow(&self, run: &RunKey) -> Result<WorkflowSignature, ApiError> {
        self.ask(self.get(self.run_url(run, &["workflow"]))).await
    }

    async fn schedule(
        &self,
        namespace: &str,
        name: &str,
        request: ScheduleRequest,
    ) -> Result<Option<ScheduleDescription>, ApiError> {
        let url = |path: &[&str]| self.url(namespace, &[&["schedules", name], path].concat());
        let put = |url, body: &Value| self.http.request(Method::PUT, url).timeout(ANSWER_TIMEOUT).json(body);
        let request = match request {
            ScheduleRequest::Create(mut body) => {
                if let Some(fields) = body.as_object_mut() {
                    fields.insert("name".into(), name.into());
                }
                self.post(self.url(namespace, &["schedules"]), &body)
            }
            ScheduleRequest::Replace(body) => put(url(&[]), &body),
            ScheduleRequest::Describe => self.get(url(&[])),
            ScheduleRequest::Pause(note) => self.post(url(&["pause"]), &json!({ "note": note })),
            ScheduleRequest::Resume(note) => self.post(url(&["resume"]), &json!({ "note": note })),
            ScheduleRequest::Trigger(trigger) => self.post(url(&["trigger"]), &trigger),
            ScheduleRequest::Backfill(backfill) => self.post(url(&["backfill"]), &backfill),
            ScheduleRequest::Delete => {
                let request = self.http.request(Method::DELETE, url(&[])).timeout(ANSWER_TIMEOUT);
                return self.send(request).await.map(|_| None);
            }
        };
        self.ask(request).await.map(Some)
    }

    async fn schedules(&self, namespace: &str) -> Result<ScheduleList, ApiError> {
        self.ask(self.get(self.url(namespace, &["schedules"]))).await
    }

    async fn poll(&self, namespace: &str, queue: &str, request: PollRequest) -> Result<PollReply, ApiError> {
        self.ask(self.post(self.url(namespace, &["queues", queue, "poll"]), &request)).await
    }

    async fn complete(&self, namespace: &str, token: &str, result: Value) -> Result<(), ApiError> {
        let url = self.url(namespace, &["tasks", token, "complete"]);
        self.send(self.post(url, &json!({ "result": result }))).await.map(drop)
    }

    async fn fail(
        &self,
        namespace: &str,
        token: &str,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> Result<(), ApiError> {
        let url = self.url(namespace, &["tasks", token, "fail"]);
        let body = json!({ "error": failure.to_json(), "retry_after": retry_after.map(millis) });
        self.send(self.post(url, &body)).await.map(drop)
    }

    async fn heartbeat(
        &self,
        namespace: &str,
        token: &str,
        progress: Option<Value>,
    ) -> Result<HeartbeatReply, ApiError> {
        let url = self.url(namespace, &["tasks", token, "heartbeat"]);
        self.ask(self.post(url, &json!({ "progress": progress }))).await
    }

    async fn activity(&self, run: &RunKey, which: &ActivityKey, act: ActivityAct) -> Result<HeartbeatReply, ApiError> {
        let (word, body) = match act {
            ActivityAct::Complete { result } => ("complete", json!({ "result": result })),
            ActivityAct::Fail { failure, retry_after_ms } => {
                let retry_after = retry_after_ms.map(|ms| format!("{ms}ms"));
                ("fail", json!({ "error": failure.to_json(), "retry_after": retry_after }))
            }
            ActivityAct::Heartbeat { progress } => ("heartbeat", json!({ "progress": progress })),
            ActivityAct::Steer(Steer::Pause { reason }) => ("pause", json!({ "reason": reason })),
            ActivityAct::Steer(Steer::Unpause) => ("unpause", json!({})),
            ActivityAct::Steer(Steer::Reset { keep_paused, clear_progress }) => {
                ("reset", json!({ "keep_paused": keep_paused, "clear_progress": clear_progress }))
            }
        };
        let url = self.run_url(run, &["activities", &which.name, word]);
        let ask =
            self.post(url, &body).query(&which.event.map(|event| ("event", event)).into_iter().collect::<Vec<_>>());
        let answer = self.send(ask).await?;
        // What ends an attempt is answered with nothing.
        if answer.is_empty() {
            return Ok(HeartbeatReply::default());
        }
        serde_json::from_slice(&answer).map_err(|error| self.strange(&error))
    }

    async fn ready(&self) -> Result<(), ApiError> {
        self.send(self.get(format!("{}/readyz", self.address))).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn ids_are_one_segment() {
        let client = Client::new("http://127.0.0.1:1/").unwrap();
        let run = RunKey { namespace: "a b".into(), workflow_id: "x/../?y".into(), run_id: Some("00ff".into()) };
        let url = client.run_url(&run, &["signals", "go"]);
        assert_eq!(url, "http://127.0.0.1:1/api/v1/namespaces/a%20b/runs/x%2F..%2F%3Fy/signals/go?run=00ff");
        assert_eq!(segment(".."), "%2E%2E");
    }

    #[test]
    fn a_wrong_address_is_wrong_usage() {
        for address in ["127.0.0.1:7373", "", "ftp://x", "http://"] {
            assert_eq!(Client::new(address).unwrap_err().exit, Exit::Usage, "{address}");
        }
    }

    #[test]
    fn strange_answers_are_named() {
        let error = refusal("http://h", StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(error.message, "http://h answered 502 Bad Gateway: <html>");
        let body = br#"{"type":"about:blank","status":404,"code":"no_run","message":"no such run"}"#;
        let error = refusal("http://h", StatusCode::NOT_FOUND, body);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("no_run", "no such run"));
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}")).unwrap();
        let failed = Failed::from(client.ready().await.unwrap_err());
        assert_eq!(failed.exit, Exit::Unreachable);
        assert!(failed.help.as_deref().unwrap().contains("weft dev"));
    }
}
