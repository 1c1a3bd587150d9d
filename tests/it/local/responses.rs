//! Responses as a client of the local Lambda sees them: arrival, exactness and endings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_stream::local::Server;
use serde_json::Value;

use super::{assert_serves, respond_to_client};
use crate::support::local::{
    Program, RawClient, failed_end, framed, invoke, post, request, server,
};
use crate::support::patiently;

/// Each chunk is read by the client before the program writes the next one.
#[tokio::test]
async fn each_chunk_arrives_immediately() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    let prelude = r#"{"statusCode":418,"headers":{"content-type":"text/plain"},"cookies":[]}"#;
    program.chunk(framed(prelude, b"")).await;
    let head = client.head().await;
    assert_eq!(head.status, 418);
    assert_eq!(head.get("content-type"), Some("text/plain"));
    for text in ["Number: 1\n", "Number: 2\n", "Number: 3\n"] {
        program.chunk(text).await;
        assert_eq!(client.chunk().await.unwrap(), text.as_bytes());
    }
    program.end().await;
    assert_eq!(client.chunk().await.unwrap(), b"");
    program.accepted().await;
}

/// Other headers and the cookies reach the client.
#[tokio::test]
async fn hop_by_hop_headers_are_removed() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    let prelude = r#"{"statusCode":201,"cookies":["a=1; Path=/","b=2"],
        "headers":{"X-One":"1","connection":"close, x-hop","x-hop":"h","keep-alive":"timeout=5",
                   "transfer-encoding":"gzip","content-length":"3","trailer":"x","upgrade":"h2c"},
        "multiValueHeaders":{"x-two":["1","2"]}}"#;
    program.chunk(framed(prelude, b"payload")).await;
    program.end().await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 201);
    assert_eq!(head.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(head.get("x-one"), Some("1"));
    assert_eq!(head.all("x-two"), ["1", "2"]);
    assert_eq!(head.get("x-amzn-remapped-content-length"), Some("3"));
    assert_eq!(head.all("transfer-encoding"), ["chunked"]);
    for name in [
        "connection",
        "x-hop",
        "keep-alive",
        "content-length",
        "trailer",
        "upgrade",
    ] {
        assert_eq!(head.get(name), None);
    }
    assert_eq!(body, b"payload");
    program.accepted().await;
    // The connection can be used for another request.
    client.write(post("/invoke", "", "2")).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"again").await;
    assert_eq!(client.response().await.1, b"again");
}

#[tokio::test]
async fn other_content_types_are_raw() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for (header, content_type) in [
        ("content-type: text/csv\r\n", "text/csv"),
        ("", "application/octet-stream"),
    ] {
        let mut client = request(&server, "GET", "/file").await;
        let invocation = program.next().await;
        let headers = format!("{header}lambda-runtime-function-response-mode: streaming\r\n");
        program.begin_with(invocation.id(), &headers).await;
        program.chunk("{\"statusCode\":404}").await;
        program.end().await;
        let (head, body) = client.response().await;
        assert_eq!(head.status, 200);
        assert_eq!(head.get("content-type"), Some(content_type));
        assert_eq!(body, b"{\"statusCode\":404}");
        program.accepted().await;
    }
}

/// NULs after it belong to the payload.
#[tokio::test]
async fn delimiter_may_be_split_anywhere() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let payload = b"\0\0a\0\0\0\0\0\0\0\0b";
    let stream = framed(r#"{"statusCode":201,"headers":{"x":"1"}}"#, payload);
    for cut in 1..stream.len() {
        let mut client = invoke(&server, "1").await;
        let invocation = program.next().await;
        program.begin(invocation.id()).await;
        program.chunk(&stream[..cut]).await;
        program.chunk(&stream[cut..]).await;
        program.end().await;
        let (head, body) = client.response().await;
        assert_eq!(
            (head.status, head.get("x")),
            (201, Some("1")),
            "cut at {cut}"
        );
        assert_eq!(body, payload, "cut at {cut}");
        program.accepted().await;
    }
}

