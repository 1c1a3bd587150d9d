//! Refusals, early answers and informational answers, in however many pieces they arrive.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use lambda_stream::{Error, Head, Json, LambdaEvent, RunError};
use serde_json::Value;

use crate::support::{Item, Peer, run_to_end, serve, texts};
use crate::writer::{Guard, dropped};

/// Gives the runtime time to read what has been written to it.
async fn turns() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn refusal(status: &str, document: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{document}",
        document.len()
    )
}

/// Writes an answer in pieces of this size, each of which the runtime sees by itself.
async fn write_in_pieces(peer: &mut Peer, answer: &str, size: usize) {
    for piece in answer.as_bytes().chunks(size) {
        peer.write(piece).await;
        turns().await;
    }
}

/// The sizes of pieces that split an answer between head and body, in two, and byte by byte.
fn sizes(answer: &str) -> [usize; 4] {
    let head = answer.find("\r\n\r\n").unwrap() + 4;
    [head, answer.len() / 2 + 1, 7, 1]
}

fn endless() -> impl futures::Stream<Item = Item> {
    texts(["x"]).chain(stream::pending())
}

const FATAL: [(&str, &str); 2] = [
    ("400 Bad Request", "InvalidFunctionResponseMode"),
    ("500 Internal Server Error", "ServiceException"),
];

async fn fatal_error(answer: &str, size: usize) -> RunError {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), endless()));
    run_to_end(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        write_in_pieces(&mut peer, answer, size).await;
        peer.closed().await;
    })
    .await
}

#[tokio::test]
async fn split_fatal_refusal_ends_the_runtime() {
    for (status, error_type) in FATAL {
        let document = format!(r#"{{"errorType":"{error_type}","errorMessage":"the reason"}}"#);
        let answer = refusal(status, &document);
        for size in sizes(&answer) {
            let error = fatal_error(&answer, size).await;
            assert!(error.is_refused(), "{error}");
            for part in [status, error_type, "the reason"] {
                assert!(error.to_string().contains(part), "{error}");
            }
        }
    }
}

/// A 500 ends the process whether or not its body arrives.
#[tokio::test]
async fn cut_fatal_refusal_ends_the_runtime() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), endless()));
    let error = run_to_end(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        peer.write("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 9\r\n\r\n{")
            .await;
    })
    .await;
    assert!(error.is_refused(), "{error}");
    assert!(error.to_string().contains("500"), "{error}");
}

#[tokio::test]
async fn split_refusal_abandons_the_invocation() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), endless()));
    serve(handler, async |api| {
        for status in ["400 Bad Request", "410 Gone", "413 Payload Too Large"] {
            let answer = refusal(status, r#"{"errorType":"InvalidRequestID"}"#);
            for size in sizes(&answer) {
                let mut peer = api.invoke("1", "{}").await;
                peer.response_head("1").await;
                peer.prelude().await;
                write_in_pieces(&mut peer, &answer, size).await;
                peer.closed().await;
            }
        }
        api.accept().await.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn refusal_head_drops_the_stream() {
    let drops = Rc::new(Cell::new(0));
    let handler = async |_: LambdaEvent<Value>| {
        let guard = Guard(Rc::clone(&drops));
        let chunks = endless().map(move |chunk| {
            let _guard = &guard;
            chunk
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        peer.write("HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\n")
            .await;
        dropped(&drops, 1).await;
        peer.write("{}").await;
        api.accept().await.expect_next().await;
    })
    .await;
}

const EARLY: [&str; 3] = [
    "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
];

/// Whether the connection is kept after it or not.
#[tokio::test]
async fn early_success_does_not_cut_a_stream() {
    let gate = Rc::new(tokio::sync::Notify::new());
    let handler = async |_: LambdaEvent<Value>| {
        let gate = Rc::clone(&gate);
        let chunks = stream::iter(0..5).then(move |n| {
            let gate = Rc::clone(&gate);
            async move {
                gate.notified().await;
                Ok::<_, Error>(format!("{n};"))
            }
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    for answer in EARLY {
        serve(&handler, async |api| {
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.write(answer).await;
            turns().await;
            peer.prelude().await;
            for n in 0..5 {
                gate.notify_one();
                assert_eq!(peer.text_chunk().await, format!("{n};"));
            }
            assert_eq!(peer.rest().await, b"");
            if answer == EARLY[1] {
                peer.expect_next().await;
            } else {
                api.accept().await.expect_next().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn early_success_does_not_cut_a_document() {
    const LEN: usize = 5_000_000;
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Json("x".repeat(LEN)));
    for answer in EARLY {
        serve(handler, async |api| {
            let mut peer = api.invoke("1", "{}").await;
            peer.response_head("1").await;
            peer.write(answer).await;
            turns().await;
            let document = peer.exactly(LEN + 2).await;
            assert!(document.starts_with(b"\"xx") && document.ends_with(b"x\""));
        })
        .await;
    }
}

#[tokio::test]
async fn empty_answers_are_asked_again_after_pauses() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        let began = Instant::now();
        for _ in 0..6 {
            peer.expect_next().await;
            peer.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
        peer.invoke("1", "{}").await;
        peer.response_head("1").await;
        // 5 ms after the first, and twice as long after each one that follows.
        assert!(began.elapsed() >= Duration::from_millis(5 + 10 + 20 + 40 + 80 + 160));
    })
    .await;
}

#[tokio::test]
async fn informational_answers_are_skipped() {
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>((Head::ok(), texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for line in ["100 Continue", "102 Processing", "103 Early Hints"] {
            let informational = format!("HTTP/1.1 {line}\r\n\r\n");
            peer.expect_next().await;
            peer.write(&informational).await;
            turns().await;
            let event = crate::support::runtime_api::invocation("1", "{}", "");
            peer.write(format!("{informational}{event}")).await;
            peer.response_head("1").await;
            peer.write(&informational).await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, b"x");
            peer.write(&informational).await;
            turns().await;
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
}
