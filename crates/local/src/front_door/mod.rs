//! The client's side: what a request becomes, and what its client gets.

mod answer;
mod api_gateway;
mod body;
mod buffered;
mod collect;
mod door;
mod event;
mod function_url;
mod head;
mod invoke_api;
mod page;
mod payload;
mod refusal;
mod request_body;
mod submission;

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use lambda_stream_wire::decoder::Decoded;
use lambda_stream_wire::limits::EVENT_LIMIT;
use tokio::net::TcpStream;

use self::answer::{Reply, ReplyBody};
use self::body::HttpBody;
use self::collect::Unusable;
use self::door::Door;
use self::payload::Payload;
use self::refusal::Refusal;
use self::submission::Submission;
use crate::connection::Connection;
use crate::guard::Guard;
use crate::header::is_bodyless;
use crate::id::request_id;
use crate::invocation::{Answer, Budget, Delivered, Event, Fault, Queue, RuntimeResponse};
use crate::page::Route;
use crate::record::Records;
use crate::reply::document_with;
use crate::socket;
use crate::terminal::{Report, Terminal};

/// The path whose body is the event.
const INVOKE: &str = "/invoke";

/// Names the kind of failure that a 502 stands for, as Lambda's own APIs do.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The listener that clients connect to.
pub(crate) struct FrontDoor {
    queue: Rc<Queue>,
    budget: Budget,
    guard: Guard,
    terminal: Terminal,
    records: Rc<Records>,
}

impl FrontDoor {
    pub(crate) fn new(
        queue: Rc<Queue>,
        guard: Guard,
        terminal: Terminal,
        records: Rc<Records>,
    ) -> Self {
        Self {
            queue,
            budget: Budget::default(),
            guard,
            terminal,
            records,
        }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Rc<Self>, stream: TcpStream, peer: IpAddr) {
        let connection = Connection::with_client(stream);
        socket::serve(&connection, async |request| {
            let connection = Rc::clone(&connection);
            Ok::<_, Infallible>(self.answer(request, peer, connection).await)
        })
        .await;
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
            if invoke_api::is_call(parts.uri.path()) {
                refusal.into_api_reply()
            } else {
                refusal.into_reply()
            }
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
        if invoke_api::is_call(parts.uri.path()) {
            return self.answer_call(parts, body, label, connection).await;
        }
        if !Door::is_named(parts) {
            if let Some(route) = Route::parse(parts) {
                return self.answer_page(route, parts, body, connection).await;
            }
        }
        let door = Door::of(parts)?;
        let mut event = request_body::read(&parts.headers, body, &self.budget).await?;
        connection.end_request();
        let id = request_id();
        make_event(&mut event, &door, parts, source, &id)?;
        let client = Some(Rc::clone(connection));
        let (ticket, report) = self.submit(Submission {
            client,
            ..Submission::new(id, door.name(), label, event)
        })?;
        Ok(match ticket.answer().await {
            Answer::Failed(fault) => failed(report, &door, &fault),
            Answer::Response(response) => {
                pass_on(response, &door, &parts.method, report, connection).await
            }
        })
    }
}

/// Turns the request's body into the event.
fn make_event(
    event: &mut Event,
    door: &Door,
    parts: &Parts,
    source: IpAddr,
    id: &str,
) -> Result<(), Refusal> {
    let bytes: Bytes = match door {
        // `curl -X POST` and a client library without a body mean "no particular event".
        Door::Invoke if event.bytes.is_empty() => Bytes::from_static(b"{}"),
        Door::Invoke => return Ok(()),
        Door::FunctionUrl(url_id) => {
            function_url::event(parts, url_id, &event.bytes, source, id, SystemTime::now()).into()
        }
        Door::ApiGateway(gateway) => {
            api_gateway::event(parts, gateway, &event.bytes, source, SystemTime::now()).into()
        }
    };
    if bytes.len() > EVENT_LIMIT {
        return Err(Refusal::too_large(Some(bytes.len() as u64)));
    }
    event
        .replace(bytes)
        .map_err(|_| request_body::BodyError::Exhausted.into())
}

/// A response whose head has been read.
struct Opened {
    head: Decoded,
    /// The rest of it; `None` where the head is all that the client gets.
    payload: Option<Payload>,
}

/// Reads the head of a response; one without a head has failed.
async fn open(
    response: RuntimeResponse,
    door: &Door,
    method: &Method,
    mut report: Report,
) -> Result<Opened, (Report, Fault)> {
    let RuntimeResponse {
        streaming,
        content_type,
        mut body,
        delivered,
        cut,
    } = response;
    let (head, first) = match head::read(&mut body, streaming, content_type, door).await {
        Ok(head) => head,
        Err(Unusable {
            fault,
            delivered: how,
        }) => {
            // Without a message the program's connection ends, which is right for a body that goes
            // on.
            if let Some(how) = how {
                let _ = delivered.send(how);
            }
            return Err((report, cut.take().unwrap_or(fault)));
        }
    };
    report.head(&head);
    let payload = if is_bodyless(method, head.status) {
        let _ = delivered.send(Delivered::Rest(body, report));
        None
    } else {
        Some(Payload::new(first, body, delivered, cut, report))
    };
    Ok(Opened { head, payload })
}

/// Reads the head and passes the rest of the body on.
async fn pass_on(
    response: RuntimeResponse,
    door: &Door,
    method: &Method,
    report: Report,
    connection: &Rc<Connection>,
) -> Reply {
    let opened = match open(response, door, method, report).await {
        Ok(opened) => opened,
        Err((report, fault)) => return failed(report, door, &fault),
    };
    let body = match opened.payload {
        Some(payload) => ReplyBody::Http(HttpBody::new(payload, Rc::clone(connection))),
        None => ReplyBody::Full(Full::default()),
    };
    with_head(opened.head, door, body)
}

fn with_head(head: Decoded, door: &Door, body: ReplyBody) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head::headers(head, door);
    response
}

/// Answers with the function's own error document: here the developer is the client.
fn failed(report: Report, door: &Door, fault: &Fault) -> Reply {
    let status = door.failure_status(fault);
    report.failed_with_status(status, fault);
    let mut response = document_with(status, "application/json", fault.to_json());
    if let Ok(error_type) = HeaderValue::from_str(fault.error_type()) {
        response.headers_mut().insert(ERROR_TYPE, error_type);
    }
    response.map(ReplyBody::Full)
}
