//! Iterators and readers that block.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use super::READ_BYTES;
use super::blocking::{BlockingChunks, Outlet};
use crate::error::Error;

/// Below this much room a buffer is given up for a new one, because reads would become too small.
const LEAST_READ_BYTES: usize = 4 * 1024;

/// A stream of chunks from an iterator that blocks, such as a database cursor or a directory.
///
/// The iterator runs on a thread for blocking work ([`tokio::task::spawn_blocking`]), so that the task that
/// writes to the client goes on. `into_iter` is called on that thread too: only what is handed in has to
/// be `Send`, and not the iterator itself.
///
/// * It runs ahead of the client by at most 5 chunks; a slow client stops it.
/// * Dropping the stream stops it before its next item. An item that is being waited for is waited for:
///   a thread cannot be stopped from outside.
/// * It starts at the first poll, and not at all if there is none.
/// * Between the threads is a channel. An iterator that only computes is better served by
///   [`from_iter`](super::from_iter()), which has none.
///
/// # Errors
///
/// The first error of the iterator ends the stream; it is boxed, and can be downcast. A panic of the
/// iterator becomes an error that is reported as `Function.Panic`. Being polled outside of a tokio runtime
/// is an error too.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no chunk.
///
/// # Example
///
/// ```
/// use lambda_stream::body::payload;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lambda_stream::Error> {
/// let directory = std::fs::read_dir(".")?;
/// let names = directory.map(|entry| Ok::<_, std::io::Error>(format!("{:?}\n", entry?.file_name())));
/// let mut chunks = payload::from_blocking_iter(names);
/// while let Some(chunk) = chunks.next().await {
///     assert!(chunk?.ends_with(b"\n"));
/// }
/// # Ok(()) }
/// ```
pub fn from_blocking_iter<I, D, E>(items: I) -> BlockingChunks
where
    I: IntoIterator<Item = Result<D, E>> + Send + 'static,
    D: Into<Bytes>,
    E: Into<Error>,
{
    BlockingChunks::new(move |outlet| produce(items.into_iter(), &outlet))
}

/// A stream of chunks from a [`std::io::Read`], such as a file, an archive or a decompressor.
///
/// Like [`from_blocking_iter`], with what one read gives as a chunk: at most 64 KiB, and nothing waits for a
/// fuller buffer. One allocation serves several small reads.
///
/// # Errors
///
/// The first error of the reader ends the stream ([`io::ErrorKind::Interrupted`] is none: the read is
/// repeated). A panic of the reader becomes an error that is reported as `Function.Panic`. Being polled
/// outside of a tokio runtime is an error too.
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
/// # async fn main() -> Result<(), lambda_stream::Error> {
/// let mut chunks = payload::from_blocking_reader(std::io::Cursor::new("hello"));
/// assert_eq!(chunks.next().await.unwrap()?, "hello");
/// assert!(chunks.next().await.is_none());
/// # Ok(()) }
/// ```
pub fn from_blocking_reader<R>(reader: R) -> BlockingChunks
where
    R: Read + Send + 'static,
{
    from_blocking_iter(Reads {
        reader,
        buffer: BytesMut::new(),
    })
}

/// Runs on the thread for blocking work, until there is no more or nobody wants more.
fn produce<D, E>(mut items: impl Iterator<Item = Result<D, E>>, outlet: &Outlet)
where
    D: Into<Bytes>,
    E: Into<Error>,
{
    while !outlet.is_closed() {
        let Some(item) = items.next() else {
            return;
        };
        let is_error = item.is_err();
        let is_wanted = outlet.put(item.map(Into::into).map_err(Into::into));
        if is_error || !is_wanted {
            return;
        }
    }
}

/// What each read of a reader gives.
struct Reads<R> {
    reader: R,
    /// Room for the reads to come.
    buffer: BytesMut,
}

impl<R: Read> Iterator for Reads<R> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.buffer.len() < LEAST_READ_BYTES {
            self.buffer = BytesMut::zeroed(READ_BYTES);
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

    /// Counts how often an iterator is asked, and tells when it is dropped.
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
    async fn every_byte_of_a_blocking_reader_arrives_and_no_chunk_is_large() {
        let sent: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let chunks = from_blocking_reader(io::Cursor::new(sent.clone()));
        let chunks: Vec<Bytes> = chunks.try_collect().await.unwrap();
        assert!(chunks.iter().all(|chunk| chunk.len() <= READ_BYTES));
        assert_eq!(chunks.concat(), sent);
    }

    #[tokio::test]
    async fn a_reader_of_single_bytes_is_read_exactly_and_interruptions_are_none() {
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
    async fn a_panic_of_the_producer_is_the_last_item() {
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
    async fn an_error_of_the_producer_is_the_last_item_and_it_is_not_asked_again() {
        let (tell, told) = mpsc::channel();
        let asked = Asked(tell, 0);
        let items = [ok("a"), Err(TestError), ok("b")].into_iter();
        let mut chunks = Box::pin(from_blocking_iter(asked.count(items)));
        // It starts, and is over before anything else is taken.
        let first = poll(chunks.as_mut());
        assert_eq!(told.recv().unwrap(), 2);
        if first.is_pending() {
            assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        }
        assert!(chunks.next().await.unwrap().unwrap_err().is::<TestError>());
        assert!(chunks.next().await.is_none());
    }

    #[test]
    fn a_producer_whose_stream_is_dropped_before_it_has_a_thread_is_not_asked() {
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
    async fn a_client_that_does_not_read_stops_the_producer_and_so_does_dropping_the_stream() {
        let (tell, told) = mpsc::channel();
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let items = iter::repeat_with(move || {
            count.fetch_add(1, Ordering::SeqCst);
            ok("a")
        });
        let mut chunks = from_blocking_iter(Asked(tell, 0).count(items));
        assert_eq!(chunks.next().await.unwrap().unwrap(), "a");
        // One was taken, four wait, and one is in the producer's hand.
        while made.load(Ordering::SeqCst) < 6 {
            tokio::task::yield_now().await;
        }
        drop(chunks);
        assert_eq!(told.recv().unwrap(), 6);
    }

    #[tokio::test]
    async fn what_is_iterated_need_not_be_send() {
        struct Rows(u8);
        impl IntoIterator for Rows {
            type Item = Result<String, TestError>;
            type IntoIter = Box<dyn Iterator<Item = Self::Item>>;
            fn into_iter(self) -> Self::IntoIter {
                let not_send = std::rc::Rc::new(self.0);
                Box::new((0..*not_send).map(move |n| Ok(format!("{n}/{not_send} "))))
            }
        }
        let chunks: Vec<Bytes> = from_blocking_iter(Rows(2)).try_collect().await.unwrap();
        assert_eq!(chunks.concat(), b"0/2 1/2 ");
    }

    #[test]
    fn outside_of_a_runtime_it_is_an_error_and_without_a_poll_nothing_runs() {
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
    fn a_runtime_that_is_shut_down_is_no_clean_end() {
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
