//! Iterators and readers that block.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use super::{BlockingStream, CHUNK_BYTES, WAITING_CHUNKS};
use crate::error::Error;

/// Size below which the rest of a buffer is given up, because reads would become too small.
const LEAST_READ_BYTES: usize = 4 * 1024;

/// Returns a stream of the items of an iterator that blocks, such as a directory or a compressor.
///
/// The items are chunks of a body, or rows for a [format](mod@crate::format).
///
/// * The iterator runs on a thread for blocking work, so that the task that writes to the client
///   goes on; see [`BlockingStream`]. `into_iter` is called on that thread too: only what is passed
///   in has to be `Send`, not the iterator itself.
/// * It runs ahead of the client by at most 5 items; a slow client stops it.
/// * Dropping the stream stops it before its next item.
/// * The items cross a channel between two threads. For an iterator that only computes,
///   `tokio_stream::iter` is faster.
///
/// # Errors
///
/// The first error of the iterator ends the stream; it is boxed, and can be downcast. A panic of
/// the iterator becomes an error that is reported as `Function.Panic`.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no item.
///
/// # Example
///
/// ```
/// use lambda_stream::body::from_blocking_iter;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lambda_stream::Error> {
/// let directory = std::fs::read_dir(".")?;
/// let names = directory.map(|entry| Ok::<_, std::io::Error>(format!("{:?}\n", entry?.file_name())));
/// let mut chunks = from_blocking_iter(names);
/// while let Some(chunk) = chunks.next().await {
///     assert!(chunk?.ends_with('\n'));
/// }
/// # Ok(()) }
/// ```
pub fn from_blocking_iter<I, T, E>(items: I) -> BlockingStream<T>
where
    I: IntoIterator<Item = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<Error>,
{
    BlockingStream::new(WAITING_CHUNKS, move |mut sink| -> Result<(), Error> {
        let mut items = items.into_iter();
        while !sink.is_closed() {
            let Some(item) = items.next() else {
                break;
            };
            sink.send(item.map_err(Into::into)?)?;
        }
        Ok(())
    })
}

/// Returns a stream of chunks from a [`std::io::Read`], such as a file, an archive entry or a
/// decompressor.
///
/// Like [`from_blocking_iter`], with a chunk for each read: at most 64 KiB, and nothing waits for a
/// fuller buffer. One allocation serves several small reads.
///
/// # Errors
///
/// The first error of the reader ends the stream; a read that is interrupted
/// ([`io::ErrorKind::Interrupted`]) is repeated. A panic of the reader becomes an error that is
/// reported as `Function.Panic`.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses nothing that was read.
///
/// # Example
///
/// ```
/// use lambda_stream::body::from_blocking_reader;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lambda_stream::Error> {
/// let mut chunks = from_blocking_reader(std::io::Cursor::new("hello"));
/// assert_eq!(chunks.next().await.unwrap()?, "hello");
/// assert!(chunks.next().await.is_none());
/// # Ok(()) }
/// ```
pub fn from_blocking_reader<R>(reader: R) -> BlockingStream<Bytes>
where
    R: Read + Send + 'static,
{
    from_blocking_iter(Reads {
        reader,
        buffer: BytesMut::new(),
    })
}

/// An iterator over what each read returns.
struct Reads<R> {
    reader: R,
    /// Room for further reads.
    buffer: BytesMut,
}

