//! Takes frames from a response and puts them where the connection takes them from.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Body, Frame};

use super::outbox::Outbox;
use crate::error::Failure;
use crate::response::Frames;

/// So many frames, or this many bytes, may leave in one write.
const BURST_FRAMES: usize = 16;
const BURST_BYTES: usize = 64 * 1024;

/// A chunk that is ready leaves after this time, even if its source goes on to be ready: a source that
/// computes for a while per chunk must not hold back what it has given already.
const BURST_TIME: Duration = Duration::from_micros(50);

/// Chunks that are smaller and ready together share a frame of at most this size: a frame costs about
/// a thousand instructions, and copying a small chunk a few dozen.
const SHARED_CHUNK: usize = 4 * 1024;
const SHARED_FRAME: usize = 16 * 1024;

/// Whether the source would give more at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Ready,
    Pending,
}

/// Takes frames from a response and puts them into the outbox.
pub(super) struct Pump<'a> {
    outbox: &'a Outbox,
    shared: &'a mut BytesMut,
    /// A small chunk that may come to share a frame with the next.
    single: Bytes,
    /// The source was pending when the head was made, and has not been asked since.
    is_waiting: bool,
    is_ended: bool,
}

impl<'a> Pump<'a> {
    pub(super) fn new(outbox: &'a Outbox, shared: &'a mut BytesMut, is_waiting: bool) -> Self {
        shared.clear();
        Self {
            outbox,
            shared,
            single: Bytes::new(),
            is_waiting,
            is_ended: false,
        }
    }

    /// Takes what is ready, up to the bounds of one write.
    pub(super) fn fill<S>(&mut self, frames: Pin<&mut Frames<S>>, cx: &mut Context<'_>) -> Source
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let source = self.take(frames, cx);
        self.settle();
        if self.is_ended {
            self.outbox.end();
        }
        source
    }

    fn take<S>(&mut self, mut frames: Pin<&mut Frames<S>>, cx: &mut Context<'_>) -> Source
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        // The head does not wait for a source that was pending a moment ago, nor is that source asked
        // again before the head is on its way.
        let is_waiting = mem::take(&mut self.is_waiting);
        let (mut pushed, mut bytes) = (0, 0);
        let mut began = None;
        while pushed < BURST_FRAMES && bytes < BURST_BYTES {
            if is_waiting && !frames.has_frame() {
                return Source::Pending;
            }
            if began.is_some_and(|began: Instant| began.elapsed() >= BURST_TIME) {
                return Source::Ready;
            }
            began.get_or_insert_with(Instant::now);
            let is_payload = frames.is_payload();
            match frames.as_mut().poll_frame(cx) {
                Poll::Pending => return Source::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    bytes += frame.data_ref().map_or(0, Bytes::len);
                    pushed += self.put(frame, is_payload);
                }
                Poll::Ready(None) => {}
            }
            if frames.is_end_stream() {
                self.is_ended = true;
                return Source::Ready;
            }
        }
        Source::Ready
    }

    /// Puts a frame behind the others; returns how many that made.
    fn put(&mut self, frame: Frame<Bytes>, is_payload: bool) -> usize {
        match frame.into_data() {
            Ok(chunk) if is_payload && chunk.len() < SHARED_CHUNK => self.share(chunk),
            Ok(data) => self.settle() + self.push(Frame::data(data)),
            Err(trailers) => self.settle() + self.push(trailers),
        }
    }

    /// Keeps a small chunk; once there are two, they share a frame.
    fn share(&mut self, chunk: Bytes) -> usize {
        if self.single.is_empty() && self.shared.is_empty() {
            self.single = chunk;
            return 0;
        }
        let len = self.single.len() + self.shared.len() + chunk.len();
        if len > SHARED_FRAME {
            let settled = self.settle();
            self.single = chunk;
            return settled;
        }
        if self.shared.is_empty() {
            // Takes back the memory of an earlier frame that has been sent.
            self.shared.reserve(SHARED_FRAME);
            self.shared.extend_from_slice(&mem::take(&mut self.single));
        }
        self.shared.extend_from_slice(&chunk);
        0
    }

    /// Puts what was kept behind the others.
    fn settle(&mut self) -> usize {
        let kept = if self.shared.is_empty() {
            mem::take(&mut self.single)
        } else {
            self.shared.split().freeze()
        };
        if kept.is_empty() {
            return 0;
        }
        self.push(Frame::data(kept))
    }

    fn push(&self, frame: Frame<Bytes>) -> usize {
        self.outbox.push(frame);
        1
    }

    /// Everything was given.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Everything was given, and the connection has taken it.
    pub(super) fn is_over(&self) -> bool {
        self.is_ended && self.outbox.is_empty()
    }
}
