//! What a writer and the stream that drives it share: one chunk in hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::WriteError;
use crate::error::Failure;
use crate::response::Form;

/// Shared by a writer and its stream, which usually live in one task, so the lock is hardly ever contended.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// What goes before the payload, until it is taken.
    form: Option<Form>,
    chunk: Option<Bytes>,
    end: Option<Result<(), Failure>>,
    /// The end has been taken.
    is_ended: bool,
    /// Nothing will be taken any more.
    is_over: bool,
    /// Something was taken since the stream was last known to be flushed.
    is_dirty: bool,
    is_flush_asked: bool,
    waker: Option<Waker>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side.
impl State {
    /// Whether there is room for a chunk.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if self.is_over || self.end.is_some() {
            return Poll::Ready(Err(WriteError));
        }
        if self.chunk.is_none() {
            return Poll::Ready(Ok(()));
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

    /// Puts a chunk in hand. An empty one is nothing to send.
    pub(super) fn put(&mut self, chunk: Bytes) -> Result<(), WriteError> {
        if self.is_over || self.end.is_some() {
            return Err(WriteError);
        }
        if !chunk.is_empty() {
            self.chunk = Some(chunk);
        }
        Ok(())
    }

    /// Whether what was put has been taken.
    pub(super) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if self.chunk.is_none() {
            return Poll::Ready(Ok(()));
        }
        if self.is_over {
            return Poll::Ready(Err(WriteError));
        }
        self.wait(cx)
    }

    /// Whether what was taken has been flushed.
    pub(super) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if self.chunk.is_none() && !self.is_dirty {
            return Poll::Ready(Ok(()));
        }
        if self.is_over {
            return Poll::Ready(Err(WriteError));
        }
        self.is_flush_asked = true;
        self.wait(cx)
    }

    /// Ends the body, behind the chunk in hand. The first end counts.
    pub(super) fn set_end(&mut self, end: Result<(), Failure>) {
        if !self.is_over {
            self.end.get_or_insert(end);
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
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// The stream's side.
impl State {
    /// What is to be sent next: a chunk, or the end behind it.
    pub(super) fn take(&mut self, cx: &Context<'_>) -> Option<Option<Result<Bytes, Failure>>> {
        if let Some(chunk) = self.chunk.take() {
            self.is_dirty = true;
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
        self.wake(cx);
    }

    /// The stream is gone.
    pub(super) fn gone(&mut self) {
        self.is_over = true;
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
