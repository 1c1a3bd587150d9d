//! The local Lambda as a client sees it: arrival, exactness and endings, byte by byte.
#![cfg(feature = "local")]

mod local_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_stream::local::Server;
use local_support::{
    Program, Wire, chunked, client, failed_end, framed, invoke, post, request, server, within,
};
use serde_json::Value;

const LIMIT: usize = 6 * 1024 * 1024;

/// A client, and the program that has begun to answer it.
async fn answering(server: &Server) -> (Wire, Program) {
    let client = invoke(server, "1").await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    (client, program)
}

/// One more invocation goes through from end to end.
async fn assert_serves(server: &Server) {
    let mut client = invoke(server, r#""next""#).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, r#""next""#);
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn each_chunk_arrives_before_the_next_is_written() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
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

#[tokio::test]
async fn headers_and_cookies_reach_the_client_and_hop_headers_do_not() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
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
    // The connection is still good for another request.
    client.write(post("/invoke", "", "2")).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"again").await;
    assert_eq!(client.response().await.1, b"again");
}

#[tokio::test]
async fn another_content_type_is_a_raw_payload_of_that_type() {
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

#[tokio::test]
async fn the_delimiter_is_found_wherever_it_is_cut_and_nuls_are_payload() {
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
async fn trailers_with_an_error_end_the_client_without_the_last_chunk() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
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

/// A client that does not read until the program has been answered, or seems to wait for it to
/// read: whether the answer came, and how much of the body did.
async fn failed_body_of(server: &Server, chunks: usize) -> (bool, usize) {
    let mut client = Wire::connect_narrow(server.address()).await;
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
        Err(_) => within(writing).await.unwrap(),
    }
    (is_answered, read)
}

const CHUNK: usize = 150_000;

#[tokio::test]
async fn every_chunk_before_an_error_arrives_however_much_is_under_way() {
    let server = server();
    // More and more, until the system's buffers are full and what comes on top lies in the server:
    // it is there that a body's error could overtake a chunk.
    for chunks in 1.. {
        let (is_answered, read) = failed_body_of(&server, chunks).await;
        assert_eq!(read, chunks * CHUNK);
        if !is_answered {
            break;
        }
    }
}

#[tokio::test]
async fn trailers_without_an_error_are_a_good_end() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
    program.chunk(framed("{}", b"a")).await;
    program.0.write("0\r\nx-other: 1\r\n\r\n").await;
    assert_eq!(client.response().await.1, b"a");
    program.accepted().await;
}

#[tokio::test]
async fn an_error_before_the_prelude_was_complete_is_a_502() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
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
async fn a_program_that_stops_in_the_middle_ends_the_client_without_the_last_chunk() {
    let server = server();
    for cut in ["", "5\r\nab"] {
        let (mut client, mut program) = answering(&server).await;
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
async fn a_program_that_stops_before_its_prelude_is_complete_is_a_502() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
    program.chunk("{").await;
    drop(program);
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errorType"], "Runtime.TruncatedResponse");
    assert_serves(&server).await;
}

#[tokio::test]
async fn an_invalid_prelude_is_a_502_that_names_the_problem() {
    let server = server();
    for (stream, problem) in [
        (framed(r#"{"statusCode":99}"#, b""), "`statusCode` is 99"),
        (framed("hello", b""), "not JSON"),
        (vec![b' '; 20_000], "16384"),
    ] {
        let (mut client, mut program) = answering(&server).await;
        program.chunk(&stream).await;
        let (head, body) = client.response().await;
        assert_eq!(head.status, 502);
        let body: Value = serde_json::from_slice(&body).unwrap();
        let message = body["errorMessage"].as_str().unwrap();
        assert!(message.contains(problem), "{message}");
        // More would follow, and nobody would read it.
        program.0.closed().await;
        assert_serves(&server).await;
    }
}

#[tokio::test]
async fn a_stream_without_a_delimiter_is_a_502_and_its_program_goes_on() {
    let server = server();
    let (mut client, mut program) = answering(&server).await;
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

#[tokio::test]
async fn clients_are_served_in_the_order_of_their_arrival() {
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
async fn a_client_that_leaves_the_queue_is_not_served() {
    let server = server();
    let (mut first, mut program) = answering(&server).await;
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

/// Bytes whose order and number show.
fn counting(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_is_exact_and_a_slow_client_slows_the_program() {
    const SIZE: usize = 40 * 1024 * 1024;
    const PIECE: usize = 64 * 1024;
    // What the system's buffers may hold between the two (each direction of both connections), and
    // hyper's.
    const UNDER_WAY: usize = 24 * 1024 * 1024;
    let server = server();
    let mut client = Wire::connect_narrow(server.address()).await;
    client.write(post("/invoke", "", "1")).await;
    let mut program = Program(Wire::connect_narrow(server.runtime_api()).await);
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
            "differs behind byte {read}"
        );
        read += chunk.len();
        let ahead = written.load(Ordering::SeqCst).saturating_sub(read);
        assert!(ahead <= UNDER_WAY, "{ahead} bytes are held somewhere");
        tokio::task::yield_now().await;
    }
    assert_eq!(read, SIZE);
    within(writing).await.unwrap();
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object() {
    let server = server();
    let mut client = invoke(&server, "").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "{}");
    program.respond(invocation.id(), "{}", b"").await;
    assert_eq!(client.response().await.1, b"");
}

#[tokio::test]
async fn a_chunked_event_is_put_together() {
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
async fn an_event_may_have_6_mb_and_not_a_byte_more() {
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
async fn an_event_of_unknown_length_is_refused_at_the_limit() {
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
async fn a_client_that_asks_first_need_not_send_a_large_event() {
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
async fn invoke_wants_a_post_and_says_so() {
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
        // Nothing stands between this head and the next one.
        client
            .write("GET /invoke HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await;
        assert_eq!(client.head().await.status, 405);
        program.end().await;
        program.accepted().await;
    }
}

#[tokio::test]
async fn an_empty_response_has_its_status_and_ends() {
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
async fn a_stream_that_goes_on_behind_a_bodyless_response_is_ended() {
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

#[tokio::test]
async fn garbage_and_silence_hurt_nobody_else() {
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
