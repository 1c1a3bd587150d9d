//! The stream that drives a writing handler and gives out what it writes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::ResponseWriter;
use super::body_writer::BodyWriter;
use super::state::Shared;
use crate::error::{Error, Failure, contain, into_failure};
use crate::response::Form;
use lambda_stream_wire::failure::kind;

/// The stream's end of a writer.
#[derive(Debug, Default)]
struct Reader {
    shared: Shared,
    /// What the writing future returned.
    result: Option<Result<(), Failure>>,
    was_pending: bool,
    is_done: bool,
}

impl Reader {
    /// The next chunk; polls the future when there is none in hand.
    fn poll_next<F>(
        &mut self,
        mut call: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        if self.is_done {
            return Poll::Ready(None);
        }
        let mut state = self.shared.lock();
        if std::mem::take(&mut self.was_pending) {
            // A stream is polled again after it was pending only when what it gave has been written.
            state.flushed(cx);
        }
        let mut item = state.take(cx);
        // A handler that waits is not asked again before what it wrote is on its way.
        if item.is_none() && !state.is_waiting(cx) {
            state.begin_poll();
            drop(state);
            if let Some(future) = call.as_mut().as_pin_mut() {
                if let Poll::Ready(result) = future.poll(cx) {
                    call.set(None);
                    self.result = Some(result);
                }
            }
            state = self.shared.lock();
            item = state.end_poll(self.result.is_none(), cx);
        }
        let is_flush_due = state.is_flush_due();
        drop(state);
        if item.is_none() {
            // The future has returned, and everything it wrote was taken.
            item = self.result.take().map(|result| result.err().map(Err));
        }
        match item {
            Some(Some(Ok(chunk))) => Poll::Ready(Some(Ok(chunk))),
            Some(end) => {
                self.is_done = true;
                self.shared.lock().over(cx);
                Poll::Ready(end)
            }
            None => {
                self.was_pending = true;
                if is_flush_due {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

/// A handler that writes, from its call to its return. It drives itself as a stream from its head to the
/// end of its body.
#[derive(Debug, Default)]
pub(crate) struct Written {
    reader: Reader,
}

impl Written {
    pub(crate) fn new() -> (Self, ResponseWriter) {
        let written = Self::default();
        let writer = ResponseWriter::new(written.reader.shared.clone());
        (written, writer)
    }

    /// Small chunks that are written together may be one chunk of the body.
    pub(crate) fn share(&mut self) {
        self.reader.shared.lock().share();
    }

    /// Polls the handler until it has sent its head.
    ///
    /// An error when it returns one before, returns without a head, or panics.
    pub(crate) fn poll_head<F>(
        &mut self,
        mut call: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Form, Failure>>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        if let Some(future) = call.as_mut().as_pin_mut() {
            match contain(|| future.poll(cx)) {
                Err(panic) => return Poll::Ready(Err(panic)),
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(result)) => {
                    if let Err(panic) = contain(|| call.set(None)) {
                        return Poll::Ready(Err(panic));
                    }
                    self.reader.result = Some(result);
                }
            }
        }
        match (
            self.reader.shared.lock().take_form(),
            &mut self.reader.result,
        ) {
            (Some(form), _) => Poll::Ready(Ok(form)),
            (None, Some(Err(failure))) => Poll::Ready(Err(failure.clone())),
            (None, Some(Ok(()))) => Poll::Ready(Err(Failure::new(
                kind::NO_HEAD,
                "the handler returned without sending a head",
            ))),
            (None, None) => Poll::Pending,
        }
    }

    /// The body, from the head to its end. If it is dropped before its end, so is the handler.
    pub(crate) fn body<F>(self, call: Pin<&mut Option<F>>) -> WrittenBody<'_, F> {
        WrittenBody {
            reader: self.reader,
            call,
        }
    }
}

/// The body of a [`Written`] response.
pub(crate) struct WrittenBody<'a, F> {
    reader: Reader,
    call: Pin<&'a mut Option<F>>,
}

impl<F> Stream for WrittenBody<'_, F>
where
    F: Future<Output = Result<(), Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.reader.poll_next(this.call.as_mut(), cx)
    }
}

impl<F> Drop for WrittenBody<'_, F> {
    fn drop(&mut self) {
        let mut state = self.reader.shared.lock();
        let is_ended = state.is_ended();
        state.gone();
        drop(state);
        if !is_ended {
            self.call.set(None);
        }
    }
}

pin_project! {
    struct StreamFrom<F> {
        #[pin]
        call: Option<F>,
        reader: Reader,
    }

    impl<F> PinnedDrop for StreamFrom<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().reader.shared.lock().gone();
        }
    }
}

impl<F> Stream for StreamFrom<F>
where
    F: Future<Output = Result<(), Failure>>,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let poll = this.reader.poll_next(this.call.as_mut(), cx);
        if this.reader.is_done {
            this.call.set(None);
        }
        poll.map_err(Into::into)
    }
}

impl<F> fmt::Debug for StreamFrom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamFrom")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

/// A stream of what this code writes: the [`BodyWriter`] for a handler that returns its response.
///
/// The code is polled by the stream, so it runs only while the stream is polled, and it is dropped with
/// it. Its error is the stream's error. What it does after [`finish`](BodyWriter::finish) is not done: the
/// stream is over then. A flush is complete when the stream is polled again after it was pending, which
/// this crate's runtime does only once everything is in the socket.
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
///         body.send(format!("{n}\n")).await?;
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
    let reader = Reader::default();
    let writer = BodyWriter::new(reader.shared.clone());
    StreamFrom {
        call: Some(async move { write(writer).await.map_err(into_failure) }),
        reader,
    }
}
