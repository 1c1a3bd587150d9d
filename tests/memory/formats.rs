//! Formats do not allocate for every row.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::{Stream, stream};
use lambda_stream::Error;
use lambda_stream::format::sse::Event;
use lambda_stream::format::{Formatted, JsonArray, Ndjson, Sse};

use crate::alone;
use crate::counter::Counter;

const ROWS: usize = 10_000;

/// Takes every chunk, holds on to it until there are `keep` later ones, and counts allocations.
fn allocations(
    response: Formatted<impl Stream<Item = Result<Bytes, Error>>>,
    keep: usize,
) -> usize {
    let mut chunks = pin!(response.into_stream());
    let mut cx = Context::from_waker(Waker::noop());
    let mut kept = vec![Bytes::new(); keep];
    let counter = Counter::start();
    let mut taken = 0;
    while let Poll::Ready(Some(chunk)) = chunks.as_mut().poll_next(&mut cx) {
        let chunk = chunk.unwrap();
        if keep > 0 {
            kept[taken % keep] = chunk;
        }
        taken += 1;
    }
    assert!(taken >= ROWS);
    counter.count()
}

fn rows() -> impl Stream<Item = Result<(usize, &'static str), Error>> {
    stream::iter((0..ROWS).map(|n| Ok((n, "a row of some forty bytes, as rows go"))))
}

fn events() -> impl Stream<Item = Result<Event, Error>> {
    stream::iter((0..ROWS).map(|n| Ok(Event::new().event("token").id(n).data("a few words"))))
}

/// A row takes less than one allocation, an event its own and little more.
#[test]
fn rows_share_their_allocations() {
    alone(async {
        // Taken one by one, as by a socket: the same block is written again and again.
        let few = |count: usize| assert!(count <= 16, "{count}");
        few(allocations(Ndjson::new(rows()), 0));
        few(allocations(JsonArray::new(rows()), 0));
        #[cfg(feature = "csv")]
        few(allocations(lambda_stream::format::Csv::new(rows()), 0));
        // Each event is built in memory of its own.
        few(allocations(Sse::new(events()), 0) - ROWS);

        // Held on to: a block, and its reference count, for every few rows.
        let some = |count: usize| assert!(count <= ROWS / 8, "{count}");
        some(allocations(Ndjson::new(rows()), 1000));
        some(allocations(Sse::new(events()), 1000) - ROWS);
    });
}
