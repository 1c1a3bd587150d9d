//! Stream errors, panics, deadlines and bad input: each has one outcome on the wire.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use lambda_stream::{Error, Failure, Head, LambdaEvent, Raw, Runtime};
use serde_json::Value;

use crate::support::{Item, deadline, header, serve, serve_with, texts};

/// Returns a stream of these chunks and what `end` returns. It panics when polled after that.
fn broken(chunks: &'static [&'static str], end: fn() -> Item) -> impl Stream<Item = Item> {
    let mut chunks = chunks.iter();
    let mut is_over = false;
    stream::poll_fn(move |_| {
        assert!(!is_over, "polled after its end");
        Poll::Ready(Some(match chunks.next() {
            Some(chunk) => Ok(Bytes::from_static(chunk.as_bytes())),
            None => {
                is_over = true;
                end()
            }
        }))
    })
}

/// The trailers follow the last good chunk, and the connection stays in use.
#[tokio::test]
async fn stream_error_becomes_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let end = || Err(Failure::new("QuotaExceeded", "no tokens left").into());
        Ok::<_, Error>((Head::ok(), broken(&["one", "two"], end)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        for id in ["1", "2"] {
            peer.received.clear();
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.payload(6).await, "onetwo");
            let (error_type, document) = peer.trailers().await;
            assert_eq!(error_type, "Function.QuotaExceeded");
            assert_eq!(
                document,
                serde_json::json!({
                    "errorMessage": "no tokens left",
                    "errorType": "Function.QuotaExceeded",
                    "stackTrace": []
                })
            );
            let raw = String::from_utf8(peer.received.clone()).unwrap();
            assert!(raw.contains("two\r\n0\r\nLambda-Runtime-Function-Error-Type: "));
            assert!(raw.ends_with("\r\n\r\n"));
            peer.accepted().await;
            // Only the next request follows the trailers on this connection.
            peer.invoke("2", "{}").await;
        }
    })
    .await;
}

/// The next invocation is served.
#[tokio::test]
async fn stream_panic_becomes_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let end = || panic!("the source is broken");
        Ok::<_, Error>((Head::ok(), broken(&["one"], end)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, document) = peer.trailers().await;
        assert_eq!(error_type, "Function.Panic");
        assert_eq!(document["errorMessage"], "panicked: the source is broken");
        peer.accepted().await;
        peer.invoke("2", "{}").await;
        peer.response_head("2").await;
    })
    .await;
}

/// Nothing was sent yet, so the failure goes to `/error` and the client gets a 5xx.
#[tokio::test]
async fn error_at_first_poll_fails_invocation() {
    let handler = async |event: LambdaEvent<String>| {
        let end: fn() -> Item = match event.payload.as_str() {
            "panic" => || panic!("at once"),
            _ => || Err("at once".into()),
        };
        Ok::<_, Error>((Head::ok(), broken(&[], end)))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (event, error_type) in [
            ("\"error\"", "Function.Error"),
            ("\"panic\"", "Function.Panic"),
        ] {
            peer.invoke("1", event).await;
            let (head, document) = peer.error("invocation/1/error").await;
            assert_eq!(
                header(&head, "Lambda-Runtime-Function-Error-Type"),
                error_type
            );
            assert_eq!(document["errorType"], error_type);
            assert!(
                document["errorMessage"]
                    .as_str()
                    .unwrap()
                    .ends_with("at once")
            );
            peer.accepted().await;
        }
    })
    .await;
}

#[tokio::test]
async fn failed_handler_posts_error() {
    let handler = async |event: LambdaEvent<String>| match event.payload.as_str() {
        "panic" => panic!("the handler is broken"),
        "fail" => Err(Failure::new("NotFound", "no such thing")),
        _ => Ok(Raw(texts(["fine"]))),
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (event, error_type, message) in [
            ("\"fail\"", "Function.NotFound", "no such thing"),
            (
                "\"panic\"",
                "Function.Panic",
                "panicked: the handler is broken",
            ),
            ("\"fail\"", "Function.NotFound", "no such thing"),
        ] {
            peer.invoke("7", event).await;
            let (head, document) = peer.error("invocation/7/error").await;
            assert_eq!(
                header(&head, "Lambda-Runtime-Function-Error-Type"),
                error_type
            );
            assert_eq!(document["errorMessage"], message);
            assert_eq!(document["stackTrace"], serde_json::json!([]));
            peer.accepted().await;
        }
        peer.invoke("8", "\"\"").await;
        peer.response_head("8").await;
        assert_eq!(peer.rest().await, b"fine");
    })
    .await;
}

