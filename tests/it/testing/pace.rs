//! When chunks arrive, in paused time.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use lambda_stream::body::ChunkStreamExt;
use lambda_stream::testing::Lambda;
use lambda_stream::{Error, Head, LambdaEvent, Raw};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::support::texts;

const HOUR: Duration = Duration::from_secs(3600);

/// A function that sends a chunk each second, and its head after one more.
fn seconds<'h>() -> Lambda<'h> {
    Lambda::new(async |event: LambdaEvent<u64>| {
        sleep(Duration::from_secs(1)).await;
        let chunks = stream::iter(1..=event.payload).then(async |n| {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, Error>(format!("{n}"))
        });
        Ok::<_, Error>((Head::ok(), chunks))
    })
}

#[tokio::test(start_paused = true)]
async fn chunks_arrive_when_they_are_sent() {
    let mut lambda = seconds();
    for _ in 0..2 {
        let started = Instant::now();
        let mut invocation = lambda.invoke_streaming(3);
        assert_eq!(invocation.head().await.unwrap().status(), 200);
        assert_eq!(started.elapsed().as_secs(), 1);
        for n in 1..=3 {
            let chunk = invocation.next_chunk().await.unwrap();
            assert_eq!(chunk.text(), n.to_string());
            assert_eq!(chunk.elapsed().as_secs(), n + 1);
            assert_eq!(started.elapsed().as_secs(), n + 1);
        }
        assert_eq!(invocation.next_chunk().await, None);
        let outcome = invocation.finish().await;
        assert_eq!(outcome.elapsed().as_secs(), 4);
        assert_eq!(outcome.chunks().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn awaiting_a_chunk_is_cancel_safe() {
    let mut lambda = seconds();
    let mut invocation = lambda.invoke_streaming(2);
    for _ in 0..10 {
        let early = timeout(Duration::from_millis(199), invocation.next_chunk());
        assert!(early.await.is_err());
    }
    assert_eq!(invocation.next_chunk().await.unwrap().text(), "1");
    assert_eq!(invocation.finish().await.text(), "12");
}

/// The clock stands still while bytes are on their way.
#[tokio::test(start_paused = true)]
async fn transfer_takes_no_time() {
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let chunks = stream::iter((0..100).map(|_| Ok::<_, Error>(vec![b'x'; 100_000])));
        Ok::<_, Error>(Raw(chunks))
    });
    let outcome = lambda.invoke(()).await;
    assert_eq!(outcome.body().len(), 100 * 100_000);
    assert_eq!(outcome.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn test_decides_when_a_chunk_is_sent() {
    let go = Notify::new();
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let chunks = stream::iter(["one", "two"]).then(async |text| {
            go.notified().await;
            Ok::<_, Error>(text)
        });
        Ok::<_, Error>(Raw(chunks))
    });
    let mut invocation = lambda.invoke_streaming(());
    for text in ["one", "two"] {
        assert!(
            timeout(Duration::from_secs(60), invocation.next_chunk())
                .await
                .is_err()
        );
        go.notify_one();
        assert_eq!(invocation.next_chunk().await.unwrap().text(), text);
    }
    assert!(invocation.finish().await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_seen_on_time() {
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let late = stream::once(async {
            sleep(Duration::from_secs(25)).await;
            Ok::<_, Error>(Bytes::from_static(b"late"))
        });
        Ok::<_, Error>((Head::ok(), late.heartbeat(Duration::from_secs(10), ".")))
    });
    let outcome = lambda.invoke(()).await;
    let arrivals = outcome
        .chunks()
        .iter()
        .map(|chunk| (chunk.text(), chunk.elapsed().as_secs()));
    let expected = [(".", 10), (".", 20), ("late", 25)];
    assert_eq!(
        arrivals.collect::<Vec<_>>(),
        expected.map(|(text, at)| (text.to_owned(), at))
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_handler_exceeds_its_deadline() {
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        std::future::pending::<()>().await;
        Ok::<_, Error>(Raw(texts([])))
    })
    .timeout(Duration::from_secs(10));
    for _ in 0..2 {
        let outcome = lambda.invoke(()).await;
        let failure = outcome.failure().unwrap();
        assert_eq!(failure.error_type(), "Function.DeadlineExceeded");
        assert!(outcome.head().is_none());
        assert_eq!(outcome.elapsed().as_secs(), 9);
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_stream_exceeds_its_deadline() {
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let chunks = texts(["one"]).chain(stream::pending());
        Ok::<_, Error>((Head::ok(), chunks))
    })
    .timeout(HOUR / 10);
    let outcome = lambda.invoke(()).await;
    assert_eq!(outcome.text(), "one");
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.DeadlineExceeded");
    assert!(outcome.trailers().is_some());
    assert_eq!(outcome.elapsed().as_secs(), 359);
}

/// What is in flight is bounded, however much the stream has.
#[tokio::test]
async fn slow_reader_holds_the_stream_back() {
    const CHUNK: usize = 64 * 1024;
    let polled = Cell::new(0);
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let chunks = stream::iter(0..10_000).map(|_| {
            polled.set(polled.get() + 1);
            Ok::<_, Error>(vec![0; CHUNK])
        });
        Ok::<_, Error>(Raw(chunks))
    });
    let mut invocation = lambda.invoke_streaming(());
    for read in 1..=50 {
        assert!(invocation.next_chunk().await.is_some());
        assert!(polled.get() < read + 20, "{} of {read}", polled.get());
    }
}
