//! Takes frames from a response and queues them for the connection.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame};

use super::http1::WriteQueue;
use crate::error::Failure;
use crate::response::Frames;

/// So many frames, or this many bytes, may leave in one write.
const BURST_FRAMES: usize = 16;
const BURST_BYTES: usize = 64 * 1024;

/// A chunk that is ready leaves after this time, even if its source goes on to be ready: a source that
/// computes for a while per chunk must not hold back what it has given already.
const BURST_TIME: Duration = Duration::from_micros(50);

/// Chunks that are smaller and ready together share a frame of at most 16 KiB: copying a small chunk
/// costs less than a frame of its own, here and above all for whoever reads it.
const SHARED_CHUNK: usize = 4 * 1024;

/// Whether the source would give more at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Ready,
    Pending,
}

/// Takes frames from a response and queues them for the connection.
pub(super) struct Pump {
    /// A small chunk that may come to share a frame with the next.
    single: Bytes,
    /// The source was pending when the head was made, and has not been asked since.
    is_waiting: bool,
    is_ended: bool,
}

impl Pump {
    pub(super) fn new(is_waiting: bool) -> Self {
        Self {
            single: Bytes::new(),
            is_waiting,
            is_ended: false,
        }
    }

    /// Takes what is ready, up to the bounds of one write.
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
        self.settle(queue);
        if frames.is_end_stream() && !self.is_ended {
            queue.end(None);
            self.is_ended = true;
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
        let (mut queued, mut bytes) = (0, 0);
        let mut began = None;
        while queued < BURST_FRAMES && bytes < BURST_BYTES {
            if !frames.is_payload() {
                match frames.as_mut().poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => queued += self.frame(queue, frame),
                    Poll::Ready(None) => return Source::Ready,
                    Poll::Pending => return Source::Pending,
                }
                continue;
            }
            if is_waiting && !frames.has_frame() {
                return Source::Pending;
            }
            // The clock is read once for each chunk: between two of them, its source may have computed.
            let now = Instant::now();
            if now.duration_since(*began.get_or_insert(now)) >= BURST_TIME {
                return Source::Ready;
            }
            match frames.as_mut().poll_payload(cx) {
                Poll::Pending => return Source::Pending,
                Poll::Ready(Some(chunk)) => {
                    bytes += chunk.len();
                    queued += self.chunk(queue, chunk);
                }
                // What follows is at hand: trailers, or nothing.
                Poll::Ready(None) => {}
            }
        }
        Source::Ready
    }

    /// Queues a frame that is no payload; returns how many that made.
    fn frame(&mut self, queue: &mut WriteQueue, frame: Frame<Bytes>) -> usize {
        let settled = self.settle(queue);
        match frame.into_data() {
            Ok(data) => queue.chunk(data),
            Err(frame) => {
                queue.end(frame.trailers_ref());
                self.is_ended = true;
            }
        }
        settled + 1
    }

    /// Queues a chunk, or keeps a small one for others to share its frame.
    fn chunk(&mut self, queue: &mut WriteQueue, chunk: Bytes) -> usize {
        if chunk.len() >= SHARED_CHUNK {
            let settled = self.settle(queue);
            queue.chunk(chunk);
            return settled + 1;
        }
        let kept = queue.shared_len().unwrap_or(self.single.len());
        if kept == 0 || kept + chunk.len() > WriteQueue::SHARED {
            let settled = self.settle(queue);
            self.single = chunk;
            return settled;
        }
        if !self.single.is_empty() {
            queue.share(&mem::take(&mut self.single));
        }
        queue.share(&chunk);
        0
    }

    /// Queues what was kept.
    fn settle(&mut self, queue: &mut WriteQueue) -> usize {
        if queue.shared_len().is_some() {
            queue.end_shared();
            return 1;
        }
        if self.single.is_empty() {
            return 0;
        }
        queue.chunk(mem::take(&mut self.single));
        1
    }

    /// Everything was queued, the end included.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }
}
