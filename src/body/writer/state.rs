//! What a writer and the stream that drives it share: what was written and not taken yet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};

use super::WriteError;
use crate::error::Failure;
use crate::response::Form;
use crate::response::burst::{Clock, SHARED_CHUNK};

/// Small chunks that are written together become one of at most this size. Each of these costs a turn of
/// handler and stream, so they are larger than what the runtime puts together itself.
const BLOCK: usize = 64 * 1024;

/// What a stream gives next.
pub(super) type Taken = Option<Result<Bytes, Failure>>;

/// Shared by a writer and its stream, which usually live in one task, so the lock is hardly ever contended.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// What goes before the payload, until it is taken.
    form: Option<Form>,
    /// Small chunks that were written together.
    block: BytesMut,
    /// So much can be put into the block without a question; nothing, if it is empty.
    room: usize,
    /// A chunk behind them.
    chunk: Option<Bytes>,
    /// What is in hand has to be taken before more is put.
    is_full: bool,
    /// Small chunks may be put together: nobody looks at them one by one.
    is_sharing: bool,
    /// There while the stream polls the handler, and will look for what it has written.
    clock: Option<Clock>,
    end: Option<Result<(), Failure>>,
    /// The end has been taken.
    is_ended: bool,
    /// Nothing will be taken any more.
    is_over: bool,
    /// Something was taken since the stream was last known to be flushed.
    is_dirty: bool,
    is_flush_asked: bool,
    /// The handler was pending, and not because of what is in hand.
    is_waiting: bool,
    /// Wakes the writer.
    waker: Option<Waker>,
    /// Wakes the stream, when something is written by another task.
    reader: Option<Waker>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side.
impl State {
    /// Whether there is room for a chunk.
    #[inline]
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.open()?;
        self.poll_room(cx)
    }

    #[inline]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        // Any small chunk may come next.
        self.is_full |= self.block.len() > BLOCK - SHARED_CHUNK;
        if !self.is_full {
            return Poll::Ready(Ok(()));
        }
        if self.is_over {
            return Poll::Ready(Err(WriteError));
        }
        self.wait(cx)
    }

    /// Begins the response. What goes before the payload is to be flushed like a chunk.
    pub(super) fn begin(&mut self, form: Form) -> Result<(), WriteError> {
        if self.is_over {
            return Err(WriteError);
        }
        self.form = Some(form);
        self.is_dirty = true;
        Ok(())
    }

    /// Puts a chunk into the block, if there is room: the fast way to send a small one.
    #[inline]
    pub(super) fn join_block(&mut self, chunk: &[u8]) -> bool {
        if chunk.len() > self.room || chunk.len() >= SHARED_CHUNK {
            return false;
        }
        let Some(clock) = &mut self.clock else {
            return false;
        };
        self.room -= chunk.len();
        self.block.extend_from_slice(chunk);
        if clock.is_over() {
            self.is_full = true;
            self.room = 0;
        }
        true
    }

    /// Puts a chunk in hand, and waits while nothing can be put behind it.
    #[inline]
    pub(super) fn poll_send(
        &mut self,
        chunk: &mut Option<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WriteError>> {
        match chunk {
            Some(joined) if self.join_block(joined) => {
                if self.is_full {
                    *chunk = None;
                    return self.wait(cx);
                }
                Poll::Ready(Ok(()))
            }
            _ => self.poll_put(chunk, cx),
        }
    }

    fn poll_put(
        &mut self,
        chunk: &mut Option<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WriteError>> {
        if chunk.is_some() {
            ready!(self.poll_ready(cx))?;
        }
        if let Some(chunk) = chunk.take() {
            self.put(chunk)?;
        }
        self.poll_room(cx)
    }

    /// Puts a chunk in hand. An empty one is nothing to send.
    pub(super) fn put(&mut self, chunk: Bytes) -> Result<(), WriteError> {
        self.open()?;
        if chunk.is_empty() {
            return Ok(());
        }
        self.join_lone();
        let is_small = chunk.len() < SHARED_CHUNK;
        if is_small && !self.block.is_empty() {
            self.join(&chunk);
        } else {
            self.chunk = Some(chunk);
        }
        self.has_put(!is_small);
        Ok(())
    }

    /// Puts a copy of these bytes in hand; returns how many.
    pub(super) fn put_copy(&mut self, bytes: &[u8]) -> Result<usize, WriteError> {
        self.open()?;
        self.join_lone();
        let room = BLOCK.saturating_sub(self.block.len());
        let bytes = &bytes[..bytes.len().min(room)];
        if !bytes.is_empty() {
            self.join(bytes);
            self.has_put(false);
        }
        Ok(bytes.len())
    }

    /// An error, once nothing can be written any more.
    fn open(&self) -> Result<(), WriteError> {
        if self.is_over || self.end.is_some() {
            return Err(WriteError);
        }
        Ok(())
    }

    /// Puts a small chunk into the block that was left as it is, because it might have stayed alone.
    fn join_lone(&mut self) {
        if let Some(lone) = self.chunk.take() {
            self.join(&lone);
        }
    }

    fn join(&mut self, bytes: &[u8]) {
        if self.block.is_empty() && self.block.capacity() < BLOCK {
            // Memory that is used again once the block before is gone.
            self.block.reserve(BLOCK);
        }
        self.block.extend_from_slice(bytes);
    }

    /// Something was put in hand; finds out whether it should leave before there is more.
    fn has_put(&mut self, is_large: bool) {
        self.is_full =
            is_large || !self.is_sharing || self.clock.as_mut().is_none_or(Clock::is_over);
        self.room = if self.is_full || self.block.is_empty() {
            0
        } else {
            BLOCK.saturating_sub(self.block.len())
        };
        self.wake_reader();
    }

    fn wake_reader(&mut self) {
        if self.clock.is_none() {
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }

    /// Whether what was taken has been flushed.
    pub(super) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if !self.is_in_hand() && !self.is_dirty {
            return Poll::Ready(Ok(()));
        }
        if self.is_over {
            return Poll::Ready(Err(WriteError));
        }
        self.is_flush_asked = true;
        self.wake_reader();
        self.wait(cx)
    }

    fn is_in_hand(&self) -> bool {
        self.chunk.is_some() || !self.block.is_empty()
    }

    /// Ends the body, behind the chunk in hand. The first end counts.
    pub(super) fn set_end(&mut self, end: Result<(), Failure>) {
        if !self.is_over {
            self.end.get_or_insert(end);
            self.room = 0;
            self.wake_reader();
        }
    }

    /// Whether the end has been taken.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if self.is_ended {
            return Poll::Ready(Ok(()));
        }
        if self.is_over {
            return Poll::Ready(Err(WriteError));
        }
        self.wait(cx)
    }

    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        set(&mut self.waker, cx);
        Poll::Pending
    }
}

