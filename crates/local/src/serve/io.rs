//! A socket that tells what happens on it.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What happens on a socket, told to whoever wants to know.
pub trait Watch {
    /// Something was read, or the end.
    fn received(&self) {}

    /// Something is about to be written.
    fn sending(&self) {}

    /// Everything that was written is in the socket.
    fn flushed(&self) {}
}

/// A socket with somebody who watches it.
#[derive(Debug)]
pub struct Watched<W> {
    io: TokioIo<TcpStream>,
    watch: Rc<W>,
}

impl<W: Default> Watched<W> {
    pub fn new(stream: TcpStream) -> (Self, Rc<W>) {
        let watch = Rc::<W>::default();
        let watched = Self {
            io: TokioIo::new(stream),
            watch: Rc::clone(&watch),
        };
        (watched, watch)
    }
}

impl<W: Watch> Read for Watched<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.watch.received();
        Poll::Ready(Ok(()))
    }
}

impl<W: Watch> Write for Watched<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watch.sending();
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watch.sending();
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.watch.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
