//! Reports of measured handlers.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use lambda_stream::body::ChunkStreamExt;
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::testing::{Measure, MeasureError, Report};
use lambda_stream::{Error, Failure, Head, LambdaEvent, Raw, Sequential};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::service_fn;

use crate::support::{Item, patiently, texts};

/// Asserts what holds for every report.
fn consistent(report: &Report) {
    for durations in [report.time_to_first_byte(), report.chunk_latency()] {
        let counts: Vec<_> = durations.counts().collect();
        assert!(counts.is_sorted());
        assert!(durations.max() <= report.elapsed());
    }
    assert!(report.time_to_first_byte().sum() <= report.elapsed());
    assert_eq!(report.chunks(), report.chunk_latency().len());
}

fn three() -> Measure {
    Measure::new(json!({"n": 7})).invocations(3).warm_up(2)
}

/// Measures one response three times.
async fn of<S: Stream<Item = Item>>(response: impl Fn() -> S) -> Report {
    let report = three()
        .run(async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), response())))
        .await
        .unwrap();
    consistent(&report);
    report
}

async fn failure(
    handler: impl AsyncFn(u64) -> Result<Vec<Item>, Error>,
) -> (MeasureError, Failure) {
    let calls = Cell::new(0);
    let error = three()
        .run(async |_: LambdaEvent<Value>| {
            calls.set(calls.get() + 1);
            let items = handler(calls.get()).await?;
            Ok::<_, Error>((Head::ok(), stream::iter(items)))
        })
        .await
        .unwrap_err();
    let failure = error.failure().expect("an invocation failed").clone();
    (error, failure)
}

/// Every other invocation and each of its chunks is.
#[tokio::test]
async fn warm_up_invocations_are_not_counted() {
    let calls = Cell::new(0);
    let report = three()
        .run(async |event: LambdaEvent<Value>| {
            assert_eq!(event.payload["n"], 7);
            calls.set(calls.get() + 1);
            Ok::<_, Error>((Head::ok(), texts(["ab", "", "cde", "f"])))
        })
        .await
        .unwrap();
    consistent(&report);
    assert_eq!(calls.get(), 5);
    assert_eq!(report.invocations(), 3);
    assert_eq!(report.time_to_first_byte().len(), 3);
    assert_eq!(report.chunks(), 3 * 3);
    assert_eq!(report.bytes(), 3 * 6);
    assert!(report.throughput() > 0.0);
}

#[tokio::test]
async fn coalesced_chunks_have_separate_latencies() {
    let report =
        of(|| stream::iter((0..1_000).map(|_| Ok(Bytes::from_static(b"0123456789"))))).await;
    assert_eq!(report.chunks(), 3 * 1_000);
    assert_eq!(report.bytes(), 3 * 10_000);
}

#[tokio::test]
async fn large_chunk_has_one_latency() {
    const LARGE: usize = 5_000_000;
    let report = of(|| stream::iter([Ok(Bytes::from(vec![b'x'; LARGE]))])).await;
    assert_eq!(report.chunks(), 3);
    assert_eq!(report.bytes(), 3 * LARGE as u64);
}

#[tokio::test]
async fn mixed_chunk_sizes_are_counted() {
    let sizes = [1, 5_000, 3, 70_000, 200, 16_384, 4_096, 9];
    let chunks = || stream::iter(sizes.map(|size| Ok(Bytes::from(vec![0; size]))));
    let report = of(chunks).await;
    assert_eq!(report.chunks(), 3 * sizes.len() as u64);
    assert_eq!(report.bytes(), 3 * sizes.iter().sum::<usize>() as u64);
}

/// It does not count toward the latency of the chunk.
#[tokio::test]
async fn handler_time_counts_toward_first_byte() {
    let (called, given) = (Cell::new(None), Cell::new(None));
    let report = Measure::new(())
        .invocations(1)
        .warm_up(0)
        .run(async |_: LambdaEvent<()>| {
            called.set(Some(Instant::now()));
            let chunk = stream::once(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                given.set(Some(Instant::now()));
                Ok::<_, Error>("late")
            });
            Ok::<_, Error>(Raw(chunk))
        })
        .await
        .unwrap();
    let (called, given) = (called.get().unwrap(), given.get().unwrap());
    let since_given = given.elapsed();
    consistent(&report);
    assert_eq!(report.chunks(), 1);
    // True on any machine: the event was written before the handler was called, and the chunk was
    // read before the report was ready.
    assert!(report.time_to_first_byte().min() >= given - called);
    assert!(report.chunk_latency().max() <= since_given);
}