#[tokio::test]
async fn undecodable_event_names_the_field() {
    #[derive(serde::Deserialize)]
    struct Question {
        #[serde(rename = "text")]
        _text: String,
    }
    let handler = async |_: LambdaEvent<Question>| Ok::<_, Error>(Raw(texts(["fine"])));
    serve(handler, async |api| {
        let mut peer = api.invoke("1", r#"{"text":7}"#).await;
        let (head, document) = peer.error("invocation/1/error").await;
        assert_eq!(
            header(&head, "Lambda-Runtime-Function-Error-Type"),
            "Function.InvalidEvent"
        );
        assert!(
            document["errorMessage"]
                .as_str()
                .unwrap()
                .contains("`text`")
        );
        peer.accepted().await;
        peer.invoke("2", r#"{"text":"7"}"#).await;
        peer.response_head("2").await;
    })
    .await;
}

#[tokio::test]
async fn invalid_head_names_the_problem() {
    let handler = async |event: LambdaEvent<String>| {
        let head = match event.payload.as_str() {
            "value" => Head::ok().header("x-bad", "a\r\nb"),
            "large" => Head::ok().header("x-large", "a".repeat(20_000)),
            _ => Head::new(99),
        };
        Ok::<_, Error>((head, texts(["never sent"])))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (event, names) in [
            ("\"value\"", "`x-bad`"),
            ("\"large\"", "20064 bytes"),
            ("\"status\"", "99"),
        ] {
            peer.invoke("1", event).await;
            let (_, document) = peer.error("invocation/1/error").await;
            assert_eq!(document["errorType"], "Function.InvalidHead");
            let message = document["errorMessage"].as_str().unwrap();
            assert!(message.contains(names), "{message}");
            peer.accepted().await;
        }
    })
    .await;
}

/// The next invocation is served.
#[tokio::test]
async fn deadline_becomes_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let endless = texts(["one"]).chain(stream::pending());
        Ok::<_, Error>((Head::ok(), endless))
    };
    // The margin is longer than the invocation may take, so the deadline passes soon.
    let runtime = Runtime::new().deadline_margin(Duration::from_secs(60));
    serve_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline(Duration::from_millis(300)))
            .await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, _) = peer.trailers().await;
        assert_eq!(error_type, "Function.DeadlineExceeded");
        peer.accepted().await;
        peer.invoke("2", "{}").await;
        peer.response_head("2").await;
    })
    .await;
}

#[tokio::test]
async fn deadline_ends_always_ready_stream() {
    // Always ready, or pending before each chunk but waking its own task.
    for pends in [false, true] {
        let handler = async |_: LambdaEvent<Value>| {
            let mut is_pending = false;
            let endless = stream::poll_fn(move |cx| {
                is_pending = pends && !is_pending;
                if is_pending {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok::<_, Error>(Bytes::from_static(b"again"))))
            });
            Ok::<_, Error>((Head::ok(), endless))
        };
        let runtime = Runtime::new().deadline_margin(Duration::from_secs(60));
        serve_with(runtime, handler, async |api| {
            let mut peer = api.accept().await;
            peer.invoke_with("1", "{}", &deadline(Duration::from_millis(400)))
                .await;
            peer.response_head("1").await;
            peer.prelude().await;
            while peer.chunk().await.is_some() {
                peer.received.clear();
            }
            peer.until(b"Function.DeadlineExceeded").await;
            peer.until(b"\r\n\r\n").await;
            peer.accepted().await;
            peer.expect_next().await;
        })
        .await;
    }
}

#[tokio::test]
async fn deadline_before_head_posts_error() {
    let handler = async |_: LambdaEvent<Value>| {
        std::future::pending::<()>().await;
        Ok::<_, Error>(Raw(texts([])))
    };
    let runtime = Runtime::new().deadline_margin(Duration::from_secs(60));
    serve_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline(Duration::from_millis(100)))
            .await;
        let (head, _) = peer.error("invocation/1/error").await;
        assert_eq!(
            header(&head, "Lambda-Runtime-Function-Error-Type"),
            "Function.DeadlineExceeded"
        );
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn past_deadline_is_not_enforced() {
    let handler = async |event: LambdaEvent<Value>| {
        assert_eq!(event.context.remaining_time(), None);
        tokio::task::yield_now().await;
        Ok::<_, Error>(Raw(texts(["fine"])))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", "Lambda-Runtime-Deadline-Ms: 600000\r\n")
            .await;
        peer.response_head("1").await;
        assert_eq!(peer.rest().await, b"fine");
    })
    .await;
}

#[tokio::test]
async fn panic_in_stream_drop_is_contained() {
    struct Bomb;
    impl Stream for Bomb {
        type Item = Item;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
            Poll::Ready(None)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let handler = async |_: LambdaEvent<Value>| Ok::<_, Error>(Raw(texts(["one"]).chain(Bomb)));
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.trailers().await.1["errorMessage"], "panicked: in drop");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

/// The Runtime API is a Go server, which limits the size of headers and trailers.
#[tokio::test]
async fn long_error_messages_are_truncated() {
    let handler = async |_: LambdaEvent<Value>| {
        let end = || Err(Error::from("é".repeat(10_000)));
        Ok::<_, Error>(Raw(broken(&["one"], end)))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.text_chunk().await;
        peer.received.clear();
        let (_, document) = peer.trailers().await;
        let message = document["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("éé") && message.ends_with("(cut)"));
    })
    .await;
}
