//! The calls of the Runtime API, over a connection that is made again when it is lost.

use std::mem;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::StatusCode;
use http::header::HeaderValue;

use super::answer::{Answer, Verdict};
use super::config::Endpoint;
use super::connection::{Connection, Lost};
use super::deadline::Timer;
use super::error::RunError;
use super::http1::Reply;
use crate::error::Failure;
use crate::event::{Context, EventHeaders};
use crate::report::Report;
use crate::response::Frames;
use lambda_stream_wire::api;

/// So often the Runtime API is tried before it is given up; about five seconds in all.
const TRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A client of the Runtime API.
pub(super) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
    /// Failures in a row.
    failures: u32,
    /// The head of the request that is being sent; the memory is kept.
    head: Vec<u8>,
    pub(super) report: Report,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, report: Report) -> Self {
        Self {
            endpoint,
            connection: None,
            failures: 0,
            head: Vec::new(),
            report,
        }
    }

    /// Waits for an invocation: the headers and the event.
    pub(super) async fn next(&mut self) -> Result<(EventHeaders, Bytes), RunError> {
        loop {
            self.request("GET", &[api::NEXT]);
            self.end_head();
            let reply = match self.exchange(Bytes::new()).await? {
                Ok(reply) => reply,
                Err(lost) => {
                    self.lost(None, &lost).await?;
                    continue;
                }
            };
            match reply.status {
                StatusCode::OK => {
                    self.failures = 0;
                    return Ok((reply.headers, reply.body));
                }
                // `cargo lambda watch` has no invocation yet.
                StatusCode::NO_CONTENT => self.pause().await,
                _ => {
                    return Err(RunError::refused(format_args!(
                        "the Runtime API at {} refused GET {}{}: {}",
                        self.endpoint.authority(),
                        self.endpoint.base(),
                        api::NEXT,
                        reply.answer().text()
                    )));
                }
            }
        }
    }

    /// Streams a response. When this returns `Ok`, the invocation is over, well or not.
    pub(super) async fn respond<S>(
        &mut self,
        context: &Context,
        content_type: HeaderValue,
        mut frames: Pin<&mut Frames<S>>,
        timer: Pin<&mut Timer>,
    ) -> Result<(), RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        self.invocation_request(context, api::RESPONSE);
        self.head.extend_from_slice(api::STREAMED.as_bytes());
        self.header("Content-Type", content_type.as_bytes());
        self.end_head();
        let head = mem::take(&mut self.head);
        let answer = self
            .connection()
            .await?
            .respond(&head, frames.as_mut(), timer)
            .await;
        self.head = head;
        frames.as_mut().abandon();
        if let Some(failure) = frames.failure() {
            self.report.failed(context.request_id(), failure);
        }
        let (answer, is_kept) = match answer {
            Ok(answer) => answer,
            Err(lost) => return self.lost(Some(context), &lost).await,
        };
        if !is_kept {
            self.connection = None;
        }
        self.heed(context, "response", &answer)
    }

    /// Sends a response that is one JSON document and not streamed: without the header that says so.
    #[cfg(feature = "web")]
    pub(super) async fn respond_whole(
        &mut self,
        context: &Context,
        document: Bytes,
    ) -> Result<(), RunError> {
        self.invocation_request(context, api::RESPONSE);
        self.header("Content-Type", b"application/json");
        self.header("Content-Length", document.len().to_string().as_bytes());
        self.end_head();
        // It is not sent twice: the service may have taken it before the connection was lost.
        match self.exchange(document).await? {
            Ok(reply) => self.heed(context, "response", &reply.answer()),
            Err(lost) => self.lost(Some(context), &lost).await,
        }
    }

    /// Reports that an invocation failed before its head.
    pub(super) async fn fail(
        &mut self,
        context: &Context,
        failure: &Failure,
    ) -> Result<(), RunError> {
        self.report.failed(context.request_id(), failure);
        self.invocation_request(context, api::ERROR);
        match self.post_failure(failure).await {
            Ok(answer) => self.heed(context, "error", &answer),
            Err(lost) => self.lost(Some(context), &lost).await,
        }
    }

    /// Reports that the program could not be set up.
    pub(super) async fn fail_init(&mut self, failure: &Failure) -> Result<(), RunError> {
        self.request("POST", &[api::INIT_ERROR]);
        match self.post_failure(failure).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(RunError::refused(format_args!(
                "the Runtime API refused POST {}{}: {}",
                self.endpoint.base(),
                api::INIT_ERROR,
                answer.text()
            ))),
            Err(lost) => Err(RunError::connection(lost)),
        }
    }

    /// Sends an error document behind the head that was begun. It is safe to send twice, so a connection
    /// that had gone stale is no reason to keep the failure from the service.
    async fn post_failure(&mut self, failure: &Failure) -> Result<Answer, Lost> {
        let document = Bytes::from(failure.to_json());
        self.header(
            "Lambda-Runtime-Function-Error-Type",
            failure.error_type().as_bytes(),
        );
        self.header("Content-Type", api::ERROR_JSON.as_bytes());
        self.header("Content-Length", document.len().to_string().as_bytes());
        self.end_head();
        let mut tries = 2;
        loop {
            tries -= 1;
            let reply = self.exchange(document.clone()).await;
            match reply.map_err(Lost::new)? {
                Ok(reply) => return Ok(reply.answer()),
                Err(lost) if tries == 0 => return Err(lost),
                Err(_) => self.connection = None,
            }
        }
    }

    /// Does what an answer to a POST about an invocation asks for.
    fn heed(&mut self, context: &Context, call: &str, answer: &Answer) -> Result<(), RunError> {
        match answer.verdict() {
            Verdict::Accepted => Ok(()),
            Verdict::Abandoned(text) => {
                self.report.warn(
                    Some(context.request_id()),
                    format_args!("the Runtime API refused the {call}: {text}"),
                );
                Ok(())
            }
            Verdict::Wedged(text) => Err(RunError::refused(format_args!(
                "the Runtime API refused the {call} of invocation {} and can serve no other: {text}",
                context.request_id()
            ))),
        }
    }

    /// Begins the head of a request; the parts of its path come behind the base.
    fn request(&mut self, method: &str, path: &[&str]) {
        self.head.clear();
        self.text(method);
        self.head.push(b' ');
        self.head.extend_from_slice(self.endpoint.base().as_bytes());
        for part in path {
            self.text(part);
        }
        self.text(" HTTP/1.1\r\n");
        self.text("Host: ");
        self.head
            .extend_from_slice(self.endpoint.authority().as_bytes());
        self.text(concat!(
            "\r\nUser-Agent: lambda-stream/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        ));
    }

    fn invocation_request(&mut self, context: &Context, call: &str) {
        self.request("POST", &[api::INVOCATION, context.request_id(), call]);
        if let Some(nonce) = context.invocation_id() {
            self.header("Lambda-Runtime-Invocation-Id", nonce);
        }
    }

    /// Adds a header, whose value came as one or was checked to be one.
    fn header(&mut self, name: &str, value: &[u8]) {
        self.text(name);
        self.text(": ");
        self.head.extend_from_slice(value);
        self.text("\r\n");
    }

    fn end_head(&mut self) {
        self.text("\r\n");
    }

    fn text(&mut self, text: &str) {
        self.head.extend_from_slice(text.as_bytes());
    }

    /// Sends the head that was made, with this body, and reads the answer.
    async fn exchange(&mut self, body: Bytes) -> Result<Result<Reply, Lost>, RunError> {
        let head = mem::take(&mut self.head);
        let reply = self.connection().await?.exchange(&head, body).await;
        self.head = head;
        if !matches!(&reply, Ok(reply) if reply.is_kept) {
            self.connection = None;
        }
        Ok(reply)
    }

    /// The connection, made anew when there is none or it was closed meanwhile.
    async fn connection(&mut self) -> Result<&mut Connection, RunError> {
        let kept = match self.connection.take() {
            Some(mut connection) => connection.is_open().await.then_some(connection),
            None => None,
        };
        let connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn connect(&mut self) -> Result<Connection, RunError> {
        loop {
            match Connection::open(&self.endpoint).await {
                Ok(connection) => return Ok(connection),
                Err(lost) => self.lost(None, &lost).await?,
            }
        }
    }

    /// The connection was lost: waits a little before it is made again, or gives up.
    async fn lost(&mut self, context: Option<&Context>, lost: &Lost) -> Result<(), RunError> {
        self.connection = None;
        self.failures += 1;
        if self.failures >= TRIES {
            return Err(RunError::connection(format_args!(
                "the Runtime API at {} cannot be reached, {TRIES} times in a row: {lost}",
                self.endpoint.authority()
            )));
        }
        self.report.warn(
            context.map(Context::request_id),
            format_args!("the connection to the Runtime API was lost: {lost}"),
        );
        self.pause().await;
        Ok(())
    }

    /// Waits, longer each time. The first failure after a success costs no wait.
    async fn pause(&self) {
        if let Some(doublings) = self.failures.checked_sub(2) {
            let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(16));
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }
}
