//! Keep-alive comments come at exact times, and only between events. Time is paused, so that no
//! test really sleeps.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use lambda_stream::Error;
use lambda_stream::format::Sse;
use lambda_stream::format::sse::Event;
use tokio::time::{Instant, sleep, sleep_until};

/// Returns events that come at these milliseconds.
fn events_at<const N: usize>(ms: [u64; N]) -> impl Stream<Item = Result<Event, Error>> {
    let start = Instant::now();
    stream::iter(ms).then(move |ms| async move {
        sleep_until(start + Duration::from_millis(ms)).await;
        Ok(Event::new().data(format_args!("at {ms}")))
    })
}

/// Returns each chunk with its millisecond; the end is the text `end`.
async fn timeline(
    chunks: impl Stream<Item = Result<bytes::Bytes, Error>>,
    limit: usize,
) -> Vec<(u128, String)> {
    let start = Instant::now();
    let mut chunks = std::pin::pin!(chunks);
    let mut timeline = Vec::new();
    while timeline.len() < limit {
        let text = match chunks.next().await {
            Some(Ok(chunk)) => String::from_utf8(chunk.to_vec()).unwrap(),
            Some(Err(error)) => error.to_string(),
            None => "end".to_owned(),
        };
        let is_end = text == "end";
        timeline.push((start.elapsed().as_millis(), text));
        if is_end {
            break;
        }
    }
    timeline
}

fn at(timeline: &[(u128, String)]) -> Vec<(u128, &str)> {
    timeline
        .iter()
        .map(|(ms, text)| (*ms, text.as_str()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn comments_come_at_exact_times() {
    let chunks = Sse::new(events_at([0, 900, 3500, 4500]))
        .keep_alive(Duration::from_secs(1))
        .into_stream();
    assert_eq!(
        at(&timeline(chunks, 20).await),
        [
            (0, "data: at 0\n\n"),
            (900, "data: at 900\n\n"),
            (1900, ":\n\n"),
            (2900, ":\n\n"),
            (3500, "data: at 3500\n\n"),
            // When both are due, the event comes, and no comment.
            (4500, "data: at 4500\n\n"),
            (4500, "end"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pending_stream_is_kept_alive() {
    let chunks = Sse::new(stream::pending::<Result<Event, Error>>())
        .keep_alive(Duration::from_millis(250))
        .into_stream();
    assert_eq!(
        at(&timeline(chunks, 3).await),
        [(250, ":\n\n"), (500, ":\n\n"), (750, ":\n\n")]
    );
}

#[tokio::test(start_paused = true)]
async fn slow_reader_delays_keep_alive() {
    let events = events_at([0, 5000]);
    let mut chunks = Box::pin(
        Sse::new(events)
            .keep_alive(Duration::from_secs(1))
            .into_stream(),
    );
    assert_eq!(chunks.next().await.unwrap().unwrap(), "data: at 0\n\n");
    // The socket takes three seconds; the interval starts only then.
    sleep(Duration::from_secs(3)).await;
    let start = Instant::now();
    assert_eq!(chunks.next().await.unwrap().unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

/// Neither an event nor the time that has passed.
#[tokio::test(start_paused = true)]
async fn cancelled_wait_loses_nothing() {
    let mut chunks = Box::pin(
        Sse::new(events_at([1500]))
            .keep_alive(Duration::from_secs(1))
            .into_stream(),
    );
    let start = Instant::now();
    for _ in 0..3 {
        let wait = tokio::time::timeout(Duration::from_millis(300), chunks.next());
        assert!(wait.await.is_err());
    }
    assert_eq!(chunks.next().await.unwrap().unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(chunks.next().await.unwrap().unwrap(), "data: at 1500\n\n");
    assert!(chunks.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn ending_event_follows_the_comments() {
    let failing = events_at([0]).chain(stream::once(async {
        sleep(Duration::from_millis(1500)).await;
        Err(Error::from("no tokens left"))
    }));
    let chunks = Sse::new(failing)
        .keep_alive(Duration::from_secs(1))
        .ending_with(|error| Event::new().event("failure").data(error))
        .into_stream();
    assert_eq!(
        at(&timeline(chunks, 20).await),
        [
            (0, "data: at 0\n\n"),
            (1000, ":\n\n"),
            (1500, "event: failure\ndata: no tokens left\n\n"),
            (1500, "no tokens left"),
            (1500, "end"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn extreme_intervals_are_harmless() {
    for interval in [Duration::ZERO, Duration::MAX] {
        let chunks = Sse::new(events_at([0, 3_600_000]))
            .keep_alive(interval)
            .into_stream();
        assert_eq!(
            at(&timeline(chunks, 20).await),
            [
                (0, "data: at 0\n\n"),
                (3_600_000, "data: at 3600000\n\n"),
                (3_600_000, "end"),
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn size_hint_allows_for_comments() {
    let mut chunks = Box::pin(
        Sse::new(stream::iter([Ok::<_, Error>(Event::new())]))
            .keep_alive(Duration::from_secs(1))
            .into_stream(),
    );
    assert_eq!(chunks.size_hint(), (1, None));
    chunks.next().await.unwrap().unwrap();
    assert!(chunks.next().await.is_none());
    assert_eq!(chunks.size_hint(), (0, Some(0)));
}

#[test]
fn no_keep_alive_needs_no_timer() {
    let mut chunks = Box::pin(Sse::new(stream::pending::<Result<Event, Error>>()).into_stream());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(chunks.as_mut().poll_next(&mut cx).is_pending());
}
