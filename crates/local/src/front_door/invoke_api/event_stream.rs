//! The response of `InvokeWithResponseStream`: an event stream, one message for each chunk.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use http_body::{Body, Frame};
use serde::Serialize;

use super::LogTail;
use crate::connection::Connection;
use crate::front_door::payload::Payload;
use crate::invocation::Fault;

/// Largest payload of one message, in bytes. The format takes at most 24 MB; clients allocate what
/// a message says, so chunks are sent in smaller pieces.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// What `InvokeComplete` says.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Complete {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    /// The error document.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_result: Option<String>,
}

/// The messages of a response.
pub(in crate::front_door) struct EventStreamBody {
    /// `None` once the last message has been sent.
    open: Option<Open>,
    connection: Option<Rc<Connection>>,
}

struct Open {
    /// `None` where the invocation failed before its response.
    payload: Option<Payload>,
    /// The rest of a chunk that is larger than a message.
    rest: Bytes,
    complete: Complete,
    log: Option<LogTail>,
}

impl EventStreamBody {
    /// Passes a response on.
    pub(super) fn new(payload: Payload, log: Option<LogTail>, connection: Rc<Connection>) -> Self {
        connection.fill();
        Self {
            open: Some(Open {
                payload: Some(payload),
                rest: Bytes::new(),
                complete: Complete::default(),
                log,
            }),
            connection: Some(connection),
        }
    }

    /// Tells that the invocation failed before its response.
    pub(super) fn failed(fault: &Fault, log: Option<LogTail>) -> Self {
        Self {
            open: Some(Open {
                payload: None,
                rest: Bytes::new(),
                complete: Complete::failed(fault),
                log,
            }),
            connection: None,
        }
    }
}

impl Complete {
    fn failed(fault: &Fault) -> Self {
        Self {
            error_code: Some(fault.error_type().to_owned()),
            error_details: Some(String::from_utf8_lossy(&fault.to_json()).into_owned()),
            log_result: None,
        }
    }
}

impl Open {
    /// Returns the next message, and whether it is the last.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<(Message, bool)> {
        while self.rest.is_empty() {
            let Some(payload) = &mut self.payload else {
                return Poll::Ready((self.complete_message(), true));
            };
            match ready!(payload.poll_chunk(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(fault)) => {
                    self.complete = Complete::failed(&fault);
                    self.payload = None;
                }
                None => self.payload = None,
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(MESSAGE_LIMIT));
        let message = message("PayloadChunk", "application/octet-stream", piece);
        Poll::Ready((message, false))
    }

    fn complete_message(&mut self) -> Message {
        self.complete.log_result = self.log.as_ref().map(LogTail::result);
        // Serializing a struct of strings cannot fail.
        let json = serde_json::to_vec(&self.complete).unwrap_or_default();
        message("InvokeComplete", "application/json", json.into())
    }
}

fn message(event_type: &'static str, content_type: &'static str, payload: Bytes) -> Message {
    let header = |name, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    Message::new(payload)
        .add_header(header(":message-type", "event"))
        .add_header(header(":event-type", event_type))
        .add_header(header(":content-type", content_type))
}

impl Body for EventStreamBody {
    type Data = Bytes;
    type Error = aws_smithy_eventstream::error::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(None);
        };
        let (message, is_last) = ready!(open.poll_message(cx));
        if is_last {
            self.open = None;
        }
        let mut encoded = Vec::with_capacity(message.payload().len() + 128);
        write_message_to(&message, &mut encoded)?;
        if let Some(connection) = &self.connection {
            connection.fill();
        }
        Poll::Ready(Some(Ok(Frame::data(encoded.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none()
    }
}
