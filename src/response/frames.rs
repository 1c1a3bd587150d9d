//! The framing body: prelude, delimiter, chunks, and trailers when it ends in an error.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::into_response::{Form, IntoResponse, Response};
use super::size_limit::SizeLimit;
use crate::error::{Failure, contain};
use lambda_stream_wire::api;
use lambda_stream_wire::failure::kind;
use lambda_stream_wire::prelude::DELIMITER;

/// So many empty chunks in a row are skipped before the task gives others a turn.
const EMPTY_CHUNKS: usize = 32;

pin_project! {
    /// A response as an [`http_body::Body`]: the prelude, the delimiter, the chunks, and trailers when it
    /// ends in an error.
    ///
    /// This is the body of `POST …/invocation/{id}/response`; [`run`](crate::run) makes it from what the
    /// handler returns. Use it by hand to speak to the Runtime API with a client of your own.
    ///
    /// * The prelude is one frame, the delimiter is one frame, and the payload follows. Raw responses have
    ///   neither prelude nor delimiter.
    /// * Empty chunks are skipped, so they cannot end a chunked body early.
    /// * An `Err` or a panic of the stream becomes a trailers frame, the last one. The stream is dropped,
    ///   and never polled again, as soon as it has ended, failed or panicked.
    /// * A status that rules out a body (204, 304) drops the stream without polling it.
    /// * The body is fused, and its own error type is [`Infallible`].
    ///
    /// # First poll
    ///
    /// [`start`](Self::start) polls the stream once before anything is framed. Call it, if the status of
    /// a response that fails at once matters to you: then nothing has been sent yet. Without it, such a
    /// response is nothing but trailers.
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
        first: Option<Bytes>,
        failure: Option<Failure>,
    }
}

/// Whether whoever takes chunks wants another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    More,
    Nothing,
}

