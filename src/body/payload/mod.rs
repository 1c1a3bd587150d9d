//! Streams of chunks from what people have.
//!
//! | You have | Take |
//! |---|---|
//! | a `Stream` of `Result<D, E>`, where `D` is `Bytes`, `Vec<u8>`, `String`, `&'static str`, … | nothing: it is a payload as it is, and so is `tokio_stream::iter` of an iterator of `Result`s |
//! | a `Stream` of such items without errors | [`infallible`](infallible()) |
//! | an iterator of such items that computes | [`from_iter`](from_iter()) |
//! | an iterator that blocks: a database cursor, a directory, a compressor | [`from_blocking_iter`] |
//! | a tokio `AsyncRead`: a file, a socket, the output of a child process | [`from_reader`](from_reader()) |
//! | a `std::io::Read`: a file, an archive entry, a decompressor | [`from_blocking_reader`] |
//! | an [`http_body::Body`], such as the response of a client | [`from_body`]; an `http::Response` of it can be returned as it is |
//!
//! All of them are lazy: nothing is read before the response is. Each is dropped at once at its end and
//! after an error, and is not polled again.
//!
//! ```
//! use bytes::Bytes;
//! use futures_core::Stream;
//! use lambda_stream::body::payload;
//! use lambda_stream::{Error, Head, LambdaEvent};
//!
//! async fn handler(
//!     event: LambdaEvent<u64>,
//! ) -> Result<(Head, impl Stream<Item = Result<Bytes, std::convert::Infallible>>), Error> {
//!     let lines = (1..=event.payload).map(|n| format!("{n}\n"));
//!     Ok((Head::ok().content_type("text/plain"), payload::from_iter(lines)))
//! }
//! ```

mod blocking;
mod from_blocking;
mod from_iter;
mod from_reader;
mod infallible;

pub use crate::response::BodyChunks;
pub use blocking::BlockingChunks;
pub use from_blocking::{from_blocking_iter, from_blocking_reader};
pub use from_iter::{IterChunks, from_iter};
pub use from_reader::{ReaderChunks, from_reader};
pub use infallible::{InfallibleChunks, infallible};

/// How much is read from a reader at once: enough for one large write, little enough to be no matter.
const READ_BYTES: usize = 64 * 1024;

/// The chunks of an [`http_body::Body`].
///
/// For a body that is not the body of an `http::Response` (that can be returned as it is), or that is to
/// be [adapted](crate::body::ChunkStreamExt). Each frame of data is a chunk. The body's own trailers are left out,
/// because no HTTP front door of Lambda passes them on; a line in the log says so.
///
/// # Errors
///
/// Those of the body, as they are.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no chunk, if the body's `poll_frame` does not either.
///
/// # Example
///
/// ```
/// use http_body_util::Full;
/// use lambda_stream::body::payload;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut chunks = payload::from_body(Full::<bytes::Bytes>::from("hello"));
/// assert_eq!(chunks.next().await.unwrap().unwrap(), "hello");
/// assert!(chunks.next().await.is_none());
/// # }
/// ```
pub fn from_body<B: http_body::Body>(body: B) -> BodyChunks<B> {
    BodyChunks::new(body)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures::StreamExt;
    use http_body::Frame;
    use http_body_util::{Empty, StreamBody};

    use super::*;
    use crate::body::testing::{Act::*, TestError, script};

    #[tokio::test]
    async fn a_body_is_its_data_without_its_trailers_and_is_fused() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x", http::HeaderValue::from_static("y"));
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from("a"))),
            Ok(Frame::trailers(trailers)),
        ];
        let mut chunks = from_body(StreamBody::new(futures::stream::iter(frames)));
        assert_eq!(chunks.next().await, Some(Ok("a".into())));
        assert_eq!(chunks.next().await, None);
        assert_eq!(chunks.next().await, None);
        assert_eq!(
            futures::Stream::size_hint(&from_body(Empty::<Bytes>::new())),
            (0, Some(0))
        );
    }

    #[tokio::test]
    async fn a_body_that_fails_is_dropped_at_once() {
        let (stream, seen) = script(vec![Chunk("a"), Fail, Chunk("b")]);
        let frames = stream.map(|item| item.map(|text| Frame::data(Bytes::from(text))));
        let mut chunks = from_body(StreamBody::new(frames));
        assert_eq!(chunks.next().await, Some(Ok("a".into())));
        assert_eq!(chunks.next().await, Some(Err(TestError)));
        assert!(seen.dropped.get());
        assert_eq!(chunks.next().await, None);
    }
}
