//! A payload whose chunks are counted.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::record::Figures;
use crate::error::Failure;

pin_project! {
    /// A payload whose chunks are counted, where somebody wants the figures.
    pub(in crate::runtime) struct Counted<'a, S> {
        #[pin]
        stream: S,
        figures: Option<&'a mut Figures>,
    }
}

impl<'a, S> Counted<'a, S> {
    pub(super) fn new(stream: S, figures: Option<&'a mut Figures>) -> Self {
        Self { stream, figures }
    }
}

impl<S> Stream for Counted<'_, S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Item = Result<Bytes, Failure>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        match this.stream.poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                if let Some(figures) = this.figures {
                    figures.add_chunk(chunk.len());
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            other => other,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
