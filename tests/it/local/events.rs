//! Events from clients of the local Lambda: their order, limits and errors.

use super::{assert_serves, respond_to_client};
use crate::support::local::{Program, chunked, client, framed, invoke, request, server};

const LIMIT: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn clients_are_served_in_order() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let mut clients = Vec::new();
    for n in 0..5 {
        clients.push(invoke(&server, &n.to_string()).await);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let invocation = program.next().await;
        assert_eq!(invocation.event, n.to_string());
        program.respond(invocation.id(), "{}", &[n as u8]).await;
        assert_eq!(client.response().await.1, [n as u8]);
    }
}

#[tokio::test]
async fn departed_client_leaves_the_queue() {
    let server = server();
    let (mut first, mut program) = respond_to_client(&server).await;
    let gone = invoke(&server, "2").await;
    drop(gone);
    let mut last = invoke(&server, "3").await;
    program.chunk(framed("{}", b"a")).await;
    program.end().await;
    assert_eq!(first.response().await.1, b"a");
    program.accepted().await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "3");
    program.respond(invocation.id(), "{}", b"c").await;
    assert_eq!(last.response().await.1, b"c");
}

#[tokio::test]
async fn empty_request_is_an_empty_object() {
    let server = server();
    let mut client = invoke(&server, "").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "{}");
    program.respond(invocation.id(), "{}", b"").await;
    assert_eq!(client.response().await.1, b"");
}

#[tokio::test]
async fn chunked_event_is_reassembled() {
    let server = server();
    let mut client = client(&server).await;
    client
        .write("POST /invoke HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    client
        .write([&chunked(b"[1,")[..], &chunked(b"2]"), b"0\r\n\r\n"].concat())
        .await;
    let mut program = Program::connect(&server).await;
    assert_eq!(program.next().await.event, "[1,2]");
}

#[tokio::test]
async fn event_limit_is_exactly_six_mib() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let largest = "1".repeat(LIMIT);
    let mut client = invoke(&server, &largest).await;
    let invocation = program.next().await;
    assert!(invocation.event == largest);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");

    let mut client = invoke(&server, &format!("{largest}1")).await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 413);
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains("6291457") && body.contains("6291456"),
        "{body}"
    );
}

#[tokio::test]
async fn chunked_event_is_rejected_at_limit() {
    let server = server();
    let mut client = client(&server).await;
    client
        .write("POST /invoke HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    client
        .write([&chunked(&vec![b'1'; LIMIT + 1])[..], b"0\r\n\r\n"].concat())
        .await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 413);
    assert!(String::from_utf8(body).unwrap().contains("6291456"));
}

#[tokio::test]
async fn expect_continue_rejects_large_event_early() {
    let server = server();
    let mut client = client(&server).await;
    client
        .write("POST /invoke HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 7000000\r\n\r\n")
        .await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 413);
    assert!(String::from_utf8(body).unwrap().contains("7000000"));
}

#[tokio::test]
async fn invoke_accepts_only_post() {
    let server = server();
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let (head, body) = request(&server, method, "/invoke?x=1")
            .await
            .response()
            .await;
        assert_eq!(head.status, 405, "{method}");
        assert_eq!(head.get("allow"), Some("POST"));
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("http://localhost:7000/invoke"), "{body}");
    }
    let mut connect = request(&server, "CONNECT", "example.com:443").await;
    assert_eq!(connect.response().await.0.status, 405);
}

#[tokio::test]
async fn bad_clients_do_not_affect_others() {
    let server = server();
    let mut garbage = client(&server).await;
    garbage.write("\u{16}\u{3}\u{1} what is this\r\n\r\n").await;
    let silent = client(&server).await;
    let mut half = client(&server).await;
    half.write("POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n12")
        .await;
    assert_eq!(garbage.head().await.status, 400);
    assert_serves(&server).await;
    drop((silent, half));
    assert_serves(&server).await;
}
