//! A Runtime API for one function: hands out its events, and reads what it answers.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use lambda_stream_wire::decoder::{Decoded, Decoder};
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::{api, limits};

use crate::error::Failure;
use crate::response::Head;

/// Longest timeout of a function (AWS, "Lambda quotas").
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:test";

/// An event, and how long its invocation may take.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) json: Bytes,
    pub(super) timeout: Duration,
}

/// The beginning of a response.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// `None` for a payload without a prelude.
    pub(super) head: Option<Head>,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) streamed: bool,
}

/// How an invocation ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) failure: Option<Failure>,
    pub(super) trailers: Option<HeaderMap>,
}

impl End {
    fn failed(failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            trailers: None,
        }
    }
}

/// Supplies the events of a [`RuntimeApi`], and is told what becomes of them, in order.
///
/// A method that waits holds back what the function sends.
pub(super) trait Observer {
    /// Waits for the next event. The function asks for it once it has done everything that belongs
    /// to the invocation before.
    async fn next(&self) -> Event;
    async fn start(&self, start: Start);
    async fn payload(&self, data: Bytes);
    async fn end(&self, end: End);
}

/// A Runtime API whose connections are served one after the other, in the task of the caller.
#[derive(Debug)]
pub(super) struct RuntimeApi<O> {
    observer: O,
    /// Number of the invocations that have begun, which their ids are made of.
    begun: Cell<u64>,
    /// The id of the invocation that has not ended.
    in_flight: RefCell<Option<String>>,
}

impl<O: Observer> RuntimeApi<O> {
    pub(super) fn new(observer: O) -> Self {
        Self {
            observer,
            begun: Cell::new(0),
            in_flight: RefCell::default(),
        }
    }

    /// Serves a connection until it closes.
    pub(super) async fn serve(&self, io: impl Read + Write + Unpin) {
        let service = service_fn(async |request| Ok::<_, Infallible>(self.answer(request).await));
        // The next connection tells whether an invocation was cut short by the end of this one.
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        match Call::parse(&parts.method, parts.uri.path()) {
            Some(Call::Next) => self.next().await,
            Some(Call::Response(id)) if self.is_in_flight(id) => {
                let end = match self.read(&parts, body).await {
                    Ok(trailers) => End {
                        failure: trailers.as_ref().and_then(Failure::from_trailers),
                        trailers,
                    },
                    Err(failure) => End::failed(failure),
                };
                self.end(end).await;
                accepted()
            }
            Some(Call::Error(id)) if self.is_in_flight(id) => {
                self.end(End::failed(reported(&parts.headers, body).await))
                    .await;
                accepted()
            }
            Some(Call::Response(_) | Call::Error(_)) => refused(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "no invocation with this request id is in flight",
            ),
            None => refused(
                StatusCode::NOT_FOUND,
                "NotFound",
                "not a call that the test harness serves",
            ),
        }
    }

    fn is_in_flight(&self, id: &str) -> bool {
        self.in_flight.borrow().as_deref() == Some(id)
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        if self.in_flight.borrow().is_some() {
            self.end(End::failed(Failure::new(
                kind::EXIT_ERROR,
                "the connection was lost before the response ended",
            )))
            .await;
        }
        let event = self.observer.next().await;
        self.begun.set(self.begun.get() + 1);
        let id = request_id(self.begun.get());
        self.in_flight.replace(Some(id.clone()));
        invocation(&id, event)
    }

    async fn end(&self, end: End) {
        self.in_flight.replace(None);
        self.observer.end(end).await;
    }

    /// Reads a response to its end. Returns its trailers, if it has any.
    async fn read(&self, parts: &Parts, mut body: Incoming) -> Result<Option<HeaderMap>, Failure> {
        let mode = parts.headers.get(api::RESPONSE_MODE);
        let mut start = Start {
            head: None,
            content_type: parts.headers.get(CONTENT_TYPE).cloned(),
            streamed: mode.is_some_and(|mode| mode == api::STREAMING),
        };
        let mut prelude = match &start.content_type {
            Some(content_type) if content_type == api::HTTP_INTEGRATION => Some(Decoder::default()),
            _ => {
                self.observer.start(start.clone()).await;
                None
            }
        };
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Failure::new(
                    kind::TRUNCATED_RESPONSE,
                    format!("the response stopped before its end: {error}"),
                )
            })?;
            let mut data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    trailers = frame.into_trailers().ok();
                    continue;
                }
            };
            if let Some(decoder) = &mut prelude {
                let Some((decoded, payload)) = decoder.push(&data).map_err(invalid)? else {
                    continue;
                };
                prelude = None;
                start.head = Some(head(decoded));
                self.observer.start(start.clone()).await;
                data = payload;
            }
            if !data.is_empty() {
                self.observer.payload(data).await;
            }
        }
        match prelude {
            Some(decoder) => Err(invalid(decoder.end())),
            None => Ok(trailers),
        }
    }
}

/// A call of the Runtime API.
enum Call<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
}

impl<'a> Call<'a> {
    fn parse(method: &Method, path: &'a str) -> Option<Self> {
        let path = path.strip_prefix(api::VERSION)?;
        if *method == Method::GET {
            return (path == api::NEXT).then_some(Self::Next);
        }
        let invocation = path.strip_prefix(api::INVOCATION)?;
        let response = invocation.strip_suffix(api::RESPONSE).map(Self::Response);
        response.or_else(|| invocation.strip_suffix(api::ERROR).map(Self::Error))
    }
}

/// Returns the same ids in every run, in the form of a UUID.
fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn invocation(id: &str, event: Event) -> Response<Full<Bytes>> {
    let deadline = SystemTime::now() + event.timeout.min(LONGEST_TIMEOUT);
    let deadline = deadline
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let mut response = json(StatusCode::OK, event.json);
    for (name, value) in [
        (api::REQUEST_ID, id),
        (api::DEADLINE_MS, &deadline.to_string()),
        (api::FUNCTION_ARN, FUNCTION_ARN),
        (
            api::TRACE_ID,
            "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0",
        ),
    ] {
        // All of them are printable ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Reads a failure that was reported instead of a response.
async fn reported(headers: &HeaderMap, body: Incoming) -> Failure {
    let error_type = headers.get(api::ERROR_TYPE);
    let error_type = error_type.map_or(kind::RUNTIME_UNKNOWN.into(), |value| {
        String::from_utf8_lossy(value.as_bytes())
    });
    match Limited::new(body, limits::EVENT_LIMIT).collect().await {
        Ok(document) => Failure::from_json(&error_type, &document.to_bytes()),
        Err(error) => Failure::new(
            error_type,
            format!("the error document cannot be read: {error}"),
        ),
    }
}

fn head(decoded: Decoded) -> Head {
    let mut response = Response::new(());
    *response.status_mut() = decoded.status;
    *response.headers_mut() = decoded.headers;
    let head = Head::from(response.into_parts().0);
    decoded.cookies.into_iter().fold(head, Head::cookie)
}

fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::new(kind::INVALID_RESPONSE, error.to_string())
}

fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}

fn refused(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    let document = serde_json::json!({"errorMessage": message, "errorType": error_type});
    json(status, document.to_string())
}

fn json(status: StatusCode, document: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(document.into()));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
