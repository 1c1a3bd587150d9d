//! One kept connection to the Runtime API.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::answer::Answer;
use super::config::Endpoint;
use super::deadline::is_past;
use super::outbox::{Outbox, Outgoing};
use super::pump::{Pump, Source};
use super::socket::{Full, Socket};
use crate::error::{DeadlineExceeded, Failure};
use crate::response::Frames;

/// The answer to a POST is a short JSON document; what is longer is not read.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How long the rest of an early refusal is waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// The connection is gone.
#[derive(Debug)]
pub(super) struct Lost(String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Lost {
    fn new(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }

    pub(super) fn from_text(text: String) -> Self {
        Self(text)
    }

    fn closed() -> Self {
        Self("the Runtime API closed the connection".to_owned())
    }
}

/// A connection, polled in the task of whoever awaits one of its methods; nothing is spawned.
///
/// After [`Lost`] it must not be used again. The same holds for an exchange that was not awaited to its
/// end.
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    driver: Driver,
    outbox: Outbox,
    /// Where small chunks come together.
    shared: BytesMut,
    is_full: Full,
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
        let socket = Socket::new(stream);
        let is_full = socket.is_full();
        let (sender, connection) = http1::Builder::new()
            // Header names leave as AWS's documentation writes them.
            .title_case_headers(true)
            .handshake(socket)
            .await
            .map_err(Lost::new)?;
        Ok(Self {
            sender,
            driver: Driver {
                connection,
                is_done: false,
            },
            outbox: Outbox::default(),
            shared: BytesMut::new(),
            is_full,
        })
    }

    /// Whether the connection is still open, as far as can be known without sending anything.
    pub(super) async fn is_open(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.driver.poll(cx).is_ok())).await && !self.sender.is_closed()
    }

    /// Sends a request that is whole, and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Option<Bytes>>,
    ) -> Result<Response<Bytes>, Lost> {
        let Self { sender, driver, .. } = self;
        let exchange = async {
            sender.ready().await.map_err(Lost::new)?;
            let response = sender
                .send_request(request.map(Outgoing::Whole))
                .await
                .map_err(Lost::new)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(Lost::new)?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        driver.drive(exchange).await?
    }

    /// Sends a request whose body is a response of the handler, and reads the answer.
    ///
    /// The source is polled only once the socket has taken what it gave before. At `deadline` the
    /// response is ended with [`Failure`] trailers. When the Runtime API refuses the response early, the
    /// source is not polled again, and the returned flag says that this connection is used up.
    pub(super) async fn respond<S>(
        &mut self,
        request: Request<()>,
        mut frames: Pin<&mut Frames<S>>,
        mut deadline: Pin<&mut Option<Sleep>>,
    ) -> Result<(Answer, bool), Lost>
    where
        S: Stream<Item = Result<Bytes, Failure>>,
    {
        let Self {
            sender,
            driver,
            outbox,
            shared,
            is_full,
        } = self;
        driver.drive(sender.ready()).await?.map_err(Lost::new)?;
        outbox.clear();
        let mut pump = Pump::new(outbox, shared, frames.is_waiting());
        // The first frames are there before the connection is polled, so that request head, prelude,
        // delimiter and first chunk leave in one write.
        let mut source = poll_fn(|cx| Poll::Ready(pump.fill(frames.as_mut(), cx))).await;
        let mut answer =
            pin!(sender.send_request(request.map(|()| Outgoing::Streamed(outbox.clone()))));
        let mut answered: Option<Response<Incoming>> = None;

        let is_early = poll_fn(|cx| {
            loop {
                let is_open = driver.poll(cx);
                if answered.is_none() {
                    if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                        answered = Some(response.map_err(Lost::new)?);
                    }
                }
                // A success that comes early is no completion: the body goes on.
                let is_refused = answered.as_ref().is_some_and(|r| !r.status().is_success());
                if is_refused || (answered.is_some() && pump.is_over()) {
                    return Poll::Ready(Ok(!pump.is_over()));
                }
                is_open?;
                if !pump.is_ended() && is_past(deadline.as_mut(), cx) {
                    frames.as_mut().fail(DeadlineExceeded::new().into());
                    source = Source::Ready;
                }
                let is_held_back = !outbox.is_empty() || is_full.get();
                if pump.is_over() || is_held_back || source == Source::Pending {
                    // The source has to be asked again when the task is woken, whoever woke it.
                    source = Source::Ready;
                    return Poll::Pending;
                }
                source = pump.fill(frames.as_mut(), cx);
            }
        })
        .await?;

        // What the stream holds is let go before the answer is waited for.
        frames.as_mut().abandon();
        outbox.clear();
        let Some(response) = answered else {
            return Err(Lost::closed());
        };
        let status = response.status();
        let read = Limited::new(response.into_body(), ANSWER_LIMIT).collect();
        let (body, is_used_up) = if is_early {
            let body = tokio::time::timeout(REFUSAL_TIME, driver.drive(read)).await;
            (body.ok().and_then(Result::ok).and_then(Result::ok), true)
        } else {
            // The answer has to be read to its end, or the connection cannot be used again.
            let body = driver.drive(read).await.ok().and_then(Result::ok);
            let is_used_up = body.is_none();
            (body, is_used_up)
        };
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((Answer { status, body }, is_used_up))
    }
}

/// The connection's own work: reading and writing.
struct Driver {
    connection: http1::Connection<Socket, Outgoing>,
    is_done: bool,
}

impl Driver {
    /// Reads and writes what can be read and written now.
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Lost> {
        if self.is_done {
            return Err(Lost::closed());
        }
        match Pin::new(&mut self.connection).poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                self.is_done = true;
                Err(result.map_or_else(Lost::new, |()| Lost::closed()))
            }
        }
    }

    /// Awaits a future that depends on this connection.
    async fn drive<F: Future>(&mut self, future: F) -> Result<F::Output, Lost> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let is_open = self.poll(cx);
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            // A future that is told of the end gives a better error than this; it was just polled.
            is_open?;
            Poll::Pending
        })
        .await
    }
}
