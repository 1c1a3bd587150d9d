//! When a response's stream gave each of its chunks.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::error::{Failure, contain_async};
use crate::event::LambdaEvent;
use crate::runtime::{Handler, HandlerMut, NotShared, Reply};

/// The chunks that a stream gave and that nobody has read to their end yet, and what went wrong
/// later.
///
/// The runtime writes it and the reader reads it, in a measurement each on a thread of its own. It
/// holds no more than what is on the way.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<OnTheWay>);

#[derive(Debug, Default)]
struct OnTheWay {
    /// Bytes given so far.
    bytes: u64,
    /// The bytes that had been given with each chunk, and when that was.
    chunks: VecDeque<(u64, Instant)>,
    late_failure: Option<Failure>,
}

impl Recorder {
    /// Begins a new response.
    pub(super) fn begin(&self) {
        let mut state = self.lock();
        state.bytes = 0;
        state.chunks.clear();
        state.late_failure = None;
    }

    /// Takes what the handler failed with after its response.
    pub(super) fn take_late_failure(&self) -> Option<Failure> {
        self.lock().late_failure.take()
    }

    /// Notes that the stream gave this chunk now. An empty one is never sent.
    pub(super) fn push(&self, chunk: &Bytes) {
        let now = Instant::now();
        if !chunk.is_empty() {
            let mut state = self.lock();
            state.bytes += chunk.len() as u64;
            let end = state.bytes;
            state.chunks.push_back((end, now));
        }
    }

    /// Takes the chunks out that are complete with so many bytes of payload. Passes on how many
    /// bytes had been given with each, and when it was given.
    pub(super) fn complete(&self, bytes: u64, mut chunk: impl FnMut(u64, Instant)) {
        let mut state = self.lock();
        while let Some(&(end, at)) = state.chunks.front().filter(|(end, _)| *end <= bytes) {
            chunk(end, at);
            state.chunks.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, OnTheWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handler whose chunks are recorded.
#[derive(Debug)]
pub(super) struct Recording<H> {
    handler: H,
    recorder: Arc<Recorder>,
}

impl<H> Recording<H> {
    pub(super) fn new(handler: H, recorder: Arc<Recorder>) -> Self {
        Self { handler, recorder }
    }
}

impl<H, M> Handler<(Recorder, M)> for Recording<H>
where
    H: Handler<M>,
{
    type Worker = Recording<H::Worker>;

    fn into_workers(self, count: usize) -> Result<Vec<Self::Worker>, NotShared> {
        let workers = self.handler.into_workers(count)?.into_iter();
        let recorder = self.recorder;
        Ok(workers
            .map(|handler| Recording::new(handler, Arc::clone(&recorder)))
            .collect())
    }
}

impl<H, M> HandlerMut<(Recorder, M)> for Recording<H>
where
    H: HandlerMut<M>,
{
    const TRIGGER: Option<&'static str> = H::TRIGGER;

    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        let Reply { response, after } = self.handler.call(event).await?;
        let (recorder, late) = (Arc::clone(&self.recorder), Arc::clone(&self.recorder));
        Ok(Reply {
            response: response.map(|payload| Recorded { payload, recorder }),
            after: async move {
                let result = contain_async(after).await.and_then(|result| result);
                late.lock().late_failure = result.as_ref().err().cloned();
                result
            },
        })
    }
}

pin_project! {
    /// A payload whose chunks are recorded.
    struct Recorded<S> {
        #[pin]
        payload: S,
        recorder: Arc<Recorder>,
    }
}

impl<S> Stream for Recorded<S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let item = this.payload.poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &item {
            this.recorder.push(chunk);
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
        recorder.complete(bytes, |_, _| count += 1);
        count
    }

    #[test]
    fn chunk_is_complete_with_its_last_byte() {
        let recorder = Recorder::default();
        for chunk in ["ab", "", "c", "defg"] {
            recorder.push(&Bytes::from(chunk));
        }
        let complete: Vec<_> = [0, 1, 2, 3, 3, 6, 7, 7]
            .map(|bytes| complete(&recorder, bytes))
            .into();
        assert_eq!(complete, [0, 0, 1, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn chunks_keep_their_order() {
        let recorder = Recorder::default();
        for _ in 0..100 {
            recorder.push(&Bytes::from_static(b"x"));
        }
        let mut given = Vec::new();
        recorder.complete(u64::MAX, |end, at| given.push((end, at)));
        assert_eq!(given.len(), 100);
        assert!(given.is_sorted());
    }

    #[test]
    fn new_response_forgets_the_one_before() {
        let recorder = Recorder::default();
        recorder.push(&Bytes::from_static(b"ab"));
        recorder.begin();
        recorder.push(&Bytes::from_static(b"c"));
        assert_eq!(complete(&recorder, 1), 1);
    }
}
