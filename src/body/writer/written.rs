//! The stream that drives a writing future and gives what it writes.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use lambda_stream_wire::failure::kind;

use super::ResponseWriter;
use super::body_writer::BodyWriter;
use super::state::Shared;
use crate::error::{Error, Failure, into_failure};
use crate::response::{Form, Response};

/// A writing future, and what it has written.
///
/// The future is boxed, once per response, so that it can outlive its stream: what it does after
/// the end of the body is awaited by itself.
pub(crate) struct Written<F> {
    shared: Shared,
    future: Option<Pin<Box<F>>>,
    /// What the future returned.
    result: Option<Result<(), Failure>>,
    /// Takes the future once the body has ended.
    rest: Option<Rest<F>>,
    was_pending: bool,
    done: bool,
}

/// What a writing future does after the end of its body.
pub(crate) struct Rest<F>(Arc<Mutex<Option<Pin<Box<F>>>>>);

impl<F> Clone for Rest<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Rest<F> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Pin<Box<F>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = Result<(), Failure>>> Rest<F> {
    /// Awaits the future, if it is still there. A response that failed has dropped it.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let future = self.lock().take();
        match future {
            Some(future) => future.await,
            None => Ok(()),
        }
    }
}

impl<F> Written<F>
where
    F: Future<Output = Result<(), Failure>>,
{
    fn new(shared: Shared, future: F) -> Self {
        Self {
            shared,
            future: Some(Box::pin(future)),
            result: None,
            rest: None,
            was_pending: false,
            done: false,
        }
    }

    fn poll_future(&mut self, cx: &mut Context<'_>) {
        if let Some(future) = &mut self.future {
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                self.future = None;
                self.result = Some(result);
            }
        }
    }

    /// Polls the future until it has sent its head.
    fn poll_form(&mut self, cx: &mut Context<'_>) -> Poll<Result<Form, Failure>> {
        self.shared.lock().listen(cx);
        self.poll_future(cx);
        if let Some(form) = self.shared.lock().take_form() {
            return Poll::Ready(Ok(form));
        }
        match self.result.take() {
            Some(Err(failure)) => Poll::Ready(Err(failure)),
            Some(Ok(())) => Poll::Ready(Err(Failure::new(
                kind::NO_HEAD,
                "the handler returned without sending a head",
            ))),
            None => Poll::Pending,
        }
    }
}

/// Polls a writing handler until it has sent its head; returns its response, and what it does after
/// the end of that response.
///
/// # Errors
///
/// When the handler fails before it has sent a head, or returns without one.
pub(crate) async fn respond<F>(
    write: impl FnOnce(ResponseWriter) -> F,
) -> Result<(Response<Written<F>>, Rest<F>), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let shared = Shared::default();
    let future = write(ResponseWriter::new(shared.clone()));
    let mut written = Written::new(shared, future);
    let form = poll_fn(|cx| written.poll_form(cx)).await?;
    let rest = Rest(Arc::default());
    written.rest = Some(rest.clone());
    Ok((Response::from_form(form, written), rest))
}

impl<F> Stream for Written<F>
where
    F: Future<Output = Result<(), Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        let mut state = this.shared.lock();
        if std::mem::take(&mut this.was_pending) {
            // The runtime polls a stream that was pending only once what it gave has been sent.
            state.set_flushed(cx);
        }
        let mut item = state.take(cx);
        if item.is_none() {
            state.ignore();
            drop(state);
            this.poll_future(cx);
            state = this.shared.lock();
            item = state.take(cx);
        }
        if item.is_none() {
            // The future has returned, and everything it wrote has been taken.
            item = this.result.take().map(|result| result.err().map(Err));
        }
        match item {
            Some(item) => {
                this.done = !matches!(item, Some(Ok(_)));
                Poll::Ready(item)
            }
            None => {
                this.was_pending = true;
                state.listen(cx);
                if state.is_flush_due() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done || self.shared.lock().is_complete() {
            return (0, Some(0));
        }
        (0, None)
    }
}

impl<F> Drop for Written<F> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let ended = state.take_end();
        state.close();
        drop(state);
        if let (true, Some(rest)) = (ended, &self.rest) {
            *rest.lock() = self.future.take();
        }
    }
}

impl<F> fmt::Debug for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written")
            .field("shared", &self.shared)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// Returns a stream of what this code writes: the [`BodyWriter`] for a handler that returns its
/// response.
///
/// The stream polls the code, so it runs only while the stream is polled, and is dropped with it.
/// Its error is the stream's error. What it does after [`finish`](BodyWriter::finish) does not run:
/// the stream has ended by then. A flush completes when the stream is polled again after it was
/// pending, which this crate's runtime does only once everything is in the socket.
///
/// ```
/// use futures::StreamExt;
/// use lambda_stream::body::writer::{BodyWriter, stream_from};
/// use lambda_stream::{Error, Head};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let body = stream_from(async |mut body: BodyWriter| {
///     for n in 1..=3 {
///         body.send_chunk(format!("{n}\n")).await?;
///     }
///     Ok::<_, Error>(())
/// });
/// let response = (Head::ok(), body); // what a handler returns
/// # let chunks: Vec<_> = response.1.map(|chunk| chunk.unwrap()).collect().await;
/// # assert_eq!(chunks, ["1\n", "2\n", "3\n"]);
/// # }
/// ```
pub fn stream_from<F, E>(write: F) -> impl Stream<Item = Result<Bytes, Error>>
where
    F: AsyncFnOnce(BodyWriter) -> Result<(), E>,
    E: Into<Error>,
{
    let shared = Shared::default();
    let writer = BodyWriter::new(shared.clone());
    StreamFrom(Written::new(shared, async move {
        write(writer).await.map_err(into_failure)
    }))
}

struct StreamFrom<F>(Written<F>);

impl<F> Stream for StreamFrom<F>
where
    F: Future<Output = Result<(), Failure>>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(item.map(|item| item.map_err(Into::into)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
