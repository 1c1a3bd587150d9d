//! Code that wants a `std::io::Write`.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};

use super::{BlockingStream, CHUNK_BYTES, RowSink, WAITING_CHUNKS};
use crate::error::Error;

/// Size at which small writes that were collected become a chunk: small enough that a slow producer
/// is seen, large enough that changes of thread do not matter.
const COLLECTED_BYTES: usize = 16 * 1024;

/// Returns a stream of what a closure writes to a [`std::io::Write`].
///
/// For everything that writes a file: Arrow IPC, Parquet, ZIP, tar, PDF, `csv`, `flate2`.
///
/// * The closure runs on a thread for blocking work; see [`BlockingStream`].
/// * Small writes are collected into chunks of 16 KiB. [`flush`](Write::flush) sends what has been
///   collected, and so does the end of the closure.
/// * Memory is bounded: at most 5 chunks of at most 64 KiB are on their way. A write waits while
///   the client is slow.
/// * Once the stream has been dropped, the next write fails with [`io::ErrorKind::BrokenPipe`], so
///   that `?` ends the closure.
///
/// # Errors
///
/// An error that the closure returns becomes the last item, after everything that was written
/// before it. If nothing has been sent by then, what was collected is discarded, so that the
/// invocation fails as a whole instead of with a response that has begun. A panic becomes an error
/// that is reported as `Function.Panic`.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses nothing that was written.
///
/// # Example
///
/// ```
/// use std::io::Write;
///
/// use flate2::{Compression, write::GzEncoder};
/// use lambda_stream::body::from_blocking_writer;
/// use lambda_stream::Head;
///
/// let body = from_blocking_writer(|body| -> std::io::Result<()> {
///     let mut gzip = GzEncoder::new(body, Compression::default());
///     for n in 0..1_000_000 {
///         writeln!(gzip, "row {n}")?;
///     }
///     gzip.finish()?;
///     Ok(())
/// });
/// let response = (Head::ok().content_type("application/gzip"), body); // what a handler returns
/// ```
pub fn from_blocking_writer<F, E>(write: F) -> BlockingStream<Bytes>
where
    F: FnOnce(&mut BlockingWriter) -> Result<(), E> + Send + 'static,
    E: Into<Error>,
{
    BlockingStream::new(WAITING_CHUNKS, move |chunks| {
        let mut writer = BlockingWriter::new(chunks);
        let result = write(&mut writer).map_err(Into::into);
        if result.is_ok() || writer.started {
            // If it fails, there is nobody left to be told.
            let _ = writer.flush();
        }
        result
    })
}

/// The writer of a blocking closure; see [`from_blocking_writer`].
#[derive(Debug)]
pub struct BlockingWriter {
    chunks: RowSink<Bytes>,
    collected: BytesMut,
    /// Whether a chunk has been sent.
    started: bool,
}

impl BlockingWriter {
    fn new(chunks: RowSink<Bytes>) -> Self {
        Self {
            chunks,
            collected: BytesMut::new(),
            started: false,
        }
    }

    /// Returns whether the stream has been dropped, for closures that work long before their next
    /// write.
    pub fn is_closed(&self) -> bool {
        self.chunks.is_closed()
    }

    fn send(&mut self, chunk: Bytes) -> io::Result<()> {
        self.started = true;
        Ok(self.chunks.send(chunk)?)
    }
}

