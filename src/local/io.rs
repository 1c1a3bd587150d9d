//! A socket that tells when everything handed to hyper has reached it.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Whether hyper's write buffer was emptied into the socket since it was last filled.
///
/// hyper flushes the socket only when its own buffer is empty, and drops what is left in the buffer when a
/// body fails. Both the handing over of an event and the failing of a response depend on that moment.
#[derive(Debug, Default)]
pub(super) struct Flush {
    dirty: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Flush {
    /// Something is being handed to hyper within this poll.
    pub(super) fn fill(&self) {
        self.dirty.set(true);
    }

    pub(super) fn is_clean(&self) -> bool {
        !self.dirty.get()
    }

    /// Ready once everything is in the socket.
    pub(super) fn poll_clean(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_clean() {
            return Poll::Ready(());
        }
        *self.waiting.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn clean(&self) {
        self.dirty.set(false);
        let waiting = self.waiting.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// A socket with its [`Flush`].
pub(super) struct Watched {
    io: TokioIo<TcpStream>,
    flush: Rc<Flush>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream) -> (Self, Rc<Flush>) {
        let flush = Rc::new(Flush::default());
        let watched = Self {
            io: TokioIo::new(stream),
            flush: Rc::clone(&flush),
        };
        (watched, flush)
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.flush.clean();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
