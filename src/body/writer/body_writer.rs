//! A body that is being written.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_sink::Sink;
use tokio::io::AsyncWrite;

use super::WriteError;
use super::state::Shared;
use crate::error::{Error, Failure, into_failure};

/// A body that is being written: a `futures` [`Sink`] of [`Bytes`] and a tokio [`AsyncWrite`].
///
/// * A write is complete when there is room for the next one. It leaves no later than when the handler next
///   waits for something.
/// * Small chunks (below 4 KiB) that [`run_with_writer`](crate::run_with_writer)'s handler writes without
///   waiting in between are put together, up to 64 KiB and for no longer than 50 µs, so that a handler that
///   computes for a while per chunk does not hold them back. Larger ones are passed on as they are.
/// * [`flush`](Self::flush) is complete when everything is in the socket.
/// * [`finish`](Self::finish) ends the body, and consumes the writer. Dropping the writer does not end the
///   body; returning from the handler does.
/// * Through `AsyncWrite` the bytes are copied once, at most 64 KiB with each write. A `BufWriter` in front
///   would only copy them once more.
///
/// The writer can be moved to another task. Once the handler has returned, the body is over and writes
/// fail.
#[derive(Debug)]
pub struct BodyWriter {
    shared: Shared,
}

impl BodyWriter {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// Sends a chunk; complete when there is room for the next one.
    ///
    /// Unlike `SinkExt::send` this does not flush, so that chunks that are ready together can leave
    /// together. An empty chunk is nothing to send.
    ///
    /// # Errors
    ///
    /// When the response is over.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is complete, the chunk may or may not be sent; it is never sent in part.
    #[inline]
    pub fn send(
        &mut self,
        chunk: impl Into<Bytes>,
    ) -> impl Future<Output = Result<(), WriteError>> {
        // By hand, because an async function moves its chunk twice more.
        let mut chunk = Some(chunk.into());
        poll_fn(move |cx| self.shared.lock().poll_send(&mut chunk, cx))
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
    pub async fn flush(&mut self) -> Result<(), WriteError> {
        poll_fn(|cx| self.shared.lock().poll_flushed(cx)).await
    }

    /// Ends the body. What the handler does from here on is work after the response: it is done before the
    /// next invocation is asked for, and its error is logged, not sent.
    ///
    /// # Errors
    ///
    /// When the response was over before its end could be sent.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the body ends, whether this is awaited or not.
    pub async fn finish(self) -> Result<(), WriteError> {
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
    /// Dropped before it is complete, chunk and end may or may not be sent.
    pub async fn write_and_finish(self, chunk: impl Into<Bytes>) -> Result<(), WriteError> {
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
    /// Once polled, the body ends, whether this is awaited or not.
    pub async fn finish_with_error(self, error: impl Into<Error>) -> Result<(), WriteError> {
        self.end(Err(into_failure(error))).await
    }

    async fn end(self, end: Result<(), Failure>) -> Result<(), WriteError> {
        self.shared.lock().set_end(end);
        poll_fn(|cx| self.shared.lock().poll_ended(cx)).await
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        let mut state = self.shared.lock();
        state.set_end(Ok(()));
        state.poll_ended(cx)
    }
}

impl Sink<Bytes> for BodyWriter {
    type Error = WriteError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.shared.lock().poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), WriteError> {
        self.shared.lock().put(chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.shared.lock().poll_flushed(cx)
    }

    /// Ends the body, like [`finish`](BodyWriter::finish).
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
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
        if state.join_block(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
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
