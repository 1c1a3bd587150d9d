//! The Invoke APIs byte by byte; `tests/clients` has the SDKs.

use crate::support::local::{Program, client, post, request, server};

#[tokio::test]
async fn invoke_answers_with_the_headers_of_the_service() {
    let server = server();
    let mut client = client(&server).await;
    let path = "/2015-03-31/functions/f%3Aprod/invocations";
    client
        .write(post(
            path,
            "x-amz-tenant-id: blue\r\nx-amz-log-type: Tail\r\n",
            "[1]",
        ))
        .await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "[1]");
    let sent = |name| invocation.head.get(name);
    assert_eq!(sent("lambda-runtime-aws-tenant-id"), Some("blue"));
    let arn = sent("lambda-runtime-invoked-function-arn").unwrap();
    assert!(arn.ends_with(":function:f:prod"), "{arn}");
    let answer = format!("invocation/{}/response", invocation.id());
    assert_eq!(program.post(&answer, "", "{}").await.0.status, 202);
    let (head, body) = client.response().await;
    assert_eq!((head.status, &body[..]), (200, &b"{}"[..]));
    assert_eq!(head.get("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(head.get("x-amzn-requestid"), Some(invocation.id()));
    assert_eq!(head.get("content-type"), Some("application/json"));
    assert_eq!(head.get("x-amz-function-error"), None);
    assert!(head.get("x-amz-log-result").is_some());
}

#[tokio::test]
async fn each_chunk_is_a_message_of_its_own() {
    let server = server();
    let mut client = client(&server).await;
    let path = "/2021-11-15/functions/f/response-streaming-invocations";
    client.write(post(path, "", "")).await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "{}");
    program.begin(invocation.id()).await;
    program.chunk("payload").await;
    let head = client.head().await;
    assert_eq!(
        head.get("content-type"),
        Some("application/vnd.amazon.eventstream")
    );
    let message = client.chunk().await.unwrap();
    // Total length, length of the headers, checksum; headers; payload, checksum.
    let total = u32::from_be_bytes(message[..4].try_into().unwrap());
    let headers = u32::from_be_bytes(message[4..8].try_into().unwrap()) as usize;
    assert_eq!(total as usize, message.len());
    let names = String::from_utf8_lossy(&message[12..12 + headers]);
    assert!(
        names.contains(":event-type\u{7}\0\u{c}PayloadChunk"),
        "{names:?}"
    );
    assert_eq!(&message[12 + headers..message.len() - 4], b"payload");
    program.end().await;
    let complete = client.chunk().await.unwrap();
    assert!(String::from_utf8_lossy(&complete).contains("InvokeComplete"));
    assert_eq!(client.chunk().await.unwrap(), b"");
    program.accepted().await;
}

#[tokio::test]
async fn other_operations_are_refused_with_a_sentence() {
    let server = server();
    let mut client = client(&server).await;
    for path in [
        "/2015-03-31/functions/",
        "/2014-11-13/functions/f/invoke-async/",
    ] {
        client.write(post(path, "", "{}")).await;
        let (head, body) = client.response().await;
        assert_eq!(head.status, 404);
        assert_eq!(
            head.get("x-amzn-errortype"),
            Some("UnknownOperationException")
        );
        assert!(
            String::from_utf8(body)
                .unwrap()
                .contains("InvokeWithResponseStream")
        );
    }
    // Paths that only look alike belong to the function.
    let mut client = request(&server, "GET", "/2015-03-31/orders").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"order").await;
    assert_eq!(client.response().await.1, b"order");
}
