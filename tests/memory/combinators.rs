//! No combinator allocates for a chunk.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{Stream, stream};
use lambda_stream::body::ChunkStreamExt;
use lambda_stream::body::RESPONSE_LIMIT;
use lambda_stream::{Context as Invocation, Error};

use crate::alone;
use crate::counter::Counter;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Counts the allocations of this many polls, after the first ones have set up what is kept.
fn count<T>(stream: impl Stream<Item = T>, polls: usize) -> usize {
    let mut stream = pin!(stream);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        assert!(!matches!(
            stream.as_mut().poll_next(&mut cx),
            Poll::Ready(None)
        ));
    }
    let counter = Counter::start();
    for _ in 0..polls {
        assert!(!matches!(
            stream.as_mut().poll_next(&mut cx),
            Poll::Ready(None)
        ));
    }
    counter.count()
}

#[test]
fn combinators_do_not_allocate_per_chunk() {
    alone(async {
        let mut n = 0;
        let chunks = stream::poll_fn(move |_| {
            // Every other time it is pending, so that every timer is in use.
            n += 1;
            match n % 2 {
                0 => Poll::Pending,
                _ => Poll::Ready(Some(Ok::<_, Error>(Bytes::from_static(b"chunk")))),
            }
        });
        let context = Invocation::new("1").with_deadline(SystemTime::now() + HOUR);
        let chunks = chunks
            .heartbeat(Duration::from_nanos(1), vec![b'-'])
            .until_deadline(&context, Duration::ZERO)
            .limit(RESPONSE_LIMIT);
        assert_eq!(count(chunks, 10_000), 0);
    });
}
