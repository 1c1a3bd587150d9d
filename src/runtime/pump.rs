//! Takes frames from a response and queues them for the connection.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame};

use super::http1::WriteQueue;
use crate::error::Failure;
use crate::response::burst::{Clock, SHARED_CHUNK};
use crate::response::{Drained, Frames, Want};

/// So many frames, or this many bytes, may leave in one write.
const BURST_FRAMES: usize = 16;
const BURST_BYTES: usize = 512 * 1024;

/// Whether to ask the source again as soon as everything it gave is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It has more, or may have: many a source wakes its task as soon as it is pending.
    Ready,
    /// It wakes the task.
    Pending,
}

/// Takes frames from a response and queues them for the connection.
#[derive(Debug)]
pub(super) struct Pump {
    /// The source was pending when the head was made, and has not been asked since.
    is_waiting: bool,
    /// Asking a source that was pending again, right after what it gave was written, was never in vain. It
    /// saves a turn of the event loop for each chunk of a source that wakes its task itself.
    is_eager: bool,
    /// This is what is being done.
    is_again: bool,
    is_ended: bool,
}

impl Pump {
    pub(super) fn new(is_waiting: bool) -> Self {
        Self {
            is_waiting,
            is_eager: true,
            is_again: false,
            is_ended: false,
        }
    }

    /// Takes what is ready, up to the bounds of one write. Everything that was taken before is written.
    pub(super) fn fill<S>(
        &mut self,
        queue: &mut WriteQueue,
        mut frames: Pin<&mut Frames<S>>,
        cx: &mut Context<'_>,
    ) -> Source
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let source = self.take(queue, frames.as_mut(), cx);
        if frames.is_end_stream() && !self.is_ended {
            queue.end(None);
            self.is_ended = true;
        }
        let has_given = !queue.is_empty();
        self.is_eager &= has_given || !self.is_again;
        self.is_again = self.is_eager && has_given && source == Source::Pending;
        if self.is_again {
            return Source::Ready;
        }
        source
    }

    fn take<S>(
        &mut self,
        queue: &mut WriteQueue,
        mut frames: Pin<&mut Frames<S>>,
        cx: &mut Context<'_>,
    ) -> Source
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        // The head does not wait for a source that was pending a moment ago, nor is that source asked
        // again before the head is on its way.
        let is_waiting = mem::take(&mut self.is_waiting);
        let mut burst = Burst::begin();
        loop {
            if frames.is_payload() {
                if is_waiting && !frames.has_frame() {
                    return Source::Pending;
                }
                if let Some(first) = frames.as_mut().take_first() {
                    burst.begin_frame(queue, first);
                }
                let drained = frames.as_mut().drain(cx, |chunk| burst.chunk(queue, chunk));
                queue.end_shared();
                match drained {
                    Drained::Enough => return Source::Ready,
                    Drained::Pending => return Source::Pending,
                    // What follows is at hand: trailers, or nothing.
                    Drained::Ended => {}
                }
            } else {
                match frames.as_mut().poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => self.frame(queue, frame),
                    Poll::Ready(None) => return Source::Ready,
                    Poll::Pending => return Source::Pending,
                }
            }
        }
    }

    /// Queues a frame that is no payload.
    fn frame(&mut self, queue: &mut WriteQueue, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => queue.chunk(data),
            Err(frame) => {
                queue.end(frame.trailers_ref());
                self.is_ended = true;
            }
        }
    }

    /// Everything was queued, the end included.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }
}

/// The chunks that are to leave in one write.
struct Burst {
    frames: usize,
    bytes: usize,
    clock: Clock,
}

impl Burst {
    fn begin() -> Self {
        Self {
            frames: 0,
            bytes: 0,
            clock: Clock::start(),
        }
    }

    /// Queues a chunk; tells whether another one may leave in the same write.
    #[inline]
    fn chunk(&mut self, queue: &mut WriteQueue, chunk: Bytes) -> Want {
        if chunk.len() < SHARED_CHUNK && chunk.len() <= queue.shared_room() {
            self.bytes += chunk.len();
            queue.share(&chunk);
        } else {
            self.begin_frame(queue, chunk);
        }
        if self.bytes >= BURST_BYTES || self.frames >= BURST_FRAMES || self.clock.is_over() {
            return Want::Nothing;
        }
        Want::More
    }

    /// Queues a chunk that begins a frame.
    fn begin_frame(&mut self, queue: &mut WriteQueue, chunk: Bytes) {
        self.bytes += chunk.len();
        self.frames += 1;
        queue.end_shared();
        if chunk.len() >= SHARED_CHUNK {
            queue.chunk(chunk);
        } else {
            queue.begin_shared();
            queue.share(&chunk);
        }
    }
}
