//! The extension trait of streams of chunks.

use std::time::Duration;

use bytes::Bytes;
use futures_core::TryStream;

use super::{Heartbeat, Limit, UntilDeadline};
use crate::error::Error;
use crate::event::Context;

/// Combinators as methods of every stream of chunks, and of every stream of rows where they apply.
///
/// A stream of chunks is a `Stream<Item = Result<D, E>>` where `D` becomes [`Bytes`] without a copy
/// (`Bytes`, `Vec<u8>`, `String`, `&'static str`, …) and `E` is any error.
///
/// # Which one to use
///
/// | To | Use |
/// |---|---|
/// | keep an idle response from being cut | [`heartbeat`](Self::heartbeat) |
/// | end a response before the sandbox is killed, and tell the client how to resume | [`until_deadline`](Self::until_deadline), of chunks or of rows |
/// | end every response before the sandbox is killed | nothing: [`Runtime::deadline_margin`](crate::Runtime::deadline_margin) is on by default |
/// | fail cleanly before a response is too large | [`limit`](Self::limit) |
/// | fail cleanly before any response is too large | [`Runtime::response_limit`](crate::Runtime::response_limit) |
/// | create a stream of chunks | [`body`](crate::body) |
///
/// Heartbeats and limits are about bytes, so rows get them after their [format](mod@crate::format)
/// has been applied: `Ndjson::new(rows).into_stream().heartbeat(…)`.
///
/// # What they have in common
///
/// * Each is a plain [`Stream`](futures_core::Stream): it works without the
///   [`Runtime`](crate::Runtime), composes with the combinators of `tokio_stream` and `futures`,
///   spawns nothing and allocates nothing per chunk.
/// * After the end and after an error the inner stream is dropped at once and is never polled
///   again. A combinator that is polled again returns `None`.
/// * Dropping a combinator drops the inner stream.
/// * No chunk is held back: dropping a pending `next()` loses nothing.
///
/// # Order
///
/// A combinator sees what the ones before it yield, so the usual order is format, `heartbeat`,
/// `until_deadline`, `limit`: heartbeats then count against the limit, and end with the deadline.
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use futures_core::Stream;
/// use lambda_stream::body::ChunkStreamExt;
/// use lambda_stream::body::RESPONSE_LIMIT;
/// use lambda_stream::{Error, Head, LambdaEvent};
///
/// async fn handler(
///     event: LambdaEvent<u64>,
/// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
///     let lines = (0..event.payload).map(|n| Ok::<_, Error>(format!("{n}\n")));
///     let lines = tokio_stream::iter(lines)
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
    note = "a stream of chunks is a `Stream` of `Result<impl Into<Bytes>, impl Into<lambda_stream::Error>>`; `.map(Ok::<_, lambda_stream::Error>)` makes one of a stream that cannot fail"
)]
pub trait ChunkStreamExt: TryStream + Sized {
    /// Sends `bytes` whenever the stream has yielded no chunk for `interval`, so that an idle
    /// response is not cut.
    ///
    /// API Gateway cuts a response that is idle for 5 minutes (regional and private endpoints) or
    /// 30 seconds (edge-optimized endpoints), and clients, proxies and load balancers have limits
    /// of their own. Half of the shortest one is a good interval.
    ///
    /// * The bytes are a chunk of their own and never lie inside another. Put the combinator where
    ///   a chunk is something whole, such as a row or an event, and use bytes that have no meaning
    ///   there: `": \n\n"` in server-sent events, `"\n"` in NDJSON, white space around a JSON
    ///   document.
    /// * The interval begins when the stream is asked for a chunk and has none. A client that reads
    ///   slowly gets no heartbeats in between, and late ones are not made up for.
    /// * A chunk that is ready when a heartbeat is due precedes it. An empty chunk is passed on,
    ///   but does not restart the interval, because nothing of it reaches the client.
    /// * Heartbeats begin before the first chunk, and end with the stream.
    /// * No heartbeats are sent if `interval` is zero or `bytes` is empty.
    ///
    /// # Errors
    ///
    /// Those of the stream, unchanged.
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
    fn heartbeat(self, interval: Duration, bytes: impl Into<Bytes>) -> Heartbeat<Self>
    where
        Self::Ok: Into<Bytes>,
    {
        Heartbeat::new(self, interval, bytes.into())
    }

