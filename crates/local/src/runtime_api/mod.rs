//! The Runtime API as the program calls it.

mod refusal;
mod response;

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambda_stream_wire::{Failure, api};
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::guard::Guard;
use crate::header::is_single_use;
use crate::invocation::{Answer, Environment, Fault};
use crate::serve::{Call, function_arn, invocation, reply, reported};
use crate::socket::Socket;
use crate::terminal::Terminal;

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
        let io = TokioIo::new(Socket::new(Rc::clone(&connection)));
        let service = service_fn(|request: Request<Incoming>| {
            let api = Rc::clone(&self);
            let connection = Rc::clone(&connection);
            connection.begin_request(request.version());
            async move { api.answer(request, &connection).await }
        });
        tokio::select! {
            // An error is a connection that ended early: whoever waits for it learns that there.
            _ = http1::Builder::new().serve_connection(io, service) => {}
            () = connection.aborted() => {}
        }
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
            Ok(handed) => {
                let mut reply = invocation(&handed.id, handed.event, self.environment.timeout());
                let headers = reply.headers_mut();
                for (name, value) in [
                    (api::FUNCTION_ARN, function_arn(self.environment.function())),
                    (api::INVOCATION_ID, handed.nonce),
                ] {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        headers.insert(HeaderName::from_static(name), value);
                    }
                }
                headers.extend(handed.headers);
                reply
            }
            Err(refused) => refusal::refused(refused),
        }
    }

    async fn error(
        &self,
        connection: &Rc<Connection>,
        id: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Reply {
        let Some((error_type, document)) = reported(headers, body).await else {
            return refusal::unreadable();
        };
        let fault = Fault::from(Failure::from_json(&error_type, &document));
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
        let Some((error_type, document)) = reported(headers, body).await else {
            return refusal::unreadable();
        };
        let fault = Fault::from(Failure::from_json(&error_type, &document));
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
