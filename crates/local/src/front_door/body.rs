//! The response's payload on its way from the program's socket to the client's.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lambda_stream_wire::Failure;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::invocation::{Cut, Delivered, Fault, truncated};
use crate::terminal::Report;

/// Makes hyper end the client's connection without the last chunk, which is how HTTP/1.1 says that a body
/// is not whole.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response failed after its head")
    }
}

impl std::error::Error for Broken {}

/// What is left to do.
enum State {
    /// The payload is being passed on.
    Open {
        /// What came with the delimiter.
        first: Bytes,
        body: Incoming,
        delivered: oneshot::Sender<Delivered>,
        cut: Cut,
        report: Report,
    },
    /// The response failed; the client is told once it has every chunk before that.
    Failed,
    Ended,
}

/// The payload, chunk by chunk as it comes, without what the decoder took.
pub(super) struct ClientBody {
    state: State,
    /// The client's connection.
    connection: Rc<Connection>,
}

impl ClientBody {
    pub(super) fn new(
        first: Bytes,
        body: Incoming,
        delivered: oneshot::Sender<Delivered>,
        cut: Cut,
        report: Report,
        connection: Rc<Connection>,
    ) -> Self {
        // The head goes the same way within this poll.
        connection.fill();
        Self {
            state: State::Open {
                first,
                body,
                delivered,
                cut,
                report,
            },
            connection,
        }
    }

    /// The body was read to its end, well or not.
    fn end(&mut self, fault: Option<Fault>) {
        let next = if fault.is_some() {
            State::Failed
        } else {
            State::Ended
        };
        if let State::Open {
            delivered,
            cut,
            report,
            ..
        } = std::mem::replace(&mut self.state, next)
        {
            // The program may be gone; then nobody waits for this.
            let _ = delivered.send(Delivered::Read);
            match fault {
                Some(fault) => report.failed(&cut.take().unwrap_or(fault)),
                None => report.complete(),
            }
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        loop {
            let (data, report) = match &mut this.state {
                State::Open { first, report, .. } if !first.is_empty() => {
                    (std::mem::take(first), report)
                }
                State::Open { body, report, .. } => match ready!(Pin::new(body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => (data, report),
                        Err(frame) => {
                            let failure = frame
                                .into_trailers()
                                .ok()
                                .and_then(|trailers| Failure::from_trailers(&trailers));
                            this.end(failure.map(Fault::from));
                            continue;
                        }
                    },
                    Some(Err(error)) => {
                        this.end(Some(truncated(&error)));
                        continue;
                    }
                    None => {
                        this.end(None);
                        continue;
                    }
                },
                State::Failed => {
                    // hyper drops what it still holds when a body fails.
                    ready!(this.connection.poll_flushed(cx));
                    this.connection.fail_response();
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(Broken)));
                }
                State::Ended => return Poll::Ready(None),
            };
            if !data.is_empty() {
                report.chunk(data.len());
                this.connection.fill();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Open { first, body, .. } => first.is_empty() && body.is_end_stream(),
            State::Failed => false,
            State::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Open { first, body, .. } => match body.size_hint().exact() {
                Some(size) => SizeHint::with_exact(size.saturating_add(first.len() as u64)),
                None => SizeHint::default(),
            },
            State::Failed => SizeHint::default(),
            State::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        // hyper does not poll a body again that says that it has ended; any other end before the end
        // is a client that left. Then `delivered` is dropped without a message, and so is the report.
        if self.is_end_stream() {
            self.end(None);
        }
    }
}
