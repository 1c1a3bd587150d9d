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
mod payload;
mod refusal;
mod request_body;

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambda_stream_wire::decoder::Decoded;
use lambda_stream_wire::limits::EVENT_LIMIT;
use tokio::net::TcpStream;

use self::answer::{Reply, ReplyBody};
use self::body::HttpBody;
use self::collect::Unusable;
use self::door::Door;
use self::payload::Payload;
use self::refusal::Refusal;
use crate::connection::Connection;
use crate::guard::Guard;
use crate::header::is_bodyless;
use crate::id::request_id;
use crate::invocation::{
    Answer, Budget, Delivered, Event, Fault, Invocation, Queue, RuntimeResponse, Ticket,
};
use crate::serve::reply::document_with;
use crate::socket::Socket;
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
        let door = Door::of(parts)?;
        let mut event = request_body::read(&parts.headers, body, &self.budget).await?;
        connection.end_request();
        let id = request_id();
        make_event(&mut event, &door, parts, source, &id)?;
        let ticket = self.submit(Invocation {
            id,
            label: Rc::clone(label),
            event,
            headers: HeaderMap::new(),
            log: None,
            client: Some(Rc::clone(connection)),
        })?;
        let report = Report::new(
            &self.terminal,
            Rc::clone(label),
            Some(Rc::clone(connection)),
        );
        Ok(match ticket.answer().await {
            Answer::Failed(fault) => failed(report, &door, &fault),
            Answer::Response(response) => {
                pass_on(response, &door, &parts.method, report, connection).await
            }
        })
    }

    /// Queues an invocation.
    fn submit(&self, invocation: Invocation) -> Result<Ticket, Refusal> {
        self.queue
            .submit(invocation)
            .map_err(|full| Refusal::too_many(full.to_string()))
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

/// Reads the head and passes the rest of the body on.
async fn pass_on(
    response: RuntimeResponse,
    door: &Door,
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
        Err(Unusable {
            fault,
            delivered: how,
        }) => {
            // Without a message the program's connection ends, which is right for a body that goes
            // on.
            if let Some(how) = how {
                let _ = delivered.send(how);
            }
            return failed(report, door, &cut.take().unwrap_or(fault));
        }
    };
    report.head(head.status);
    if is_bodyless(method, head.status) {
        let _ = delivered.send(Delivered::Rest(body, report));
        return with_head(head, door, ReplyBody::Full(Full::default()));
    }
    let payload = Payload::new(first, body, delivered, cut, report);
    let body = HttpBody::new(payload, Rc::clone(connection));
    with_head(head, door, ReplyBody::Http(body))
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
