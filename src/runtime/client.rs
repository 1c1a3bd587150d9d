//! The calls of the Runtime API, over a connection that is made again when it is lost.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::header::{
    CONTENT_TYPE, HOST, HeaderMap, HeaderValue, TRAILER, TRANSFER_ENCODING, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use tokio::time::Sleep;

use super::answer::{Answer, Verdict};
use super::config::Endpoint;
use super::connection::{Connection, Lost};
use super::error::RunError;
use crate::error::Failure;
use crate::event::Context;
use crate::report::Report;
use crate::response::Frames;
use crate::wire::api;

/// So often the Runtime API is tried before it is given up; about five seconds in all.
const TRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

const PRODUCT: &str = concat!("lambda-stream/", env!("CARGO_PKG_VERSION"));

/// As many headers as a request has at most.
const HEADERS: usize = 8;

/// A client of the Runtime API.
pub(super) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
    /// Failures in a row.
    failures: u32,
    pub(super) report: Report,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, report: Report) -> Self {
        Self {
            endpoint,
            connection: None,
            failures: 0,
            report,
        }
    }

    /// Waits for an invocation: the headers and the event.
    pub(super) async fn next(&mut self) -> Result<(HeaderMap, Bytes), RunError> {
        loop {
            let path = self.endpoint.path(api::NEXT);
            let request = self.request(Method::GET, path)?.map(|()| None);
            let response = match self.connection().await?.exchange(request).await {
                Ok(response) => response,
                Err(lost) => {
                    self.lost(None, &lost).await?;
                    continue;
                }
            };
            match response.status() {
                StatusCode::OK => {
                    self.failures = 0;
                    let (parts, event) = response.into_parts();
                    return Ok((parts.headers, event));
                }
                // `cargo lambda watch` has no invocation yet.
                StatusCode::NO_CONTENT => self.pause().await,
                status => {
                    let answer = Answer {
                        status,
                        body: response.into_body(),
                    };
                    return Err(RunError::refused(format_args!(
                        "the Runtime API at {} refused GET {}: {}",
                        self.endpoint.authority(),
                        self.endpoint.path(api::NEXT),
                        answer.text()
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
        deadline: Pin<&mut Option<Sleep>>,
    ) -> Result<(), RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let mut request = self.invocation_request(context, api::RESPONSE)?;
        let headers = request.headers_mut();
        headers.insert(api::RESPONSE_MODE, HeaderValue::from_static(api::STREAMING));
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.insert(TRAILER, HeaderValue::from_static(api::TRAILERS));
        headers.insert(CONTENT_TYPE, content_type);
        let answer = self
            .connection()
            .await?
            .respond(request, frames.as_mut(), deadline)
            .await;
        frames.as_mut().abandon();
        if let Some(failure) = frames.failure() {
            self.report.failed(context.request_id(), failure);
        }
        let (answer, is_used_up) = match answer {
            Ok(answer) => answer,
            Err(lost) => return self.lost(Some(context), &lost).await,
        };
        if is_used_up {
            self.connection = None;
        }
        self.heed(context, "response", &answer)
    }

    /// Sends a response that is one JSON document and not streamed: without the header that says so.
    #[cfg(feature = "http")]
    pub(super) async fn respond_whole(
        &mut self,
        context: &Context,
        document: Bytes,
    ) -> Result<(), RunError> {
        let mut request = self.invocation_request(context, api::RESPONSE)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let request = request.map(|()| Some(document));
        // It is not sent twice: the service may have taken it before the connection was lost.
        match self.connection().await?.exchange(request).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let status = parts.status;
                self.heed(context, "response", &Answer { status, body })
            }
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
        let request = self.invocation_request(context, api::ERROR)?;
        match self.post_failure(request, failure).await {
            Ok(answer) => self.heed(context, "error", &answer),
            Err(lost) => self.lost(Some(context), &lost).await,
        }
    }

    /// Reports that the program could not be set up.
    pub(super) async fn fail_init(&mut self, failure: &Failure) -> Result<(), RunError> {
        let path = self.endpoint.path(api::INIT_ERROR);
        let request = self.request(Method::POST, path.clone())?;
        match self.post_failure(request, failure).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(RunError::refused(format_args!(
                "the Runtime API refused POST {path}: {}",
                answer.text()
            ))),
            Err(lost) => Err(RunError::connection(lost)),
        }
    }

    /// Sends an error document. It is safe to send twice, so a connection that had gone stale is no
    /// reason to keep the failure from the service.
    async fn post_failure(
        &mut self,
        mut request: Request<()>,
        failure: &Failure,
    ) -> Result<Answer, Lost> {
        let error_type = HeaderValue::from_str(failure.error_type())
            .unwrap_or(HeaderValue::from_static("Function.Unknown"));
        let headers = request.headers_mut();
        headers.insert(api::ERROR_TYPE, error_type);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(api::ERROR_JSON));
        let request = request.map(|()| Some(Bytes::from(failure.to_json())));
        let mut tries = 2;
        loop {
            tries -= 1;
            let connection = self
                .connection()
                .await
                .map_err(|error| Lost::from_text(error.to_string()))?;
            match connection.exchange(request.clone()).await {
                Ok(response) => {
                    let (parts, body) = response.into_parts();
                    let status = parts.status;
                    return Ok(Answer { status, body });
                }
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

    fn request(&self, method: Method, path: String) -> Result<Request<()>, RunError> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = path.try_into().map_err(|error| {
            RunError::configuration(format_args!("the path cannot be requested: {error}"))
        })?;
        let headers = request.headers_mut();
        headers.reserve(HEADERS);
        headers.insert(HOST, self.endpoint.host_header());
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        Ok(request)
    }

    fn invocation_request(&self, context: &Context, call: &str) -> Result<Request<()>, RunError> {
        let path = self.endpoint.invocation_path(context.request_id(), call);
        let mut request = self.request(Method::POST, path)?;
        if let Some(nonce) = context.invocation_id() {
            request
                .headers_mut()
                .insert(api::INVOCATION_ID, nonce.clone());
        }
        Ok(request)
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
