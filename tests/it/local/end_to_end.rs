//! From a handler through the runtime and the local Lambda to an HTTP client.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambda_stream::{Error, Failure, Head, LambdaEvent, Runtime, Sequential};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::client::Client;
use crate::support::local::with_lambda;
use crate::support::{Api, Item, run_until, texts};

async fn chunk(response: &mut Response<Incoming>) -> Option<Bytes> {
    let frame = response.body_mut().frame().await?.unwrap();
    Some(frame.into_data().unwrap())
}

/// The deadline comes shortly before a timeout of 200 ms, and the handler waits for ever.
#[tokio::test]
async fn local_timeout_makes_the_deadline() {
    let address = Api::bind().await.address();
    let runtime = Runtime::new()
        .local_addr(&address)
        .local_timeout(Duration::from_millis(200));
    let handler = async |_: LambdaEvent<Value>| {
        std::future::pending::<()>().await;
        Ok::<_, Error>((Head::ok(), texts(["never"])))
    };
    run_until(runtime.run(handler), async {
        // The runtime listens from its first poll on.
        tokio::task::yield_now().await;
        let mut client = Client::connect(&address).await;
        let response = client.invoke(&Value::Null).await;
        assert_eq!(response.status(), 502);
        assert_eq!(
            response.headers()["x-amzn-errortype"],
            "Function.DeadlineExceeded"
        );
    })
    .await;
}

/// Each chunk arrives before the next one is made.
#[tokio::test]
async fn client_sees_head_and_each_chunk() {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static str>();
    let mut receiver = Some(receiver);
    let handler = async move |event: LambdaEvent<Value>| {
        let receiver = receiver.take().expect("one invocation");
        let chunks = stream::unfold(receiver, async |mut receiver| {
            Some((Item::Ok(receiver.recv().await?.into()), receiver))
        });
        let head = Head::new(event.payload["status"].as_u64().unwrap() as u16)
            .header("x-a", "1")
            .header("x-a", "2")
            .cookie("c=3")
            .cookie("d=4; Path=/");
        Ok::<_, Error>((head, chunks))
    };
    with_lambda(Sequential(handler), async |server| {
        let mut client = Client::connect(server.address()).await;
        let mut response = client.invoke(&json!({"status": 418})).await;
        assert_eq!(response.status(), 418);
        let values = |name| -> Vec<_> { response.headers().get_all(name).iter().collect() };
        assert_eq!(values("x-a"), ["1", "2"]);
        assert_eq!(values("set-cookie"), ["c=3", "d=4; Path=/"]);
        for text in ["one", "two", "three"] {
            sender.send(text).unwrap();
            assert_eq!(chunk(&mut response).await.unwrap(), text);
        }
        drop(sender);
        assert_eq!(chunk(&mut response).await, None);
    })
    .await;
}

/// No good chunk is lost, and the next invocation is served.
#[tokio::test]
async fn mid_stream_error_truncates_the_response() {
    let handler = async |event: LambdaEvent<bool>| {
        let end = match event.payload {
            true => Err(Failure::new("Quota", "none left")),
            false => Ok("two"),
        };
        Ok::<_, Error>((Head::ok(), stream::iter([Ok("one"), end])))
    };
    with_lambda(handler, async |server| {
        for fails in [true, false, true, false] {
            let mut client = Client::connect(server.address()).await;
            let response = client.invoke(&json!(fails)).await;
            assert_eq!(response.status(), 200);
            let mut body = response.into_body();
            let mut received = Vec::new();
            let mut is_cut = false;
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => received.extend_from_slice(&frame.into_data().unwrap()),
                    Err(_) => is_cut = true,
                }
            }
            assert_eq!(is_cut, fails);
            let expected: &[u8] = if fails { b"one" } else { b"onetwo" };
            assert_eq!(received, expected, "no good chunk is lost");
        }
    })
    .await;
}

/// The next invocation is served.
#[tokio::test]
async fn disconnected_reader_drops_endless_stream() {
    struct Endless(Rc<Cell<usize>>);
    impl Stream for Endless {
        type Item = Item;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
            Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; 4096]))))
        }
    }
    impl Drop for Endless {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let handler = async |event: LambdaEvent<Value>| {
        let chunks = match event.payload {
            Value::Null => Endless(Rc::clone(&dropped)).boxed_local(),
            _ => texts(["fine"]).boxed_local(),
        };
        Ok::<_, Error>((Head::ok(), chunks))
    };
    with_lambda(handler, async |server| {
        for n in 1..4 {
            let mut client = Client::connect(server.address()).await;
            let mut response = client.invoke(&Value::Null).await;
            chunk(&mut response).await.unwrap();
            drop(response);
            drop(client);
            while dropped.get() < n {
                tokio::task::yield_now().await;
            }
            let mut client = Client::connect(server.address()).await;
            let response = client.invoke(&json!(1)).await;
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                "fine"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn bodyless_responses_end_for_any_method() {
    let handler = async |event: LambdaEvent<Value>| {
        let status = event.payload["rawPath"].as_str().unwrap()[1..]
            .parse()
            .unwrap();
        let head = Head::new(status).header("location", "/there");
        Ok::<_, Error>((head, stream::empty::<Item>()))
    };
    with_lambda(handler, async |server| {
        let mut client = Client::connect(server.address()).await;
        for method in ["GET", "HEAD", "POST"] {
            for status in [200, 204, 301, 302, 304, 307, 404] {
                let response = client.request(method, &format!("/{status}"), "").await;
                assert_eq!(response.status(), status);
                assert_eq!(response.headers()["location"], "/there");
                assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn parallel_requests_get_their_own_responses() {
    let handler = async |event: LambdaEvent<u64>| {
        let n = event.payload;
        let chunks = stream::iter([n, n]).then(async |n| {
            tokio::task::yield_now().await;
            Ok::<_, Error>(format!("{n};"))
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    with_lambda(handler, async |server| {
        let requests = (0..8).map(async |n: u64| {
            let mut client = Client::connect(server.address()).await;
            let response = client.invoke(&json!(n)).await;
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("{n};{n};"));
        });
        futures::future::join_all(requests).await;
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_chunks_reach_the_client_unchanged(
        chunks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (0usize..20).prop_map(|len| vec![0; len]),
                (any::<u8>(), 500_000usize..2_000_000).prop_map(|(byte, len)| vec![byte; len]),
            ],
            0..10,
        ),
    ) {
        let expected = chunks.concat();
        let handler = async |_: LambdaEvent<Value>| {
            let chunks = stream::iter(chunks.clone()).map(Ok::<_, Error>);
            Ok::<_, Error>((Head::ok(), chunks))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let arrived = runtime.block_on(with_lambda(handler, async |server| {
            let mut client = Client::connect(server.address()).await;
            let response = client.invoke(&json!({})).await;
            response.into_body().collect().await.unwrap().to_bytes()
        }));
        prop_assert!(arrived == expected, "{} bytes, not {}", arrived.len(), expected.len());
    }
}