    /// Ends the stream with a [`DeadlineExceeded`](crate::body::DeadlineExceeded) error when
    /// `margin` is left until the deadline of this invocation, but never earlier than halfway from
    /// now to it.
    ///
    /// The service kills the sandbox at the deadline: the client sees a cut response, and the next
    /// invocation is a cold start. The runtime prevents that for every response
    /// ([`Runtime::deadline_margin`](crate::Runtime::deadline_margin), 50 ms). This combinator is
    /// for a stream that has something to say at its end, and needs a larger margin than that of
    /// the runtime. It says so in a last item instead of an error with
    /// [`closing_with`](UntilDeadline::closing_with), or with
    /// [`closing_with_cursor`](UntilDeadline::closing_with_cursor) if that depends on the last
    /// item.
    ///
    /// * The items are passed on as they are, so that it applies to rows before they are formatted,
    ///   and to chunks.
    /// * A stream that is always ready is ended too. An item that is ready after the moment is not
    ///   sent.
    /// * An implausible deadline is not enforced: one that had passed before the invocation arrived
    ///   (some local tools send a constant), or that is more than a day away.
    /// * While the client does not read, nothing is polled, this combinator included; then the
    ///   runtime ends the response.
    /// * Before the first chunk, the error fails the invocation as a whole. Later it becomes
    ///   trailers. Either way it is reported as `Function.DeadlineExceeded`.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded`, which a downcast tells from others. Errors of the stream itself are
    /// boxed, and can be downcast too; see [`Failure`](crate::Failure) for how they are reported
    /// then.
    ///
    /// # Panics
    ///
    /// Polling panics outside of a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses no item. The deadline stays where it is.
    ///
    /// # Example
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_core::Stream;
    /// use lambda_stream::body::ChunkStreamExt;
    /// use lambda_stream::{Error, Head, LambdaEvent};
    ///
    /// async fn handler(
    ///     event: LambdaEvent<u64>,
    /// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
    ///     let rows = (event.payload..).map(|n| Ok::<_, Error>(Bytes::from(format!("{n}\n"))));
    ///     let rows = tokio_stream::iter(rows)
    ///         .until_deadline(&event.context, std::time::Duration::from_secs(1))
    ///         .closing_with("# to be continued\n");
    ///     Ok((Head::ok(), rows))
    /// }
    /// ```
    fn until_deadline(self, context: &Context, margin: Duration) -> UntilDeadline<Self>
    where
        Self::Error: Into<Error>,
    {
        UntilDeadline::new(self, context.end_before_deadline(margin))
    }

    /// Ends the stream with a [`SizeLimitExceeded`](crate::body::SizeLimitExceeded) error before
    /// its chunks exceed `max_bytes` in total.
    ///
    /// The service cuts a response at its own limit, [200 MB by
    /// default](crate::body::RESPONSE_LIMIT), and the client sees a broken transfer that may
    /// end inside a row. This combinator ends it after a whole chunk: nothing of the chunk that
    /// would exceed the limit is sent. Exactly `max_bytes` are allowed; the head of the
    /// response does not count.
    ///
    /// [`Runtime::response_limit`](crate::Runtime::response_limit) does the same for every
    /// response.
    ///
    /// # Errors
    ///
    /// `SizeLimitExceeded`, which has the limit and the size that would have been reached, and is
    /// reported as `Function.ResponseSizeTooLarge`. Errors of the stream itself are boxed, and can
    /// be downcast too; see [`Failure`](crate::Failure) for how they are reported then.
    ///
    /// # Cancel safety
    ///
    /// Dropping a pending `next()` loses no chunk.
    ///
    /// # Example
    ///
    /// ```
    /// use lambda_stream::body::{ChunkStreamExt, SizeLimitExceeded};
    /// use lambda_stream::Error;
    /// use tokio_stream::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut chunks = tokio_stream::iter(["12345", "67890"].map(Ok::<_, Error>)).limit(8);
    /// assert_eq!(chunks.next().await.unwrap().unwrap(), "12345");
    ///
    /// let error = chunks.next().await.unwrap().unwrap_err();
    /// let error: &SizeLimitExceeded = error.downcast_ref().unwrap();
    /// assert_eq!((error.limit(), error.offered()), (8, 10));
    /// assert!(chunks.next().await.is_none());
    /// # }
    /// ```
    fn limit(self, max_bytes: u64) -> Limit<Self>
    where
        Self::Ok: Into<Bytes>,
        Self::Error: Into<Error>,
    {
        Limit::new(self, max_bytes)
    }
}

impl<S: TryStream> ChunkStreamExt for S {}
