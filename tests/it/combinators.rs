//! Heartbeats, deadlines, limits and payload sources, as seen on the wire.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use lambda_stream::body::RESPONSE_LIMIT;
use lambda_stream::body::{
    ChunkStreamExt, RowSink, from_blocking, from_blocking_iter, from_blocking_reader,
    from_blocking_writer,
};
use lambda_stream::{Error, Head, LambdaEvent, Raw, Runtime, Sequential};
use serde_json::Value;

use crate::support::{Item, deadline, header, serve, serve_with, texts};

const TOO_LARGE: &str = "Function.ResponseSizeTooLarge";

fn one_and_nothing_more() -> impl Stream<Item = Item> {
    texts(["one"]).chain(stream::pending())
}

#[tokio::test]
async fn idle_stream_sends_heartbeat_chunks() {
    let (answer, answered) = tokio::sync::oneshot::channel::<&'static str>();
    let mut answered = Some(answered);
    let handler = async |_: LambdaEvent<Value>| {
        let answered = answered.take().ok_or("one invocation only")?;
        let answer = stream::once(async { Ok::<_, Error>(answered.await?) });
        let interval = Duration::from_millis(5);
        Ok::<_, Error>((Head::ok(), answer.heartbeat(interval, ": \n\n")))
    };
    serve(Sequential(handler), async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        for _ in 0..3 {
            assert_eq!(peer.text_chunk().await, ": \n\n");
        }
        answer.send("data: 42\n\n").unwrap();
        // More heartbeats may have been on their way.
        let rest = String::from_utf8(peer.rest().await).unwrap();
        assert_eq!(rest.replace(": \n\n", ""), "data: 42\n\n");
        assert!(rest.ends_with("data: 42\n\n"));
    })
    .await;
}

#[tokio::test]
async fn combinator_and_runtime_report_same_deadline() {
    let handler = async |event: LambdaEvent<u64>| {
        // The runtime's own margin is 50 ms, so the combinator ends the first invocation.
        let margin = Duration::from_millis(event.payload);
        let stream = one_and_nothing_more().until_deadline(&event.context, margin);
        Ok::<_, Error>((Head::ok(), stream))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        let mut documents = Vec::new();
        for margin in ["300", "0"] {
            peer.invoke_with("1", margin, &deadline(Duration::from_millis(600)))
                .await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "one");
            let (error_type, document) = peer.trailers().await;
            assert_eq!(error_type, "Function.DeadlineExceeded");
            documents.push(document);
            peer.accepted().await;
        }
        assert_eq!(documents[0], documents[1]);
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn closing_chunk_ends_body_at_deadline() {
    let handler = async |event: LambdaEvent<Value>| {
        let stream = one_and_nothing_more()
            .until_deadline(&event.context, Duration::from_secs(60))
            .closing_with("event: resume\n\n");
        Ok::<_, Error>((Head::ok(), stream))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        peer.invoke_with("1", "{}", &deadline(Duration::from_millis(600)))
            .await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.rest().await, b"event: resume\n\n");
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;
}

/// The trailers follow the last chunk that fits. Each response has the whole limit to itself.
#[tokio::test]
async fn response_limit_becomes_trailers() {
    let handler = async |event: LambdaEvent<Vec<String>>| {
        // The stream is not polled for the second before the first is on the wire.
        let chunks = stream::iter(event.payload).then(|chunk| async {
            tokio::task::yield_now().await;
            Ok::<_, Error>(chunk)
        });
        Ok::<_, Error>((Head::ok(), chunks))
    };
    let runtime = Runtime::new().response_limit(5);
    serve_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        // Each response has the whole limit, which does not count the prelude.
        for id in ["1", "2"] {
            peer.invoke(id, r#"["123", "456", "7"]"#).await;
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "123");
            let (error_type, document) = peer.trailers().await;
            assert_eq!(error_type, TOO_LARGE);
            let message = document["errorMessage"].as_str().unwrap();
            assert!(
                message.contains("5 bytes") && message.ends_with('6'),
                "{message}"
            );
            peer.accepted().await;
        }
        peer.invoke("3", r#"["123", "", "45"]"#).await;
        peer.response_head("3").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"12345");
    })
    .await;
}

