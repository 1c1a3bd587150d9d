//! The socket below the connection, which remembers whether it would take more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A socket that tells others when it is full.
///
/// hyper takes frames into a buffer of its own while the socket is full, and does not say so. Whoever
/// polls the source of those frames has to know: a slow reader is to stop the source, and a chunk is to
/// be on the wire before the next is asked for.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    is_full: Full,
}

/// Whether the last write was put off, so that something is left to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Full(Arc<AtomicBool>);

impl Full {
    pub(super) fn get(&self) -> bool {
        // Reader and writer are the same task.
        self.0.load(Ordering::Relaxed)
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream: TokioIo::new(stream),
            is_full: Full::default(),
        }
    }

    pub(super) fn is_full(&self) -> Full {
        self.is_full.clone()
    }

    fn noted<T>(&self, poll: Poll<T>) -> Poll<T> {
        self.is_full.0.store(poll.is_pending(), Ordering::Relaxed);
        poll
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(poll)
    }
}
