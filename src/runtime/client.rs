//! The calls of the Runtime API, over a connection that is made again when it is lost.

use std::error::Error as StdError;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::header::{
    CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use lambda_stream_wire::api;

use super::answer::{Verdict, describe, judge};
use super::connection::{Connection, Lost};
use super::dispatcher::{Opening, dispatch};
use super::endpoint::Endpoint;
use super::error::RunError;
use super::telemetry::{Ending, Report};
use super::timer::Timer;
use crate::error::Failure;
use crate::event::Context;
use crate::response::Frames;

/// Maximum number of consecutive failures of the connection; about five seconds in all.
const MAX_FAILURES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long the report of a failed set-up may take; the process exits after it in any case.
const INIT_REPORT_TIME: Duration = Duration::from_secs(2);

const PRODUCT: &str = concat!("lambda-stream/", env!("CARGO_PKG_VERSION"));

/// Number of headers that a request, or an answer to `/next`, usually has at most.
const HEADERS: usize = 8;

/// Number of header maps that are kept: one for the event, one for the response.
const KEPT_MAPS: usize = 2;

/// Names that a request takes over without a copy.
static RESPONSE_MODE: HeaderName = HeaderName::from_static(api::RESPONSE_MODE);
static INVOCATION_ID: HeaderName = HeaderName::from_static(api::INVOCATION_ID);
static ERROR_TYPE: HeaderName = HeaderName::from_static(api::ERROR_TYPE);

/// A client of the Runtime API.
pub(super) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
    /// Consecutive failures of the connection, or empty answers to `/next`.
    failures: u32,
    /// Header maps of earlier requests, which are empty and used again.
    maps: Vec<HeaderMap>,
    pub(super) report: Report,
    /// The time between the write of a head and its payload.
    pub(super) head_first: Option<Duration>,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, report: Report) -> Self {
        Self {
            endpoint,
            connection: None,
            failures: 0,
            maps: Vec::with_capacity(KEPT_MAPS),
            report,
            head_first: None,
        }
    }

    /// Returns a client of the same Runtime API, with a connection of its own.
    pub(super) fn another(&self) -> Self {
        Self {
            head_first: self.head_first,
            ..Self::new(self.endpoint.clone(), self.report)
        }
    }

    /// Waits for an invocation; returns its headers and its event.
    pub(super) async fn next(&mut self) -> Result<(HeaderMap, Bytes), RunError> {
        let mut empty_answers = 0;
        loop {
            let request = self.request(Method::GET, self.endpoint.next());
            let answer = match self.exchange(request, Bytes::new()).await? {
                Ok(answer) => answer,
                Err(lost) => {
                    self.lose(None, lost).await?;
                    continue;
                }
            };
            match answer.status() {
                StatusCode::OK => {
                    self.failures = 0;
                    let (parts, event) = answer.into_parts();
                    return Ok((parts.headers, event));
                }
                // `cargo lambda watch` has no invocation yet.
                StatusCode::NO_CONTENT => {
                    empty_answers += 1;
                    pause(empty_answers).await;
                }
                _ => {
                    return Err(RunError::refused(format!(
                        "the Runtime API at {} refused GET {}: {}",
                        self.endpoint.authority(),
                        self.endpoint.next(),
                        describe(&answer)
                    )));
                }
            }
        }
    }

    /// Streams a response; returns how it ended, and what it failed with. When this returns `Ok`,
    /// the invocation is over, well or not.
    pub(super) async fn respond<S>(
        &mut self,
        context: &Context,
        frames: Pin<&mut Option<Frames<S>>>,
        timer: Pin<&mut Timer>,
        content_type: HeaderValue,
    ) -> Result<(Ending, Option<Failure>), RunError>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let opening = Opening {
            head_frames: if content_type == api::HTTP_INTEGRATION {
                2
            } else {
                0
            },
            head_first: self.head_first,
        };
        let mut request = self.invocation_request(context, api::RESPONSE)?;
        let headers = request.headers_mut();
        headers.insert(&RESPONSE_MODE, HeaderValue::from_static(api::STREAMING));
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.insert(TRAILER, HeaderValue::from_static(api::TRAILER_NAMES));
        headers.insert(CONTENT_TYPE, content_type);
        let connection = self.connection().await?;
        let (answered, failure) = dispatch(connection, request, frames, timer, opening).await;
        if let Some(failure) = &failure {
            self.report.invocation_failed(context.request_id(), failure);
        }
        let ending = match answered {
            Ok(answered) => {
                if !answered.reusable {
                    self.connection = None;
                }
                self.heed(context, "response", answered.answer)?
            }
            Err(lost) => self.lose_invocation(context, lost).await?,
        };
        Ok((ending, failure))
    }

    /// Sends a response that is one document and not streamed: without the header that says so.
    pub(super) async fn respond_buffered(
        &mut self,
        context: &Context,
        content_type: HeaderValue,
        document: Bytes,
    ) -> Result<Ending, RunError> {
        let mut request = self.invocation_request(context, api::RESPONSE)?;
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        // Not sent twice: the service may have taken it before the connection was lost.
        match self.exchange(request, document).await? {
            Ok(answer) => self.heed(context, "response", answer),
            Err(lost) => self.lose_invocation(context, lost).await,
        }
    }

    /// Reports that an invocation failed before its head.
    pub(super) async fn fail(
        &mut self,
        context: &Context,
        failure: &Failure,
    ) -> Result<Ending, RunError> {
        self.report.invocation_failed(context.request_id(), failure);
        let request = self.invocation_request(context, api::ERROR)?;
        match self.post_failure(request, failure).await? {
            Ok(answer) => self.heed(context, "error", answer),
            Err(lost) => self.lose_invocation(context, lost).await,
        }
    }

    /// Waits while the service takes a snapshot of this sandbox. Returns in the restored sandbox,
    /// where no connection of the snapshot is left.
    pub(super) async fn wait_for_restore(&mut self) -> Result<(), RunError> {
        let path = self.path([api::RESTORE_NEXT, "", ""])?;
        let request = self.request(Method::GET, path);
        let answer = self.exchange(request, Bytes::new()).await?;
        self.connection = None;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(RunError::refused(format!(
                "the Runtime API at {} refused GET {}: {}",
                self.endpoint.authority(),
                api::RESTORE_NEXT,
                describe(&answer)
            ))),
            Err(lost) => Err(RunError::connection(
                format!(
                    "the connection to the Runtime API at {} was lost while the snapshot was taken",
                    self.endpoint.authority()
                ),
                lost,
            )),
        }
    }

    /// Reports that the program could not be set up; see [`Self::fail_start`].
    pub(super) async fn fail_init(&mut self, failure: &Failure) {
        self.fail_start(api::INIT_ERROR, failure).await;
    }

    /// Tells why the program could not be set up, or not go on after its restore, and reports it
    /// with this call. Returns the error that the runtime ends with.
    pub(super) async fn fail_setup(&mut self, call: &str, failure: Failure) -> RunError {
        let error = RunError::setup(failure.clone());
        Report::stopped(&error);
        self.fail_start(call, &failure).await;
        error
    }

    /// Reports a failure before the first invocation. An answer other than a success, and a lost
    /// connection, are logged: what matters is the failure itself.
    async fn fail_start(&mut self, call: &str, failure: &Failure) {
        let report = async {
            let request = self.post([call, "", ""])?;
            self.post_failure(request, failure).await
        };
        let problem = match tokio::time::timeout(INIT_REPORT_TIME, report).await {
            Ok(Ok(Ok(answer))) if answer.status().is_success() => return,
            Ok(Ok(Ok(answer))) => describe(&answer),
            Ok(Ok(Err(lost))) => chain(&lost),
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no answer within {INIT_REPORT_TIME:?}"),
        };
        self.report.warn(
            None,
            format_args!("the Runtime API did not take the report of this failure: {problem}"),
        );
    }

    /// Posts an error document. It is safe to send twice, so a connection that had gone stale does
    /// not keep the failure from the service.
    async fn post_failure(
        &mut self,
        mut request: Request<()>,
        failure: &Failure,
    ) -> Result<Result<Response<Bytes>, Lost>, RunError> {
        let headers = request.headers_mut();
        headers.insert(&ERROR_TYPE, failure.error_type_header());
        headers.insert(api::XRAY_CAUSE, failure.xray_cause_header());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(api::ERROR_JSON));
        let document = Bytes::from(failure.to_json());
        match self.exchange(request.clone(), document.clone()).await? {
            Ok(answer) => Ok(Ok(answer)),
            Err(_) => self.exchange(request, document).await,
        }
    }

    /// Does what an answer to a POST about an invocation asks for.
    fn heed(
        &mut self,
        context: &Context,
        call: &str,
        answer: Response<Bytes>,
    ) -> Result<Ending, RunError> {
        match judge(&answer) {
            Verdict::Accepted => {
                self.reuse(answer.into_parts().0.headers);
                Ok(Ending::Completed)
            }
            Verdict::Abandoned(text) => {
                self.report.warn(
                    Some(context.request_id()),
                    format_args!("the Runtime API refused the {call}: {text}"),
                );
                Ok(Ending::Refused)
            }
            Verdict::Wedged(text) => Err(RunError::refused(format!(
                "the Runtime API refused the {call} of invocation {} and cannot serve another: {text}",
                context.request_id()
            ))),
        }
    }

    /// Takes back a header map, whose memory the next requests use.
    pub(super) fn reuse(&mut self, mut headers: HeaderMap) {
        if self.maps.len() < KEPT_MAPS {
            headers.clear();
            self.maps.push(headers);
        }
    }

    fn request(&mut self, method: Method, path: Uri) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = path;
        let mut headers = self.maps.pop().unwrap_or_default();
        headers.reserve(HEADERS);
        headers.insert(HOST, self.endpoint.host_header());
        headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
        *request.headers_mut() = headers;
        request
    }

    fn post(&mut self, call: [&str; 3]) -> Result<Request<()>, RunError> {
        let path = self.path(call)?;
        Ok(self.request(Method::POST, path))
    }

    fn path(&self, call: [&str; 3]) -> Result<Uri, RunError> {
        self.endpoint.call(call).map_err(|error| {
            RunError::configuration(format!("cannot request {:?}", call.concat()), error)
        })
    }

    fn invocation_request(
        &mut self,
        context: &Context,
        call: &str,
    ) -> Result<Request<()>, RunError> {
        let mut request = self.post([api::INVOCATION, context.request_id(), call])?;
        if let Some(nonce) = context.invocation_nonce() {
            request.headers_mut().insert(&INVOCATION_ID, nonce.clone());
        }
        Ok(request)
    }

    /// Sends a request with a whole body, and reads the answer.
    async fn exchange(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Result<Response<Bytes>, Lost>, RunError> {
        let answer = self.connection().await?.exchange(request, body).await;
        // A refusal may have come before the whole body was sent.
        if !matches!(&answer, Ok(answer) if answer.status().is_success()) {
            self.connection = None;
        }
        Ok(answer)
    }

    /// Returns the connection, made anew if there is none or it was closed meanwhile.
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
                Err(lost) => self.lose(None, lost).await?,
            }
        }
    }

    /// Drops a connection that was lost while it served this invocation.
    async fn lose_invocation(&mut self, context: &Context, lost: Lost) -> Result<Ending, RunError> {
        self.lose(Some(context), lost).await?;
        Ok(Ending::Lost)
    }

    /// Drops a lost connection, and waits a little before it is made again, or gives up.
    async fn lose(&mut self, context: Option<&Context>, lost: Lost) -> Result<(), RunError> {
        self.connection = None;
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            return Err(RunError::connection(
                format!(
                    "cannot reach the Runtime API at {} ({MAX_FAILURES} attempts)",
                    self.endpoint.authority()
                ),
                lost,
            ));
        }
        self.report.warn(
            context.map(Context::request_id),
            format_args!(
                "the connection to the Runtime API was lost: {}",
                chain(&lost)
            ),
        );
        // The first failure after a success is retried at once.
        pause(self.failures - 1).await;
        Ok(())
    }
}

/// Waits, longer with each failure, and not at all after none.
async fn pause(failures: u32) {
    if let Some(doublings) = failures.checked_sub(1) {
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(16));
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
}

/// Returns an error with its sources, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
