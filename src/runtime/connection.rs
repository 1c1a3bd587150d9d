//! One kept connection to the Runtime API.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::{Unconstrained, unconstrained};

use super::endpoint::Endpoint;
use super::outbox::Outbox;
use super::socket::{Blocked, Socket};
use crate::error::Error;

/// Largest body of an answer, in bytes: an event has at most 6 MB, and its JSON form may be larger.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The connection was lost, or never came about.
#[derive(Debug)]
pub(super) struct Lost(Error);

impl Lost {
    pub(super) fn new(error: impl Into<Error>) -> Self {
        Self(error.into())
    }

    pub(super) fn closed() -> Self {
        Self("the Runtime API closed the connection".into())
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Lost {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// A connection, polled in the task of whoever awaits one of its methods; nothing is spawned.
///
/// It must not be used again after it was [`Lost`], nor after an exchange that was not awaited to
/// its end. It ignores the task's cooperative budget: user code that has used it up would otherwise
/// keep the end of the connection, or a refusal, from being noticed.
pub(super) struct Connection {
    sender: SendRequest<Outbox>,
    driver: Unconstrained<http1::Connection<Socket, Outbox>>,
    closed: bool,
    outbox: Outbox,
    blocked: Blocked,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, Lost> {
        let socket = Socket::new(endpoint.connect().await.map_err(Lost::new)?);
        let blocked = socket.blocked();
        let (sender, connection) = http1::Builder::new()
            // Header names leave as AWS's documentation writes them.
            .title_case_headers(true)
            .handshake(socket)
            .await
            .map_err(Lost::new)?;
        Ok(Self {
            sender,
            driver: unconstrained(connection),
            closed: false,
            outbox: Outbox::default(),
            blocked,
        })
    }

    /// Whether the connection is still open, as far as can be known without sending anything.
    pub(super) async fn is_open(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll(cx).is_ok())).await && !self.sender.is_closed()
    }

    /// Sends a request whose body is whole, and reads the whole answer.
    ///
    /// An answer that comes early does not cut the body, unless it is a refusal.
    pub(super) async fn exchange(
        &mut self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Response<Bytes>, Lost> {
        self.outbox.fill(body);
        let response = self.send(request).await?;
        let response = self.drive(response).await??;
        let refused = !response.status().is_success();
        poll_fn(|cx| {
            while !refused && !self.is_flushed() {
                self.poll(cx)?;
                if !self.is_flushed() {
                    return Poll::Pending;
                }
            }
            Poll::Ready(Ok::<_, Lost>(()))
        })
        .await?;
        self.read(response).await
    }

    /// Begins a request whose body is what [`push`](Self::push) puts in from now on.
    pub(super) fn begin_body(&mut self) {
        self.outbox.begin();
    }

    /// Sends the head of a request. The answer has to be polled together with this connection.
    pub(super) async fn send(
        &mut self,
        request: Request<()>,
    ) -> Result<impl Future<Output = Result<Response<Incoming>, Lost>> + use<>, Lost> {
        poll_fn(|cx| {
            if self.sender.is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.poll(cx)?;
            self.sender.poll_ready(cx).map_err(Lost::new)
        })
        .await?;
        let outbox = self.outbox.clone();
        let response = self.sender.send_request(request.map(|()| outbox));
        Ok(unconstrained(async { response.await.map_err(Lost::new) }))
    }

    /// Reads the body of an answer.
    pub(super) async fn read(
        &mut self,
        response: Response<Incoming>,
    ) -> Result<Response<Bytes>, Lost> {
        let (parts, body) = response.into_parts();
        let body = self.drive(collect(body)).await??;
        Ok(Response::from_parts(parts, body))
    }

    /// Queues a frame of the body.
    pub(super) fn push(&mut self, frame: Frame<Bytes>) {
        self.outbox.push(frame);
    }

    /// Ends the body.
    pub(super) fn end_body(&mut self) {
        self.outbox.end();
    }

    /// Whether everything that was queued is in the socket.
    pub(super) fn is_flushed(&self) -> bool {
        self.outbox.is_empty() && !self.blocked.get()
    }

    /// Reads and writes what can be read and written now.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Lost> {
        if self.closed {
            return Err(Lost::closed());
        }
        match Pin::new(&mut self.driver).poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                self.closed = true;
                Err(result.map_or_else(Lost::new, |()| Lost::closed()))
            }
        }
    }

    /// Awaits a future that depends on this connection.
    async fn drive<F: Future>(&mut self, future: F) -> Result<F::Output, Lost> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let open = self.poll(cx);
            // A future that is told of the end has a better error than the connection itself.
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            open?;
            Poll::Pending
        })
        .await
    }
}

/// Reads a body. One that comes as a single frame is not copied.
async fn collect(mut body: Incoming) -> Result<Bytes, Lost> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame.map_err(Lost::new)?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.len() > BODY_LIMIT {
            return Err(Lost::new(format!(
                "an answer of the Runtime API has more than {BODY_LIMIT} bytes"
            )));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    if whole.is_empty() {
        return Ok(first);
    }
    Ok(whole.freeze())
}
