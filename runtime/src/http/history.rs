//! A run's history: in pages, or followed as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde_json::Value;
use weft_protocol::api::HistoryPage;

use super::problem::ProblemBody;
use super::request::{Params, Segments, wrong_parameter};
use super::{Answer, Shared, reply};
use crate::api::RunKey;

/// Silence after which a stream says that it is alive, shorter than what proxies forgive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A run's events in order. With `follow=true` as server-sent events: one a message, its number as the message's id and
/// its type as the message's event; the stream ends after the event that closed the run. A stream that breaks off is
/// taken up again with `Last-Event-ID`. A message `problem` ends a stream that cannot go on.
#[utoipa::path(get, path = "/api/v1/namespaces/{namespace}/runs/{id}/history", tag = "runs",
    params(
        ("namespace" = String, Path, description = "Namespace"),
        ("id" = String, Path, description = "Workflow id, percent-encoded"),
        ("run" = Option<String>, Query, description = "Run id, if not the newest run of the id"),
        ("after" = Option<u64>, Query, description = "Only events after this number; default 0"),
        ("limit" = Option<usize>, Query, description = "Events of the page, at most `page_rows_max`; one with large values has fewer"),
        ("wait" = Option<String>, Query,
            description = "If there are none yet, how long to wait (`30s`), at most `long_poll_max`; default 0s"),
        ("follow" = Option<bool>, Query, description = "As server-sent events; takes no `limit` and no `wait`"),
        ("Last-Event-ID" = Option<u64>, Header, description = "With `follow`: as `after`, sent by clients that reconnect"),
    ),
    responses((status = 200, description = "A page, or the stream", content(
        (HistoryPage = "application/json"),
        (String = "text/event-stream"),
    ))))]
pub(super) async fn history(
    State(shared): State<Shared>,
    Segments((namespace, id)): Segments<(String, String)>,
    headers: HeaderMap,
    params: Params,
) -> Answer {
    let params = params.only(&["run", "after", "limit", "wait", "follow"])?;
    let after = params.read::<u64>("after", "an event number")?.unwrap_or(0);
    let max = shared.limits.page_rows_max;
    let limit = params.limit(max)?;
    let wait = params.wait(shared.longest_wait())?;
    let follow = params.read::<bool>("follow", "`true` or `false`")?.unwrap_or(false);
    let run = params.run(namespace, id)?;
    if !follow {
        let page = shared.patiently(shared.api.history(&run, after, limit.unwrap_or(max), wait)).await?;
        return Ok(reply(StatusCode::OK, &page));
    }
    for name in ["limit", "wait"] {
        if let Some(given) = params.text(name) {
            return Err(wrong_parameter(name, "nothing beside `follow=true`", given));
        }
    }
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0);
    let after = after.max(seen);
    // The first page before the headers: an unknown run is a 404 and not a broken stream.
    let first = shared.api.history(&run, after, max, Duration::ZERO).await?;
    let stream = messages(Follower::new(shared, run, after, first));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// A reader of a history that has got so far.
struct Follower {
    shared: Shared,
    run: RunKey,
    after: u64,
    read: VecDeque<Value>,
    ended: bool,
}

impl Follower {
    fn new(shared: Shared, run: RunKey, after: u64, first: HistoryPage) -> Follower {
        let mut follower = Follower { shared, run, after, read: VecDeque::new(), ended: false };
        follower.take(first);
        follower
    }

    fn take(&mut self, page: HistoryPage) {
        if let Some(last) = page.events.last().and_then(|event| event["id"].as_u64()) {
            self.after = last;
        }
        self.read.extend(page.events);
        self.ended = page.complete;
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(message(&event));
            }
            if self.ended {
                return None;
            }
            let (shared, max) = (self.shared.clone(), self.shared.limits.page_rows_max);
            let page = shared.api.history(&self.run, self.after, max, shared.longest_wait());
            tokio::select! {
                biased;
                page = page => match page {
                    Ok(page) => self.take(page),
                    Err(error) => {
                        self.ended = true;
                        return Some(Event::default().event("problem").data(ProblemBody::text(&error)));
                    }
                },
                // The client comes back with the number it has got to, here or to the next owner.
                () = shared.stop.cancelled() => return None,
            }
        }
    }
}

fn messages(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

fn message(event: &Value) -> Event {
    let mut message = Event::default().data(event.to_string());
    if let Some(id) = event["id"].as_u64() {
        message = message.id(id.to_string());
    }
    match event["type"].as_str() {
        Some(kind) => message.event(kind),
        None => message,
    }
}
