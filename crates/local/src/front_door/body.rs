//! The body of a response to an HTTP client.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::payload::Payload;
use crate::connection::Connection;

/// Makes hyper end the client's connection without the last chunk, which is how HTTP/1.1 says that
/// a body is not whole.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response failed after its head")
    }
}

impl std::error::Error for Broken {}

/// The payload as it is; a failed one becomes a broken transfer.
pub(super) struct HttpBody {
    payload: Payload,
    /// Whether the payload failed and the client has not been told yet.
    failed: bool,
    connection: Rc<Connection>,
}

impl HttpBody {
    pub(super) fn new(payload: Payload, connection: Rc<Connection>) -> Self {
        // The head goes the same way within this poll.
        connection.fill();
        Self {
            payload,
            failed: false,
            connection,
        }
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if !self.failed {
            match ready!(self.payload.poll_chunk(cx)) {
                Some(Ok(data)) => {
                    self.connection.fill();
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(_)) => self.failed = true,
                None => return Poll::Ready(None),
            }
        }
        // hyper drops what it still holds when a body fails, so the client is told once it has
        // every chunk before that.
        ready!(self.connection.poll_flushed(cx));
        self.failed = false;
        self.connection.fail_response();
        Poll::Ready(Some(Err(Broken)))
    }

    fn is_end_stream(&self) -> bool {
        !self.failed && self.payload.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        if self.failed {
            SizeHint::default()
        } else {
            self.payload.size_hint()
        }
    }
}