/// Nothing was sent yet, so the failure goes to `/error` and not into trailers.
#[tokio::test]
async fn oversized_first_chunk_fails_the_invocation() {
    let handler = async |event: LambdaEvent<bool>| {
        let chunks = || texts(["123456"]);
        // The limit of the runtime and that of the combinator give the same failure.
        Ok::<_, Error>(Raw(match event.payload {
            true => chunks().left_stream(),
            false => chunks().limit(5).right_stream(),
        }))
    };
    let runtime = Runtime::new().response_limit(5);
    serve_with(runtime, handler, async |api| {
        let mut peer = api.accept().await;
        let mut documents = Vec::new();
        for event in ["true", "false"] {
            peer.invoke("1", event).await;
            let (head, document) = peer.error("invocation/1/error").await;
            assert_eq!(
                header(&head, "Lambda-Runtime-Function-Error-Type"),
                TOO_LARGE
            );
            documents.push(document);
            peer.accepted().await;
        }
        assert_eq!(documents[0], documents[1]);
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn unreached_limit_changes_no_byte() {
    let handler = async |_: LambdaEvent<Value>| {
        let chunks = texts(["a\0", "b"]).limit(3).limit(RESPONSE_LIMIT);
        Ok::<_, Error>((Head::ok(), chunks))
    };
    let runtime = Runtime::new().response_limit(RESPONSE_LIMIT);
    serve_with(runtime, handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"a\0b");
    })
    .await;
}

#[tokio::test]
async fn payload_sources_send_their_bytes() {
    let handler = async |event: LambdaEvent<String>| {
        let text = "some text of some length";
        let chunks: std::pin::Pin<Box<dyn Stream<Item = Item>>> = match event.payload.as_str() {
            "reader" => Box::pin(tokio_util::io::ReaderStream::new(text.as_bytes()).limit(99)),
            "blocking reader" => Box::pin(from_blocking_reader(text.as_bytes())),
            "blocking iterator" => {
                let words = text.split_inclusive(' ').map(Ok::<_, Error>);
                Box::pin(from_blocking_iter(words).limit(99))
            }
            "blocking rows" => {
                let words = |sink: &mut RowSink<_>| {
                    let mut words = text.split_inclusive(' ');
                    words.try_for_each(|word| sink.send(Bytes::from(word)))
                };
                Box::pin(from_blocking(words))
            }
            "blocking writer" => Box::pin(from_blocking_writer(|writer| {
                writer.write_all(text.as_bytes())
            })),
            "body" => {
                let body = http_body_util::Full::<Bytes>::from(text);
                Box::pin(http_body_util::BodyDataStream::new(body).limit(99))
            }
            "stream" => {
                let words = stream::iter(text.split_inclusive(' '));
                Box::pin(words.map(Ok::<_, Error>).limit(99))
            }
            _ => return Err("unknown".into()),
        };
        Ok::<_, Error>(Raw(chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for source in [
            "\"reader\"",
            "\"blocking reader\"",
            "\"blocking iterator\"",
            "\"blocking rows\"",
            "\"blocking writer\"",
            "\"body\"",
            "\"stream\"",
        ] {
            peer.invoke("1", source).await;
            peer.response_head("1").await;
            assert_eq!(peer.rest().await, b"some text of some length", "{source}");
            peer.accepted().await;
        }
    })
    .await;
}

/// The next invocation is served.
#[tokio::test]
async fn panic_on_blocking_thread_becomes_trailers() {
    let handler = async |_: LambdaEvent<Value>| {
        let mut rows = ["one"].into_iter();
        let rows = std::iter::from_fn(move || match rows.next() {
            Some(row) => Some(Ok::<_, Error>(row)),
            None => panic!("the cursor is broken"),
        });
        Ok::<_, Error>((Head::ok(), from_blocking_iter(rows)))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for id in ["1", "2"] {
            peer.invoke(id, "{}").await;
            peer.response_head(id).await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "one");
            let (error_type, document) = peer.trailers().await;
            assert_eq!(error_type, "Function.Panic");
            assert_eq!(document["errorMessage"], "panicked: the cursor is broken");
            peer.accepted().await;
        }
    })
    .await;
}
