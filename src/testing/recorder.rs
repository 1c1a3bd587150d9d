//! Notes when a response's stream gave each of its chunks (cargo feature `measure`).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::error::Failure;

/// The chunks that a stream gave and that nobody has read to their end yet.
///
/// The runtime writes it and the reader reads it, each on a thread of its own. It holds no more than what
/// is on the way.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<OnTheWay>);

#[derive(Debug, Default)]
struct OnTheWay {
    /// Bytes given so far.
    bytes: u64,
    /// The bytes that had been given with each chunk, and when that was.
    chunks: VecDeque<(u64, Instant)>,
}

impl Recorder {
    /// A new response begins.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.bytes = 0;
        state.chunks.clear();
    }

    /// The stream gave this chunk now. An empty one is never sent, so it is none.
    pub(crate) fn given(&self, chunk: &Bytes) {
        let now = Instant::now();
        if !chunk.is_empty() {
            let mut state = self.lock();
            state.bytes += chunk.len() as u64;
            let end = state.bytes;
            state.chunks.push_back((end, now));
        }
    }

    /// Takes the chunks out that are complete with so many bytes of payload; tells when each was given.
    pub(crate) fn complete(&self, bytes: u64, mut chunk: impl FnMut(Instant)) {
        let mut state = self.lock();
        while let Some((_, given)) = state.chunks.front().filter(|(end, _)| *end <= bytes) {
            chunk(*given);
            state.chunks.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, OnTheWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pin_project! {
    /// A payload whose chunks are noted, if anybody wants to know.
    pub(super) struct Recorded<'a, S> {
        #[pin]
        payload: S,
        recorder: &'a Recorder,
    }
}

impl<'a, S> Recorded<'a, S> {
    pub(super) fn new(payload: S, recorder: &'a Recorder) -> Self {
        Self { payload, recorder }
    }
}

impl<S> Stream for Recorded<'_, S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let item = this.payload.poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &item {
            this.recorder.given(chunk);
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.payload.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(recorder: &Recorder, bytes: u64) -> usize {
        let mut count = 0;
        recorder.complete(bytes, |_| count += 1);
        count
    }

    #[test]
    fn a_chunk_is_complete_with_its_last_byte() {
        let recorder = Recorder::default();
        for chunk in ["ab", "", "c", "defg"] {
            recorder.given(&Bytes::from(chunk));
        }
        let complete: Vec<_> = [0, 1, 2, 3, 3, 6, 7, 7]
            .map(|bytes| complete(&recorder, bytes))
            .into();
        assert_eq!(complete, [0, 0, 1, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn chunks_are_told_in_their_order() {
        let recorder = Recorder::default();
        for _ in 0..100 {
            recorder.given(&Bytes::from_static(b"x"));
        }
        let mut given = Vec::new();
        recorder.complete(u64::MAX, |at| given.push(at));
        assert_eq!(given.len(), 100);
        assert!(given.is_sorted());
    }

    #[test]
    fn what_a_response_left_behind_is_not_part_of_the_next() {
        let recorder = Recorder::default();
        recorder.given(&Bytes::from_static(b"ab"));
        recorder.begin();
        recorder.given(&Bytes::from_static(b"c"));
        assert_eq!(complete(&recorder, 1), 1);
    }
}
