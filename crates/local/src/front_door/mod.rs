//! The client's side: what a request becomes, and what its client gets.

mod body;
mod buffered;
mod door;
mod function_url;
mod head;
mod refusal;
mod request_body;

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambda_stream_wire::decoder::Decoded;
use lambda_stream_wire::limits::EVENT_LIMIT;
use tokio::net::TcpStream;

use self::body::ClientBody;
use self::door::Door;
use self::head::HeadError;
use self::refusal::Refusal;
use crate::connection::Connection;
use crate::guard::Guard;
use crate::header::is_bodyless;
use crate::id::request_id;
use crate::invocation::{
    Answer, Budget, Delivered, Event, Fault, Invocation, Queue, RuntimeResponse,
};
use crate::serve::reply;
use crate::socket::Socket;
use crate::terminal::{Report, Terminal};

/// The path whose body is the event.
const INVOKE: &str = "/invoke";

/// Names the kind of failure that a 502 stands for, as Lambda's own APIs do.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Begins of the paths of Lambda's own APIs, which AWS SDKs call.
const INVOKE_APIS: [&str; 2] = ["/2015-03-31/", "/2021-11-15/"];

type Reply = Response<Either<Full<Bytes>, ClientBody>>;

/// The listener that clients connect to.
pub(crate) struct FrontDoor {
    queue: Rc<Queue>,
    budget: Budget,
    guard: Guard,
    terminal: Terminal,
}

impl FrontDoor {
    pub(crate) fn new(queue: Rc<Queue>, guard: Guard, terminal: Terminal) -> Self {
        Self {
            queue,
            budget: Budget::default(),
            guard,
            terminal,
        }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Rc<Self>, stream: TcpStream, peer: IpAddr) {
        let connection = Connection::with_client(stream);
        let io = TokioIo::new(Socket::new(Rc::clone(&connection)));
        let service = service_fn(|request: Request<Incoming>| {
            let door = Rc::clone(&self);
            let connection = Rc::clone(&connection);
            connection.begin_request(request.version());
            async move { Ok::<_, Infallible>(door.answer(request, peer, connection).await) }
        });
        tokio::select! {
            // An error is a client that left or that does not speak HTTP; neither is news.
            _ = http1::Builder::new().serve_connection(io, service) => {}
            () = connection.aborted() => {}
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        source: IpAddr,
        connection: Rc<Connection>,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let label: Rc<str> = format!("{} {}", parts.method, parts.uri.path()).into();
        let answered = self.invoke(&parts, body, source, &label, &connection).await;
        let mut reply = answered.unwrap_or_else(|refusal| {
            self.terminal
                .refused(&label, refusal.status(), refusal.message());
            refusal.into_reply()
        });
        if connection.is_half_closed() {
            // There will not be another request.
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(CONNECTION, close);
        }
        reply
    }

    async fn invoke(
        &self,
        parts: &Parts,
        body: Incoming,
        source: IpAddr,
        label: &Rc<str>,
        connection: &Rc<Connection>,
    ) -> Result<Reply, Refusal> {
        if parts.method == Method::CONNECT {
            return Err(Refusal::not_a_proxy());
        }
        self.guard
            .check(parts, connection.local_address())
            .map_err(Refusal::foreign)?;
        let door = door_of(parts)?;
        let mut event = request_body::read(&parts.headers, body, &self.budget).await?;
        connection.end_request();
        let id = request_id();
        make_event(&mut event, door, parts, source, &id)?;
        let report = Report::new(
            &self.terminal,
            Rc::clone(label),
            Some(Rc::clone(connection)),
        );
        let invocation = Invocation {
            id,
            label: Rc::clone(label),
            event,
            headers: HeaderMap::new(),
            client: Some(Rc::clone(connection)),
        };
        let ticket = match self.queue.submit(invocation) {
            Ok(ticket) => ticket,
            Err(full) => {
                report.refuse();
                return Err(Refusal::too_many(full.to_string()));
            }
        };
        Ok(match ticket.answer().await {
            Answer::Failed(fault) => failed(report, &fault),
            Answer::Response(response) => {
                pass_on(response, door, &parts.method, report, connection).await
            }
        })
    }
}

/// Returns the door that a request came through.
fn door_of(parts: &Parts) -> Result<Door, Refusal> {
    match parts.uri.path() {
        path if INVOKE_APIS.iter().any(|api| path.starts_with(api)) => {
            Err(Refusal::no_invoke_api())
        }
        INVOKE if parts.method != Method::POST => Err(Refusal::not_a_post(parts)),
        INVOKE => Ok(Door::Invoke),
        _ => Ok(Door::FunctionUrl),
    }
}

/// Turns the request's body into the event.
fn make_event(
    event: &mut Event,
    door: Door,
    parts: &Parts,
    source: IpAddr,
    id: &str,
) -> Result<(), Refusal> {
    let bytes: Bytes = match door {
        // `curl -X POST` and a client library without a body mean "no particular event".
        Door::Invoke if event.bytes.is_empty() => Bytes::from_static(b"{}"),
        Door::Invoke => return Ok(()),
        Door::FunctionUrl => {
            function_url::event(parts, &event.bytes, source, id, SystemTime::now()).into()
        }
    };
    if bytes.len() > EVENT_LIMIT {
        return Err(Refusal::too_large(Some(bytes.len() as u64)));
    }
    event
        .replace(bytes)
        .map_err(|_| request_body::BodyError::Exhausted.into())
}

/// Reads the head and passes the rest of the body on.
async fn pass_on(
    response: RuntimeResponse,
    door: Door,
    method: &Method,
    mut report: Report,
    connection: &Rc<Connection>,
) -> Reply {
    let RuntimeResponse {
        streaming,
        content_type,
        mut body,
        delivered,
        cut,
    } = response;
    let (head, first) = match head::read(&mut body, streaming, content_type, door).await {
        Ok(head) => head,
        Err(HeadError {
            fault,
            delivered: how,
        }) => {
            // Without a message the program's connection ends, which is right for a body that goes on.
            if let Some(how) = how {
                let _ = delivered.send(how);
            }
            return failed(report, &cut.take().unwrap_or(fault));
        }
    };
    report.head(head.status);
    if is_bodyless(method, head.status) {
        let _ = delivered.send(Delivered::Rest(body, report));
        return with_head(head, Either::Left(Full::default()));
    }
    let body = ClientBody::new(first, body, delivered, cut, report, Rc::clone(connection));
    with_head(head, Either::Right(body))
}

fn with_head(head: Decoded, body: Either<Full<Bytes>, ClientBody>) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head::headers(head);
    response
}

fn buffered_reply(response: Response<Full<Bytes>>) -> Reply {
    response.map(Either::Left)
}

/// Answers with the function's own error document: here the developer is the client.
fn failed(report: Report, fault: &Fault) -> Reply {
    report.failed(fault);
    let mut response =
        reply::document_with(StatusCode::BAD_GATEWAY, "application/json", fault.to_json());
    if let Ok(error_type) = HeaderValue::from_str(fault.error_type()) {
        response.headers_mut().insert(ERROR_TYPE, error_type);
    }
    buffered_reply(response)
}
