//! Malformed answers to `/next`, and peers that stall, leave or half-close.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use lambda_stream::{Error, Head, LambdaEvent};
use serde_json::Value;

use crate::support::{Item, deadline, run_to_end, serve, texts};
use crate::writer::{Guard, dropped};

const ID: &str = "Lambda-Runtime-Aws-Request-Id: 1\r\n";

/// Answers to `/next` that are not HTTP, or not whole.
fn malformed() -> Vec<Vec<u8>> {
    let ok = format!("HTTP/1.1 200 OK\r\n{ID}");
    let many: String = (0..200).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let long = "x".repeat(1 << 20);
    [
        "HTTP/9.9 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 2x0 OK\r\n\r\n".to_owned(),
        format!("{ok}no colon\r\n\r\n"),
        format!("{ok}a b: c\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{ok}x: a\0b\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{ok}{many}Content-Length: 2\r\n\r\n{{}}"),
        format!("{ok}x: {long}\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{ok}Content-Length: 2x\r\n\r\n{{}}"),
        format!("{ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
        format!("{ok}Content-Length: 5\r\n\r\n{{}}"),
        format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}"),
        format!("{ok}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n"),
        ok,
        String::new(),
    ]
    .map(String::into_bytes)
    .into()
}

/// No handler is called for them, and the next invocation is served.
#[tokio::test]
async fn malformed_next_is_asked_again() {
    let calls = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>| {
        calls.set(calls.get() + 1);
        Ok::<_, Error>((Head::ok(), texts(["x"])))
    };
    serve(handler, async |api| {
        for (n, answer) in malformed().into_iter().enumerate() {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            peer.write(&answer).await;
            drop(peer);
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, b"x");
            assert_eq!(calls.get(), n + 1, "{}", String::from_utf8_lossy(&answer));
        }
    })
    .await;
}

#[tokio::test]
async fn id_that_is_not_text_ends_the_runtime() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    for id in [&b"\xff\xfe"[..], b"a/b", b"a b", b"a?b", b".."] {
        let error = run_to_end(handler, async |api| {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            let answer = [
                &b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: "[..],
                id,
                b"\r\nContent-Length: 2\r\n\r\n{}",
            ];
            peer.write(answer.concat()).await;
        })
        .await;
        assert!(error.is_refused(), "{error}");
    }
}

#[tokio::test]
async fn event_that_is_not_json_posts_error() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for event in [&b"{"[..], b"", b"\xff\xfe", b"{} {}"] {
            peer.expect_next().await;
            let head = format!(
                "HTTP/1.1 200 OK\r\n{ID}Content-Length: {}\r\n\r\n",
                event.len()
            );
            peer.write([head.as_bytes(), event].concat()).await;
            peer.error("invocation/1/error").await;
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn half_closed_connection_drops_the_stream() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>| {
        let guard = Guard(Rc::clone(&drops));
        let chunks = texts(["x"]).chain(stream::pending()).map(move |chunk| {
            let _guard = &guard;
            chunk
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        peer.end().await;
        dropped(&drops, 1).await;
        api.accept().await.expect_next().await;
    })
    .await;
}

/// The stream is dropped at the deadline; the trailers follow once the peer reads again.
#[tokio::test]
async fn deadline_ends_stream_to_stalled_peer() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>| {
        let guard = Guard(Rc::clone(&drops));
        let chunks = stream::repeat_with(move || -> Item {
            let _guard = &guard;
            Ok(Bytes::from(vec![b'x'; 64 * 1024]))
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        let soon = deadline(Duration::from_millis(300));
        peer.invoke_with("1", "{}", &soon).await;
        peer.response_head("1").await;
        dropped(&drops, 1).await;
        peer.prelude().await;
        loop {
            // The last chunk has no data, and trailers follow it.
            let Some(chunk) = peer.chunk().await else {
                break;
            };
            assert!(chunk.iter().all(|byte| *byte == b'x'));
        }
        let trailers = peer.until(b"\r\n\r\n").await;
        let trailers = String::from_utf8(trailers).unwrap();
        assert!(trailers.contains("Function.DeadlineExceeded"), "{trailers}");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn doubled_answer_costs_the_connection_only() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    serve(handler, async |api| {
        for id in ["1", "2", "3"] {
            let mut peer = api.invoke(id, "{}").await;
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, b"x");
            let answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
            peer.write([answer, answer].concat()).await;
            peer.closed().await;
        }
    })
    .await;
}

#[tokio::test]
async fn large_head_posts_error() {
    let handler = async |event: LambdaEvent<usize>| {
        let head = Head::ok().header("x-long", "x".repeat(event.payload));
        Ok::<_, Error>((head, texts(["x"])))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for len in ["16400", "1000000"] {
            peer.invoke("1", len).await;
            let (_, document) = peer.error("invocation/1/error").await;
            assert_eq!(document["errorType"], "Function.InvalidHead");
            peer.accepted().await;
        }
        peer.invoke("2", "15000").await;
        peer.response_head("2").await;
    })
    .await;
}
