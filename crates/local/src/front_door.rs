//! The front door: what a client's request becomes, and what the client gets.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;

use super::body::ClientBody;
use super::broker::{Answer, Broker, Done, RuntimeResponse};
use super::client_head::{self, HeadError};
use super::flush::Flush;
use super::function_url;
use super::request_body::{self, BodyError};
use super::terminal::{Report, Terminal};
use crate::serve::{Watched, reply, request_id};
use lambda_stream_wire::Failure;
use lambda_stream_wire::decoder::Decoded;
use lambda_stream_wire::limits::EVENT_LIMIT;

/// The path whose body is the event.
const INVOKE: &str = "/invoke";

/// Says what kind of failure a 502 stands for. The name is the one of Lambda's own APIs.
const ERROR_TYPE: &str = "x-amzn-errortype";

type Reply = Response<Either<Full<Bytes>, ClientBody>>;

/// Which door a request came through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Invoke,
    FunctionUrl,
}

pub(super) struct FrontDoor {
    broker: Rc<Broker>,
    terminal: Terminal,
}

impl FrontDoor {
    pub(super) fn new(broker: Rc<Broker>, terminal: Terminal) -> Self {
        Self { broker, terminal }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(self: Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let (io, flush) = Watched::<Flush>::new(stream);
        let service = service_fn(|request| {
            let door = Rc::clone(&self);
            let flush = Rc::clone(&flush);
            async move {
                Ok::<_, std::convert::Infallible>(door.answer(request, peer.ip(), flush).await)
            }
        });
        // An error is a client that left or that speaks no HTTP; neither is news.
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }

    async fn answer(&self, request: Request<Incoming>, source: IpAddr, flush: Rc<Flush>) -> Reply {
        let (parts, body) = request.into_parts();
        let door = match parts.uri.path() {
            _ if parts.method == Method::CONNECT => return refuse(not_a_proxy()),
            INVOKE if parts.method != Method::POST => return refuse(not_a_post(&parts)),
            INVOKE => Door::Invoke,
            _ => Door::FunctionUrl,
        };
        let body = match request_body::read(&parts.headers, body).await {
            Ok(body) => body,
            Err(BodyError::TooLarge(size)) => return refuse(too_large(size.as_deref())),
            Err(BodyError::Broken) => return refuse(broken()),
        };
        let id = request_id();
        let event = match door {
            // `curl -X POST` and a client library without a body mean "no particular event".
            Door::Invoke if body.is_empty() => Bytes::from_static(b"{}"),
            Door::Invoke => body,
            Door::FunctionUrl => {
                function_url::event(&parts, &body, source, &id, SystemTime::now()).into()
            }
        };
        if event.len() > EVENT_LIMIT {
            return refuse(too_large(Some(&event.len().to_string())));
        }
        let report = Report::new(&self.terminal, &parts.method, parts.uri.path());
        match self.broker.submit(id, event).answer().await {
            Answer::Failed(failure) => failed(report, &failure),
            Answer::Response(response) => {
                pass_on(response, door, &parts.method, report, flush).await
            }
        }
    }
}

/// Reads the head and hands the rest of the body on.
async fn pass_on(
    response: RuntimeResponse,
    door: Door,
    method: &Method,
    mut report: Report,
    flush: Rc<Flush>,
) -> Reply {
    let RuntimeResponse {
        streaming,
        content_type,
        mut body,
        done,
    } = response;
    let (head, first) = match client_head::read(&mut body, streaming, content_type, door).await {
        Ok(head) => head,
        Err(HeadError { failure, done: how }) => {
            // Without a word the program's connection ends, which is right for a body that goes on.
            if let Some(how) = how {
                let _ = done.send(how);
            }
            return failed(report, &failure);
        }
    };
    report.head(head.status);
    if is_bodyless(method, head.status) {
        let _ = done.send(Done::Rest(body, report));
        return with_head(head, Either::Left(Full::default()));
    }
    let body = ClientBody::new(first, body, done, report, flush);
    with_head(head, Either::Right(body))
}

/// Responses that end with their head (RFC 9110, sections 9.3.2, 15.3.5 and 15.4.5).
fn is_bodyless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn with_head(head: Decoded, body: Either<Full<Bytes>, ClientBody>) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = client_head::headers(head);
    response
}

fn refuse(response: Response<Full<Bytes>>) -> Reply {
    response.map(Either::Left)
}

/// The function's own error document: here the developer is the client.
fn failed(report: Report, failure: &Failure) -> Reply {
    report.failed(failure);
    let mut response = reply::document_with(
        StatusCode::BAD_GATEWAY,
        "application/json",
        failure.to_json(),
    );
    if let Ok(error_type) = HeaderValue::from_str(failure.error_type()) {
        response.headers_mut().insert(ERROR_TYPE, error_type);
    }
    refuse(response)
}

fn not_a_post(request: &Parts) -> Response<Full<Bytes>> {
    let host = request
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or(super::DEFAULT_ADDRESS);
    let text = format!(
        "{INVOKE} takes the event as the body of a POST:\n  \
         curl -N --data @event.json http://{host}{INVOKE}\n\
         Any other path is a request to a Function URL.\n"
    );
    let mut response = reply::document_with(StatusCode::METHOD_NOT_ALLOWED, "text/plain", text);
    let post = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, post);
    response
}

fn not_a_proxy() -> Response<Full<Bytes>> {
    reply::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "a Function URL is no proxy: CONNECT does not reach it",
    )
}

fn too_large(size: Option<&str>) -> Response<Full<Bytes>> {
    reply::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLargeException",
        format_args!(
            "the event has {} bytes, and Lambda takes at most {EVENT_LIMIT} (6 MB)",
            size.unwrap_or("too many")
        ),
    )
}

fn broken() -> Response<Full<Bytes>> {
    reply::error(
        StatusCode::BAD_REQUEST,
        "InvalidRequestContentException",
        "the request's body ended before its end",
    )
}