#[tokio::test]
async fn pending_stream_is_measured_per_chunk() {
    let report = of(|| {
        stream::iter(0..100).then(|_| async {
            tokio::task::yield_now().await;
            Ok(Bytes::from_static(b"x"))
        })
    })
    .await;
    assert_eq!((report.chunks(), report.bytes()), (3 * 100, 3 * 100));
}

#[tokio::test]
async fn raw_response_is_all_payload() {
    // What looks like a delimiter is payload as well.
    let report = three()
        .run(async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(texts(["{}\0\0\0\0\0\0\0\0", "ab"]))))
        .await
        .unwrap();
    consistent(&report);
    assert_eq!((report.chunks(), report.bytes()), (3 * 2, 3 * 12));
}

#[tokio::test]
async fn empty_response_has_no_first_byte() {
    let report = of(|| texts([])).await;
    assert_eq!(report.invocations(), 3);
    assert_eq!((report.chunks(), report.bytes()), (0, 0));
    assert!(report.time_to_first_byte().is_empty());
    assert_eq!(report.time_to_first_byte().percentile(99.0), Duration::ZERO);
    assert!(report.elapsed() > Duration::ZERO);

    // A status without a body drops the stream, whatever it would send.
    let report = three()
        .run(async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::new(204), texts(["never"]))))
        .await
        .unwrap();
    assert_eq!((report.chunks(), report.bytes()), (0, 0));
}

