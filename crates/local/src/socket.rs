//! The socket that hyper reads and writes.
//!
//! It keeps the [`Connection`] informed, bounds the time that a request's head may take, and tells
//! a client that is gone from one that has only finished sending.

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
    /// Whether it did so a while ago.
    is_overdue: bool,
}

impl Socket {
    pub(crate) fn new(connection: Rc<Connection>) -> Self {
        Self {
            connection,
            head: None,
            ended: None,
            is_overdue: false,
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
        if !self.connection.is_client() {
            return Poll::Ready(Ok(()));
        }
        self.connection.wake_at_request_end(cx);
        loop {
            match self.connection.phase() {
                // Before the first request, or in the middle of its body.
                Phase::Receiving if self.connection.heads() == 0 || self.is_overdue => {
                    return Poll::Ready(Ok(()));
                }
                // hyper may know that the request is complete before the code that answers it does.
                Phase::Receiving => {}
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
            self.is_overdue = true;
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn pair() -> (TcpStream, Rc<Connection>, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let connection = Connection::with_client(accepted.unwrap().0);
        let socket = Socket::new(Rc::clone(&connection));
        (client.unwrap(), connection, socket)
    }

    #[tokio::test]
    async fn unfinished_head_times_out() {
        let (mut client, _connection, mut socket) = pair().await;
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 8);
        // The time passes as soon as nothing else is left to do.
        tokio::time::pause();
        let error = socket.read(&mut [0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn complete_head_does_not_time_out() {
        let (mut client, connection, mut socket) = pair().await;
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 8);
        connection.begin_request(http::Version::HTTP_11);
        tokio::time::pause();
        let long = HEAD_TIMEOUT * 2;
        let read = tokio::time::timeout(long, socket.read(&mut [0; 64])).await;
        assert!(read.is_err(), "{read:?}");
    }

    #[tokio::test]
    async fn half_closed_client_is_kept_and_a_gone_one_is_not() {
        let (mut client, connection, mut socket) = pair().await;
        connection.begin_request(http::Version::HTTP_11);
        connection.end_request();
        client.shutdown().await.unwrap();
        let (mut interim, mut buf) = ([0; 25], [0; 64]);
        tokio::select! {
            read = socket.read(&mut buf) => panic!("{read:?}"),
            read = client.read_exact(&mut interim) => { read.unwrap(); }
        }
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

        let (client, connection, mut socket) = pair().await;
        connection.begin_request(http::Version::HTTP_11);
        connection.end_request();
        drop(client);
        socket.read(&mut [0; 64]).await.unwrap_err();
    }
}
