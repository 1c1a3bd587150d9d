//! The extension trait that every stream of chunks has.

use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;

use super::{Heartbeat, Limit, UntilDeadline};
use crate::error::Error;
use crate::event::Context;

/// Adapters as methods of every stream of chunks: every `Stream<Item = Result<D, E>>` where `D` becomes
/// [`Bytes`] without a copy (`Bytes`, `Vec<u8>`, `String`, `&'static str`, …) and `E` is any error.
///
/// # Which one for what
///
/// | To | Take |
/// |---|---|
/// | keep an idle response from being cut | [`heartbeat`](Self::heartbeat) |
/// | end one response before the sandbox is killed, and tell the client how to go on | [`until_deadline`](Self::until_deadline) |
/// | end every response before the sandbox is killed | nothing: [`Runtime::deadline_margin`](crate::Runtime::deadline_margin) is on by default |
/// | fail cleanly before one response is too large | [`limit`](Self::limit) |
/// | fail cleanly before any response is too large | [`Runtime::response_limit`](crate::Runtime::response_limit) |
/// | send a reader, an iterator, a body, a stream without errors | [`payload`](crate::body::payload) |
/// | write instead of return | [`writer`](crate::body::writer) |
///
/// # What they share
///
/// * Each is a plain [`Stream`]: it works without the [`Runtime`](crate::Runtime) too, composes with the
///   adapters of `tokio_stream` and `futures`, spawns nothing and allocates nothing per chunk.
/// * After the end and after an error the stream below is dropped at once and is never polled again; an
///   adapter that is polled again returns `None`.
/// * Dropping an adapter drops what is below it.
/// * No chunk is held back: dropping a pending `next()` loses nothing.
///
/// # In which order
///
/// An adapter sees what the ones before it make, so the usual order is format, `heartbeat`,
/// `until_deadline`, `limit`: heartbeats then count against the limit, and end with the deadline.
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use futures_core::Stream;
/// use lambda_stream::body::{ChunkStreamExt, payload};
/// use lambda_stream::{Error, Head, LambdaEvent, RESPONSE_LIMIT};
///
/// async fn handler(
///     event: LambdaEvent<u64>,
/// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
///     let lines = (0..event.payload).map(|n| format!("{n}\n"));
///     let lines = payload::from_iter(lines)
///         .heartbeat(Duration::from_secs(15), "\n")
///         .until_deadline(&event.context, Duration::from_secs(2))
///         .limit(RESPONSE_LIMIT);
///     Ok((Head::ok().content_type("text/plain"), lines))
/// }
/// ```
///
/// The trait is not meant to be implemented elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of chunks",
    label = "not a stream of chunks",
    note = "a stream of chunks is a `Stream` of `Result<impl Into<Bytes>, impl Into<lambda_stream::Error>>`; `lambda_stream::body::payload::infallible` makes one of a stream without errors"
)]
pub trait ChunkStreamExt: Stream + Sized {
    /// Sends `bytes` whenever the stream has had no chunk for `interval`, so that an idle response is not
    /// cut.
    ///
    /// API Gateway cuts a response that is idle for 5 minutes (regional and private endpoints) or 30 seconds
    /// (edge-optimized endpoints), and clients, proxies and load balancers have limits of their own. Half of
    /// the shortest one is a good interval.
    ///
    /// * The bytes are a chunk of their own and never lie inside of another. Put the adapter where a chunk
    ///   is something whole, such as a row or an event, and take bytes that mean nothing there: `": \n\n"`
    ///   in server-sent events, `"\n"` in NDJSON, white space around a JSON document.
    /// * The interval begins when the stream is asked for a chunk and has none. So a client that reads
    ///   slowly gets no heartbeats in between, and a late one is not made up for: it is one, not many.
    /// * A chunk that is ready when a heartbeat is due goes first. An empty chunk is passed on, but does
    ///   not count as a sign of life, because nothing of it reaches the client.
    /// * Heartbeats begin before the first chunk, and end with the stream.
    /// * No heartbeat is sent when `interval` is zero or `bytes` is empty.
    ///
    /// Errors pass through as they are, type included.
    ///
    /// # Panics
    ///
    /// Polling panics outside of a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses neither a chunk nor the time that has passed.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lambda_stream::body::ChunkStreamExt;
    /// use lambda_stream::Error;
    /// use tokio_stream::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # tokio::time::pause();
    /// let answer = futures::stream::once(async {
    ///     tokio::time::sleep(Duration::from_secs(50)).await;
    ///     Ok::<_, Error>("42\n")
    /// });
    /// let chunks = answer.heartbeat(Duration::from_secs(20), "\n");
    /// let chunks: Vec<_> = chunks.collect::<Result<_, _>>().await?;
    /// assert_eq!(chunks, ["\n", "\n", "42\n"]);
    /// # Ok(()) }
    /// ```
    fn heartbeat(self, interval: Duration, bytes: impl Into<Bytes>) -> Heartbeat<Self> {
        Heartbeat::new(self, interval, bytes.into())
    }

