//! A writer for code that runs on another task.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_channel::mpsc;
use futures_core::Stream;
use futures_sink::Sink;

use super::writer::WriteError;
use crate::error::{Error, Failure, into_failure};
use lambda_stream_wire::failure::kind;

/// A pair of a sender, for code that runs on another task, and the body that it writes.
///
/// At most `capacity` chunks wait between the two, plus the one being sent. Prefer
/// [`stream_from`](crate::body::writer::stream_from) where nothing has to be spawned: it needs no queue and no
/// second task.
///
/// A sender that is dropped without [`finish`](BodySender::finish), as it is when its task panics or is
/// aborted, ends the body with an error (`Function.SenderDropped`) and not as if it were complete.
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
///         sender.send(format!("{n}\n")).await?;
///     }
///     sender.finish().await
/// });
/// let response = (Head::ok(), body); // what a handler returns
/// # use futures::StreamExt;
/// # let chunks: Vec<_> = response.1.map(|chunk| chunk.unwrap()).collect().await;
/// # assert_eq!(chunks, ["1\n", "2\n", "3\n"]);
/// # }
/// ```
pub fn channel(capacity: usize) -> (BodySender, BodyStream) {
    let (sender, receiver) = mpsc::channel(capacity);
    let is_finished = Arc::new(AtomicBool::new(false));
    let sender = BodySender {
        sender,
        is_finished: Arc::clone(&is_finished),
    };
    let body = BodyStream {
        receiver: Some(receiver),
        is_finished,
    };
    (sender, body)
}

/// The sending half of a [`channel`]: a `futures` [`Sink`] of [`Bytes`].
///
/// For a tokio `AsyncWrite`, wrap it into `tokio_util::io::{SinkWriter, CopyToBytes}`.
#[derive(Debug)]
pub struct BodySender {
    sender: mpsc::Sender<Result<Bytes, Failure>>,
    is_finished: Arc<AtomicBool>,
}

impl BodySender {
    /// Sends a chunk; complete when there is room for it.
    ///
    /// # Errors
    ///
    /// When nobody reads the body any more.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is complete, the chunk is not sent.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<(), WriteError> {
        self.put(Ok(chunk.into())).await
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// When nobody reads the body any more.
    ///
    /// # Cancel safety
    ///
    /// It never waits.
    pub async fn finish(self) -> Result<(), WriteError> {
        self.is_finished.store(true, Ordering::Release);
        if self.sender.is_closed() {
            return Err(WriteError);
        }
        Ok(())
    }

    /// Ends the body with an error.
    ///
    /// # Errors
    ///
    /// When nobody reads the body any more.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is complete, the body ends with `Function.SenderDropped`.
    pub async fn finish_with_error(mut self, error: impl Into<Error>) -> Result<(), WriteError> {
        self.put(Err(into_failure(error))).await
    }

    async fn put(&mut self, item: Result<Bytes, Failure>) -> Result<(), WriteError> {
        std::future::poll_fn(|cx| self.sender.poll_ready(cx))
            .await
            .map_err(|_| WriteError)?;
        self.sender.start_send(item).map_err(|_| WriteError)
    }
}

impl Sink<Bytes> for BodySender {
    type Error = WriteError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.sender.poll_ready(cx).map_err(|_| WriteError)
    }

    fn start_send(mut self: Pin<&mut Self>, chunk: Bytes) -> Result<(), WriteError> {
        self.sender.start_send(Ok(chunk)).map_err(|_| WriteError)
    }

    /// Complete when every chunk has been taken out of the channel.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        Pin::new(&mut self.sender)
            .poll_flush(cx)
            .map_err(|_| WriteError)
    }

    /// Ends the body, like [`finish`](BodySender::finish).
    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.is_finished.store(true, Ordering::Release);
        self.sender.close_channel();
        Poll::Ready(Ok(()))
    }
}

/// The body that a [`BodySender`] writes; dropping it makes the sender's writes fail.
///
/// # Cancel safety
///
/// Waiting for the next chunk can be given up at any time without losing one.
#[derive(Debug)]
pub struct BodyStream {
    receiver: Option<mpsc::Receiver<Result<Bytes, Failure>>>,
    is_finished: Arc<AtomicBool>,
}

impl Stream for BodyStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(None);
        };
        let item = match ready!(Pin::new(receiver).poll_next(cx)) {
            Some(Ok(chunk)) => return Poll::Ready(Some(Ok(chunk))),
            Some(Err(failure)) => Some(Err(failure.into())),
            None if self.is_finished.load(Ordering::Acquire) => None,
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
