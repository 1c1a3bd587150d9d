//! One kept connection to the Runtime API.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::answer::Answer;
use super::config::Endpoint;
use super::deadline::Timer;
use super::http1::{Reply, ReplyReader, WriteQueue};
use super::pump::{Pump, Source};
use crate::error::{DeadlineExceeded, Failure};
use crate::response::Frames;

/// How long the rest of an early refusal is waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Room for reading; a usual answer is a few hundred bytes, and the memory is kept.
const INPUT: usize = 4096;

/// The connection is gone.
#[derive(Debug)]
pub(super) struct Lost(String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Lost {
    pub(super) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    fn closed() -> Self {
        Self("the Runtime API closed the connection".to_owned())
    }
}

/// A connection, polled in the task of whoever awaits one of its methods; nothing is spawned.
///
/// After [`Lost`] it must not be used again. The same holds for an exchange that was not awaited to its
/// end.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    input: BytesMut,
    reader: ReplyReader,
    queue: WriteQueue,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, Lost> {
        let stream = TcpStream::connect(endpoint.host_and_port())
            .await
            .map_err(Lost::new)?;
        // With Nagle's algorithm on, a chunk waits for the acknowledgement of the one before, which the
        // other side delays by up to 44 ms.
        stream.set_nodelay(true).map_err(Lost::new)?;
        Ok(Self {
            stream,
            input: BytesMut::new(),
            reader: ReplyReader::default(),
            queue: WriteQueue::default(),
        })
    }

    /// Whether the connection is still open, as far as can be known without sending anything.
    pub(super) async fn is_open(&mut self) -> bool {
        // Nothing can come unasked: not even bytes, and certainly not an end.
        let has_come = poll_fn(|cx| Poll::Ready(self.poll_read(cx).is_ready())).await;
        !has_come && self.input.is_empty()
    }

    /// Sends a request that is whole, and reads the whole answer.
    pub(super) async fn exchange(&mut self, head: &[u8], body: Bytes) -> Result<Reply, Lost> {
        self.queue.text(head);
        if !body.is_empty() {
            self.queue.body(body);
        }
        poll_fn(|cx| {
            let flushed = self.poll_flush(cx);
            // What was answered counts even if not everything could be written.
            let reply = self.poll_reply(cx)?;
            match flushed {
                Poll::Ready(Err(lost)) if reply.is_pending() => Poll::Ready(Err(lost)),
                _ => reply.map(Ok),
            }
        })
        .await
    }

    /// Sends a request whose body is a response of the handler, and reads the answer.
    ///
    /// The source is polled only once the socket has taken what it gave before. At the deadline the
    /// response is ended with [`Failure`] trailers. When the Runtime API refuses the response early, the
    /// source is not polled again. The returned flag says whether this connection can be used again.
    pub(super) async fn respond<S>(
        &mut self,
        head: &[u8],
        mut frames: Pin<&mut Frames<S>>,
        mut timer: Pin<&mut Timer>,
    ) -> Result<(Answer, bool), Lost>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        self.queue.text(head);
        let mut pump = Pump::new(frames.is_waiting());
        let mut reply = None;
        let mut is_begun = false;
        let is_refused = poll_fn(|cx| {
            let mut source = Source::Ready;
            if !is_begun {
                is_begun = true;
                // Head, prelude, delimiter and a first chunk that is ready leave in one write.
                source = pump.fill(&mut self.queue, frames.as_mut(), cx);
            }
            // Whether there may be chunks to look for before an answer is looked for. Every way to wait
            // leads past the answer, or nobody would be woken by a connection that is lost.
            let mut is_woken = source == Source::Ready;
            loop {
                let flushed = self.poll_flush(cx);
                let is_flushed = matches!(flushed, Poll::Ready(Ok(())));
                // What was answered counts even if not everything could be written.
                if !is_woken || !is_flushed || pump.is_ended() {
                    let answered = self.poll_answered(&mut reply, cx);
                    if self.is_refused(reply.as_ref()) {
                        return Poll::Ready(Ok(!(pump.is_ended() && is_flushed)));
                    }
                    answered?;
                    if let Poll::Ready(Err(lost)) = flushed {
                        return Poll::Ready(Err(lost));
                    }
                    if pump.is_ended() && is_flushed && reply.is_some() {
                        return Poll::Ready(Ok(false));
                    }
                }
                is_woken = false;
                if !pump.is_ended() && timer.as_mut().is_past(cx) {
                    frames.as_mut().fail(DeadlineExceeded::new().into());
                    source = Source::Ready;
                }
                if !is_flushed || pump.is_ended() || source == Source::Pending {
                    return Poll::Pending;
                }
                source = pump.fill(&mut self.queue, frames.as_mut(), cx);
            }
        })
        .await?;

        // What the stream holds is let go before the rest of an answer is waited for.
        frames.as_mut().abandon();
        if !is_refused {
            let reply = reply.ok_or_else(Lost::closed)?;
            return Ok((reply.answer(), reply.is_kept));
        }
        Ok((self.refusal(reply).await, false))
    }

    /// The refusal that ended a response early, as much of it as comes within a moment.
    async fn refusal(&mut self, reply: Option<Reply>) -> Answer {
        let status = reply.as_ref().map(|reply| reply.status);
        let status = status.or(self.reader.status()).unwrap_or_default();
        let reply = match reply {
            Some(reply) => Some(reply),
            None => {
                let rest = poll_fn(|cx| self.poll_reply(cx));
                let rest = tokio::time::timeout(REFUSAL_TIME, rest).await;
                rest.ok().and_then(Result::ok)
            }
        };
        let body = reply.map(|reply| reply.body).unwrap_or_default();
        Answer { status, body }
    }

    fn is_refused(&self, reply: Option<&Reply>) -> bool {
        // A success that comes early is no completion: the body goes on.
        let status = reply.map(|reply| reply.status).or(self.reader.status());
        status.is_some_and(|status| !status.is_success())
    }

    /// Reads the answer, if it was not read before.
    fn poll_answered(
        &mut self,
        reply: &mut Option<Reply>,
        cx: &mut Context<'_>,
    ) -> Result<(), Lost> {
        if reply.is_some() {
            // Still noticed: the end of a connection whose answer came early.
            return match self.poll_read(cx) {
                Poll::Ready(_) => Err(Lost::closed()),
                Poll::Pending => Ok(()),
            };
        }
        match self.poll_reply(cx) {
            Poll::Ready(Ok(read)) => *reply = Some(read),
            Poll::Ready(Err(lost)) => return Err(lost),
            Poll::Pending => {}
        }
        Ok(())
    }

    /// Reads an answer.
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        loop {
            // Mostly nothing has come, and looking for it costs a chunk that is alone a third of its time.
            if !self.input.is_empty() {
                if let Some(reply) = self.reader.read(&mut self.input).map_err(Lost::new)? {
                    return Poll::Ready(Ok(reply));
                }
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) => {
                    let reply = self.reader.closed(&mut self.input);
                    return Poll::Ready(reply.ok_or_else(Lost::closed));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Lost::new(error))),
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < INPUT / 4 {
            self.input.reserve(INPUT);
        }
        poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input)
    }

    /// Writes everything that is queued.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        while !self.queue.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let written = match self.queue.only_slice() {
                Some(slice) => ready!(stream.poll_write(cx, slice)),
                None => {
                    let mut room = WriteQueue::room();
                    let count = self.queue.slices(&mut room);
                    ready!(stream.poll_write_vectored(cx, &room[..count]))
                }
            };
            match written {
                Ok(0) => return Poll::Ready(Err(Lost::closed())),
                Ok(written) => self.queue.advance(written),
                Err(error) => return Poll::Ready(Err(Lost::new(error))),
            }
        }
        Poll::Ready(Ok(()))
    }
}