#[tokio::test]
async fn error_trailers_truncate_the_response() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    let document = STANDARD.encode(r#"{"errorMessage":"no tokens left"}"#);
    program.chunk(framed("{}", b"a")).await;
    program.chunk("b").await;
    program
        .0
        .write(failed_end("Function.Quota", &document))
        .await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.chunk().await.unwrap(), b"a");
    assert_eq!(client.chunk().await.unwrap(), b"b");
    assert_eq!(client.chunk().await, None);
    program.accepted().await;
    assert_serves(&server).await;
}

/// Runs a failing response whose client does not read until the program has its reply, or seems to
/// wait for the client. Returns whether the reply came, and how much of the body did.
async fn failed_body_of(server: &Server, chunks: usize) -> (bool, usize) {
    let mut client = RawClient::connect_narrow(server.address()).await;
    client.write(post("/invoke", "", "1")).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    let mut writing = tokio::spawn(async move {
        program.chunk(framed("{}", b"")).await;
        for _ in 0..chunks {
            program.chunk([b'x'; CHUNK]).await;
        }
        program.0.write(failed_end("Function.Quota", "")).await;
        program.accepted().await;
    });
    let answered = tokio::time::timeout(Duration::from_millis(300), &mut writing).await;
    assert_eq!(client.head().await.status, 200);
    let mut read = 0;
    while let Some(chunk) = client.chunk().await {
        assert!(!chunk.is_empty(), "the body ended well");
        read += chunk.len();
    }
    let is_answered = answered.is_ok();
    match answered {
        Ok(written) => written.unwrap(),
        Err(_) => patiently(writing).await.unwrap(),
    }
    (is_answered, read)
}

const CHUNK: usize = 150_000;

#[tokio::test]
async fn error_never_overtakes_a_chunk() {
    let server = server();
    // More and more, until the buffers of the system are full and the rest is in the server, which
    // is where the error of a body could overtake a chunk.
    for chunks in 1.. {
        let (is_answered, read) = failed_body_of(&server, chunks).await;
        assert_eq!(read, chunks * CHUNK);
        if !is_answered {
            break;
        }
    }
}

#[tokio::test]
async fn other_trailers_end_the_response_cleanly() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    program.chunk(framed("{}", b"a")).await;
    program.0.write("0\r\nx-other: 1\r\n\r\n").await;
    assert_eq!(client.response().await.1, b"a");
    program.accepted().await;
}

#[tokio::test]
async fn error_within_prelude_is_502() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    let document = STANDARD.encode(r#"{"errorMessage":"no tokens left"}"#);
    program.chunk("{\"statusCode\"").await;
    program
        .0
        .write(failed_end("Function.Quota", &document))
        .await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errorType"], "Function.Quota");
    assert_eq!(body["errorMessage"], "no tokens left");
    program.accepted().await;
}

#[tokio::test]
async fn program_exit_truncates_the_response() {
    let server = server();
    for cut in ["", "5\r\nab"] {
        let (mut client, mut program) = respond_to_client(&server).await;
        program.chunk(framed("{}", b"a")).await;
        program.0.write(cut).await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.chunk().await.unwrap(), b"a");
        drop(program);
        if !cut.is_empty() {
            assert_eq!(client.chunk().await.unwrap(), b"ab");
        }
        assert_eq!(client.chunk().await, None);
        assert_serves(&server).await;
    }
}

#[tokio::test]
async fn program_exit_before_prelude_is_502() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    program.chunk("{").await;
    drop(program);
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errorType"], "Runtime.TruncatedResponse");
    assert_serves(&server).await;
}

