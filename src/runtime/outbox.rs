//! The few frames on their way from a response to the connection, both of which live in one task.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

/// Frames that the connection has not taken yet.
///
/// It is no channel: nobody is woken through it. The task that puts frames in polls the connection next,
/// and puts no more in before the connection has taken them all. The lock is never contended; it is there
/// so that a runtime whose handler is `Send` can itself be sent to another thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<Frames>>);

#[derive(Debug, Default)]
struct Frames {
    queue: VecDeque<Frame<Bytes>>,
    ended: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Frames> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a new body.
    pub(super) fn clear(&self) {
        let mut frames = self.lock();
        frames.queue.clear();
        frames.ended = false;
    }

    pub(super) fn push(&self, frame: Frame<Bytes>) {
        self.lock().queue.push_back(frame);
    }

    /// No frame follows.
    pub(super) fn end(&self) {
        self.lock().ended = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }
}

/// The body of a request as the connection sees it.
#[derive(Debug)]
pub(super) enum Outgoing {
    Whole(Option<Bytes>),
    Streamed(Outbox),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(outbox) => {
                let mut frames = outbox.lock();
                match frames.queue.pop_front() {
                    Some(frame) => Poll::Ready(Some(Ok(frame))),
                    None if frames.ended => Poll::Ready(None),
                    None => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(outbox) => {
                let frames = outbox.lock();
                frames.ended && frames.queue.is_empty()
            }
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Streamed(_) => http_body::SizeHint::default(),
        }
    }
}
