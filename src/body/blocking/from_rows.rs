//! Rows of code that blocks and borrows.

use tokio::sync::mpsc;

use super::BlockingStream;
use crate::body::writer::Closed;
use crate::error::Error;

/// Number of rows that may wait between the two threads. Rows are small, and more of them make
/// changes of thread rare.
const WAITING_ROWS: usize = 64;

/// Returns a stream of the rows that a closure sends while it blocks.
///
/// For sources that borrow, such as the rows of a database statement, which borrows its connection:
/// all of them live on the closure's stack. The stream feeds a [format](mod@crate::format), or is a
/// body as it is when the rows are chunks of bytes.
///
/// * The closure runs on a thread for blocking work; see [`BlockingStream`].
/// * It runs ahead of the client by at most 65 rows. [`RowSink::send`] waits while the client is
///   slow.
/// * Once the stream has been dropped, [`RowSink::send`] fails, so that `?` ends the closure.
///
/// # Errors
///
/// An error that the closure returns becomes the last item, after the rows that it sent before. So
/// does a panic, which is reported as `Function.Panic`.
///
/// # Cancel safety
///
/// Dropping a pending `next()` loses no row.
///
/// # Example
///
/// ```
/// use lambda_stream::body::from_blocking;
/// use lambda_stream::format::Ndjson;
/// use lambda_stream::Error;
/// use tokio_stream::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let rows = from_blocking(|rows| {
///     let text = String::from("ada,grace"); // what the rows borrow from
///     for (id, name) in text.split(',').enumerate() {
///         rows.send((id, name.to_owned()))?;
///     }
///     Ok::<_, Error>(())
/// });
/// let lines: Vec<_> = Ndjson::new(rows).into_stream().collect::<Result<_, _>>().await?;
/// assert_eq!(lines, ["[0,\"ada\"]\n", "[1,\"grace\"]\n"]);
/// # Ok(()) }
/// ```
pub fn from_blocking<T, F, E>(produce: F) -> BlockingStream<T>
where
    T: Send + 'static,
    F: FnOnce(&mut RowSink<T>) -> Result<(), E> + Send + 'static,
    E: Into<Error>,
{
    BlockingStream::new(WAITING_ROWS, |mut rows| produce(&mut rows))
}

/// Where a blocking closure sends its rows; see [`from_blocking`].
#[derive(Debug)]
pub struct RowSink<T> {
    rows: mpsc::Sender<T>,
}

impl<T> RowSink<T> {
    pub(super) fn new(rows: mpsc::Sender<T>) -> Self {
        Self { rows }
    }

    /// Sends a row, and waits while there is no room for it.
    ///
    /// # Errors
    ///
    /// When the stream has been dropped. The row is lost.
    ///
    /// # Panics
    ///
    /// When it is called by a future, such as one that the closure runs with `Handle::block_on`.
    pub fn send(&mut self, row: T) -> Result<(), Closed> {
        self.rows.blocking_send(row).map_err(|_| Closed)
    }

    /// Returns whether the stream has been dropped, for closures that work long before their next
    /// row.
    pub fn is_closed(&self) -> bool {
        self.rows.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    use futures::{StreamExt, TryStreamExt};

    use super::*;
    use crate::body::testing::TestError;
    use crate::error::into_failure;
    use crate::format::JsonArray;

    #[tokio::test]
    async fn borrowed_rows_feed_a_format() {
        let rows = from_blocking(|rows| {
            let names = String::from("ada grace");
            let mut names = names.split(' ');
            names.try_for_each(|name| rows.send(name.len()))
        });
        let chunks: Vec<_> = JsonArray::new(rows)
            .into_stream()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(chunks.concat(), b"[3,5]");
    }

    #[tokio::test]
    async fn error_follows_the_rows() {
        let mut rows = from_blocking(|rows| {
            rows.send(1).map_err(|_| TestError)?;
            Err(TestError)
        });
        assert_eq!(rows.next().await.unwrap().unwrap(), 1);
        assert!(rows.next().await.unwrap().unwrap_err().is::<TestError>());
        assert!(rows.next().await.is_none());
    }

    #[tokio::test]
    async fn panic_is_the_last_item() {
        let mut rows = from_blocking(|rows| -> Result<(), Closed> {
            rows.send(1)?;
            panic!("the statement is broken");
        });
        assert_eq!(rows.next().await.unwrap().unwrap(), 1);
        let failure = into_failure(rows.next().await.unwrap().unwrap_err());
        assert_eq!(failure.error_type(), "Function.Panic");
        assert_eq!(failure.to_string(), "panicked: the statement is broken");
        assert!(rows.next().await.is_none());
    }

    #[tokio::test]
    async fn dropped_stream_stops_the_closure() {
        let (tell, told) = mpsc::channel();
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let mut rows = from_blocking(move |rows| {
            let result = (0..).try_for_each(|n| {
                count.fetch_add(1, Ordering::SeqCst);
                rows.send(n)
            });
            tell.send((result, rows.is_closed())).unwrap();
            result
        });
        assert_eq!(rows.next().await.unwrap().unwrap(), 0);
        // One has been taken, 64 wait, and one is being sent.
        while sent.load(Ordering::SeqCst) < WAITING_ROWS + 2 {
            tokio::task::yield_now().await;
        }
        drop(rows);
        assert_eq!(told.recv().unwrap(), (Err(Closed), true));
        assert_eq!(sent.load(Ordering::SeqCst), WAITING_ROWS + 2);
    }
}
