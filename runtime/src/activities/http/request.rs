//! An `http` activity as the request that is sent: the template filled, options evaluated, parameters placed.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde_json::{Map, Value};
use weft_bytecode::options::{HttpTarget, OptionValue, Part};
use weft_bytecode::wire::template;

use crate::activities::secrets::{Secrets, Used, variable};
use crate::activities::{ActivityTask, AttemptOutcome, decode};

/// Everything but what RFC 3986 calls unreserved: a value is always one segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Visible ASCII, for ids in headers.
const HEADER: &AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'%');

type Built<T> = Result<T, Box<AttemptOutcome>>;

/// Builds the request of one attempt.
pub(super) fn build(task: &ActivityTask, target: &HttpTarget, secrets: &Secrets, used: &Used) -> Built<Request> {
    let args = task.args.value();
    let options = Options { args: &args, secrets, used };
    let method = Method::from_bytes(target.method.as_bytes())
        .map_err(|_| wrong(format!("`{}` is no HTTP method", target.method)))?;
    let mut url = url(target, &args)?;
    let mut headers = traceable(task)?;
    let plain = matches!(method, Method::GET | Method::HEAD | Method::DELETE);

    let body = match (&target.body, &target.form) {
        (Some(body), _) => Some(json(&mut headers, &options.value(body)?)),
        (None, Some(form)) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            Some(encoded(&pairs(&options.value(form)?)).into_bytes())
        }
        (None, None) if plain => None,
        (None, None) => Some(json(&mut headers, &Value::Object(rest(target, &args)))),
    };
    let query = match &target.query {
        Some(query) => options.value(query)?,
        None if plain && body.is_none() => Value::Object(rest(target, &args)),
        None => Value::Null,
    };
    let query = pairs(&query);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    if let Some(given) = &target.headers {
        own_headers(&mut headers, &options.value(given)?)?;
    }
    if let Some(bearer) = &target.bearer {
        let token = scalar(&options.value(bearer)?).ok_or_else(|| wrong("`bearer` is not a text".into()))?;
        headers.insert(AUTHORIZATION, header_value("bearer", &format!("Bearer {token}"))?);
    }
    let mut request = Request::new(method, url);
    *request.headers_mut() = headers;
    *request.body_mut() = body.map(reqwest::Body::from);
    Ok(request)
}

fn wrong(message: String) -> Box<AttemptOutcome> {
    Box::new(decode::lasting_fault("BadRequest", message))
}

fn url(target: &HttpTarget, args: &Value) -> Built<Url> {
    let text =
        template::fill(&target.url, args, segment).map_err(|e| wrong(format!("the URL cannot be filled: {e}")))?;
    let has_holes = target.url.parts.iter().any(|part| matches!(part, Part::Hole(_)));
    // An URL parser walks `..`, encoded or not; a value must not choose another path than the template's.
    if has_holes
        && path_of(&text).split('/').any(|s| matches!(s.replace("%2e", ".").replace("%2E", ".").as_str(), "." | ".."))
    {
        return Err(wrong(format!("`.` and `..` cannot be a segment of the path: {text}")));
    }
    let url = Url::parse(&text).map_err(|e| wrong(format!("{text:?} is no URL: {e}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(wrong(format!("`{other}:` URLs cannot be called, only http: and https:"))),
    }
}

fn segment(value: Cow<'_, str>) -> Cow<'_, str> {
    Cow::Owned(utf8_percent_encode(&value, SEGMENT).to_string())
}

fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let path = after.find('/').map_or("", |slash| &after[slash..]);
    &path[..path.find(['?', '#']).unwrap_or(path.len())]
}

/// The parameters that the template does not use as a whole.
fn rest(target: &HttpTarget, args: &Value) -> Map<String, Value> {
    let used = |name: &str| {
        let mut parts = target.url.parts.iter();
        parts.any(|part| matches!(part, Part::Hole(path) if path.len() == 1 && path[0] == name))
    };
    let given = args.as_object().into_iter().flatten();
    given.filter(|(name, _)| !used(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Who asks, so that the other side can find the run, and the key that makes repeating harmless.
fn traceable(task: &ActivityTask) -> Built<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let attempt = task.attempt.to_string();
    let workflow_id = utf8_percent_encode(task.run.workflow_id.as_str(), HEADER).to_string();
    for (name, value) in [
        ("idempotency-key", task.idempotency_key()),
        ("weft-run-id", task.run.run_id.to_string()),
        ("weft-workflow-id", workflow_id),
        ("weft-activity", task.def().name.clone()),
        ("weft-attempt", attempt),
    ] {
        headers.insert(HeaderName::from_static(name), header_value(name, &value)?);
    }
    Ok(headers)
}

/// The activity's own headers replace ours: they are the author's decision.
fn own_headers(headers: &mut HeaderMap, given: &Value) -> Built<()> {
    for (name, value) in given.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        let value = scalar(value).ok_or_else(|| wrong(format!("header `{name}` is not a text")))?;
        let known =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(format!("`{name}` is no header name")))?;
        headers.insert(known, header_value(name, &value)?);
    }
    Ok(())
}

fn header_value(name: &str, value: &str) -> Built<HeaderValue> {
    // The value stays out of the message: it may be a secret.
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| wrong(format!("the value of header `{name}` has characters that a header cannot have")))?;
    value.set_sensitive(name == "bearer");
    Ok(value)
}

fn json(headers: &mut HeaderMap, value: &Value) -> Vec<u8> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    value.to_string().into_bytes()
}

/// Names and texts for a query string or form: `null` is left out, a list repeats its name, an object is JSON.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(items) => out.extend(items.iter().map(|item| (name.clone(), text(item)))),
            _ => out.push((name.clone(), text(value))),
        }
    }
    out
}

fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn text(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| value.to_string())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

struct Options<'a> {
    args: &'a Value,
    secrets: &'a Secrets,
    used: &'a Used,
}

impl Options<'_> {
    fn value(&self, option: &OptionValue) -> Built<Value> {
        template::evaluate(option, self.args, &|error| wrong(error.to_string()), &|name| self.secret(name))
    }

    /// A missing secret is the operator's to set, not the workflow's to fail for: the attempt is repeated.
    fn secret(&self, name: &str) -> Built<Value> {
        match self.used.read(self.secrets, name) {
            Some(value) => Ok(value.into()),
            None => Err(Box::new(decode::fault(
                "MissingSecret",
                format!("secret `{name}` is not set; set {} where this activity runs", variable(name)),
            ))),
        }
    }
}
