//! What a function under test may be, and how its invocations follow each other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::testing::Lambda;
use lambda_stream::{Error, Head, Json, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::{Value, json};
use tower::service_fn;

use crate::support::{patiently, texts};

#[tokio::test]
async fn handler_borrows_from_the_test() {
    let calls = RefCell::new(Vec::new());
    let greeting = Rc::new("hello".to_owned());
    let mut lambda = Lambda::new(async |event: LambdaEvent<String>| {
        calls.borrow_mut().push(event.payload.clone());
        let text = Rc::clone(&greeting);
        let name = event.payload;
        let chunk = stream::once(async move { Ok::<_, Error>(format!("{text}, {name}")) });
        Ok::<_, Error>(Raw(chunk))
    });
    assert_eq!(lambda.invoke("Ada").await.text(), "hello, Ada");
    assert_eq!(lambda.invoke("Bob").await.text(), "hello, Bob");
    assert_eq!(*calls.borrow(), ["Ada", "Bob"]);
}

#[tokio::test]
async fn handler_changes_its_own_state() {
    let mut count = 0;
    let mut lambda = Lambda::new(Sequential(async |_: LambdaEvent<()>| {
        count += 1;
        Ok::<_, Error>(Json(count))
    }));
    for expected in 1..=3 {
        let outcome = lambda.invoke(()).await;
        assert_eq!(outcome.json::<u32>().unwrap(), expected);
    }
    drop(lambda);
    assert_eq!(count, 3);
}

#[tokio::test]
async fn tower_service_is_served() {
    let service = service_fn(async |event: LambdaEvent<Value>| {
        Ok::<_, Error>(Json(event.payload["n"].clone()))
    });
    let outcome = Lambda::new(service).invoke(json!({"n": 7})).await;
    assert_eq!(outcome.json::<u32>().unwrap(), 7);
}

#[tokio::test]
async fn context_is_that_of_a_function() {
    let mut lambda = Lambda::new(async |event: LambdaEvent<()>| {
        let context = event.context;
        assert!(
            context
                .invoked_function_arn()
                .unwrap()
                .starts_with("arn:aws:lambda:")
        );
        assert!(context.trace_id().is_some());
        assert!(context.remaining_time().unwrap() <= Duration::from_secs(7));
        Ok::<_, Error>(Json(context.request_id().to_owned()))
    })
    .timeout(Duration::from_secs(7));
    let ids: Vec<String> = vec![
        lambda.invoke(()).await.json().unwrap(),
        lambda.invoke(()).await.json().unwrap(),
    ];
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn timeout_never_exceeds_that_of_aws() {
    let mut lambda = Lambda::new(async |event: LambdaEvent<()>| {
        assert!(event.context.remaining_time().unwrap() <= Duration::from_secs(15 * 60));
        Ok::<_, Error>(Raw(texts(["x"])))
    })
    .timeout(Duration::MAX);
    assert!(lambda.invoke(()).await.is_complete());
}

#[tokio::test]
async fn runtime_options_apply() {
    let runtime = Runtime::new().response_limit(3);
    let handler = async |_: LambdaEvent<()>| Ok::<_, Error>(Raw(texts(["ab", "cd"])));
    let outcome = Lambda::with_runtime(runtime, handler).invoke(()).await;
    assert_eq!(outcome.text(), "ab");
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn writer_is_awaited_to_its_end() {
    let done = Cell::new(0);
    let mut lambda = Lambda::with_writer(async |_: LambdaEvent<()>, response: ResponseWriter| {
        let mut body = response.send_head(Head::ok())?;
        body.send_chunk("ab").await?;
        body.flush().await?;
        body.send_chunk("cde").await?;
        body.finish().await?;
        tokio::task::yield_now().await;
        done.set(done.get() + 1);
        Ok::<_, Error>(())
    });
    for expected in 1..=2 {
        let outcome = lambda.invoke(()).await.into_result().unwrap();
        let texts: Vec<_> = outcome.chunks().iter().map(|chunk| chunk.text()).collect();
        assert_eq!(texts, ["ab", "cde"]);
        assert_eq!(done.get(), expected);
    }
}

#[tokio::test]
async fn failure_after_the_response_is_seen() {
    let mut lambda =
        Lambda::with_writer(async |event: LambdaEvent<u8>, response: ResponseWriter| {
            let mut body = response.send_head(Head::ok())?;
            body.send_chunk("whole").await?;
            body.finish().await?;
            match event.payload {
                0 => Ok::<_, Error>(()),
                1 => Err("late".into()),
                _ => panic!("later"),
            }
        });
    for (event, late) in [
        (0, None),
        (1, Some("late")),
        (2, Some("panicked: later")),
        (0, None),
    ] {
        let outcome = lambda.invoke(event).await;
        assert_eq!(outcome.text(), "whole");
        assert!(outcome.is_complete());
        let seen = outcome.late_failure().map(ToString::to_string);
        assert_eq!(seen.as_deref(), late);
    }
}

#[tokio::test]
async fn unserializable_event_fails_without_a_call() {
    let called = Cell::new(false);
    let mut lambda = Lambda::new(async |_: LambdaEvent<Value>| {
        called.set(true);
        Ok::<_, Error>(Raw(texts(["x"])))
    });
    let outcome = lambda.invoke(HashMap::from([((), ())])).await;
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.InvalidEvent");
    assert!(
        failure
            .to_string()
            .starts_with("the event cannot be serialized: ")
    );
    assert!(!called.get());
    assert_eq!(lambda.invoke(()).await.text(), "x");
}

#[tokio::test]
async fn undecodable_event_is_the_failure() {
    let handler = async |_: LambdaEvent<u32>| Ok::<_, Error>(Raw(texts(["x"])));
    let outcome = Lambda::new(handler).invoke("text").await;
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error_type(), "Function.InvalidEvent");
}

#[tokio::test(start_paused = true)]
async fn functions_run_in_parallel() {
    let ticks = |every: u64| {
        Lambda::new(async move |_: LambdaEvent<()>| {
            let ticks = stream::iter(1..=3).then(move |n| async move {
                tokio::time::sleep(Duration::from_secs(every)).await;
                Ok::<_, Error>(format!("{every}*{n} "))
            });
            Ok::<_, Error>(Raw(ticks))
        })
    };
    let (mut one, mut two) = (ticks(1), ticks(2));
    let (one, two) = tokio::join!(one.invoke(()), two.invoke(()));
    assert_eq!(
        (one.text(), two.text()),
        ("1*1 1*2 1*3 ".into(), "2*1 2*2 2*3 ".into())
    );
    assert_eq!((one.elapsed().as_secs(), two.elapsed().as_secs()), (3, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn multi_thread_runtime_is_enough() {
    let handler = async |_: LambdaEvent<()>| Ok::<_, Error>(Raw(texts(["a", "b"])));
    assert_eq!(Lambda::new(handler).invoke(()).await.text(), "ab");
}

#[tokio::test]
async fn dropped_invocation_ends_before_the_next() {
    let ended = Cell::new(0);
    let mut lambda = Lambda::new(async |event: LambdaEvent<u32>| {
        let (n, ended) = (event.payload, &ended);
        let chunks = stream::iter(0..3)
            .map(move |at| Ok::<_, Error>(format!("{n}.{at} ")))
            .chain(stream::once(async move {
                ended.set(n);
                Ok("end".into())
            }));
        Ok::<_, Error>(Raw(chunks))
    });
    let mut invocation = lambda.invoke_streaming(1);
    assert_eq!(invocation.next_chunk().await.unwrap().text(), "1.0 ");
    drop(invocation);
    let invocation = lambda.invoke_streaming(2);
    drop(invocation);
    let mut invocation = lambda.invoke_streaming(3);
    assert_eq!(invocation.next_chunk().await.unwrap().text(), "3.0 ");
    assert_eq!(invocation.finish().await.text(), "3.0 3.1 3.2 end");
    assert_eq!(ended.get(), 3);
}

#[tokio::test]
async fn dropped_function_drops_the_stream() {
    struct Held<'a>(&'a Cell<bool>);

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    let dropped = Cell::new(false);
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let held = Held(&dropped);
        let chunks = texts(["one"]).chain(stream::once(async move {
            let _held = held;
            std::future::pending().await
        }));
        Ok::<_, Error>(Raw(chunks))
    });
    let mut invocation = lambda.invoke_streaming(());
    assert_eq!(invocation.next_chunk().await.unwrap().text(), "one");
    drop(invocation);
    assert!(!dropped.get());
    drop(lambda);
    assert!(dropped.get());
}

/// A handler that uses up its task's cooperative budget in every poll keeps nobody from reading.
#[tokio::test]
async fn greedy_handler_cannot_hold_chunks_back() {
    let seen = Cell::new(false);
    let mut lambda = Lambda::new(async |_: LambdaEvent<()>| {
        let seen = &seen;
        let chunks = texts(["first"]).chain(stream::once(async move {
            while !seen.get() {
                tokio::task::consume_budget().await;
            }
            Ok(Bytes::from_static(b"last"))
        }));
        Ok::<_, Error>(Raw(chunks))
    });
    patiently(async {
        let mut invocation = pin!(lambda.invoke_streaming(()));
        assert_eq!(invocation.next_chunk().await.unwrap().text(), "first");
        seen.set(true);
        assert_eq!(invocation.next_chunk().await.unwrap().text(), "last");
    })
    .await;
}

#[cfg(feature = "web")]
#[tokio::test]
async fn web_app_is_asked_over_http() {
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use lambda_stream::web::{App, RequestBody};

    async fn echo(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Error> {
        let target = request.uri().path_and_query().map(ToString::to_string);
        let cookie = request.headers().get("cookie").cloned();
        let method = request.method().clone();
        let body = request.into_body().collect().await?.to_bytes();
        let mut response = Response::new(Full::new(
            format!("{method} {target:?} {cookie:?} {body:?}").into(),
        ));
        *response.status_mut() = http::StatusCode::CREATED;
        response.headers_mut().insert("set-cookie", "c=3".parse()?);
        Ok(response)
    }

    let mut lambda = Lambda::new(App::new(echo));
    let request = Request::post("/a%20b?x=1&y=%21")
        .header("cookie", "a=1; b=2")
        .body(&b"\xff\0"[..])
        .unwrap();
    let outcome = lambda.http(request).await.into_result().unwrap();
    let head = outcome.head().unwrap();
    assert_eq!(head.status(), 201);
    assert_eq!(head.cookies(), ["c=3"]);
    assert_eq!(
        outcome.text(),
        r#"POST Some("/a%20b?x=1&y=%21") Some("a=1; b=2") b"\xff\0""#
    );
}
