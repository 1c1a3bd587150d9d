//! No adapter allocates for a chunk.
//!
//! In a file of its own: allocations are counted in the whole process.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{Stream, stream};
use lambda_stream::body::ChunkStreamExt;
use lambda_stream::{Error, RESPONSE_LIMIT};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How many allocations this many polls take, once the first ones have set up what is kept.
fn count<T>(stream: impl Stream<Item = T>, polls: usize) -> u64 {
    let mut stream = pin!(stream);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        assert!(!matches!(
            stream.as_mut().poll_next(&mut cx),
            Poll::Ready(None)
        ));
    }
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..polls {
        assert!(!matches!(
            stream.as_mut().poll_next(&mut cx),
            Poll::Ready(None)
        ));
    }
    dhat::HeapStats::get().total_blocks - before
}

#[tokio::test]
async fn no_adapter_allocates_for_a_chunk() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut n = 0;
    let chunks = stream::poll_fn(move |_| {
        // Every other time it is pending, so that every timer is in use.
        n += 1;
        match n % 2 {
            0 => Poll::Pending,
            _ => Poll::Ready(Some(Ok::<_, Error>(Bytes::from_static(b"chunk")))),
        }
    });
    let context = lambda_stream::Context::new("1").with_deadline(SystemTime::now() + HOUR);
    let chunks = chunks
        .heartbeat(Duration::from_nanos(1), vec![b'-'])
        .until_deadline(&context, Duration::ZERO)
        .limit(RESPONSE_LIMIT);
    assert_eq!(count(chunks, 10_000), 0);
}
