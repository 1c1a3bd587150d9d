//! What became of an invocation.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::runtime_api::{End, Start};
use crate::error::Failure;
use crate::response::Head;

/// What became of an invocation: head, chunks with their arrival times, trailers, and how it ended.
///
/// A failure in the middle of a response leaves the head and the chunks before it, as for a client.
///
/// # Example
///
/// ```
/// use lambda_stream::testing::Lambda;
/// use lambda_stream::{Error, Failure, Head, LambdaEvent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
///     let rows = [Ok("one row\n"), Err(Failure::new("QuotaExceeded", "no more rows today"))];
///     Ok::<_, Error>((Head::new(206), tokio_stream::iter(rows)))
/// });
///
/// let outcome = lambda.invoke(()).await;
/// assert_eq!(outcome.head().unwrap().status(), 206);
/// assert_eq!(outcome.text(), "one row\n");
/// assert_eq!(outcome.failure().unwrap().error_type(), "Function.QuotaExceeded");
/// assert!(!outcome.is_complete());
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    head: Option<Head>,
    content_type: Option<HeaderValue>,
    streamed: bool,
    chunks: Vec<Chunk>,
    trailers: Option<HeaderMap>,
    failure: Option<Failure>,
    late_failure: Option<Failure>,
    elapsed: Duration,
}

impl Outcome {
    /// Status, headers and cookies. `None` for a payload without a head, such as
    /// [`Raw`](crate::Raw) and [`Json`](crate::Json), and if the invocation failed before its
    /// head.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Content type that the service sees, which for a response with a head is not that of the
    /// head. `None` if the invocation failed before its response.
    pub fn content_type(&self) -> Option<&HeaderValue> {
        self.content_type.as_ref()
    }

    /// Whether the response was streamed, and not sent as one document.
    pub fn is_streamed(&self) -> bool {
        self.streamed
    }

    /// The chunks that the handler's stream gave, without empty ones, which are never sent.
    ///
    /// They are the same whether or not they shared a write. Those of a handler that writes are
    /// what the runtime took out of the writer, and a document is one chunk.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Returns the whole payload.
    pub fn body(&self) -> Bytes {
        match self.chunks.as_slice() {
            [chunk] => chunk.bytes.clone(),
            chunks => {
                let bytes: Vec<_> = chunks.iter().map(|chunk| &chunk.bytes[..]).collect();
                bytes.concat().into()
            }
        }
    }

    /// Returns the whole payload as text; what is not UTF-8 becomes `U+FFFD`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// Decodes the whole payload as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body())
    }

    /// Trailers after the payload, as the service sees them; `None` if there are none. A failure is
    /// decoded from them in [`failure`](Self::failure).
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// What the invocation failed with, be it instead of a response or in the middle of one.
    ///
    /// A response with a status such as 500 is not a failure.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What a handler that [writes](crate::body::writer) failed with after the end of its response,
    /// when it can only be logged.
    pub fn late_failure(&self) -> Option<&Failure> {
        self.late_failure.as_ref()
    }

    /// Whether the response arrived whole.
    pub fn is_complete(&self) -> bool {
        self.failure.is_none()
    }

    /// Returns this outcome if the response arrived whole, for use with `?`.
    ///
    /// # Errors
    ///
    /// What the invocation failed with.
    pub fn into_result(self) -> Result<Self, Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }

    /// Time from the event being handed out to the end of the response.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    pub(super) fn start(&mut self, start: Start) {
        self.head = start.head;
        self.content_type = start.content_type;
        self.streamed = start.streamed;
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
    }

    pub(super) fn end(&mut self, end: End, elapsed: Duration) {
        self.failure = end.failure;
        self.trailers = end.trailers;
        self.elapsed = elapsed;
    }

    pub(super) fn idle(&mut self, late_failure: Option<Failure>) {
        self.late_failure = late_failure;
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }
}

/// A chunk that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    bytes: Bytes,
    elapsed: Duration,
}

impl Chunk {
    pub(super) fn new(bytes: Bytes, elapsed: Duration) -> Self {
        Self { bytes, elapsed }
    }

    /// The bytes; never empty.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the bytes as text; what is not UTF-8 becomes `U+FFFD`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Time from the event being handed out to the arrival of the chunk's last byte, on tokio's
    /// clock.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}
