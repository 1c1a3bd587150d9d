//! The page's requests: what it shows, and the events that it sends.

use std::rc::Rc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::{Reply, ReplyBody};
use super::door::{Door, Gateway};
use super::refusal::Refusal;
use super::submission::Submission;
use super::{FrontDoor, open, request_body};
use crate::connection::Connection;
use crate::id::request_id;
use crate::invocation::{Answer, Event, Ticket};
use crate::page::{self, Content, Route, Unrouted, protect};
use crate::record::DoorName;
use crate::terminal::Report;

/// What stands before the requests of invocations that the page began.
const PREFIX: &str = "page: ";

impl FrontDoor {
    /// Answers a request to the page.
    pub(super) async fn answer_page(
        &self,
        route: Route,
        parts: &Parts,
        body: Incoming,
        connection: &Rc<Connection>,
    ) -> Result<Reply, Refusal> {
        let mut response = match route {
            Route::View(view) => page::answer(view, &self.records).map_err(unrouted)?,
            Route::Nowhere(nowhere) => return Err(unrouted(nowhere)),
            Route::Send(door) => {
                let event = request_body::read(&parts.headers, body, &self.budget).await?;
                connection.end_request();
                let label = format!("{PREFIX}{}", request_of(door, &event.bytes)?).into();
                self.send(door, &label, event, None)?
            }
            Route::Resend(key) => {
                let event = request_body::read(&parts.headers, body, &self.budget).await?;
                connection.end_request();
                self.resend(&key, event)?
            }
        };
        protect(response.headers_mut());
        Ok(response.map(|content| match content {
            Content::Whole(bytes) => ReplyBody::Full(Full::new(bytes)),
            Content::Feed(feed) => ReplyBody::Feed(feed),
        }))
    }

    /// Sends the event of an invocation again; `room` is what its memory is reserved in.
    fn resend(&self, key: &str, mut room: Event) -> Result<Response<Content>, Refusal> {
        let record = self
            .records
            .find(key)
            .ok_or_else(|| unrouted(Unrouted::NotFound))?;
        let state = record.state();
        if !state.event.is_whole() {
            return Err(Refusal::not_on_page(
                StatusCode::CONFLICT,
                format!(
                    "the event has {} bytes, of which {} were kept; keep more with --keep-bytes or {}",
                    state.event.total(),
                    state.event.kept().len(),
                    crate::KEEP_BYTES_VARIABLE
                ),
            ));
        }
        room.replace(Bytes::copy_from_slice(state.event.kept()))
            .map_err(|_| request_body::BodyError::Exhausted)?;
        drop(state);
        let request = record
            .request
            .strip_prefix(PREFIX)
            .unwrap_or(&record.request);
        let label = format!("{PREFIX}{request}").into();
        self.send(record.door, &label, room, Some(record.number))
    }

    /// Sends an event, and sees the invocation through.
    fn send(
        &self,
        door: DoorName,
        label: &Rc<str>,
        event: Event,
        repeats: Option<u64>,
    ) -> Result<Response<Content>, Refusal> {
        let method = method_of(&event.bytes);
        let id = request_id();
        let submission = Submission::new(id, door, label, event);
        let (ticket, report) = self.submit(Submission {
            repeats,
            ..submission
        })?;
        let response = page::sent(report.key());
        tokio::task::spawn_local(see_through(ticket, report, door, method));
        Ok(response)
    }
}

/// Reads a response that no client waits for, so that its record shows it.
async fn see_through(ticket: Ticket, report: Report, name: DoorName, method: Method) {
    let door = match name {
        DoorName::FunctionUrl => Door::FunctionUrl(String::new()),
        DoorName::ApiGateway => Door::ApiGateway(Gateway::local()),
        DoorName::Invoke | DoorName::InvokeApi | DoorName::StreamingInvokeApi => Door::Invoke,
    };
    let opened = match ticket.answer().await {
        Answer::Response(response) => open(response, &door, &method, report).await,
        Answer::Failed(fault) => Err((report, fault)),
    };
    match opened {
        Ok(opened) => {
            let Some(mut payload) = opened.payload else {
                return;
            };
            // The payload itself tells program, terminal and record how it ended.
            while let Some(Ok(_)) = std::future::poll_fn(|cx| payload.poll_chunk(cx)).await {}
        }
        Err((report, fault)) => report.failed_with_status(door.failure_status(&fault), &fault),
    }
}

/// The request that an event says it was.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Described {
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    request_context: DescribedContext,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DescribedContext {
    http: DescribedHttp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DescribedHttp {
    method: Option<String>,
}

impl Described {
    fn of(event: &[u8]) -> Self {
        serde_json::from_slice(event).unwrap_or_default()
    }

    fn method(&self) -> Option<&str> {
        let method = self.request_context.http.method.as_ref();
        method.or(self.http_method.as_ref()).map(String::as_str)
    }
}

fn method_of(event: &[u8]) -> Method {
    let described = Described::of(event);
    let method = described.method().and_then(|method| method.parse().ok());
    method.unwrap_or(Method::POST)
}

/// Returns method and path of the request that an event stands for, once it is known to be JSON.
fn request_of(door: DoorName, event: &[u8]) -> Result<String, Refusal> {
    serde_json::from_slice::<IgnoredAny>(event)
        .map_err(|error| Refusal::invalid_content(format!("the event is not JSON: {error}")))?;
    if door == DoorName::Invoke {
        return Ok(format!("POST {}", super::INVOKE));
    }
    let described = Described::of(event);
    let path = described.raw_path.as_ref().or(described.path.as_ref());
    Ok(format!(
        "{} {}",
        described.method().unwrap_or("POST"),
        path.map_or("/", |path| path)
    ))
}

fn unrouted(unrouted: Unrouted) -> Refusal {
    Refusal::not_on_page(unrouted.status(), unrouted.message())
}
