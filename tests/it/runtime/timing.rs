//! When bytes leave: the head and every ready chunk immediately.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::support::{Api, Item, WireTap, deadline, serve, serve_with, texts};

fn gated(receiver: mpsc::UnboundedReceiver<&'static str>) -> impl Stream<Item = Item> {
    stream::unfold(receiver, async |mut receiver| {
        let text = receiver.recv().await?;
        Some((Ok(Bytes::from_static(text.as_bytes())), receiver))
    })
}

#[tokio::test]
async fn prelude_and_chunks_leave_immediately() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut receiver = Some(receiver);
    let handler = async move |_: LambdaEvent<Value>| {
        let chunks = gated(receiver.take().expect("one invocation"));
        Ok::<_, Error>((Head::new(201), chunks))
    };
    serve(Sequential(handler), async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        assert!(peer.prelude().await.contains("201"));
        for text in ["one", "two", "three"] {
            sender.send(text).unwrap();
            assert_eq!(peer.text_chunk().await, text);
        }
        drop(sender);
        assert_eq!(peer.rest().await, b"");
    })
    .await;
}

/// Runs one invocation whose stream can look at the wire.
pub async fn with_wire<S>(source: impl Fn(Rc<RefCell<WireTap>>) -> S) -> String
where
    S: Stream<Item = Item>,
{
    let api = Api::bind().await;
    let wire = Rc::new(RefCell::new(WireTap::default()));
    let handler =
        async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), source(Rc::clone(&wire))));
    let runtime = Runtime::new().runtime_api(api.address());
    WireTap::run(&wire, api, runtime.run(handler)).await
}

/// The head is on the wire before a pending stream is polled again.
#[tokio::test]
async fn head_leaves_before_next_poll() {
    with_wire(|wire| {
        let mut polls = 0;
        stream::poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            wire.borrow().expect(r#"{"statusCode":200"#);
            wire.borrow().expect("\0\0\0\0\0\0\0\0\r\n");
            Poll::Ready(None)
        })
    })
    .await;
}

/// A chunk is on the wire before a stream that wakes itself is polled again.
#[tokio::test]
async fn chunk_leaves_before_self_waking_poll() {
    let arrived = with_wire(|wire| {
        let mut polls = 0;
        stream::poll_fn(move |cx| {
            polls += 1;
            let n = polls / 2;
            if polls % 2 == 1 {
                // The poll right after a chunk, within the same burst: nothing is promised yet.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if n > 1 {
                wire.borrow().expect(&format!("chunk {};", n - 1));
            }
            Poll::Ready((n <= 50).then(|| Ok(Bytes::from(format!("chunk {n};")))))
        })
    })
    .await;
    assert!(arrived.contains("chunk 50;"));
}

/// Computes for a millisecond, which a stream should not do.
fn compute() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
}

#[tokio::test]
async fn computing_stream_does_not_delay_chunks() {
    let arrived = with_wire(|wire| {
        let mut n = 0;
        stream::poll_fn(move |_| {
            n += 1;
            if n > 2 {
                // The chunk before the last one must have arrived before this one is made.
                wire.borrow().expect(&format!("chunk {};", n - 2));
            }
            compute();
            Poll::Ready((n <= 40).then(|| Ok(Bytes::from(format!("chunk {n};")))))
        })
    })
    .await;
    assert!(arrived.contains("chunk 40;"));
}

/// Within eight chunks, wherever in a burst the stream slows down.
#[tokio::test]
async fn slowing_stream_is_noticed_quickly() {
    // Wherever in a burst the stream slows down.
    for fast in 1..40 {
        let arrived = with_wire(|wire| {
            let mut n = 0;
            stream::poll_fn(move |_| {
                n += 1;
                if n > fast {
                    if n > fast + 8 {
                        // The fast ones leave with the first slow ones, then each by itself.
                        let there = fast.max(n - 2);
                        wire.borrow().expect(&format!("chunk {there};"));
                    }
                    compute();
                }
                Poll::Ready((n <= fast + 12).then(|| Ok(Bytes::from(format!("chunk {n};")))))
            })
        })
        .await;
        assert!(arrived.contains(&format!("chunk {};", fast + 12)));
    }
}

#[tokio::test]
async fn ready_first_chunk_leaves_with_head() {
    with_wire(|wire| {
        let mut polls = 0;
        stream::poll_fn(move |cx| {
            polls += 1;
            match polls {
                1 => Poll::Ready(Some(Ok(Bytes::from_static(b"first")))),
                2 => {
                    wire.borrow().expect("first");
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                _ => {
                    wire.borrow().expect("first");
                    Poll::Ready(None)
                }
            }
        })
    })
    .await;
}

#[tokio::test]
async fn early_success_does_not_end_body() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut receiver = Some(receiver);
    let handler = async move |_: LambdaEvent<Value>| {
        let chunks = gated(receiver.take().expect("one invocation"));
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(Sequential(handler), async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        // `cargo lambda watch` replies like this as soon as it has the head.
        peer.reply("200 OK", "").await;
        peer.prelude().await;
        for text in ["one", "two", "three"] {
            sender.send(text).unwrap();
            assert_eq!(peer.text_chunk().await, text);
        }
        drop(sender);
        assert_eq!(peer.rest().await, b"");
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn bodyless_response_keeps_its_status() {
    let handler = async |event: LambdaEvent<u16>| {
        let head = Head::new(event.payload).header("location", "/there");
        // 204 and 304 have no body, so even a stream that never ends does not delay them.
        let body = match event.payload {
            204 | 304 => stream::pending().boxed(),
            _ => stream::empty::<Item>().boxed(),
        };
        Ok::<_, Error>((head, body))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for status in [200, 204, 301, 302, 304, 307, 404] {
            peer.invoke("1", &status.to_string()).await;
            peer.response_head("1").await;
            let prelude: Value = serde_json::from_str(&peer.prelude().await).unwrap();
            assert_eq!(prelude["statusCode"], status);
            assert_eq!(prelude["headers"]["location"], "/there");
            let length = prelude["headers"].get("content-length");
            match status {
                204 | 304 => assert_eq!(length, None),
                _ => assert_eq!(length.unwrap(), "0"),
            }
            assert_eq!(peer.rest().await, b"");
            peer.accepted().await;
        }
    })
    .await;
}

/// Without the option, a chunk that is ready leaves with the head.
#[tokio::test]
async fn payload_waits_for_the_head() {
    let pause = Duration::from_millis(200);
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["one"])));
    serve_with(Runtime::new().head_first(pause), handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        let head_seen = Instant::now();
        assert_eq!(peer.text_chunk().await, "one");
        assert!(head_seen.elapsed() > pause / 2);
        assert_eq!(peer.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn deadline_ends_the_wait_after_the_head() {
    let runtime = Runtime::new().head_first(Duration::from_secs(600));
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["one"])));
    serve_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        let deadline = deadline(Duration::from_millis(300));
        peer.invoke_with("1", "{}", &deadline).await;
        peer.response_head("1").await;
        peer.prelude().await;
        while peer.chunk().await.is_some() {}
        let trailers = String::from_utf8(peer.until(b"\r\n\r\n").await).unwrap();
        assert!(trailers.contains("Function.DeadlineExceeded"), "{trailers}");
    })
    .await;
}

#[tokio::test]
async fn response_without_a_head_does_not_wait() {
    let runtime = Runtime::new().head_first(Duration::from_secs(600));
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(texts(["one"])));
    serve_with(runtime, handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.rest().await, b"");
    })
    .await;
}
