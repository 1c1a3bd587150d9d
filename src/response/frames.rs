//! The framing body: prelude, delimiter, chunks, and trailers when it ends in an error.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use lambda_stream_wire::api;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::prelude::DELIMITER;
use pin_project_lite::pin_project;

use super::batch::{Batch, Batcher, Stopwatch};
use super::into_response::{Form, IntoResponse, Response};
use super::size_limit::SizeLimit;
use crate::error::{Failure, contain};

/// Number of empty chunks in a row that are skipped before the task yields.
const EMPTY_CHUNKS: usize = 32;

pin_project! {
    /// A response as an [`http_body::Body`]: the prelude, the delimiter, the chunks, and trailers when
    /// it ends in an error.
    ///
    /// This is the body of `POST …/invocation/{id}/response`. [`run`](crate::run) makes it from what
    /// the handler returns; use it directly to speak to the Runtime API with a client of your own.
    ///
    /// * The prelude is one frame, the delimiter is one frame, and the payload follows. Raw responses
    ///   have neither prelude nor delimiter.
    /// * Empty chunks are skipped, so that they cannot end a chunked body early.
    /// * Small chunks that are ready together share a frame, once the stream has shown that it is
    ///   fast; a stream that is slow is framed chunk by chunk. No chunk waits for another one.
    /// * An `Err` or a panic of the stream becomes a trailers frame, the last one. The stream is
    ///   dropped, and never polled again, as soon as it has ended, failed or panicked.
    /// * A status that rules out a body (204, 304) drops the stream without polling it.
    /// * The body is fused, and its own error type is [`Infallible`].
    ///
    /// # First poll
    ///
    /// [`start`](Self::start) polls the stream once before anything is framed. Call it if the status
    /// of a response that fails at once matters to you: nothing has been sent by then. Without it,
    /// such a response consists of trailers only.
    ///
    /// # Example
    ///
    /// ```
    /// use http_body_util::BodyExt;
    /// use lambda_stream::{Error, Frames, Head};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chunks = tokio_stream::iter(["a", "b"].map(Ok::<_, Error>));
    /// let frames = Frames::new((Head::new(201), chunks));
    /// let bytes = Box::pin(frames).collect().await.unwrap().to_bytes();
    /// assert_eq!(
    ///     bytes,
    ///     &b"{\"statusCode\":201,\"headers\":{},\"cookies\":[]}\0\0\0\0\0\0\0\0ab"[..]
    /// );
    /// # }
    /// ```
    pub struct Frames<S> {
        #[pin]
        payload: Option<S>,
        state: State,
        limit: SizeLimit,
        batch: Batcher,
        // The source was pending when the head was made. The head is to leave before it is polled
        // again.
        head_first: bool,
        failure: Option<Failure>,
    }
}

#[derive(Debug)]
enum State {
    New(Form),
    Prelude(Bytes),
    Delimiter,
    Payload,
    Trailers,
    Done,
}

impl<S> Frames<S> {
    /// Frames a response.
    pub fn new<R, M>(response: R) -> Self
    where
        R: IntoResponse<M, Payload = S>,
    {
        Self::from_response(response.into_response(), SizeLimit::NONE)
    }

    pub(crate) fn from_response(response: Response<S>, limit: SizeLimit) -> Self {
        Self {
            payload: Some(response.payload),
            state: State::New(response.form),
            limit,
            batch: Batcher::default(),
            head_first: false,
            failure: None,
        }
    }

    /// Returns the content type to send the body with, which tells the service whether there is a
    /// prelude.
    ///
    /// Meaningful until the first frame has been taken.
    pub fn content_type(&self) -> HeaderValue {
        match &self.state {
            State::New(Form::Raw(content_type)) => content_type.clone(),
            _ => HeaderValue::from_static(api::HTTP_INTEGRATION),
        }
    }

