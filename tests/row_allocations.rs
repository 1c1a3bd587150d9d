//! What a row or an event costs in allocations, counted.
//!
//! In a file of its own with one test: the count is that of the whole process.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::{Stream, stream};
use lambda_stream::Error;
use lambda_stream::format::sse::Event;
use lambda_stream::format::{Formatted, JsonArray, Ndjson, Sse};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const ROWS: usize = 10_000;

/// Takes every chunk, keeps it until `keep` later ones are there, and counts.
fn allocations(
    response: Formatted<impl Stream<Item = Result<Bytes, Error>>>,
    keep: usize,
) -> usize {
    let mut chunks = pin!(response.into_stream());
    let mut cx = Context::from_waker(Waker::noop());
    let mut kept = vec![Bytes::new(); keep];
    let before = dhat::HeapStats::get().total_blocks;
    let mut taken = 0;
    while let Poll::Ready(Some(chunk)) = chunks.as_mut().poll_next(&mut cx) {
        let chunk = chunk.unwrap();
        if keep > 0 {
            kept[taken % keep] = chunk;
        }
        taken += 1;
    }
    assert!(taken >= ROWS);
    (dhat::HeapStats::get().total_blocks - before) as usize
}

fn rows() -> impl Stream<Item = Result<(usize, &'static str), Error>> {
    stream::iter((0..ROWS).map(|n| Ok((n, "a row of some forty bytes, as rows go"))))
}

fn events() -> impl Stream<Item = Result<Event, Error>> {
    stream::iter((0..ROWS).map(|n| Ok(Event::new().event("token").id(n).data("a few words"))))
}

#[test]
fn a_row_costs_less_than_one_allocation_and_an_event_its_own() {
    let _profiler = dhat::Profiler::builder().testing().build();
    // Taken one by one, as by a socket: the same block is written again and again.
    let few = |count: usize| assert!(count <= 16, "{count}");
    few(allocations(Ndjson::new(rows()), 0));
    few(allocations(JsonArray::new(rows()), 0));
    #[cfg(feature = "csv")]
    few(allocations(lambda_stream::format::Csv::new(rows()), 0));
    // Each event is built in memory of its own.
    few(allocations(Sse::new(events()), 0) - ROWS);

    // Held on to: a block, and the count of its holders, for every few rows.
    let some = |count: usize| assert!(count <= ROWS / 8, "{count}");
    some(allocations(Ndjson::new(rows()), 1000));
    some(allocations(Sse::new(events()), 1000) - ROWS);
}
