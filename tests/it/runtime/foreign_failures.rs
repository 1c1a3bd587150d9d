//! Failures that come from outside, and documents that are too large.

use futures::stream::{self, StreamExt};
use lambda_stream::body::ChunkStreamExt as _;
use lambda_stream::{Error, Failure, Head, LambdaEvent, Runtime};
use serde_json::Value;

use crate::support::{Api, header, patiently, serve, texts};

/// Error documents of other functions.
fn documents() -> Vec<String> {
    let types = [
        "Function.Good".to_owned(),
        "a\r\nX-Injected: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "\0".to_owned(),
        "é".to_owned(),
        String::new(),
        "X".repeat(5000),
        format!("Function.{}", "X".repeat(119)),
        format!("Function.{}", "X".repeat(120)),
    ];
    let messages = [
        "short".to_owned(),
        "a\r\nb: c\0".to_owned(),
        "é\"".repeat(9000),
    ];
    let mut documents = Vec::new();
    for error_type in &types {
        for message in &messages {
            documents.push(
                serde_json::json!({
                    "errorType": error_type,
                    "errorMessage": message,
                    "stackTrace": [message, error_type],
                })
                .to_string(),
            );
        }
    }
    documents.push("{}".to_owned());
    documents
}

fn legal(error_type: &str) {
    let name = error_type.strip_prefix("Function.").unwrap();
    assert!(
        name.bytes().all(|byte| byte.is_ascii_alphabetic()),
        "{name}"
    );
    assert!(error_type.len() <= 128);
}

/// And with fewer than 4,096 bytes of them, whatever the document says.
#[tokio::test]
async fn foreign_failure_becomes_legal_trailers() {
    let handler = async |event: LambdaEvent<Value>| {
        let failure: Failure = serde_json::from_value(event.payload)?;
        let chunks = texts(["x"]).chain(stream::iter([Err(Error::from(failure))]));
        Ok::<_, Error>((Head::ok(), chunks))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for event in documents() {
            peer.invoke("1", &event).await;
            peer.response_head("1").await;
            peer.prelude().await;
            assert_eq!(peer.text_chunk().await, "x");
            let (error_type, document) = peer.trailers().await;
            legal(&error_type);
            assert_eq!(document["errorType"], error_type);
            let received = String::from_utf8(std::mem::take(&mut peer.received)).unwrap();
            let at = received
                .rfind("0\r\nLambda-Runtime-Function-Error-Type")
                .unwrap();
            assert!(received.len() - at < 4096);
            assert!(!received.to_lowercase().contains("x-injected"));
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn foreign_failure_of_handler_posts_one_error() {
    let handler = async |event: LambdaEvent<Value>| {
        let failure: Failure = serde_json::from_value(event.payload)?;
        if true {
            return Err(Error::from(failure));
        }
        Ok((Head::ok(), texts(["x"]).limit(1)))
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for event in documents() {
            peer.invoke("1", &event).await;
            let (head, document) = peer.error("invocation/1/error").await;
            let error_type = header(&head, "Lambda-Runtime-Function-Error-Type");
            legal(error_type);
            assert_eq!(document["errorType"], error_type);
            peer.accepted().await;
        }
        peer.expect_next().await;
    })
    .await;
}

/// The service takes 6 MB, and a refusal would end the process.
#[tokio::test]
async fn large_error_document_is_cut() {
    const LEN: usize = 7 << 20;
    let handler = async |_: LambdaEvent<Value>| {
        if true {
            return Err(Error::from("é".repeat(LEN / 2)));
        }
        Ok((Head::ok(), texts(["x"])))
    };
    let check = |head: &str, document: &Value| {
        let length: usize = header(head, "Content-Length").parse().unwrap();
        assert!(length < 6_291_456);
        let message = document["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("éé") && message.ends_with("(cut)"));
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        let (head, document) = peer.error("invocation/1/error").await;
        check(&head, &document);
        peer.accepted().await;
        peer.expect_next().await;
    })
    .await;

    let api = Api::bind().await;
    let setup = Runtime::new()
        .runtime_api(api.address())
        .run_with_setup(async || {
            if true {
                return Err(Error::from("é".repeat(LEN / 2)));
            }
            Ok(handler)
        });
    let script = async {
        let mut peer = api.accept().await;
        let (head, document) = peer.error("init/error").await;
        check(&head, &document);
        peer.accepted().await;
    };
    let (ended, ()) = patiently(async { tokio::join!(setup, script) }).await;
    assert!(ended.unwrap_err().is_setup());
}