impl Write for BlockingWriter {
    /// Collects the bytes, or sends them if they are many.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] when the stream has been dropped.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if bytes.len() >= COLLECTED_BYTES {
            self.flush()?;
            let bytes = &bytes[..bytes.len().min(CHUNK_BYTES)];
            self.send(Bytes::copy_from_slice(bytes))?;
            return Ok(bytes.len());
        }
        let room = COLLECTED_BYTES - self.collected.len();
        let bytes = &bytes[..bytes.len().min(room)];
        if self.collected.capacity() < self.collected.len() + bytes.len() {
            self.collected.reserve(room);
        }
        self.collected.extend_from_slice(bytes);
        if self.collected.len() == COLLECTED_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    /// Sends what has been collected, and waits while there is no room for it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] when the stream has been dropped.
    fn flush(&mut self) -> io::Result<()> {
        if self.collected.is_empty() {
            return Ok(());
        }
        let chunk = self.collected.split().freeze();
        self.send(chunk)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use flate2::Compression;
    use flate2::read::GzDecoder;
    use flate2::write::GzEncoder;
    use futures::{StreamExt, TryStreamExt};
    use proptest::prelude::*;

    use super::*;
    use crate::body::testing::TestError;
    use crate::error::into_failure;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_byte_arrives_in_order(
            writes in prop::collection::vec((any::<u8>(), 0..100_000usize, any::<bool>()), 0..12)
        ) {
            let expected: Vec<u8> = writes
                .iter()
                .flat_map(|(byte, len, _)| std::iter::repeat_n(*byte, *len))
                .collect();
            let chunks = from_blocking_writer(move |writer| -> io::Result<()> {
                for (byte, len, is_flushed) in writes {
                    writer.write_all(&vec![byte; len])?;
                    if is_flushed {
                        writer.flush()?;
                    }
                }
                Ok(())
            });
            let chunks: Vec<Bytes> = block_on(chunks.try_collect()).unwrap();
            prop_assert!(chunks.iter().all(|chunk| (1..=CHUNK_BYTES).contains(&chunk.len())));
            prop_assert_eq!(chunks.concat(), expected);
        }
    }

    #[tokio::test]
    async fn small_writes_are_collected() {
        let chunks =
            from_blocking_writer(|writer| (0..40_000).try_for_each(|_| writer.write_all(b"x")));
        let sizes: Vec<usize> = chunks
            .map_ok(|chunk| chunk.len())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(
            sizes,
            [
                COLLECTED_BYTES,
                COLLECTED_BYTES,
                40_000 - 2 * COLLECTED_BYTES
            ]
        );
    }

    #[tokio::test]
    async fn flush_sends_at_once() {
        let (go, wait) = mpsc::channel::<()>();
        let mut chunks = from_blocking_writer(move |writer| {
            writer.write_all(b"first")?;
            writer.flush()?;
            wait.recv().map_err(io::Error::other)?;
            writer.write_all(b"second")
        });
        assert_eq!(chunks.next().await.unwrap().unwrap(), "first");
        go.send(()).unwrap();
        assert_eq!(chunks.next().await.unwrap().unwrap(), "second");
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn compressed_stream_is_whole() {
        let chunks = from_blocking_writer(|writer| -> io::Result<()> {
            let mut gzip = GzEncoder::new(writer, Compression::fast());
            (0..50_000).try_for_each(|n| writeln!(gzip, "row {n}"))?;
            gzip.finish()?;
            Ok(())
        });
        let chunks: Vec<Bytes> = chunks.try_collect().await.unwrap();
        let text = io::read_to_string(GzDecoder::new(&chunks.concat()[..])).unwrap();
        assert!(text.ends_with("row 49998\nrow 49999\n"));
    }

    #[tokio::test]
    async fn error_follows_what_was_written() {
        let mut chunks = from_blocking_writer(|writer| {
            writer.write_all(b"sent").map_err(|_| TestError)?;
            writer.flush().map_err(|_| TestError)?;
            writer.write_all(b"collected").map_err(|_| TestError)?;
            Err(TestError)
        });
        assert_eq!(chunks.next().await.unwrap().unwrap(), "sent");
        assert_eq!(chunks.next().await.unwrap().unwrap(), "collected");
        assert!(chunks.next().await.unwrap().unwrap_err().is::<TestError>());
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn early_error_is_the_only_item() {
        let mut chunks = from_blocking_writer(|writer| {
            writer.write_all(b"collected").map_err(|_| TestError)?;
            Err(TestError)
        });
        assert!(chunks.next().await.unwrap().unwrap_err().is::<TestError>());
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn panic_is_the_last_item() {
        let mut chunks = from_blocking_writer(|writer| -> io::Result<()> {
            writer.write_all(b"sent")?;
            writer.flush()?;
            panic!("the encoder is broken");
        });
        assert_eq!(chunks.next().await.unwrap().unwrap(), "sent");
        let failure = into_failure(chunks.next().await.unwrap().unwrap_err());
        assert_eq!(failure.error_type(), "Function.Panic");
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn dropped_stream_breaks_the_pipe() {
        let (tell, told) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let mut chunks = from_blocking_writer(move |writer| -> io::Result<()> {
            writer.write_all(b"sent")?;
            writer.flush()?;
            wait.recv().map_err(io::Error::other)?;
            // Too little for a chunk, and an error all the same.
            tell.send(writer.write(b"x").unwrap_err().kind()).unwrap();
            tell.send(writer.write(&[0; 20_000]).unwrap_err().kind())
                .unwrap();
            Ok(())
        });
        assert_eq!(chunks.next().await.unwrap().unwrap(), "sent");
        drop(chunks);
        go.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), io::ErrorKind::BrokenPipe);
        assert_eq!(told.recv().unwrap(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn waiting_write_ends_with_the_stream() {
        let (tell, told) = mpsc::channel();
        let mut chunks = from_blocking_writer(move |writer| -> io::Result<()> {
            let mut written = 0;
            let error = loop {
                match writer.write(&[0; CHUNK_BYTES]) {
                    Ok(len) => written += len,
                    Err(error) => break error,
                }
            };
            tell.send((written, error.kind())).unwrap();
            Err(error)
        });
        assert_eq!(chunks.next().await.unwrap().unwrap().len(), CHUNK_BYTES);
        drop(chunks);
        let (written, kind) = told.recv().unwrap();
        assert!(written <= (WAITING_CHUNKS + 2) * CHUNK_BYTES, "{written}");
        assert_eq!(kind, io::ErrorKind::BrokenPipe);
    }
}
