//! A body that is being written.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_sink::Sink;
use tokio::io::AsyncWrite;

use super::Closed;
use super::state::Shared;
use crate::error::{Error, Failure, into_failure};

/// A body that is being written: a `futures` [`Sink`] of [`Bytes`] and a tokio [`AsyncWrite`].
///
/// * [`send_chunk`](Self::send_chunk) hands a chunk to the response and completes when the response
///   has taken it. Like the chunks of a stream, chunks that are written without waiting in between
///   may share a write; each leaves before a handler that computes for a while writes the next.
/// * [`flush`](Self::flush), like `SinkExt::send` and `AsyncWriteExt::flush`, completes when
///   everything is in the socket.
/// * [`finish`](Self::finish) ends the body and consumes the writer. Dropping the writer does not
///   end the body; returning from the handler does.
/// * Through `AsyncWrite` the bytes are copied once, at most 64 KiB with each write, and leave at
///   the next write, flush or wait.
///
/// The writer can be moved to another task. Once the handler has returned, the body is over and
/// writes fail.
#[derive(Debug)]
pub struct BodyWriter {
    shared: Shared,
}

impl BodyWriter {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Sends a chunk. Completes when the response has taken it, which need not be flushed.
    ///
    /// An empty chunk is nothing to send.
    ///
    /// # Errors
    ///
    /// When the response is over.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the chunk may or may not be sent; it is never
    /// sent in part.
    pub async fn send_chunk(&mut self, chunk: impl Into<Bytes>) -> Result<(), Closed> {
        let mut chunk = Some(chunk.into());
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if chunk.is_some() {
                ready!(state.poll_ready(cx))?;
            }
            if let Some(chunk) = chunk.take() {
                state.put(chunk)?;
            }
            state.poll_taken(cx)
        })
        .await
    }

    /// Waits until everything that was written, the head included, is in the socket.
    ///
    /// # Errors
    ///
    /// When the response is over.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        poll_fn(|cx| self.shared.lock().poll_flushed(cx)).await
    }

    /// Ends the body.
    ///
    /// What the handler does from here on is work after the response: it is done before the next
    /// invocation is asked for, and its error is logged, not sent.
    ///
    /// # Errors
    ///
    /// When the response was over before its end could be sent.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the body ends, whether the future is awaited to its end or not.
    pub async fn finish(self) -> Result<(), Closed> {
        self.end(Ok(())).await
    }

    /// Sends a last chunk and ends the body, in one write.
    ///
    /// # Errors
    ///
    /// When the response was over before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, chunk and end may or may not be sent.
    pub async fn finish_with_chunk(self, chunk: impl Into<Bytes>) -> Result<(), Closed> {
        poll_fn(|cx| self.shared.lock().poll_ready(cx)).await?;
        self.shared.lock().put(chunk.into())?;
        self.end(Ok(())).await
    }

    /// Ends the body with an error: trailers, or `POST …/error` if nothing has left yet.
    ///
    /// # Errors
    ///
    /// When the response was over before its end could be sent.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the body ends, whether the future is awaited to its end or not.
    pub async fn finish_with_error(self, error: impl Into<Error>) -> Result<(), Closed> {
        self.end(Err(into_failure(error))).await
    }

    async fn end(self, end: Result<(), Failure>) -> Result<(), Closed> {
        self.shared.lock().set_end(end);
        poll_fn(|cx| self.shared.lock().poll_ended(cx)).await
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let mut state = self.shared.lock();
        state.set_end(Ok(()));
        state.poll_ended(cx)
    }
}

impl Sink<Bytes> for BodyWriter {
    type Error = Closed;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.shared.lock().poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Closed> {
        self.shared.lock().put(chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.shared.lock().poll_flushed(cx)
    }

    /// Ends the body, like [`finish`](BodyWriter::finish).
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.poll_end(cx)
    }
}

impl AsyncWrite for BodyWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.shared.lock();
        ready!(state.poll_ready(cx))?;
        Poll::Ready(Ok(state.put_copy(buf)?))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().poll_flushed(cx).map_err(Into::into)
    }

    /// Ends the body, like [`finish`](BodyWriter::finish).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx).map_err(Into::into)
    }
}
