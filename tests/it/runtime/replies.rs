//! Replies of the Runtime API and lost connections: what the runtime does about them.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use lambda_stream::{Error, Head, LambdaEvent, Raw, RunError};
use serde_json::Value;

use crate::support::{Item, run_to_end, serve, texts};

/// An endless stream that counts its polls and its drops.
struct Endless {
    polls: Rc<Cell<usize>>,
    drops: Rc<Cell<usize>>,
}

impl Stream for Endless {
    type Item = Item;
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        self.polls.set(self.polls.get() + 1);
        Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; 64 * 1024]))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
    }
}

#[derive(Default, Clone)]
struct Counts {
    polls: Rc<Cell<usize>>,
    drops: Rc<Cell<usize>>,
}

impl Counts {
    fn endless(&self) -> Endless {
        Endless {
            polls: Rc::clone(&self.polls),
            drops: Rc::clone(&self.drops),
        }
    }

    async fn dropped(&self, times: usize) {
        while self.drops.get() < times {
            tokio::task::yield_now().await;
        }
    }
}

/// The stream is not polled again, and the next invocation is served.
#[tokio::test]
async fn early_rejection_drops_the_stream() {
    let counts = Counts::default();
    let handler = {
        let counts = counts.clone();
        async move |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), counts.endless()))
    };
    serve(handler, async |api| {
        for (n, (status, document)) in [
            ("400 Bad Request", r#"{"errorType":"InvalidRequestID"}"#),
            ("403 Forbidden", ""),
            ("410 Gone", r#"{"errorType":"InvokeTimeout"}"#),
            ("413 Payload Too Large", "too much"),
        ]
        .into_iter()
        .enumerate()
        {
            // The connection cannot be reused, since the body on it never ended.
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            peer.reply(status, document).await;
            counts.dropped(n + 1).await;
            let polls = counts.polls.get();
            peer.closed().await;
            assert_eq!(counts.polls.get(), polls, "polled after the rejection");
        }
    })
    .await;
}

#[tokio::test]
async fn late_rejection_fails_only_the_current_invocation() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for status in ["400 Bad Request", "410 Gone", "413 Payload Too Large"] {
            peer.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, b"x");
            peer.reply(status, r#"{"errorType":"InvalidRequestID"}"#)
                .await;
        }
        peer.expect_next().await;
    })
    .await;
}

/// The next invocation is served.
#[tokio::test]
async fn lost_connection_drops_ready_stream() {
    let counts = Counts::default();
    let handler = {
        let counts = counts.clone();
        async move |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), counts.endless()))
    };
    serve(handler, async |api| {
        for n in 1..4 {
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.prelude().await;
            drop(peer);
            counts.dropped(n).await;
        }
    })
    .await;
}

#[tokio::test]
async fn lost_connection_drops_pending_stream() {
    struct Pending(Rc<Cell<usize>>);
    impl Stream for Pending {
        type Item = Item;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
            Poll::Pending
        }
    }
    impl Drop for Pending {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let counts = Counts::default();
    let handler = async |_: LambdaEvent<Value>| {
        Ok::<_, Error>((Head::ok(), Pending(Rc::clone(&counts.drops))))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        drop(peer);
        counts.dropped(1).await;
        api.invoke("2", "{}").await.response_head("2").await;
    })
    .await;
}

#[tokio::test]
async fn stale_connection_is_replaced_before_response() {
    let gate = Rc::new(tokio::sync::Notify::new());
    let handler = async |_: LambdaEvent<Value>| {
        gate.notified().await;
        Ok::<_, Error>((Head::ok(), texts(["x"])))
    };
    serve(handler, async |api| {
        let peer = api.invoke("1", "{}").await;
        drop(peer);
        // Let the runtime notice that the connection has ended.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        let mut peer = api.accept().await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"x");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn no_content_is_polled_again() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for _ in 0..3 {
            peer.expect_next().await;
            peer.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
        peer.invoke("1", "{}").await;
        peer.response_head("1").await;
    })
    .await;
}

fn refused(error: &RunError) -> String {
    assert!(error.is_refused(), "{error}");
    error.to_string()
}

/// The error names the invocation, the status and the reason that the Runtime API gave.
#[tokio::test]
async fn fatal_rejection_ends_the_runtime() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    for (status, error_type) in [
        ("400 Bad Request", "InvalidFunctionResponseMode"),
        ("500 Internal Server Error", "ServiceException"),
    ] {
        let error = run_to_end(handler, async |api| {
            let mut peer = api.invoke("id-9", "{}").await;
            peer.response_head("id-9").await;
            peer.prelude().await;
            peer.rest().await;
            let document = format!(r#"{{"errorType":"{error_type}","errorMessage":"broken"}}"#);
            peer.reply(status, &document).await;
        })
        .await;
        let text = refused(&error);
        for part in ["id-9", status, error_type, "broken"] {
            assert!(text.contains(part), "{text}");
        }
    }
    for status in [
        "403 Forbidden",
        "500 Internal Server Error",
        "404 Not Found",
    ] {
        let error = run_to_end(handler, async |api| {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            peer.reply(status, "").await;
        })
        .await;
        let text = refused(&error);
        assert!(text.contains(status) && text.contains("/runtime/invocation/next"));
    }
}

#[tokio::test]
async fn missing_request_id_ends_the_runtime() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    for id in ["", "Lambda-Runtime-Aws-Request-Id: ../x\r\n"] {
        let error = run_to_end(handler, async |api| {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            peer.write(format!(
                "HTTP/1.1 200 OK\r\n{id}Content-Length: 2\r\n\r\n{{}}"
            ))
            .await;
        })
        .await;
        assert!(refused(&error).contains("lambda-runtime-aws-request-id"));
    }
}

#[tokio::test]
async fn malformed_responses_end_the_runtime() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    let error = run_to_end(handler, async |api| {
        for _ in 0..12 {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            peer.write("SSH-2.0-OpenSSH\r\n\r\n").await;
        }
    })
    .await;
    assert!(error.is_connection());
}
