//! Responses on the wire, byte for byte.

use bytes::Bytes;
use lambda_stream::{Error, Head, LambdaEvent, Raw};
use serde_json::Value;

use crate::support::{Item, header, serve, texts};

/// With the headers that the Runtime API's contract asks for.
#[tokio::test]
async fn response_is_one_chunked_post() {
    let handler = async |event: LambdaEvent<Value>| {
        assert_eq!(event.payload["n"], 3);
        let head = Head::new(418)
            .header("content-type", "text/plain")
            .cookie("a=1");
        Ok::<_, Error>((head, texts(["one", "two"])))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("id-1", r#"{"n":3}"#).await;
        peer.received.clear();
        let head = peer.response_head("id-1").await;
        assert_eq!(
            header(&head, "Lambda-Runtime-Function-Response-Mode"),
            "streaming"
        );
        assert_eq!(header(&head, "Transfer-Encoding"), "chunked");
        assert_eq!(
            header(&head, "Trailer"),
            "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
        );
        assert_eq!(
            header(&head, "Content-Type"),
            "application/vnd.awslambda.http-integration-response"
        );
        assert_eq!(header(&head, "Host"), api.address());
        assert!(!head.contains("Content-Length"));
        assert!(!head.contains("Lambda-Runtime-Invocation-Id"));

        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":418,"headers":{"content-type":"text/plain"},"cookies":["a=1"]}"#
        );
        // The first chunks of a response are sent one by one.
        assert_eq!(peer.text_chunk().await, "one");
        assert_eq!(peer.text_chunk().await, "two");
        assert_eq!(peer.rest().await, b"");
        let body = String::from_utf8(peer.received.split_off(head.len())).unwrap();
        assert_eq!(
            body,
            "4C\r\n{\"statusCode\":418,\"headers\":{\"content-type\":\"text/plain\"},\"cookies\":[\"a=1\"]}\r\n\
             8\r\n\0\0\0\0\0\0\0\0\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        );
        peer.accepted().await;
        // The connection is reused.
        peer.expect_next().await;
    })
    .await;
}

#[tokio::test]
async fn invocation_id_is_echoed_when_received() {
    let handler = async |event: LambdaEvent<String>| match event.payload.as_str() {
        "fail" => Err(Error::from("no")),
        _ => Ok(Raw(texts(["x"]))),
    };
    serve(handler, async |api| {
        let mut peer = api.accept().await;
        for (id, event, path) in [("1", "\"ok\"", "response"), ("2", "\"fail\"", "error")] {
            let nonce = format!("Lambda-Runtime-Invocation-Id: n-{id}\r\n");
            peer.invoke_with(id, event, &nonce).await;
            let head = if path == "response" {
                let head = peer.response_head(id).await;
                assert_eq!(peer.rest().await, b"x");
                head
            } else {
                peer.error("invocation/2/error").await.0
            };
            assert_eq!(
                header(&head, "Lambda-Runtime-Invocation-Id"),
                format!("n-{id}")
            );
            peer.accepted().await;
        }
        peer.invoke("3", "\"ok\"").await;
        let head = peer.response_head("3").await;
        assert!(!head.contains("Invocation-Id"));
    })
    .await;
}

#[tokio::test]
async fn raw_response_has_no_prelude() {
    let handler = async |event: LambdaEvent<Bytes>| {
        Ok::<_, Error>(
            Raw(tokio_stream::iter([Item::Ok(event.payload)])).content_type("text/x-raw"),
        )
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "no JSON \0 here").await;
        let head = peer.response_head("1").await;
        assert_eq!(header(&head, "Content-Type"), "text/x-raw");
        assert_eq!(peer.rest().await, b"no JSON \0 here");
    })
    .await;

    let handler = async |_: LambdaEvent<Bytes>| Ok::<_, Error>(Raw(texts(["x"])));
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "").await;
        let head = peer.response_head("1").await;
        assert_eq!(header(&head, "Content-Type"), "application/octet-stream");
        assert_eq!(peer.rest().await, b"x");
    })
    .await;
}

#[tokio::test]
async fn http_response_provides_head_and_stream() {
    let handler = async |_: LambdaEvent<Value>| {
        http::Response::builder()
            .status(201)
            .header("x-a", "1")
            .header("x-a", "2")
            .header("set-cookie", "c=3")
            .header("content-length", "99")
            .body(texts(["x"]))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":201,"headers":{"x-a":"1, 2"},"multiValueHeaders":{"x-a":["1","2"]},"cookies":["c=3"]}"#
        );
        assert_eq!(peer.rest().await, b"x");
    })
    .await;
}

#[tokio::test]
async fn http_body_is_a_response() {
    use http_body_util::Full;

    let handler = async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(http::Response::new(Full::new(Bytes::from_static(b"whole"))))
    };
    serve(handler, async |api| {
        let mut peer = api.invoke("1", "{}").await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"whole");
    })
    .await;
}
