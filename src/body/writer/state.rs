//! What a writer and the stream that drives it share: one chunk in hand, and how the body ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::Closed;
use crate::error::Failure;
use crate::response::Form;

/// Largest copy that one `AsyncWrite` makes, in bytes.
const COPY_BYTES: usize = 64 * 1024;

/// What a stream gives next.
pub(super) type Item = Option<Result<Bytes, Failure>>;

/// Shared by a writer and its stream. They usually live in one task, so the lock is hardly ever
/// contended; it is there because a writer may be moved to another task.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// What goes before the payload, until the stream takes it.
    form: Option<Form>,
    /// The chunk in hand, which is never empty.
    chunk: Option<Bytes>,
    /// Memory for copies, used again once earlier ones have been sent.
    copies: BytesMut,
    end: Option<Result<(), Failure>>,
    /// The stream has taken the end.
    ended: bool,
    /// Nothing will be taken any more.
    closed: bool,
    /// Something was taken since the stream was last known to be flushed.
    unflushed: bool,
    flush_requested: bool,
    writer: Option<Waker>,
    /// Wakes the stream when another task writes.
    reader: Option<Waker>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side.
impl State {
    /// Begins the response. A flush covers what goes before the payload, too.
    pub(super) fn begin(&mut self, form: Form) -> Result<(), Closed> {
        if self.closed {
            return Err(Closed);
        }
        self.form = Some(form);
        self.unflushed = true;
        self.wake_reader();
        Ok(())
    }

    /// Waits until there is no chunk in hand.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.closed || self.end.is_some() || self.ended {
            return Poll::Ready(Err(Closed));
        }
        match self.chunk {
            Some(_) => self.wait(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Takes a chunk in hand; an empty one is nothing to send.
    pub(super) fn put(&mut self, chunk: Bytes) -> Result<(), Closed> {
        if self.closed || self.end.is_some() || self.ended || self.chunk.is_some() {
            return Err(Closed);
        }
        if !chunk.is_empty() {
            self.chunk = Some(chunk);
            self.unflushed = true;
            self.wake_reader();
        }
        Ok(())
    }

    /// Takes a copy in hand, as much as fits; returns how many bytes that is.
    pub(super) fn put_copy(&mut self, bytes: &[u8]) -> Result<usize, Closed> {
        let bytes = &bytes[..bytes.len().min(COPY_BYTES)];
        self.copies.reserve(bytes.len());
        self.copies.extend_from_slice(bytes);
        let copy = self.copies.split().freeze();
        self.put(copy)?;
        Ok(bytes.len())
    }

    /// Waits until the stream has taken the chunk in hand.
    pub(super) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        match self.chunk {
            None => Poll::Ready(Ok(())),
            Some(_) if self.closed => Poll::Ready(Err(Closed)),
            Some(_) => self.wait(cx),
        }
    }

    /// Waits until everything that was written is in the socket.
    pub(super) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.chunk.is_none() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        if self.closed {
            return Poll::Ready(Err(Closed));
        }
        self.flush_requested = true;
        self.wake_reader();
        self.wait(cx)
    }

    /// Ends the body after the chunk in hand. The first end counts.
    pub(super) fn set_end(&mut self, end: Result<(), Failure>) {
        if !self.closed && !self.ended && self.end.is_none() {
            self.end = Some(end);
            self.wake_reader();
        }
    }

    /// Waits until the stream has taken the end.
    pub(super) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        if self.closed {
            return Poll::Ready(Err(Closed));
        }
        self.wait(cx)
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        register(&mut self.writer, cx);
        Poll::Pending
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The stream's side.
impl State {
    pub(super) fn take_form(&mut self) -> Option<Form> {
        self.form.take()
    }

    /// Takes the chunk in hand, or the end after it.
    pub(super) fn take(&mut self, cx: &Context<'_>) -> Option<Item> {
        if let Some(chunk) = self.chunk.take() {
            self.wake_writer(Some(cx));
            return Some(Some(Ok(chunk)));
        }
        let end = self.end.take()?;
        self.ended = true;
        self.wake_writer(Some(cx));
        Some(end.err().map(Err))
    }

    /// Registers the stream's task, which is woken when another task writes.
    pub(super) fn listen(&mut self, cx: &Context<'_>) {
        register(&mut self.reader, cx);
    }

    /// Stops waking the stream's task, which is about to look for what was written.
    pub(super) fn ignore(&mut self) {
        self.reader = None;
    }

    /// Notes that everything that was taken has been sent.
    pub(super) fn set_flushed(&mut self, cx: &Context<'_>) {
        self.unflushed = self.chunk.is_some();
        if std::mem::take(&mut self.flush_requested) {
            self.wake_writer(Some(cx));
        }
    }

    /// Whether a flush waits for the stream to be polled once more.
    pub(super) fn is_flush_due(&self) -> bool {
        self.flush_requested && self.unflushed && self.chunk.is_none()
    }

    /// Whether the next poll of the stream returns its end without an error.
    pub(super) fn is_complete(&self) -> bool {
        self.chunk.is_none() && matches!(self.end, Some(Ok(())))
    }

    /// Takes a successful end if it is what comes next; returns whether the end has been taken.
    pub(super) fn take_end(&mut self) -> bool {
        if self.is_complete() {
            self.end = None;
            self.ended = true;
        }
        self.ended
    }

    /// Closes the writer: nothing will be taken any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.wake_writer(None);
    }

    /// Wakes the writer, unless the task that polls the stream is the one that polls it.
    fn wake_writer(&mut self, cx: Option<&Context<'_>>) {
        let is_other = |waker: &mut Waker| cx.is_none_or(|cx| !waker.will_wake(cx.waker()));
        if let Some(writer) = self.writer.take_if(is_other) {
            writer.wake();
        }
    }
}

fn register(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        none => *none = Some(cx.waker().clone()),
    }
}
