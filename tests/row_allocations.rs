//! What a row or an event costs in allocations, counted.
//!
//! In a file of its own with one test: the count is that of the whole process.

#![allow(
    unsafe_code,
    reason = "an allocator that counts can only be written with it"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::{Stream, stream};
use lambda_stream::Error;
use lambda_stream::format::sse::{self, Event};
use lambda_stream::format::{json_array, ndjson};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROWS: usize = 10_000;

/// Takes every chunk, keeps it until `keep` later ones are there, and counts.
fn allocations(chunks: impl Stream<Item = Result<Bytes, Error>>, keep: usize) -> usize {
    let mut chunks = pin!(chunks);
    let mut cx = Context::from_waker(Waker::noop());
    let mut kept = vec![Bytes::new(); keep];
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut taken = 0;
    while let Poll::Ready(Some(chunk)) = chunks.as_mut().poll_next(&mut cx) {
        let chunk = chunk.unwrap();
        if keep > 0 {
            kept[taken % keep] = chunk;
        }
        taken += 1;
    }
    assert!(taken >= ROWS);
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn rows() -> impl Stream<Item = Result<(usize, &'static str), Error>> {
    stream::iter((0..ROWS).map(|n| Ok((n, "a row of some forty bytes, as rows go"))))
}

fn events() -> impl Stream<Item = Result<Event, Error>> {
    stream::iter((0..ROWS).map(|n| Ok(Event::new().event("token").id(n).data("a few words"))))
}

#[test]
fn a_row_costs_less_than_one_allocation_and_an_event_its_own() {
    // Taken one by one, as by a socket: the same block is written again and again.
    let few = |count: usize| assert!(count <= 16, "{count}");
    few(allocations(ndjson::lines(rows()), 0));
    few(allocations(json_array::array(rows()), 0));
    #[cfg(feature = "csv")]
    few(allocations(lambda_stream::format::csv::records(rows()), 0));
    // Each event is built in memory of its own.
    few(allocations(sse::stream(events()), 0) - ROWS);

    // Held on to: a block, and the count of its holders, for every few rows.
    let some = |count: usize| assert!(count <= ROWS / 8, "{count}");
    some(allocations(ndjson::lines(rows()), 1000));
    some(allocations(sse::stream(events()), 1000) - ROWS);
}
