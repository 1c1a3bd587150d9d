//! The Runtime API as the program calls it.

mod call;
mod refusal;
mod response;

use std::fmt;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use lambda_stream_wire::limits::EVENT_LIMIT;
use lambda_stream_wire::{Failure, api};
use tokio::net::TcpStream;

use self::call::Call;
use crate::connection::Connection;
use crate::guard::Guard;
use crate::header::is_single_use;
use crate::id::{epoch_ms, function_arn, trace_id};
use crate::invocation::{Answer, Environment, Fault, Handed};
use crate::reply;
use crate::socket;
use crate::terminal::Terminal;

type Reply = Response<Full<Bytes>>;

/// Ends the program's connection, so that it drops its stream, which is no longer read.
#[derive(Debug)]
struct ClientLeft;

impl fmt::Display for ClientLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client left before the response ended")
    }
}

impl std::error::Error for ClientLeft {}

/// The listener that one program connects to.
pub(crate) struct RuntimeApi {
    environment: Rc<Environment>,
    guard: Guard,
    terminal: Terminal,
}

/// Tells the environment when a connection ends, however it does.
struct Ending {
    environment: Rc<Environment>,
    connection: Rc<Connection>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.environment.lose(&self.connection);
    }
}

impl RuntimeApi {
    pub(crate) fn new(environment: Rc<Environment>, guard: Guard, terminal: Terminal) -> Self {
        Self {
            environment,
            guard,
            terminal,
        }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Rc<Self>, stream: TcpStream) {
        let connection = Connection::with_program(stream);
        let _ending = Ending {
            environment: Rc::clone(&self.environment),
            connection: Rc::clone(&connection),
        };
        socket::serve(&connection, async |request| {
            self.answer(request, &connection).await
        })
        .await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> Result<Reply, ClientLeft> {
        let (parts, body) = request.into_parts();
        if let Err(why) = self.guard.check(&parts, connection.local_address()) {
            return Ok(self.foreign(&parts, &why));
        }
        let path = parts.uri.path();
        match Call::of(&parts.method, path) {
            Some(Call::Next) => {
                let single_use = is_single_use(parts.version, &parts.headers);
                Ok(self.next(connection, single_use).await)
            }
            Some(Call::Response(id)) => {
                response::take(&self.environment, connection, id, &parts.headers, body).await
            }
            Some(Call::Error(id)) => Ok(self.error(connection, id, &parts.headers, body).await),
            Some(Call::InitError) => Ok(self.init_error(connection, &parts.headers, body).await),
            None => Ok(refusal::unknown_call(&parts.method, path)),
        }
    }

    async fn next(&self, connection: &Rc<Connection>, single_use: bool) -> Reply {
        match self.environment.next(connection, single_use).await {
            Ok(handed) => self.hand_out(handed),
            Err(refused) => refusal::refused(refused),
        }
    }

    fn hand_out(&self, handed: Handed) -> Reply {
        let now = SystemTime::now();
        let deadline = epoch_ms(now + self.environment.timeout());
        let mut reply = reply::document_with(StatusCode::OK, "application/json", handed.event);
        let headers = reply.headers_mut();
        for (name, value) in [
            (api::REQUEST_ID, handed.id),
            (api::DEADLINE_MS, deadline.to_string()),
            (api::FUNCTION_ARN, function_arn(self.environment.function())),
            (api::TRACE_ID, trace_id(now)),
            (api::INVOCATION_ID, handed.nonce),
        ] {
            // All of them are made here, of printable ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.extend(handed.headers);
        reply
    }

    async fn error(
        &self,
        connection: &Rc<Connection>,
        id: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Reply {
        let Some(fault) = reported(headers, body).await else {
            return refusal::unreadable();
        };
        let nonce = headers.get(api::INVOCATION_ID).map(HeaderValue::as_bytes);
        let begun = match self.environment.begin_answer(id, nonce, connection) {
            Ok(begun) => begun,
            Err(refused) => return refusal::refused(refused),
        };
        if let Err(Answer::Failed(fault)) = begun.answer.send(Answer::Failed(fault)) {
            self.terminal
                .fault("an invocation whose client had left", &fault);
        }
        reply::accepted()
    }

    async fn init_error(
        &self,
        connection: &Rc<Connection>,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Reply {
        let Some(fault) = reported(headers, body).await else {
            return refusal::unreadable();
        };
        self.terminal
            .fault("the program could not be set up", &fault);
        match self.environment.fail_init(connection, &fault) {
            Ok(()) => reply::accepted(),
            Err(refused) => refusal::refused(refused),
        }
    }

    fn foreign(&self, request: &Parts, why: &str) -> Reply {
        let label = format!("Runtime API: {} {}", request.method, request.uri.path());
        self.terminal.refused(&label, StatusCode::FORBIDDEN, why);
        refusal::foreign(why)
    }
}

/// Reads what the program reports; `None` when it broke off, or sent more than an event may have.
async fn reported(headers: &HeaderMap, body: Incoming) -> Option<Fault> {
    let body = Limited::new(body, EVENT_LIMIT).collect().await.ok()?;
    let error_type = headers
        .get(api::ERROR_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or("Runtime.Unknown".into());
    let failure = Failure::from_json(&error_type, &body.to_bytes());
    Some(Fault::from(failure))
}
