//! The socket that hyper reads and writes.
//!
//! It keeps the [`Connection`] informed, bounds the time that a request's head may take, and tells a
//! client that is gone from one that has only finished sending.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::connection::{Connection, Phase};
use crate::limits::{HALF_CLOSE_CHECK, HALF_CLOSE_GRACE, HEAD_TIMEOUT};

/// The limit of the head that is being received.
struct HeadTimer {
    /// Number of heads that had been received before it.
    before: u64,
    timer: Pin<Box<Sleep>>,
}

/// A socket whose connection's state is shared.
pub(crate) struct Socket {
    connection: Rc<Connection>,
    head: Option<HeadTimer>,
    /// When to look at the connection again, once the other side has shut down its sending side.
    ended: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(crate) fn new(connection: Rc<Connection>) -> Self {
        Self {
            connection,
            head: None,
            ended: None,
        }
    }

    /// Fails if the head that is being received takes too long.
    fn check_head_timer(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(head) = &mut self.head {
            if head.before != self.connection.heads() {
                self.head = None;
            } else if head.timer.as_mut().poll(cx).is_ready() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Starts the timer with the first bytes that may belong to a head.
    fn start_head_timer(&mut self, cx: &mut Context<'_>) {
        let before = self.connection.heads();
        let is_between_requests = before == 0 || self.connection.phase() == Phase::Sending;
        if is_between_requests && self.head.is_none() {
            let mut timer = Box::pin(sleep(HEAD_TIMEOUT));
            // Polled once, so that it wakes the connection.
            let _ = timer.as_mut().poll(cx);
            self.head = Some(HeadTimer { before, timer });
        }
    }

    /// Decides what it means that the other side sends nothing more: ready where it is the end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.connection.phase() {
                Phase::Receiving => return Poll::Ready(Ok(())),
                Phase::Waiting if !self.connection.is_half_closed() => self.connection.probe()?,
                Phase::Sending
                    if !self.connection.is_half_closed()
                        && self.connection.since_request() > HALF_CLOSE_GRACE =>
                {
                    return Poll::Ready(Ok(()));
                }
                Phase::Waiting | Phase::Sending => self.connection.check_reset()?,
            }
            let timer = self
                .ended
                .get_or_insert_with(|| Box::pin(sleep(HALF_CLOSE_CHECK)));
            ready!(timer.as_mut().poll(cx));
            timer.as_mut().reset(Instant::now() + HALF_CLOSE_CHECK);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_head_timer(cx)?;
        if self.ended.is_some() {
            return self.poll_end(cx);
        }
        let before = buf.filled().len();
        ready!(
            self.connection
                .with_stream(|stream| stream.poll_read(cx, buf))
        )?;
        if buf.filled().len() == before {
            return self.poll_end(cx);
        }
        self.start_head_timer(cx);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection.begin_write();
        let written = self
            .connection
            .with_stream(|stream| stream.poll_write(cx, buf));
        if written.is_ready() {
            self.connection.note_progress();
        }
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.begin_write();
        let written = self
            .connection
            .with_stream(|stream| stream.poll_write_vectored(cx, bufs));
        if written.is_ready() {
            self.connection.note_progress();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.connection.with_stream(|stream| stream.poll_flush(cx)))?;
        self.connection.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection
            .with_stream(|stream| stream.poll_shutdown(cx))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.connection.close();
    }
}
