//! Streams of chunks: sources, combinators, a writer and a channel.
//!
//! A body is any `Stream` of `Result<D, E>`, where `D` becomes [`Bytes`](bytes::Bytes) without a
//! copy (`Bytes`, `Vec<u8>`, `String`, `&'static str`, …) and `E` is any error. What is not one yet
//! becomes one:
//!
//! | You have | Write |
//! |---|---|
//! | a stream of chunks that cannot fail | `stream.map(Ok::<_, Error>)` |
//! | an iterator that computes its chunks | `tokio_stream::iter(chunks).map(Ok::<_, Error>)` |
//! | a tokio `AsyncRead`: a file, a socket, the output of a child process | `tokio_util::io::ReaderStream::with_capacity(reader, 64 * 1024)` |
//! | an [`http_body::Body`], such as the response of a client | `http_body_util::BodyDataStream::new(body)`; an `http::Response` of it can be returned as it is |
//! | an iterator that blocks: a directory, a compressor | [`from_blocking_iter`] |
//! | a `std::io::Read`: a file, an archive entry, a decompressor | [`from_blocking_reader`] |
//! | code that wants a `std::io::Write`: Parquet, ZIP, PDF, `csv` | [`from_blocking_writer`] |
//! | code that blocks and borrows: a database statement | [`from_blocking`] |
//! | async code that writes instead of returning | [`writer::stream_from`] |
//! | code on another task | [`channel`](channel()) |
//! | rows or events | a [format](mod@crate::format) |
//!
//! All of these are lazy: nothing is read before the response is. [`ChunkStreamExt`] has the
//! combinators.
//!
//! ```
//! use bytes::Bytes;
//! use futures_core::Stream;
//! use http_body_util::{BodyDataStream, Full};
//! use lambda_stream::{Error, Head, LambdaEvent};
//! use tokio_stream::StreamExt;
//! use tokio_util::io::ReaderStream;
//!
//! async fn handler(
//!     event: LambdaEvent<u64>,
//! ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
//!     let stream = tokio_stream::once("first\n").map(Ok::<_, Error>);
//!     let lines = tokio_stream::iter((1..=event.payload).map(|n| format!("{n}\n"))).map(Ok::<_, Error>);
//!     let reader = ReaderStream::with_capacity(&b"read\n"[..], 64 * 1024);
//!     let body = BodyDataStream::new(Full::<Bytes>::from("last\n"));
//!
//!     let chunks = stream
//!         .map(|chunk| chunk.map(Bytes::from))
//!         .chain(lines.map(|chunk| chunk.map(Bytes::from)))
//!         .chain(reader.map(|chunk| chunk.map_err(Error::from)))
//!         .chain(body.map(|chunk| chunk.map_err(Error::from)));
//!     Ok((Head::ok().content_type("text/plain"), chunks))
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let event = LambdaEvent::new(2, lambda_stream::Context::new("1"));
//! # let chunks: Vec<_> = handler(event).await?.1.collect::<Result<_, _>>().await?;
//! # assert_eq!(chunks, ["first\n", "1\n", "2\n", "read\n", "last\n"]);
//! # Ok(()) }
//! ```

mod blocking;
pub(crate) mod channel;
mod chunk_stream_ext;
pub(crate) mod fused;
mod heartbeat;
mod limit;
mod timer;
mod until_deadline;
pub mod writer;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use self::blocking::{
    BlockingStream, BlockingWriter, RowSink, from_blocking, from_blocking_iter,
    from_blocking_reader, from_blocking_writer,
};
pub use self::channel::{BodyReceiver, BodySender, channel};
pub use self::chunk_stream_ext::ChunkStreamExt;
pub use self::heartbeat::Heartbeat;
pub use self::limit::Limit;
pub use self::until_deadline::UntilDeadline;
pub use crate::error::{DeadlineExceeded, SizeLimitExceeded};
pub use crate::response::Payload;
pub use lambda_stream_wire::limits::RESPONSE_LIMIT;
