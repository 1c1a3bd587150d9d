//! Answers of the page, and the headers that keep other sites out of it.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::document::{Cursor, Detail, Overview};
use super::feed::Feed;
use super::samples;
use super::{Unrouted, View};
use crate::record::{Record, Records};

/// The page loads what this server has, and nothing else; it runs no script but its own and is not
/// shown within another page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// One script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    include_str!("assets/words.js"),
    include_str!("assets/timeline.js"),
    include_str!("assets/invocation.js"),
    include_str!("assets/page.js"),
);

const JSON: &str = "application/json";

/// What functions have sent or received is shown as text or saved, never run.
const BYTES: &str = "application/octet-stream";

/// The body of an answer.
pub(crate) enum Content {
    Whole(Bytes),
    Feed(Feed),
}

/// Answers a request to look at something.
pub(crate) fn answer(view: View, records: &Rc<Records>) -> Result<Response<Content>, Unrouted> {
    let find = |key: &str| records.find(key).ok_or(Unrouted::NotFound);
    let kept = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let (content_type, content) = match view {
        View::Slash => return Ok(redirect()),
        View::Page => (
            "text/html; charset=utf-8",
            text(include_str!("assets/page.html")),
        ),
        View::Style => (
            "text/css; charset=utf-8",
            text(include_str!("assets/page.css")),
        ),
        View::Script => ("text/javascript; charset=utf-8", text(SCRIPT)),
        View::Icon => ("image/svg+xml", text(include_str!("assets/icon.svg"))),
        View::Samples => (JSON, samples::document().into()),
        View::Invocations => (JSON, document(&Overview::since(records, 0))),
        View::Invocation(key) => (JSON, detail(&*find(&key)?)),
        View::Payload(key) => (BYTES, kept(find(&key)?.state().payload.kept())),
        View::Event(key) => (BYTES, kept(find(&key)?.state().event.kept())),
        View::Events(selected) => {
            let feed = Feed::new(Rc::clone(records), selected);
            return Ok(with_type("text/event-stream", Content::Feed(feed)));
        }
    };
    Ok(with_type(content_type, Content::Whole(content)))
}

/// Answers that an event was sent; the invocation can be looked at under its number.
pub(crate) fn sent(key: Option<(u64, &str)>) -> Response<Content> {
    let document = match key {
        Some((number, id)) => json!({"number": number, "requestId": id}),
        None => json!({}),
    };
    let mut response = with_type(JSON, Content::Whole(document.to_string().into()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// Adds the headers that every answer of the page has.
pub(crate) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn redirect() -> Response<Content> {
    let mut response = Response::new(Content::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let page = HeaderValue::from_static("/_lambda/");
    response.headers_mut().insert(LOCATION, page);
    response
}

fn with_type(content_type: &'static str, content: Content) -> Response<Content> {
    let mut response = Response::new(content);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn detail(record: &Record) -> Bytes {
    document(&Detail::since(record, &mut Cursor::default()))
}

fn document(value: &impl Serialize) -> Bytes {
    // Strings and numbers cannot fail.
    serde_json::to_vec(value).unwrap_or_default().into()
}
