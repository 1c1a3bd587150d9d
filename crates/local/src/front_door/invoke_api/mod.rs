//! The Invoke APIs as AWS SDKs call them.
//!
//! Source: AWS, "Lambda API reference", `Invoke` and `InvokeWithResponseStream`.

mod event_stream;
mod log;
mod operation;
mod request;

use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

pub(super) use self::event_stream::EventStreamBody;
use self::log::LogTail;
pub(super) use self::operation::is_call;
use self::operation::{Call, Operation};
use self::request::{Kind, Settings};
use super::FrontDoor;
use super::answer::{Reply, ReplyBody};
use super::collect::{self, Unusable};
use super::head;
use super::payload::Payload;
use super::refusal::Refusal;
use super::request_body;
use super::submission::Submission;
use crate::connection::Connection;
use crate::id::request_id;
use crate::invocation::{Answer, Delivered, Fault, RuntimeResponse, Ticket};
use crate::terminal::Report;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");

/// The value of [`FUNCTION_ERROR`] for every error of a runtime.
const UNHANDLED: HeaderValue = HeaderValue::from_static("Unhandled");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One call whose request has been read.
struct Exchange {
    operation: Operation,
    settings: Settings,
    id: String,
    /// The log, if the caller wants it.
    log: Option<LogTail>,
}

impl Exchange {
    /// Answers an asynchronous call, and sees the invocation through.
    fn detach(self, ticket: Ticket, report: Report) -> Reply {
        tokio::task::spawn_local(async move {
            match ticket.answer().await {
                Answer::Failed(fault) => report.failed(&fault),
                Answer::Response(response) => {
                    let mut payload = payload(response, report);
                    // The payload itself tells program and terminal how it ended.
                    while let Some(Ok(_)) = std::future::poll_fn(|cx| payload.poll_chunk(cx)).await
                    {
                    }
                }
            }
        });
        self.reply(StatusCode::ACCEPTED, Bytes::new())
    }

    /// Waits for the function and answers the call.
    async fn answer(
        mut self,
        ticket: Ticket,
        mut report: Report,
        connection: &Rc<Connection>,
    ) -> Reply {
        let log = self.log.take();
        let answer = ticket.answer().await;
        if self.operation == Operation::InvokeWithResponseStream {
            report.status(StatusCode::OK);
            let body = match answer {
                Answer::Failed(fault) => {
                    report.failed(&fault);
                    EventStreamBody::failed(&fault, log)
                }
                Answer::Response(response) => {
                    EventStreamBody::new(payload(response, report), log, Rc::clone(connection))
                }
            };
            return self.streamed(body);
        }
        let result = match answer {
            Answer::Failed(fault) => Err(fault),
            Answer::Response(response) => {
                expect_prelude(&response, &report);
                buffer(response).await
            }
        };
        self.buffered(result, report, log)
    }

    /// Answers `Invoke`: a failed function is a success of the call.
    fn buffered(
        &self,
        result: Result<(Bytes, HeaderValue), Fault>,
        mut report: Report,
        log: Option<LogTail>,
    ) -> Reply {
        report.status(StatusCode::OK);
        let mut reply = match result {
            Ok((document, content_type)) => {
                if !document.is_empty() {
                    report.chunk(&document);
                }
                report.complete();
                let mut reply = self.reply(StatusCode::OK, document);
                reply.headers_mut().insert(CONTENT_TYPE, content_type);
                reply
            }
            Err(fault) => {
                report.failed(&fault);
                let mut reply = self.reply(StatusCode::OK, fault.to_json().into());
                let headers = reply.headers_mut();
                headers.insert(CONTENT_TYPE, JSON);
                headers.insert(FUNCTION_ERROR, UNHANDLED);
                reply
            }
        };
        let log = log.map(|log| log.result());
        if let Some(Ok(log)) = log.as_deref().map(HeaderValue::from_str) {
            reply.headers_mut().insert(LOG_RESULT, log);
        }
        reply
    }

    fn streamed(&self, body: EventStreamBody) -> Reply {
        let mut reply = Response::new(ReplyBody::EventStream(body));
        *reply.headers_mut() = self.headers();
        let content_type = HeaderValue::from_static("application/vnd.amazon.eventstream");
        reply.headers_mut().insert(CONTENT_TYPE, content_type);
        reply
    }

    fn reply(&self, status: StatusCode, document: Bytes) -> Reply {
        let mut reply = Response::new(ReplyBody::Full(Full::new(document)));
        *reply.status_mut() = status;
        *reply.headers_mut() = self.headers();
        reply
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (REQUEST_ID, &self.id),
            (EXECUTED_VERSION, &self.settings.version),
        ] {
            // Both are checked or made here, and consist of printable ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// The response as it is: the Invoke APIs do not take a prelude apart (reported by users on live
/// AWS).
fn payload(response: RuntimeResponse, report: Report) -> Payload {
    expect_prelude(&response, &report);
    Payload::new(
        Bytes::new(),
        response.body,
        response.delivered,
        response.cut,
        report,
    )
}

/// Has the record show the head of a response whose client gets it within the payload.
fn expect_prelude(response: &RuntimeResponse, report: &Report) {
    let content_type = response.content_type.as_ref();
    if content_type.is_some_and(head::is_http_integration) {
        report.expect_prelude();
    }
}

/// Reads a whole response.
async fn buffer(mut response: RuntimeResponse) -> Result<(Bytes, HeaderValue), Fault> {
    let (result, delivered) = match collect::document(&mut response.body).await {
        Ok(document) => {
            let content_type = response.content_type.unwrap_or(JSON);
            (Ok((document, content_type)), Some(Delivered::Read))
        }
        Err(Unusable { fault, delivered }) => {
            (Err(response.cut.take().unwrap_or(fault)), delivered)
        }
    };
    if let Some(delivered) = delivered {
        // If the program is gone, there is no one to tell.
        let _ = response.delivered.send(delivered);
    }
    result
}

impl FrontDoor {
    /// Answers a call of Lambda's API.
    pub(super) async fn answer_call(
        &self,
        parts: &Parts,
        body: Incoming,
        label: &Rc<str>,
        connection: &Rc<Connection>,
    ) -> Result<Reply, Refusal> {
        let call = Call::parse(parts).ok_or_else(|| Refusal::unknown_operation(parts))?;
        let settings = Settings::parse(&call, &parts.headers)?;
        let mut event = request_body::read(&parts.headers, body, &self.budget).await?;
        connection.end_request();
        if event.bytes.is_empty() {
            // What a call without a payload means to the service.
            let _ = event.replace(Bytes::from_static(b"{}"));
        }
        settings.check_event(&event.bytes)?;
        let id = request_id();
        let log = settings
            .tail_log
            .then(|| LogTail::begin(id.clone(), settings.version.clone()));
        let exchange = Exchange {
            operation: call.operation,
            settings,
            id,
            log,
        };
        if exchange.settings.kind == Kind::DryRun {
            return Ok(exchange.reply(StatusCode::NO_CONTENT, Bytes::new()));
        }
        let client = (exchange.settings.kind == Kind::RequestResponse).then_some(connection);
        let door = exchange.operation.door_name();
        let (ticket, report) = self.submit(Submission {
            headers: exchange.settings.headers.clone(),
            log: exchange.log.as_ref().map(LogTail::log),
            client: client.cloned(),
            request: format!("{:?} {}", call.operation, call.function).into(),
            ..Submission::new(exchange.id.clone(), door, label, event)
        })?;
        Ok(match client {
            Some(client) => exchange.answer(ticket, report, client).await,
            None => exchange.detach(ticket, report),
        })
    }
}
