//! The payload of what an app answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::error::Failure;
use crate::response::Document;

pin_project! {
    /// The payload of an app: the stream of a response, one document, or what the handler of other
    /// events gave.
    #[project = AppPayloadProjection]
    pub(super) enum AppPayload<S, O> {
        Streamed { #[pin] stream: S },
        Buffered { document: Document },
        Other { #[pin] stream: O },
    }
}

impl<S, O> Stream for AppPayload<S, O>
where
    S: Stream<Item = Result<Bytes, Failure>>,
    O: Stream<Item = Result<Bytes, Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.project() {
            AppPayloadProjection::Streamed { stream } => stream.poll_next(cx),
            AppPayloadProjection::Buffered { document } => Pin::new(document).poll_next(cx),
            AppPayloadProjection::Other { stream } => stream.poll_next(cx),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Streamed { stream } => stream.size_hint(),
            Self::Buffered { document } => document.size_hint(),
            Self::Other { stream } => stream.size_hint(),
        }
    }
}