    /// Ends the stream with a [`DeadlineExceeded`](crate::body::DeadlineExceeded) error when `margin` is left until
    /// the deadline of this invocation, but never earlier than halfway from now to it.
    ///
    /// The service kills the sandbox at the deadline: the client sees a cut response, and the next
    /// invocation is a cold start. The runtime prevents that for every response
    /// ([`Runtime::deadline_margin`](crate::Runtime::deadline_margin), 50 ms). This adapter is for a stream
    /// that has something to say at its end, and needs a margin larger than that of the runtime: with
    /// [`closing_with`](UntilDeadline::closing_with) it says it in a last chunk instead of an error.
    ///
    /// * A stream that is always ready is ended too. A chunk that is ready after the moment is not sent.
    /// * A deadline that is absurd is not enforced: one that had passed before the invocation arrived
    ///   (some local tools send a constant), or that is more than a day away.
    /// * While the client does not read, nothing is polled, this adapter included; then it is the runtime
    ///   that ends the response.
    /// * Before the first chunk, the error fails the invocation as a whole. Otherwise it becomes trailers.
    ///   Either way it is reported as `Function.DeadlineExceeded`.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded`, to be told from others by downcasting. Errors of the stream itself are boxed,
    /// and can be downcast too; how that changes what they are reported as is told at
    /// [`Failure`](crate::Failure).
    ///
    /// # Panics
    ///
    /// Polling panics outside of a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses no chunk. The deadline stays where it is.
    ///
    /// # Example
    ///
    /// A last line that depends on how far the stream came:
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_core::Stream;
    /// use lambda_stream::body::{ChunkStreamExt, DeadlineExceeded, payload};
    /// use lambda_stream::{Error, Head, LambdaEvent};
    /// use tokio_stream::StreamExt;
    ///
    /// async fn handler(
    ///     event: LambdaEvent<u64>,
    /// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
    ///     let rows = (event.payload..).map(|n| format!("{n}\n"));
    ///     let mut next = event.payload;
    ///     let rows = payload::from_iter(rows)
    ///         .until_deadline(&event.context, std::time::Duration::from_secs(1))
    ///         .map(move |row| match row {
    ///             Err(error) if error.is::<DeadlineExceeded>() => {
    ///                 Ok(format!("# go on at {next}\n").into())
    ///             }
    ///             row => {
    ///                 next += 1;
    ///                 row
    ///             }
    ///         });
    ///     Ok((Head::ok(), rows))
    /// }
    /// ```
    fn until_deadline(self, context: &Context, margin: Duration) -> UntilDeadline<Self> {
        UntilDeadline::new(self, context.end_before_deadline(margin))
    }

    /// Ends the stream with a [`SizeLimitExceeded`](crate::body::SizeLimitExceeded) error before its chunks become
    /// more than `max_bytes` together.
    ///
    /// The service cuts a response at its own limit, [200 MB by default](crate::RESPONSE_LIMIT), and the
    /// client sees a broken transfer that may end inside of a row. This one ends after a whole chunk:
    /// nothing of the chunk that would have passed the limit is sent. Exactly `max_bytes` are allowed; the
    /// head of the response is not counted.
    ///
    /// [`Runtime::response_limit`](crate::Runtime::response_limit) does the same for every response.
    ///
    /// # Errors
    ///
    /// `SizeLimitExceeded`, which names the limit and what was offered, and is reported as
    /// `Function.ResponseSizeTooLarge`. Errors of the stream itself are boxed, and can be downcast too; how
    /// that changes what they are reported as is told at [`Failure`](crate::Failure).
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses no chunk.
    ///
    /// # Example
    ///
    /// ```
    /// use lambda_stream::body::{ChunkStreamExt, SizeLimitExceeded, payload};
    /// use tokio_stream::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut chunks = payload::from_iter(["12345", "67890"]).limit(8);
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), "12345");
    ///
    /// let error = chunks.next().await.unwrap().unwrap_err();
    /// let error: &SizeLimitExceeded = error.downcast_ref().unwrap();
    /// assert_eq!((error.limit(), error.offered()), (8, 10));
    /// assert!(chunks.next().await.is_none());
    /// # }
    /// ```
    fn limit(self, max_bytes: u64) -> Limit<Self> {
        Limit::new(self, max_bytes)
    }
}

impl<S, D, E> ChunkStreamExt for S
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
}