    /// Returns what the response failed with, once it has.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl<S> Frames<S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    /// Polls the stream once and makes the prelude; nothing is framed before.
    ///
    /// Has no effect once the first frame has been taken.
    ///
    /// # Errors
    ///
    /// When the head cannot be sent, and when the first poll of the stream is an error or a panic.
    /// The stream has been dropped, and the body has no frames.
    pub fn start(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<(), Failure> {
        let State::New(form) = mem::replace(self.as_mut().project().state, State::Done) else {
            return Ok(());
        };
        let bodyless = matches!(&form, Form::Http(head) if head.is_bodyless());
        let polled = if bodyless {
            ControlFlow::Break(Ok(()))
        } else {
            self.as_mut().poll_source(cx, 1)
        };
        if let ControlFlow::Break(ended) = polled {
            // A panic of its `Drop` counts, unless it had failed before.
            let dropped = self.as_mut().close();
            ended.and(dropped)?;
        }
        let this = self.as_mut().project();
        let empty = this.payload.is_none() && this.batch.is_empty();
        let state = match form {
            Form::Raw(_) | Form::Buffered(_) => State::Payload,
            Form::Http(head) => match head.to_prelude(empty) {
                Ok(prelude) => State::Prelude(prelude),
                Err(error) => {
                    let _ = self.close();
                    return Err(Failure::new(kind::INVALID_HEAD, error));
                }
            },
        };
        *this.head_first = this.batch.is_empty() && this.payload.is_some();
        *this.state = state;
        Ok(())
    }

    /// Ends the response with this failure: the stream is dropped, and the trailers follow whatever
    /// has been framed already (at least the prelude). Has no effect once the response is over.
    pub fn fail(mut self: Pin<&mut Self>, failure: Failure) {
        if self.failure.is_some() || self.is_over() {
            return;
        }
        let _ = self.as_mut().close();
        let this = self.project();
        this.batch.clear();
        *this.head_first = false;
        *this.failure = Some(failure);
        if let State::Payload | State::New(_) = this.state {
            *this.state = State::Trailers;
        }
    }

    /// Drops the stream, and returns a panic in its `Drop`.
    fn close(self: Pin<&mut Self>) -> Result<(), Failure> {
        let mut payload = self.project().payload;
        if payload.is_none() {
            return Ok(());
        }
        contain(|| payload.set(None))
    }

    /// Polls the stream for the chunks of one frame; breaks at its end and with its error.
    ///
    /// A stream whose size hint says that it is over is polled once more, so that the end can leave
    /// with the last chunk. After `empty_limit` empty chunks, and after one that took its time, the
    /// task yields, so that neither the head nor a batch waits for a source that gives nothing.
    fn poll_source(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        empty_limit: usize,
    ) -> ControlFlow<Result<(), Failure>> {
        let this = self.project();
        let Some(mut payload) = this.payload.as_pin_mut() else {
            return ControlFlow::Break(Ok(()));
        };
        let (limit, batch) = (this.limit, this.batch);
        let polled = contain(|| {
            let mut stopwatch = Stopwatch::start();
            let mut empty = 0;
            loop {
                match payload.as_mut().poll_next(cx) {
                    Poll::Pending => return ControlFlow::Continue(()),
                    Poll::Ready(None) => return ControlFlow::Break(Ok(())),
                    Poll::Ready(Some(Err(failure))) => return ControlFlow::Break(Err(failure)),
                    Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => {
                        if payload.size_hint() == (0, Some(0)) && empty < EMPTY_CHUNKS {
                            empty += 1;
                            continue;
                        }
                        empty += 1;
                        if empty >= empty_limit || batch.skip(&mut stopwatch) == Batch::Full {
                            cx.waker().wake_by_ref();
                            return ControlFlow::Continue(());
                        }
                    }
                    Poll::Ready(Some(Ok(chunk))) => {
                        if let Err(exceeded) = limit.take(&chunk) {
                            return ControlFlow::Break(Err(exceeded.into()));
                        }
                        if batch.push(chunk, &mut stopwatch) == Batch::Open {
                            continue;
                        }
                        let over = payload.size_hint() == (0, Some(0));
                        if !over || !batch.has_room() {
                            return ControlFlow::Continue(());
                        }
                    }
                }
            }
        });
        polled.unwrap_or_else(|panic| ControlFlow::Break(Err(panic)))
    }

    /// Returns the next frame of payload; `None` when trailers or nothing follow.
    fn poll_payload(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.as_mut().project();
        if mem::take(this.head_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut ended = None;
        if this.batch.is_empty() {
            if let ControlFlow::Break(end) = self.as_mut().poll_source(cx, EMPTY_CHUNKS) {
                ended = Some(end.and(self.as_mut().close()));
            } else if self.batch.is_empty() {
                return Poll::Pending;
            }
        }
        let this = self.project();
        let frame = this.batch.take();
        if let Some(end) = ended {
            *this.failure = end.err();
            if frame.is_some() || this.failure.is_some() {
                *this.state = State::Trailers;
            } else {
                *this.state = State::Done;
            }
        } else if frame.is_none() {
            *this.state = State::Done;
        }
        Poll::Ready(frame)
    }

    fn is_over(&self) -> bool {
        match self.state {
            State::Done => true,
            // The stream is gone, and nothing it gave is left to be framed.
            State::Payload => {
                self.payload.is_none() && self.batch.is_empty() && self.failure.is_none()
            }
            State::Trailers => self.failure.is_none(),
            _ => false,
        }
    }
}

impl<S> Body for Frames<S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            let this = self.as_mut().project();
            let frame = match this.state {
                State::New(_) => {
                    if let Err(failure) = self.as_mut().start(cx) {
                        let this = self.as_mut().project();
                        *this.failure = Some(failure);
                        *this.state = State::Trailers;
                    }
                    continue;
                }
                State::Prelude(prelude) => {
                    let prelude = mem::take(prelude);
                    *this.state = State::Delimiter;
                    Frame::data(prelude)
                }
                State::Delimiter => {
                    *this.state = match this.failure {
                        Some(_) => State::Trailers,
                        None => State::Payload,
                    };
                    Frame::data(Bytes::from_static(&DELIMITER))
                }
                State::Payload => match ready!(self.as_mut().poll_payload(cx)) {
                    Some(chunk) => Frame::data(chunk),
                    None => continue,
                },
                State::Trailers => {
                    *this.state = State::Done;
                    match this.failure {
                        Some(failure) => Frame::trailers(failure.to_trailers()),
                        None => continue,
                    }
                }
                State::Done => return Poll::Ready(None),
            };
            return Poll::Ready(Some(Ok(frame)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_over() {
            return SizeHint::with_exact(0);
        }
        // A stream's own hint counts chunks, not bytes, so the size is unknown.
        SizeHint::default()
    }
}

impl<S> fmt::Debug for Frames<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames")
            .field("state", &self.state)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