impl<R: Read> Iterator for Reads<R> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.buffer.len() < LEAST_READ_BYTES {
            self.buffer = BytesMut::zeroed(CHUNK_BYTES);
        }
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return None,
                Ok(len) => return Some(Ok(self.buffer.split_to(len).freeze())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    use futures::{Stream, StreamExt, TryStreamExt};

    use super::*;
    use crate::body::testing::{TestError, poll};
    use crate::error::into_failure;

    /// Counts how often an iterator is advanced, and sends the count when it is dropped.
    struct Asked(mpsc::Sender<usize>, usize);

    impl Asked {
        fn count<I: IntoIterator>(mut self, items: I) -> impl Iterator<Item = I::Item> {
            let mut items = items.into_iter();
            iter::from_fn(move || {
                self.note();
                items.next()
            })
        }

        fn note(&mut self) {
            self.1 += 1;
        }
    }

    impl Drop for Asked {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    fn ok(text: &'static str) -> Result<&'static str, TestError> {
        Ok(text)
    }

    #[tokio::test]
    async fn every_byte_arrives_in_bounded_chunks() {
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let chunks = from_blocking_reader(io::Cursor::new(sent.clone()));
        let chunks: Vec<Bytes> = chunks.try_collect().await.unwrap();
        assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
        assert_eq!(chunks.concat(), sent);
    }

    #[tokio::test]
    async fn interrupted_reads_are_repeated() {
        struct Slow(u8, bool);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                if self.0 == 200 {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                buffer[0] = self.0;
                self.0 += 1;
                Ok(1)
            }
        }
        let mut chunks = from_blocking_reader(Slow(0, false));
        for byte in 0..200u8 {
            assert_eq!(chunks.next().await.unwrap().unwrap(), vec![byte]);
        }
        let error = chunks.next().await.unwrap().unwrap_err();
        let error: &io::Error = error.downcast_ref().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn panic_is_the_last_item() {
        let mut n = 0;
        let mut chunks = from_blocking_iter(iter::from_fn(move || {
            n += 1;
            assert!(n < 3, "the source is broken");
            Some(ok("a"))
        }));
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        let failure = into_failure(chunks.next().await.unwrap().unwrap_err());
        assert_eq!(failure.error_type(), "Function.Panic");
        assert_eq!(failure.to_string(), "panicked: the source is broken");
        for _ in 0..3 {
            assert!(chunks.next().await.is_none());
            assert_eq!(chunks.size_hint(), (0, Some(0)));
        }
    }

    #[tokio::test]
    async fn iterator_is_not_advanced_after_an_error() {
        let (tell, told) = mpsc::channel();
        let asked = Asked(tell, 0);
        let items = [ok("a"), Err(TestError), ok("b")].into_iter();
        let mut chunks = Box::pin(from_blocking_iter(asked.count(items)));
        // The thread has ended before the second item is taken.
        let first = poll(chunks.as_mut());
        assert_eq!(told.recv().unwrap(), 2);
        if first.is_pending() {
            assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        }
        assert!(chunks.next().await.unwrap().unwrap_err().is::<TestError>());
        assert!(chunks.next().await.is_none());
    }

    #[test]
    fn dropped_stream_never_starts_its_producer() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (go, wait) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || wait.recv());
        let (tell, told) = mpsc::channel();
        let mut chunks = Box::pin(from_blocking_iter(Asked(tell, 0).count([ok("a")])));
        let guard = runtime.enter();
        assert!(poll(chunks.as_mut()).is_pending());
        drop((chunks, guard));
        go.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), 0);
    }

    #[tokio::test]
    async fn producer_runs_ahead_by_five_items() {
        let (tell, told) = mpsc::channel();
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let items = iter::repeat_with(move || {
            count.fetch_add(1, Ordering::SeqCst);
            ok("a")
        });
        let mut chunks = from_blocking_iter(Asked(tell, 0).count(items));
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        // One has been taken, four wait, and one is being sent.
        while made.load(Ordering::SeqCst) < 6 {
            tokio::task::yield_now().await;
        }
        drop(chunks);
        assert_eq!(told.recv().unwrap(), 6);
    }

    #[tokio::test]
    async fn iterator_need_not_be_send() {
        struct Rows(u8);
        impl IntoIterator for Rows {
            type Item = Result<String, TestError>;
            type IntoIter = Box<dyn Iterator<Item = Self::Item>>;
            fn into_iter(self) -> Self::IntoIter {
                let not_send = std::rc::Rc::new(self.0);
                Box::new((0..*not_send).map(move |n| Ok(format!("{n}/{not_send} "))))
            }
        }
        let chunks: Vec<String> = from_blocking_iter(Rows(2)).try_collect().await.unwrap();
        assert_eq!(chunks.concat(), "0/2 1/2 ");
    }

    #[test]
    fn polling_outside_of_a_runtime_fails() {
        fn items() -> impl Iterator<Item = Result<&'static str, TestError>> {
            iter::from_fn(|| panic!("it must not run"))
        }
        drop(from_blocking_iter(items()));
        let mut chunks = Box::pin(from_blocking_iter(items()));
        let item = poll(chunks.as_mut());
        assert!(
            matches!(item, std::task::Poll::Ready(Some(Err(error))) if error.to_string().contains("tokio"))
        );
        assert!(matches!(
            poll(chunks.as_mut()),
            std::task::Poll::Ready(None)
        ));
    }

    #[test]
    fn runtime_shutdown_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let _guard = handle.enter();
        let mut chunks = Box::pin(from_blocking_iter([ok("a")]));
        let std::task::Poll::Ready(Some(Err(error))) = poll(chunks.as_mut()) else {
            panic!("an error");
        };
        assert_eq!(into_failure(error).error_type(), "Function.Cancelled");
    }
}