/// What it does after the end of the body is done as well.
#[tokio::test]
async fn writing_handler_is_measured() {
    let done = Cell::new(0);
    let report = three()
        .run_with_writer(async |_: LambdaEvent<Value>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            body.send_chunk("ab").await?;
            body.flush().await?;
            body.send_chunk("cde").await?;
            body.finish().await?;
            tokio::task::yield_now().await;
            done.set(done.get() + 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    consistent(&report);
    assert_eq!((report.chunks(), report.bytes()), (3 * 2, 3 * 5));
    assert_eq!(done.get(), 5);
}

#[tokio::test]
async fn services_and_combinators_are_measured() {
    let report = three()
        .run(service_fn(async |_: LambdaEvent<Value>| {
            let chunks = texts(["a", "b"]).heartbeat(Duration::from_secs(3600), "\n");
            Ok::<_, Error>((Head::ok(), chunks))
        }))
        .await
        .unwrap();
    consistent(&report);
    assert_eq!((report.chunks(), report.bytes()), (3 * 2, 3 * 2));
}

#[tokio::test]
async fn borrowed_handler_can_be_measured_again() {
    let mut calls = 0;
    let mut handler = async |_: LambdaEvent<()>| {
        calls += 1;
        Ok::<_, Error>(Raw(texts(["x"])))
    };
    for invocations in [1, 10, 100] {
        let measure = Measure::new(()).warm_up(0).invocations(invocations);
        let report = measure.run(Sequential(&mut handler)).await.unwrap();
        // Criterion's `iter_custom` needs as many samples as it asked for.
        assert_eq!(report.time_to_first_byte().len(), invocations);
    }
    assert_eq!(calls, 111);
}

#[tokio::test]
async fn zero_invocations_give_an_empty_report() {
    for warm_up in [0, 2] {
        let report = Measure::new(())
            .invocations(0)
            .warm_up(warm_up)
            .run(async |_: LambdaEvent<()>| Ok::<_, Error>(Raw(texts(["x"]))))
            .await
            .unwrap();
        assert_eq!((report.invocations(), report.chunks()), (0, 0));
        assert_eq!((report.bytes(), report.elapsed()), (0, Duration::ZERO));
        assert_eq!(report.throughput(), 0.0);
        assert!(report.to_string().starts_with("0 invocations, 0 chunks"));
    }
}

/// The error also has the failure's type and message.
#[tokio::test]
async fn failed_handler_names_the_invocation() {
    let (error, failed) = failure(async |call| match call {
        4 => Err(Failure::new("Quota", "none left").into()),
        _ => Ok(vec![]),
    })
    .await;
    assert_eq!(failed.error_type(), "Function.Quota");
    let text = "invocation 2 failed with Function.Quota: none left";
    assert_eq!(error.to_string(), text);
    assert_eq!(format!("{error:?}"), text);

    let (error, _) = failure(async |_| Err("at once".into())).await;
    let text = "warm-up invocation 1 failed with Function.Error: at once";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn failed_stream_is_an_error() {
    let (error, failed) = failure(async |_| {
        let broken = Failure::new("Quota", "in the middle").with_stack_trace(["why"]);
        Ok(vec![Ok("chunk".into()), Err(broken.into())])
    })
    .await;
    assert_eq!(failed.error_type(), "Function.Quota");
    assert_eq!(failed.stack_trace(), ["why"]);
    assert!(error.to_string().contains("in the middle"), "{error}");
}

#[tokio::test]
async fn panic_is_an_error() {
    let (_, failed) = failure(async |_| panic!("broken")).await;
    assert_eq!(failed.error_type(), "Function.Panic");
    assert_eq!(failed.to_string(), "panicked: broken");
}

#[tokio::test]
async fn hanging_handler_exceeds_its_deadline() {
    let never = async |event: LambdaEvent<()>| {
        assert!(event.context.remaining_time().unwrap() <= Duration::from_millis(200));
        std::future::pending::<()>().await;
        Ok::<_, Error>(Raw(texts([])))
    };
    let measure = Measure::new(()).timeout(Duration::from_millis(200));
    let error = patiently(measure.run(never)).await.unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.DeadlineExceeded");
}

#[tokio::test]
async fn timeout_never_exceeds_that_of_aws() {
    for measure in [Measure::new(()), Measure::new(()).timeout(Duration::MAX)] {
        let handler = async |event: LambdaEvent<()>| {
            let left = event.context.remaining_time().unwrap();
            assert!(left <= Duration::from_secs(15 * 60));
            Ok::<_, Error>(Raw(texts(["x"])))
        };
        measure.invocations(1).run(handler).await.unwrap();
    }
}

#[tokio::test]
async fn unserializable_event_is_an_error() {
    let no_json = std::collections::HashMap::from([((), ())]);
    let error = Measure::new(no_json)
        .run(async |_: LambdaEvent<()>| Ok::<_, Error>(Raw(texts([]))))
        .await
        .unwrap_err();
    assert!(error.failure().is_none());
    assert!(
        error
            .to_string()
            .starts_with("the event cannot be serialized: ")
    );
}

#[tokio::test]
async fn undecodable_event_is_an_error() {
    let error = Measure::new("text")
        .run(async |_: LambdaEvent<u32>| Ok::<_, Error>(Raw(texts([]))))
        .await
        .unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.InvalidEvent");
}

#[tokio::test]
async fn dropped_measurement_drops_the_stream() {
    struct Held<'a>(&'a RefCell<Vec<&'static str>>);

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push("stream");
        }
    }

    let dropped = RefCell::new(Vec::new());
    let is_streaming = Notify::new();
    {
        let handler = async |_: LambdaEvent<()>| {
            let held = Held(&dropped);
            let is_streaming = &is_streaming;
            let chunks = texts(["one"]).chain(stream::once(async move {
                let _held = held;
                is_streaming.notify_one();
                std::future::pending().await
            }));
            Ok::<_, Error>(Raw(chunks))
        };
        let mut measurement = Box::pin(Measure::new(()).run(handler));
        let streaming = pin!(is_streaming.notified());
        patiently(async {
            tokio::select! {
                report = &mut measurement => panic!("{report:?}"),
                () = streaming => {}
            }
        })
        .await;
        assert!(dropped.borrow().is_empty());
        // This joins the thread of the reader, so it returns only after that has stopped.
        drop(measurement);
    }
    assert_eq!(*dropped.borrow(), ["stream"]);
}

/// On either flavor of Tokio's runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measurements_run_in_parallel() {
    let (one, two) = tokio::join!(of(|| texts(["a", "b"])), of(|| texts(["a", "b", "c"])),);
    assert_eq!((one.chunks(), two.chunks()), (3 * 2, 3 * 3));
}

#[cfg(feature = "web")]
mod http {
    use http_body_util::Full;
    use lambda_stream::web::{App, RequestBody};

    use super::*;

    async fn hello(
        request: ::http::Request<RequestBody>,
    ) -> Result<::http::Response<Full<Bytes>>, Error> {
        Ok(::http::Response::new(Full::new(Bytes::from(
            request.uri().path().to_owned(),
        ))))
    }

    #[tokio::test]
    async fn web_apps_are_measured() {
        let event = include_str!("../../events/function-url.json");
        let event: Value = serde_json::from_str(event).unwrap();
        let path = event["rawPath"].as_str().unwrap().len() as u64;
        let measure = Measure::new(event).invocations(3);

        let streamed = measure.clone().run(App::new(hello)).await.unwrap();
        consistent(&streamed);
        assert_eq!((streamed.chunks(), streamed.bytes()), (3, 3 * path));

        // The whole document is a single chunk.
        let buffered = measure.run(App::new(hello).buffered()).await.unwrap();
        consistent(&buffered);
        assert_eq!(buffered.chunks(), 3);
        assert!(buffered.bytes() > 3 * path);
    }
}