/// The stream's side.
impl State {
    /// Small chunks may be put together from now on.
    pub(super) fn share(&mut self) {
        self.is_sharing = true;
    }

    /// The stream polls the handler from now on, until [`end_poll`](Self::end_poll).
    pub(super) fn begin_poll(&mut self) {
        self.clock = Some(Clock::start());
    }

    /// What the handler wrote while it was polled.
    pub(super) fn end_poll(&mut self, is_pending: bool, cx: &mut Context<'_>) -> Option<Taken> {
        self.clock = None;
        set(&mut self.reader, cx);
        // With room left, the handler did not stop because of what it has written.
        let waits = is_pending && !self.is_full;
        let taken = self.take(cx);
        self.is_waiting = waits && taken.is_some();
        taken
    }

    /// Whether the handler, after the write that was just taken, waits for something that wakes this task.
    /// It is told once.
    pub(super) fn is_waiting(&mut self, cx: &Context<'_>) -> bool {
        let is_known = self
            .reader
            .as_ref()
            .is_some_and(|reader| reader.will_wake(cx.waker()));
        std::mem::take(&mut self.is_waiting) && is_known
    }

    /// What is to be sent next: chunks, or the end behind them.
    pub(super) fn take(&mut self, cx: &Context<'_>) -> Option<Taken> {
        let chunk = if self.block.is_empty() {
            self.chunk.take()
        } else {
            Some(self.block.split().freeze())
        };
        if let Some(chunk) = chunk {
            self.is_dirty = true;
            self.room = 0;
            self.is_full = self.chunk.is_some();
            self.wake(cx);
            return Some(Some(Ok(chunk)));
        }
        let end = self.end.take()?;
        self.is_ended = true;
        self.over(cx);
        Some(end.err().map(Err))
    }

    pub(super) fn take_form(&mut self) -> Option<Form> {
        self.form.take()
    }

    /// Whoever polls the stream has sent what it took before.
    pub(super) fn flushed(&mut self, cx: &Context<'_>) {
        self.is_dirty = false;
        if std::mem::take(&mut self.is_flush_asked) {
            self.wake(cx);
        }
    }

    /// Whether a flush waits for the stream to be polled once more.
    pub(super) fn is_flush_due(&self) -> bool {
        self.is_flush_asked && self.is_dirty
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Nothing will be taken any more.
    pub(super) fn over(&mut self, cx: &Context<'_>) {
        self.is_over = true;
        self.room = 0;
        self.wake(cx);
    }

    /// The stream is gone.
    pub(super) fn gone(&mut self) {
        self.is_over = true;
        self.room = 0;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Wakes the writer, unless it is polled by the very task that polls the stream: the stream polls it.
    fn wake(&mut self, cx: &Context<'_>) {
        if let Some(waker) = self.waker.take_if(|waker| !waker.will_wake(cx.waker())) {
            waker.wake();
        }
    }
}

fn set(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        none => *none = Some(cx.waker().clone()),
    }
}
