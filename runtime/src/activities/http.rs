//! `http` activities: one request per attempt. What the answer means: `errors` by status first; 2xx is
//! the result; a FAILURE of a declared type is that error; 408, 425, 429, 5xx and no answer are worth another attempt;
//! anything else is not. Redirects are answers like any other, never followed.

use futures::StreamExt;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use weft_bytecode::options::HttpTarget;
use weft_protocol::Failure;

use super::secrets::{Secrets, Used};
use super::{ActivityTask, AttemptOutcome, decode};
use crate::clock::{Clock, SystemClock};
use crate::config::HttpConfig;

mod request;

/// Sends the requests of `http` activities.
#[derive(Debug, Clone)]
pub struct HttpExecutor {
    client: Client,
    config: HttpConfig,
    secrets: Secrets,
    payload_bytes_max: usize,
}

impl HttpExecutor {
    /// One client for all activities: connections are kept and shared.
    ///
    /// # Errors
    /// If the client cannot be built.
    pub fn new(config: HttpConfig, secrets: Secrets, payload_bytes_max: usize) -> Result<HttpExecutor, reqwest::Error> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("weft/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(HttpExecutor { client, config, secrets, payload_bytes_max })
    }

    /// Runs one attempt, without a time limit of its own.
    pub(super) async fn run(&self, task: &ActivityTask, target: &HttpTarget) -> AttemptOutcome {
        let used = Used::default();
        let outcome = match request::build(task, target, &self.secrets, &used) {
            Ok(request) => self.call(task, request).await,
            Err(outcome) => *outcome,
        };
        match outcome {
            AttemptOutcome::Failed { failure, retry_after_ms } => {
                AttemptOutcome::Failed { failure: redacted(failure, &used), retry_after_ms }
            }
            other => other,
        }
    }

    async fn call(&self, task: &ActivityTask, request: reqwest::Request) -> AttemptOutcome {
        if let Some(refused) = self.refused(request.url()) {
            return refused;
        }
        let call = Call::new(&request);
        match self.client.execute(request).await {
            Ok(response) => self.answered(task, call, response).await,
            Err(error) => call.no_answer(error),
        }
    }

    async fn answered(&self, task: &ActivityTask, mut call: Call, response: Response) -> AttemptOutcome {
        let (program, def) = (&task.program, task.def());
        let status = response.status();
        call.status = Some(status);
        let mapped = def.options.errors.iter().find(|(code, _)| *code == i32::from(status.as_u16()));
        if mapped.is_none() && status.is_success() && def.result == weft_bytecode::types::builtin::UNIT {
            return AttemptOutcome::Completed(weft_protocol::Payload::null());
        }
        let retry_after_ms = retry_after(&response);
        let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).map(str::to_owned);
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(Unread::Lost(error)) => return call.no_answer(error),
            Err(Unread::TooLarge) if mapped.is_some() || status.is_success() => {
                let max = self.payload_bytes_max;
                return call.lasting(format!("with more than payload_bytes_max = {max} bytes"), &[]);
            }
            Err(Unread::TooLarge) => Vec::new(),
        };
        if let Some((_, name)) = mapped {
            return match decode::declared_error(program, def, name, &body) {
                Ok(failure) => AttemptOutcome::Failed { failure, retry_after_ms: None },
                Err(why) => call.lasting(format!("but its body is no `{name}`: {why}"), &body),
            };
        }
        if status.is_success() {
            return match decode::result_bytes(program, def, &body) {
                Ok(result) if result.len() > self.payload_bytes_max => {
                    call.lasting(format!("with more than payload_bytes_max = {} bytes", self.payload_bytes_max), &[])
                }
                Ok(result) => AttemptOutcome::Completed(result),
                Err(why) => call.lasting(format!("but its body is not the result: {why}"), &body),
            };
        }
        match decode::thrown_failure(program, def, &body) {
            Some(Ok(failure)) => return AttemptOutcome::Failed { failure, retry_after_ms: None },
            Some(Err(why)) => return call.lasting(format!("and {why}"), &body),
            None => {}
        }
        match (worth_repeating(status), location) {
            (true, _) => call.repeatable(&body, retry_after_ms),
            (false, Some(to)) if status.is_redirection() => {
                call.lasting(format!("to {to}; redirects are not followed, name the final URL"), &body)
            }
            (false, _) => call.lasting(body_note(&body), &body),
        }
    }

    async fn body(&self, response: Response) -> Result<Vec<u8>, Unread> {
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(Unread::Lost)?;
            if body.len() + chunk.len() > self.payload_bytes_max {
                return Err(Unread::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Hosts that are not allowed are the operator's decision, who may change it: repeated, like a missing secret.
    fn refused(&self, url: &Url) -> Option<AttemptOutcome> {
        let allow = self.config.allow.as_ref()?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default();
        if allow.iter().any(|pattern| host_matches(pattern, host, port)) {
            return None;
        }
        let message = format!("`{host}` is not among the hosts that `[http] allow` names here");
        Some(decode::fault("HostNotAllowed", message))
    }
}

/// `example.com`, `*.example.com`, `example.com:8443`, `[::1]:80`.
fn host_matches(pattern: &str, host: &str, port: Option<u16>) -> bool {
    let (name, wanted) = match pattern.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') && digits.parse::<u16>().is_ok() => (name, digits.parse().ok()),
        _ => (pattern, None),
    };
    let same_name = match name.strip_prefix("*.") {
        Some(domain) => {
            host.len() > domain.len() + 1
                && host.as_bytes()[host.len() - domain.len() - 1] == b'.'
                && host[host.len() - domain.len()..].eq_ignore_ascii_case(domain)
        }
        None => name.eq_ignore_ascii_case(host),
    };
    same_name && (wanted.is_none() || wanted == port)
}

enum Unread {
    Lost(reqwest::Error),
    TooLarge,
}

fn worth_repeating(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error()
}

/// `Retry-After` in milliseconds: seconds or a date.
fn retry_after(response: &Response) -> Option<i64> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * 1_000);
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some((at - SystemClock.now().0).max(0))
}

