//! Requests that are made to confuse or exhaust the local Lambda: each is refused, or bounded.

use std::time::Duration;

use crate::support::local::{Program, RawClient, client, invoke, request, server};
use lambda_stream::local::Server;

async fn assert_serves(server: &Server) {
    let mut client = invoke(server, r#""next""#).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    // What was smuggled would be an event of its own.
    assert_eq!(invocation.event, r#""next""#);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

/// Heads whose body's length two parsers could read differently, each followed by a request that
/// one of them would take for a second one.
const SMUGGLING: [&str; 9] = [
    "content-length: 5\r\ncontent-length: 6\r\n",
    "content-length: 5, 6\r\n",
    "content-length: +5\r\n",
    "content-length: 0x5\r\n",
    "content-length : 5\r\n",
    "transfer-encoding: chunked, identity\r\n",
    "transfer-encoding: xchunked\r\n",
    "transfer-encoding:\u{b}chunked\r\n",
    "content-length: 5\r\n transfer-encoding: chunked\r\n",
];

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let server = server();
    let smuggled =
        "POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n\"smuggled\"";
    for headers in SMUGGLING {
        for address in [server.address(), server.runtime_api()] {
            let mut client = RawClient::connect(address).await;
            client
                .write(format!(
                    "POST /invoke HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n0\r\n\r\n{smuggled}"
                ))
                .await;
            assert_eq!(client.head().await.status, 400, "{headers:?}");
            client.closed().await;
        }
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn length_besides_chunks_ends_the_connection_or_is_ignored() {
    let server = server();
    let mut client = client(&server).await;
    // Chunks win (RFC 9112, section 6.3), so what follows is not part of a body.
    client
        .write(
            "POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\
             transfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
        )
        .await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "1");
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn broken_chunks_are_refused() {
    let server = server();
    for chunks in [
        "x\r\n1\r\n",
        "ffffffffffffffffff\r\n",
        "1\r\n12\r\n",
        "-1\r\n\r\n",
    ] {
        let mut client = client(&server).await;
        client
            .write(format!(
                "POST /invoke HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
            ))
            .await;
        assert_eq!(client.head().await.status, 400, "{chunks:?}");
        client.closed().await;
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn endless_head_is_refused() {
    let server = server();
    for address in [server.address(), server.runtime_api()] {
        let mut client = RawClient::connect(address).await;
        client
            .write("GET / HTTP/1.1\r\nhost: localhost\r\nx: ")
            .await;
        let piece = [b'x'; 64 * 1024];
        // The server stops reading at its limit.
        let mut sent = 0;
        while client
            .try_write_within(&piece, Duration::from_secs(30))
            .await
        {
            sent += piece.len();
            assert!(sent < 64 * 1024 * 1024, "no limit");
        }
    }
    for head in [
        format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(1000)),
    ] {
        let mut client = client(&server).await;
        client.write(format!("{head}host: localhost\r\n\r\n")).await;
        let status = client.head().await.status;
        assert!((400..500).contains(&status), "{status}");
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn half_open_connections_block_nobody() {
    let server = server();
    let mut open = Vec::new();
    for n in 0..200 {
        let address = [server.address(), server.runtime_api()][n % 2];
        let mut client = RawClient::connect(address).await;
        client.write("GET / HT").await;
        open.push(client);
    }
    assert_serves(&server).await;
    drop(open);
    assert_serves(&server).await;
}

#[tokio::test]
async fn other_protocols_are_refused() {
    let server = server();
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/3.0\r\nhost: localhost\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut client = client(&server).await;
        client.write(bytes).await;
        client.half_close().await;
        let answer = client.closed().await;
        let is_refused = answer.is_empty()
            || answer.starts_with(b"HTTP/1.1 4")
            || answer.starts_with(b"HTTP/1.1 505");
        assert!(is_refused, "{}", String::from_utf8_lossy(&answer));
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn control_characters_are_refused_or_stay_encoded() {
    let server = server();
    let mut client = client(&server).await;
    client
        .write("GET / HTTP/1.1\r\nhost: localhost\r\nx: \u{1b}[31m\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status, 400);
    let mut program = Program::connect(&server).await;
    for target in [
        "/..%2f..%2fetc/passwd",
        "/a%00b",
        "/%0d%0ax:y",
        "//evil.example/",
    ] {
        let mut client = request(&server, "GET", target).await;
        let invocation = program.next().await;
        let path = format!("\"rawPath\":\"{target}\"");
        assert!(invocation.event.contains(&path), "{}", invocation.event);
        program.respond(invocation.id(), "{}", b"ok").await;
        assert_eq!(client.response().await.1, b"ok");
    }
}
