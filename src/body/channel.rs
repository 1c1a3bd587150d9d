//! A body that another task sends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use lambda_stream_wire::failure::kind;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::writer::Closed;
use crate::error::{Error, Failure, into_failure};

type Item = Result<Bytes, Failure>;

/// Creates a sender, for code that runs on another task, and the body that it sends.
///
/// At most `capacity` chunks wait between the two; a capacity that a tokio channel cannot have (0,
/// or more than [`Semaphore::MAX_PERMITS`](tokio::sync::Semaphore::MAX_PERMITS)) means the nearest
/// one that it can. Prefer [`stream_from`](super::writer::stream_from) where nothing has to be
/// spawned: it needs neither a queue nor a second task.
///
/// A sender that is dropped without [`finish`](BodySender::finish), as it is when its task panics
/// or is aborted, ends the body with an error
/// ([`SENDER_DROPPED`](crate::failure::kind::SENDER_DROPPED)) and not as if it were complete.
///
/// ```
/// use lambda_stream::body::channel;
/// use lambda_stream::{Error, Head};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (mut sender, body) = channel(4);
/// tokio::spawn(async move {
///     for n in 1..=3 {
///         sender.send_chunk(format!("{n}\n")).await?;
///     }
///     sender.finish()
/// });
/// let response = (Head::ok(), body); // what a handler returns
/// # use futures::StreamExt;
/// # let chunks: Vec<_> = response.1.map(|chunk| chunk.unwrap()).collect().await;
/// # assert_eq!(chunks, ["1\n", "2\n", "3\n"]);
/// # }
/// ```
pub fn channel(capacity: usize) -> (BodySender, BodyReceiver) {
    let (sender, receiver) = mpsc::channel(capacity.clamp(1, tokio::sync::Semaphore::MAX_PERMITS));
    let finished = Arc::new(AtomicBool::new(false));
    let sender = BodySender {
        sender: PollSender::new(sender),
        finished: Arc::clone(&finished),
    };
    let body = BodyReceiver {
        receiver: Some(receiver),
        finished,
    };
    (sender, body)
}

/// The sending half of a [`channel`]: a `futures` [`Sink`] of [`Bytes`].
///
/// For a tokio `AsyncWrite`, wrap it into `tokio_util::io::{SinkWriter, CopyToBytes}`.
#[derive(Debug)]
pub struct BodySender {
    sender: PollSender<Item>,
    finished: Arc<AtomicBool>,
}

impl BodySender {
    /// Sends a chunk; completes when there is room for it. An empty chunk is nothing to send.
    ///
    /// # Errors
    ///
    /// When the body is no longer read.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the chunk is not sent.
    pub async fn send_chunk(&mut self, chunk: impl Into<Bytes>) -> Result<(), Closed> {
        self.send_item(Ok(chunk.into())).await
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// When the body is no longer read.
    pub fn finish(self) -> Result<(), Closed> {
        self.finished.store(true, Ordering::Release);
        match self.sender.get_ref() {
            Some(sender) if !sender.is_closed() => Ok(()),
            _ => Err(Closed),
        }
    }

    /// Ends the body with an error.
    ///
    /// # Errors
    ///
    /// When the body is no longer read.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the body ends with
    /// [`SENDER_DROPPED`](crate::failure::kind::SENDER_DROPPED).
    pub async fn finish_with_error(mut self, error: impl Into<Error>) -> Result<(), Closed> {
        self.send_item(Err(into_failure(error))).await
    }

    async fn send_item(&mut self, item: Item) -> Result<(), Closed> {
        std::future::poll_fn(|cx| self.sender.poll_reserve(cx))
            .await
            .map_err(|_| Closed)?;
        self.sender.send_item(item).map_err(|_| Closed)
    }
}

impl Sink<Bytes> for BodySender {
    type Error = Closed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.sender.poll_reserve(cx).map_err(|_| Closed)
    }

    fn start_send(mut self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Closed> {
        self.sender.send_item(Ok(chunk)).map_err(|_| Closed)
    }

    /// Completes at once: the channel holds nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the body, like [`finish`](BodySender::finish).
    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.finished.store(true, Ordering::Release);
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

/// The body that a [`BodySender`] sends; dropping it makes the sender's writes fail.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next chunk loses none.
#[derive(Debug)]
pub struct BodyReceiver {
    receiver: Option<mpsc::Receiver<Item>>,
    finished: Arc<AtomicBool>,
}

impl Stream for BodyReceiver {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(None);
        };
        let item = match ready!(receiver.poll_recv(cx)) {
            Some(Ok(chunk)) => return Poll::Ready(Some(Ok(chunk))),
            Some(Err(failure)) => Some(Err(failure.into())),
            None if self.finished.load(Ordering::Acquire) => None,
            None => Some(Err(Failure::new(
                kind::SENDER_DROPPED,
                "the sender of the body was dropped before it finished; its task may have panicked",
            )
            .into())),
        };
        self.receiver = None;
        Poll::Ready(item)
    }
}