fn body_note(body: &[u8]) -> String {
    if body.iter().all(u8::is_ascii_whitespace) { String::new() } else { format!("with {}", decode::excerpt(body)) }
}

fn redacted(mut failure: Failure, used: &Used) -> Failure {
    failure.message = used.redact(failure.message);
    failure.details = failure.details.map(|details| used.redact_payload(details));
    failure.cause = failure.cause.map(|cause| Box::new(redacted(*cause, used)));
    failure
}

/// What is said about a call that went wrong: the query is left out, it may hold secrets.
struct Call {
    line: String,
    status: Option<StatusCode>,
}

impl Call {
    fn new(request: &reqwest::Request) -> Call {
        let mut url = request.url().clone();
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_password(None);
        Call { line: format!("{} {url}", request.method()), status: None }
    }

    fn no_answer(&self, error: reqwest::Error) -> AttemptOutcome {
        let error = error.without_url();
        let mut why = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            why = format!("{why}: {inner}");
            source = inner.source();
        }
        decode::fault("NoAnswer", format!("{} was not answered: {why}", self.line))
    }

    fn repeatable(&self, body: &[u8], retry_after_ms: Option<i64>) -> AttemptOutcome {
        let failure = Failure { retryable: true, ..self.failure(&body_note(body), body) };
        AttemptOutcome::Failed { failure, retry_after_ms }
    }

    fn lasting(&self, note: String, body: &[u8]) -> AttemptOutcome {
        AttemptOutcome::Failed { failure: self.failure(&note, body), retry_after_ms: None }
    }

    fn failure(&self, note: &str, body: &[u8]) -> Failure {
        let status = self.status.map(|s| s.to_string()).unwrap_or_default();
        let message = format!("{} answered {status} {note}", self.line);
        let details = serde_json::json!({ "type": "HttpStatus", "details": {
            "status": self.status.map(|s| s.as_u16()),
            "body": if body.is_empty() { serde_json::Value::Null } else { excerpt_text(body).into() },
        }});
        Failure::new("Fault", message.trim_end()).with_details(&details)
    }
}

fn excerpt_text(body: &[u8]) -> String {
    const BYTES_MAX: usize = 4_096;
    String::from_utf8_lossy(&body[..body.len().min(BYTES_MAX)]).into_owned()
}

#[cfg(test)]
mod tests;