/// Why no more chunks were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Nothing more is wanted.
    Enough,
    /// The stream is pending.
    Pending,
    /// Trailers or nothing follow.
    Ended,
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
        Self::from_response(response.into_response())
    }

    pub(crate) fn from_response(response: Response<S>) -> Self {
        Self {
            payload: Some(response.payload),
            state: State::New(response.form),
            limit: SizeLimit::NONE,
            first: None,
            failure: None,
        }
    }

    /// Limits the payload; to be set before the first chunk is there.
    pub(crate) fn limit(self: Pin<&mut Self>, limit: SizeLimit) {
        *self.project().limit = limit;
    }

    /// The content type to send the body with; it tells the service whether there is a prelude.
    ///
    /// To be asked for before the first frame is taken.
    pub fn content_type(&self) -> HeaderValue {
        match &self.state {
            State::New(Form::Raw(content_type)) => content_type.clone(),
            _ => HeaderValue::from_static(api::HTTP_INTEGRATION),
        }
    }

    /// What the response failed with, once it did.
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
    /// Without effect when the first frame has been taken.
    ///
    /// # Errors
    ///
    /// When the head cannot be sent, and when the first poll of the stream is an error or a panic. The
    /// stream is dropped, and the body has no frames.
    pub fn start(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<(), Failure> {
        let this = self.as_mut().project();
        let State::New(form) = mem::replace(this.state, State::Done) else {
            return Ok(());
        };
        let bodyless = matches!(&form, Form::Http(head) if head.is_bodyless());
        let mut first = None;
        let drained = if bodyless {
            Ok(None)
        } else {
            self.as_mut().poll_chunks(cx, |chunk| {
                first = Some(chunk);
                Want::Nothing
            })
        };
        let is_empty = matches!(drained, Ok(None));
        if !matches!(drained, Ok(Some(_))) {
            // A panic of its `Drop` counts, unless it had failed before.
            let panic = self.as_mut().close();
            drained?;
            panic.map_or(Ok(()), Err)?;
        }
        let state = match form {
            Form::Raw(_) => State::Payload,
            Form::Http(head) => match head.to_prelude(is_empty) {
                Ok(prelude) => State::Prelude(prelude),
                Err(error) => {
                    self.as_mut().close();
                    return Err(Failure::new(kind::INVALID_HEAD, error));
                }
            },
        };
        let this = self.project();
        *this.state = state;
        *this.first = first;
        Ok(())
    }

    /// Ends the response with this failure: the stream is dropped, and after what is framed already
    /// (at least the prelude) come the trailers. Without effect once the response is over.
    pub fn fail(mut self: Pin<&mut Self>, failure: Failure) {
        if self.failure.is_some() || self.is_over() {
            return;
        }
        self.as_mut().close();
        let this = self.project();
        *this.first = None;
        *this.failure = Some(failure);
        if let State::Payload | State::New(_) = this.state {
            *this.state = State::Trailers;
        }
    }

    /// Drops the stream at once; there are no frames any more. A panic in its `Drop` is contained.
    pub(crate) fn abandon(mut self: Pin<&mut Self>) {
        let panic = self.as_mut().close();
        let this = self.project();
        *this.state = State::Done;
        *this.first = None;
        if this.failure.is_none() {
            *this.failure = panic;
        }
    }

    /// Drops the stream. A panic in its `Drop` is contained and returned.
    fn close(self: Pin<&mut Self>) -> Option<Failure> {
        let mut payload = self.project().payload;
        payload.as_ref().as_pin_ref()?;
        contain(|| payload.set(None)).err()
    }

    /// The chunk that the stream gave when the head was made. It goes before all that
    /// [`drain`](Self::drain) gives.
    pub(crate) fn take_first(self: Pin<&mut Self>) -> Option<Bytes> {
        self.project().first.take()
    }

    /// Gives `take` one chunk of the payload after another, until it wants no more, none is ready, or
    /// trailers or nothing follow.
    ///
    /// Panics of the stream are contained around all of these polls, and not around each.
    pub(crate) fn drain(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        take: impl FnMut(Bytes) -> Want,
    ) -> Drained {
        let failure = match self.as_mut().poll_chunks(cx, take) {
            Ok(Some(drained)) => return drained,
            Ok(None) => self.as_mut().close(),
            Err(failure) => {
                self.as_mut().close();
                Some(failure)
            }
        };
        let this = self.project();
        *this.state = match &failure {
            Some(_) => State::Trailers,
            None => State::Done,
        };
        *this.failure = failure;
        Drained::Ended
    }

    /// Polls the stream for chunks that are not empty; `None` at its end.
    fn poll_chunks(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Bytes) -> Want,
    ) -> Result<Option<Drained>, Failure> {
        let this = self.project();
        let Some(mut payload) = this.payload.as_pin_mut() else {
            return Ok(None);
        };
        let limit = this.limit;
        contain(|| {
            let mut empty = 0;
            loop {
                match payload.as_mut().poll_next(cx) {
                    Poll::Pending => return Ok(Some(Drained::Pending)),
                    Poll::Ready(None) => return Ok(None),
                    Poll::Ready(Some(chunk)) => {
                        let chunk = chunk?;
                        if chunk.is_empty() {
                            empty += 1;
                            if empty == EMPTY_CHUNKS {
                                cx.waker().wake_by_ref();
                                return Ok(Some(Drained::Pending));
                            }
                            continue;
                        }
                        limit.take(&chunk)?;
                        if take(chunk) == Want::Nothing {
                            return Ok(Some(Drained::Enough));
                        }
                    }
                }
            }
        })?
    }

    /// Whether the stream was pending when the head was made: it is not asked again before the head is
    /// on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        self.first.is_none() && self.payload.is_some()
    }

    /// Whether the next frame, if it has data, is payload.
    pub(crate) fn is_payload(&self) -> bool {
        matches!(self.state, State::Payload)
    }

    /// Whether the next frame is at hand without polling the stream.
    pub(crate) fn has_frame(&self) -> bool {
        match self.state {
            State::Prelude(_) | State::Delimiter | State::Trailers => true,
            State::Payload => self.first.is_some(),
            State::New(_) | State::Done => false,
        }
    }

    fn is_over(&self) -> bool {
        match self.state {
            State::Done => true,
            // The stream is gone, and nothing it gave is left to be framed.
            State::Payload => {
                self.payload.is_none() && self.first.is_none() && self.failure.is_none()
            }
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
                State::Payload => {
                    let mut data = this.first.take();
                    if data.is_none() {
                        let drained = self.as_mut().drain(cx, |chunk| {
                            data = Some(chunk);
                            Want::Nothing
                        });
                        if drained == Drained::Pending {
                            return Poll::Pending;
                        }
                    }
                    match data {
                        Some(chunk) => Frame::data(chunk),
                        None => continue,
                    }
                }
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
        // A stream's own hint counts chunks, not bytes, so what is left is unknown.
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
