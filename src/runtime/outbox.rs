//! The frames on their way from a response to the connection, both of which live in one task.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a request as hyper sees it: frames that it has not taken yet.
///
/// hyper wants a `'static` body, and a handler's stream borrows. The outbox stands between the two.
/// It is not a channel: nobody is woken through it. The task that puts frames in polls the
/// connection next, and puts no more in before the connection has taken them all. The lock is never
/// contended; it is there so that a runtime whose handler is `Send` can itself be sent to another
/// thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame<Bytes>>,
    ended: bool,
    /// Length of the whole body; a body without one is chunked.
    length: Option<u64>,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a body whose length is not known.
    pub(super) fn begin(&self) {
        let mut queue = self.lock();
        queue.frames.clear();
        queue.ended = false;
        queue.length = None;
    }

    /// Begins and ends a body that consists of these bytes.
    pub(super) fn fill(&self, body: Bytes) {
        let mut queue = self.lock();
        queue.frames.clear();
        queue.ended = true;
        queue.length = Some(body.len() as u64);
        if !body.is_empty() {
            queue.frames.push_back(Frame::data(body));
        }
    }

    pub(super) fn push(&self, frame: Frame<Bytes>) {
        self.lock().frames.push_back(frame);
    }

    /// Ends the body after the frames that are in it.
    pub(super) fn end(&self) {
        self.lock().ended = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().frames.is_empty()
    }
}

impl Body for Outbox {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut queue = self.lock();
        match queue.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if queue.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        let queue = self.lock();
        queue.ended && queue.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock()
            .length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
