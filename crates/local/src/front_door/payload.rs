//! The response's payload on its way from the program's socket, chunk by chunk.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, SizeHint};
use hyper::body::Incoming;
use lambda_stream_wire::Failure;
use tokio::sync::oneshot;

use crate::invocation::{Cut, Delivered, Fault, truncated};
use crate::terminal::Report;

/// A payload that is being passed on.
struct Open {
    /// What came with the delimiter.
    first: Bytes,
    body: Incoming,
    delivered: oneshot::Sender<Delivered>,
    cut: Cut,
    report: Report,
}

/// The payload of a response, without what the decoder took. It ends once, well or with a fault,
/// and tells the program and the terminal.
pub(super) struct Payload(Option<Open>);

impl Payload {
    pub(super) fn new(
        first: Bytes,
        body: Incoming,
        delivered: oneshot::Sender<Delivered>,
        cut: Cut,
        report: Report,
    ) -> Self {
        Self(Some(Open {
            first,
            body,
            delivered,
            cut,
            report,
        }))
    }

    /// Returns the next chunk, which is not empty; after the last one `None`, and the fault once
    /// where the response failed.
    pub(super) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            let Some(open) = &mut self.0 else {
                return Poll::Ready(None);
            };
            let data = if open.first.is_empty() {
                let Poll::Ready(frame) = Pin::new(&mut open.body).poll_frame(cx) else {
                    open.report.pause();
                    return Poll::Pending;
                };
                match frame {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => data,
                        Err(frame) => {
                            let trailers = frame.into_trailers().unwrap_or_default();
                            open.report.trailers(&trailers);
                            let failure = Failure::from_trailers(&trailers);
                            return Poll::Ready(self.end(failure.map(Fault::from)).map(Err));
                        }
                    },
                    Some(Err(error)) => {
                        return Poll::Ready(self.end(Some(truncated(&error))).map(Err));
                    }
                    None => return Poll::Ready(self.end(None).map(Err)),
                }
            } else {
                std::mem::take(&mut open.first)
            };
            if !data.is_empty() {
                open.report.chunk(&data);
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }

    /// Notes that the payload was read to its end; returns why it failed, if it did.
    fn end(&mut self, fault: Option<Fault>) -> Option<Fault> {
        let open = self.0.take()?;
        // If the program is gone, there is no one to tell.
        let _ = open.delivered.send(Delivered::Read);
        let fault = fault.map(|fault| open.cut.take().unwrap_or(fault));
        match &fault {
            Some(fault) => open.report.failed(fault),
            None => open.report.complete(),
        }
        fault
    }

    pub(super) fn is_end(&self) -> bool {
        match &self.0 {
            Some(open) => open.first.is_empty() && open.body.is_end_stream(),
            None => true,
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(open) => match open.body.size_hint().exact() {
                Some(size) => SizeHint::with_exact(size.saturating_add(open.first.len() as u64)),
                None => SizeHint::default(),
            },
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // hyper does not poll a body again that says that it has ended; any other end before the
        // end is a client that left. Then `delivered` is dropped without a message, and so is the
        // report.
        if self.is_end() {
            self.end(None);
        }
    }
}
