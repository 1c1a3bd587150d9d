//! The socket below hyper, which remembers whether it is full.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection over the network.
#[cfg(not(feature = "testing"))]
pub(super) type Transport = TcpStream;

/// A connection over the network, or one in memory for [`testing`](crate::testing).
#[cfg(feature = "testing")]
pub(super) type Transport = tokio_util::either::Either<TcpStream, tokio::io::DuplexStream>;

/// A socket that tells whether its last write was put off.
///
/// hyper takes frames into a buffer of its own while the socket is full, and does not say so. Whoever
/// polls the source of those frames has to know: a slow reader stops the source, and a chunk is on the
/// wire before the next one is asked for.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TokioIo<Transport>,
    blocked: Blocked,
}

/// Whether something is left to be written because the socket was full.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocked(Arc<AtomicBool>);

impl Blocked {
    pub(super) fn get(&self) -> bool {
        // Reader and writer are the same task.
        self.0.load(Ordering::Relaxed)
    }
}

impl Socket {
    pub(super) fn new(stream: Transport) -> Self {
        Self {
            stream: TokioIo::new(stream),
            blocked: Blocked::default(),
        }
    }

    pub(super) fn blocked(&self) -> Blocked {
        self.blocked.clone()
    }

    fn note<T>(&self, poll: Poll<T>) -> Poll<T> {
        self.blocked.0.store(poll.is_pending(), Ordering::Relaxed);
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
        self.note(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
