//! A tokio reader.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::READ_BYTES;

/// A stream of chunks from a tokio [`AsyncRead`].
///
/// A chunk is what one read gives, at most 64 KiB; nothing waits for a fuller buffer. One allocation
/// serves several small reads.
///
/// # Errors
///
/// Those of the reader, as they are.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses nothing that was read.
///
/// # Example
///
/// ```
/// use lambda_stream::body::payload;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut chunks = payload::from_reader(&b"hello"[..]);
/// assert_eq!(chunks.next().await.unwrap()?, "hello");
/// assert!(chunks.next().await.is_none());
/// # Ok(()) }
/// ```
pub fn from_reader<R: AsyncRead>(reader: R) -> ReaderChunks<R> {
    ReaderChunks {
        stream: ReaderStream::with_capacity(reader, READ_BYTES),
    }
}

pin_project! {
    /// The chunks of a tokio reader; made by [`from_reader`](from_reader()).
    #[derive(Debug)]
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct ReaderChunks<R> {
        #[pin]
        stream: ReaderStream<R>,
    }
}

impl<R: AsyncRead> Stream for ReaderChunks<R> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().stream.poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{StreamExt, TryStreamExt};
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_was_read_is_sent_at_once() {
        let (mut writer, reader) = tokio::io::duplex(100);
        let mut chunks = from_reader(reader);
        for text in ["a", "bc"] {
            writer.write_all(text.as_bytes()).await.unwrap();
            assert_eq!(chunks.next().await.unwrap().unwrap(), text);
        }
        drop(writer);
        for _ in 0..3 {
            assert!(chunks.next().await.is_none());
        }
    }

    #[tokio::test]
    async fn every_byte_arrives_and_no_chunk_is_large() {
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let chunks: Vec<Bytes> = from_reader(&sent[..]).try_collect().await.unwrap();
        assert!(chunks.iter().all(|chunk| chunk.len() <= READ_BYTES));
        assert_eq!(chunks.concat(), sent);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_reader_is_the_last_item() {
        let reader = tokio_util::io::StreamReader::new(Box::pin(futures::stream::iter([
            Ok(&b"a"[..]),
            Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            Ok(&b"b"[..]),
        ])));
        let mut chunks = from_reader(reader);
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        let error = chunks.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let next = tokio::time::timeout(Duration::from_secs(1), chunks.next());
        assert!(next.await.unwrap().is_none());
    }
}
