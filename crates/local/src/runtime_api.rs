//! The Runtime API as the program sees it.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::body::TRUNCATED;
use super::broker::{Answer, Answering, Broker, Done, Refusal, RuntimeResponse};
use super::flush::Flush;
use super::terminal::Terminal;
use crate::serve::{Call, LONGEST_TIMEOUT, Watched, invocation, reply, reported};
use lambda_stream_wire::Failure;
use lambda_stream_wire::{api, limits};

/// How long the rest of a body is read that no client waits for.
const REST_LIMIT: Duration = Duration::from_secs(1);

type Reply = Response<Full<Bytes>>;

/// Ends the program's connection, so that it drops its stream: nobody reads it any more.
#[derive(Debug)]
struct ClientLeft;

impl fmt::Display for ClientLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client left before the response ended")
    }
}

impl std::error::Error for ClientLeft {}

pub(super) struct RuntimeApi {
    broker: Rc<Broker>,
    terminal: Terminal,
}

/// Tells the broker when a connection ends, however it does.
struct Connection {
    broker: Rc<Broker>,
    flush: Rc<Flush>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.broker.lost(&self.flush);
    }
}

impl RuntimeApi {
    pub(super) fn new(broker: Rc<Broker>, terminal: Terminal) -> Self {
        Self { broker, terminal }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(self: Rc<Self>, stream: TcpStream) {
        let (io, flush) = Watched::<Flush>::new(stream);
        let connection = Connection {
            broker: Rc::clone(&self.broker),
            flush,
        };
        let service = service_fn(|request| {
            let api = Rc::clone(&self);
            let flush = Rc::clone(&connection.flush);
            async move { api.answer(request, &flush).await }
        });
        // An error is a connection that ended early: whoever waits for it hears of it where it waits.
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        flush: &Rc<Flush>,
    ) -> Result<Reply, ClientLeft> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        match Call::of(&parts.method, path) {
            Some(Call::Next) => {
                let single_use = is_single_use(parts.version, &parts.headers);
                Ok(self.next(flush, single_use).await)
            }
            Some(Call::Response(id)) => self.response(id, &parts.headers, body).await,
            Some(Call::Error(id)) => Ok(self.error(id, &parts.headers, body).await),
            Some(Call::InitError) => Ok(self.init_error(&parts.headers, body).await),
            None => Ok(reply::error(
                StatusCode::NOT_FOUND,
                "NotFound",
                format_args!(
                    "the local Runtime API has no {} {path}; a client's address is the other one",
                    parts.method
                ),
            )),
        }
    }

    async fn next(&self, flush: &Rc<Flush>, single_use: bool) -> Reply {
        match self.broker.next(flush, single_use).await {
            Ok((id, event)) => invocation(&id, event, LONGEST_TIMEOUT),
            Err(refusal) => refused(refusal),
        }
    }

    async fn response(
        &self,
        id: &str,
        headers: &HeaderMap,
        mut body: Incoming,
    ) -> Result<Reply, ClientLeft> {
        let streaming = match headers.get(api::RESPONSE_MODE) {
            None => false,
            Some(mode) if mode == api::STREAMING => true,
            Some(mode) => return Ok(unknown_mode(mode)),
        };
        let (answer, answering) = match self.broker.begin_answer(id) {
            Ok(begun) => begun,
            Err(refusal) => return Ok(refused(refusal)),
        };
        let (done, delivered) = oneshot::channel();
        let response = RuntimeResponse {
            streaming,
            content_type: headers.get(CONTENT_TYPE).cloned(),
            body,
            done,
        };
        match answer.send(Answer::Response(response)) {
            Ok(()) => self.delivered(delivered, answering).await,
            // The client left while the function worked. What has a known, finite length is taken, so
            // that a runtime that knows no streaming sees nothing unusual.
            Err(Answer::Response(response)) if response.body.size_hint().exact().is_some() => {
                body = response.body;
                drain(&mut body).await;
                Ok(reply::accepted())
            }
            Err(_) => Err(ClientLeft),
        }
    }

    /// Waits until the response is with the client. `_answering` lives that long.
    async fn delivered(
        &self,
        delivered: oneshot::Receiver<Done>,
        _answering: Answering,
    ) -> Result<Reply, ClientLeft> {
        match delivered.await {
            Ok(Done::Read) => Ok(reply::accepted()),
            Ok(Done::TooLarge) => Ok(reply::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Function.ResponseSizeTooLarge",
                too_large(),
            )),
            Ok(Done::Rest(mut body, report)) => {
                let Ok(failure) = timeout(REST_LIMIT, drain(&mut body)).await else {
                    report.complete();
                    return Err(ClientLeft);
                };
                match failure {
                    Some(failure) => report.failed(&failure),
                    None => report.complete(),
                }
                Ok(reply::accepted())
            }
            Err(_) => Err(ClientLeft),
        }
    }

    async fn error(&self, id: &str, headers: &HeaderMap, body: Incoming) -> Reply {
        let Some((error_type, document)) = reported(headers, body).await else {
            return unreadable();
        };
        let failure = Failure::from_json(&error_type, &document);
        let (answer, _answering) = match self.broker.begin_answer(id) {
            Ok(begun) => begun,
            Err(refusal) => return refused(refusal),
        };
        if let Err(Answer::Failed(failure)) = answer.send(Answer::Failed(failure)) {
            self.terminal
                .failure("an invocation whose client had left", &failure);
        }
        reply::accepted()
    }

    async fn init_error(&self, headers: &HeaderMap, body: Incoming) -> Reply {
        let Some((error_type, document)) = reported(headers, body).await else {
            return unreadable();
        };
        let failure = Failure::from_json(&error_type, &document);
        self.terminal
            .failure("the program could not be set up", &failure);
        self.broker.fail_all(&failure);
        reply::accepted()
    }
}

/// Whether the connection ends after this one request by plan.
fn is_single_use(version: Version, headers: &HeaderMap) -> bool {
    let says = |token: &str| {
        headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    says("close") || (version < Version::HTTP_11 && !says("keep-alive"))
}

/// Reads a body to its end and tells whether it ended in an error.
async fn drain(body: &mut Incoming) -> Option<Failure> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Failure::from_trailers(&trailers);
                }
            }
            Err(error) => return Some(Failure::new(TRUNCATED, error)),
        }
    }
}

/// Why a buffered response is refused.
pub(super) fn too_large() -> String {
    format!(
        "the response is larger than the {} bytes that a buffered response may have; stream it",
        limits::EVENT_LIMIT
    )
}

fn refused(refusal: Refusal) -> Reply {
    // Names of the error types: AWS, source of the Runtime Interface Emulator.
    let (status, error_type, message) = match refusal {
        Refusal::UnknownId => (
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            reply::UNKNOWN_ID,
        ),
        Refusal::AlreadyAnswered => (
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "the response to this invocation has begun already",
        ),
        Refusal::Unanswered => (
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "the last invocation has to be answered before the next one is asked for",
        ),
    };
    reply::error(status, error_type, message)
}

fn unknown_mode(mode: &HeaderValue) -> Reply {
    reply::error(
        StatusCode::BAD_REQUEST,
        "InvalidFunctionResponseMode",
        format_args!(
            "the response mode is {mode:?}, and `{}` is the only one there is",
            api::STREAMING
        ),
    )
}

fn unreadable() -> Reply {
    reply::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        "the error document could not be read, or it is larger than 6 MB",
    )
}