#[tokio::test]
async fn invalid_prelude_names_the_problem() {
    let server = server();
    for (stream, problem) in [
        (framed(r#"{"statusCode":99}"#, b""), "`statusCode` is 99"),
        (framed("hello", b""), "not JSON"),
        (vec![b' '; 20_000], "16384"),
    ] {
        let (mut client, mut program) = respond_to_client(&server).await;
        program.chunk(&stream).await;
        let (head, body) = client.response().await;
        assert_eq!(head.status, 502);
        let body: Value = serde_json::from_slice(&body).unwrap();
        let message = body["errorMessage"].as_str().unwrap();
        assert!(message.contains(problem), "{message}");
        // The server does not read the rest of the response.
        program.0.closed().await;
        assert_serves(&server).await;
    }
}

/// The program goes on.
#[tokio::test]
async fn missing_delimiter_is_502() {
    let server = server();
    let (mut client, mut program) = respond_to_client(&server).await;
    program.chunk(r#"{"statusCode":200}"#).await;
    program.end().await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains("without a delimiter")
    );
    program.accepted().await;
    assert_serves(&server).await;
}

/// Returns bytes that reveal a change of their order or number.
fn counting(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at % 251) as u8).collect()
}

/// The large body arrives unchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_client_slows_the_program() {
    const SIZE: usize = 40 * 1024 * 1024;
    const PIECE: usize = 64 * 1024;
    // The capacity of the buffers between the two: the system's, in each direction of both
    // connections, and hyper's.
    const UNDER_WAY: usize = 24 * 1024 * 1024;
    let server = server();
    let mut client = RawClient::connect_narrow(server.address()).await;
    client.write(post("/invoke", "", "1")).await;
    let mut program = Program(RawClient::connect_narrow(server.runtime_api()).await);
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"")).await;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let writing = tokio::spawn(async move {
        for from in (0..SIZE).step_by(PIECE) {
            program.chunk(counting(from, PIECE)).await;
            count.fetch_add(PIECE, Ordering::SeqCst);
        }
        program.end().await;
        program.accepted().await;
    });
    assert_eq!(client.head().await.status, 200);
    let mut read = 0;
    loop {
        let chunk = client.chunk().await.expect("the last chunk");
        if chunk.is_empty() {
            break;
        }
        assert!(
            chunk == counting(read, chunk.len()),
            "differs after byte {read}"
        );
        read += chunk.len();
        let ahead = written.load(Ordering::SeqCst).saturating_sub(read);
        assert!(ahead <= UNDER_WAY, "{ahead} bytes are held somewhere");
        tokio::task::yield_now().await;
    }
    assert_eq!(read, SIZE);
    patiently(writing).await.unwrap();
}

#[tokio::test]
async fn bodyless_responses_end_at_once() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for (method, status) in [("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 404)] {
        let mut client = request(&server, method, "/").await;
        let invocation = program.next().await;
        program.begin(invocation.id()).await;
        let prelude = format!(r#"{{"statusCode":{status},"headers":{{"x":"1"}}}}"#);
        program.chunk(framed(&prelude, b"")).await;
        // The program has not ended its body yet.
        let head = client.head().await;
        assert_eq!((head.status, head.get("x")), (status, Some("1")));
        assert_eq!(head.get("content-length"), None);
        // The next head follows this one immediately.
        client
            .write("GET /invoke HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await;
        assert_eq!(client.head().await.status, 405);
        program.end().await;
        program.accepted().await;
    }
}

#[tokio::test]
async fn empty_response_keeps_its_status() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for status in [200, 302, 500] {
        let mut client = request(&server, "GET", "/").await;
        let invocation = program.next().await;
        let prelude = format!(r#"{{"statusCode":{status},"headers":{{"location":"/x"}}}}"#);
        program.respond(invocation.id(), &prelude, b"").await;
        let (head, body) = client.response().await;
        assert_eq!((head.status, head.get("location")), (status, Some("/x")));
        assert_eq!(body, b"");
    }
}

#[tokio::test]
async fn stream_after_bodyless_response_is_closed() {
    let server = server();
    let mut client = request(&server, "HEAD", "/").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"a")).await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(program.0.closed().await, b"");
    assert_serves(&server).await;
}
