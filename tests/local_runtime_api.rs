//! The local Lambda as the program sees it: the Runtime API, byte by byte.
#![cfg(feature = "local")]

mod local_support;

use std::time::{Duration, SystemTime};

use local_support::{Program, Wire, chunked, framed, invoke, request, server};
use serde_json::Value;

fn error_type(body: &str) -> String {
    let document: Value = serde_json::from_str(body).unwrap();
    assert!(document["errorMessage"].is_string(), "{body}");
    document["errorType"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_invocation_carries_the_headers_of_the_service() {
    let server = server();
    let _client = invoke(&server, r#"{"n":3}"#).await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, r#"{"n":3}"#);
    assert_eq!(invocation.id().len(), 36);
    let deadline: u64 = invocation
        .head
        .get("lambda-runtime-deadline-ms")
        .unwrap()
        .parse()
        .unwrap();
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(deadline);
    let left = deadline.duration_since(SystemTime::now()).unwrap();
    assert!(left > Duration::from_secs(14 * 60) && left <= Duration::from_secs(15 * 60));
    let arn = invocation
        .head
        .get("lambda-runtime-invoked-function-arn")
        .unwrap();
    assert!(arn.starts_with("arn:aws:lambda:"), "{arn}");
    let trace = invocation.head.get("lambda-runtime-trace-id").unwrap();
    assert!(
        trace.starts_with("Root=1-") && trace.ends_with(";Sampled=0"),
        "{trace}"
    );
}

#[tokio::test]
async fn an_unknown_request_id_is_refused() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for path in ["invocation/nobody/response", "invocation/nobody/error"] {
        let (head, body) = program.post(path, "", "{}").await;
        assert_eq!(head.status, 400);
        assert_eq!(error_type(&body), "InvalidRequestID");
    }
}

#[tokio::test]
async fn the_response_mode_is_streaming_to_the_letter() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let path = format!("invocation/{}/response", invocation.id());
    for mode in ["Streaming", "buffered", ""] {
        let header = format!("lambda-runtime-function-response-mode: {mode}\r\n");
        let (head, body) = program.post(&path, &header, "x").await;
        assert_eq!(head.status, 400, "{mode:?}");
        assert_eq!(error_type(&body), "InvalidFunctionResponseMode");
    }
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn the_next_invocation_is_refused_while_the_last_is_unanswered() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    for mut asking in [
        Program::connect(&server).await,
        Program::connect(&server).await,
    ] {
        asking.ask().await;
        let (head, body) = asking.answer().await;
        assert_eq!(head.status, 403);
        assert_eq!(error_type(&body), "InvalidStateTransition");
    }
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn a_response_can_be_sent_once() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"a")).await;
    assert_eq!(client.head().await.status, 200);
    for call in ["response", "error"] {
        let mut second = Program::connect(&server).await;
        let path = format!("invocation/{}/{call}", invocation.id());
        let (head, body) = second.post(&path, "", "{}").await;
        assert_eq!(head.status, 403);
        assert_eq!(error_type(&body), "InvalidStateTransition");
    }
    program.end().await;
    program.accepted().await;
}

#[tokio::test]
async fn other_calls_do_not_exist() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for path in [
        "/",
        "/2018-06-01/runtime/restore/next",
        "/2018-06-01/runtime/invocation/x/response",
        "/2015-03-31/functions/f/invocations",
    ] {
        program.get(path).await;
        let (head, body) = program.answer().await;
        assert_eq!(head.status, 404, "{path}");
        assert_eq!(error_type(&body), "NotFound");
    }
}

#[tokio::test]
async fn an_error_before_the_head_is_a_502_with_the_error_document() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let document = r#"{"errorMessage":"no tokens","errorType":"Function.Quota","stackTrace":[]}"#;
    let path = format!("invocation/{}/error", invocation.id());
    let header = "lambda-runtime-function-error-type: Function.Quota\r\n";
    assert_eq!(program.post(&path, header, document).await.0.status, 202);
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    assert_eq!(head.get("content-type"), Some("application/json"));
    assert_eq!(head.get("x-amzn-errortype"), Some("Function.Quota"));
    assert_eq!(String::from_utf8(body).unwrap(), document);
}

#[tokio::test]
async fn an_error_document_that_is_none_is_told_as_text() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let path = format!("invocation/{}/error", invocation.id());
    program.post(&path, "", "it broke").await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["errorMessage"], "it broke");
    assert_eq!(body["errorType"], "Runtime.Unknown");
}

#[tokio::test]
async fn an_init_error_fails_what_waits_and_what_comes() {
    let server = server();
    let mut queued = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let document = r#"{"errorMessage":"no key","errorType":"Runtime.Init","stackTrace":[]}"#;
    assert_eq!(program.post("init/error", "", document).await.0.status, 202);
    let mut later = invoke(&server, "2").await;
    for client in [&mut queued, &mut later] {
        let (head, body) = client.response().await;
        assert_eq!(head.status, 502);
        assert_eq!(String::from_utf8(body).unwrap(), document);
    }
    // A program that asks for work has been set up.
    program.ask().await;
    let mut client = loop {
        let mut client = invoke(&server, "3").await;
        tokio::select! {
            _ = client.head() => {}
            invocation = program.taken() => {
                program.respond(invocation.id(), "{}", b"ok").await;
                break client;
            }
        }
    };
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn an_event_that_was_not_handed_over_stays_queued() {
    let server = server();
    let mut gone = Program::connect(&server).await;
    gone.ask().await;
    drop(gone);
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn an_event_that_was_handed_over_in_part_stays_queued() {
    let server = server();
    // More than the system's buffers take from a program that does not read.
    let event = "1".repeat(6 * 1024 * 1024);
    let _client = invoke(&server, &event).await;
    let mut gone = Program(Wire::connect_narrow(server.runtime_api()).await);
    gone.ask().await;
    assert_eq!(gone.0.head().await.status, 200);
    drop(gone);
    let mut program = Program::connect(&server).await;
    assert!(program.next().await.event == event);
}

#[tokio::test]
async fn a_program_that_goes_has_failed_its_invocation() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    program.next().await;
    drop(program);
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    assert_eq!(
        error_type(&String::from_utf8(body).unwrap()),
        "Runtime.ExitError"
    );
    // And the next one is served.
    let mut client = invoke(&server, "2").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "2");
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

const NEXT_AND_CLOSE: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_program_may_use_a_connection_for_each_call() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut asking = Program::connect(&server).await;
    asking.0.write(NEXT_AND_CLOSE).await;
    let invocation = asking.taken().await;
    asking.0.closed().await;
    drop(asking);
    let mut program = Program::connect(&server).await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn a_program_that_closes_by_plan_and_asks_again_has_given_up() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    program.0.write(NEXT_AND_CLOSE).await;
    program.taken().await;
    program.0.closed().await;
    drop(program);
    let mut program = Program::connect(&server).await;
    program.ask().await;
    assert_eq!(client.head().await.status, 502);
    let _client = invoke(&server, "2").await;
    assert_eq!(program.taken().await.event, "2");
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_programs_connection_and_the_next_is_served() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"first")).await;
    client.head().await;
    assert_eq!(client.chunk().await.unwrap(), b"first");
    drop(client);
    assert_eq!(program.0.closed().await, b"");

    let mut client = invoke(&server, "2").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "2");
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn a_client_that_left_before_the_head_closes_the_programs_stream() {
    let server = server();
    let client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    drop(client);
    // A request behind it, so that the server has seen the client leave.
    request(&server, "GET", "/invoke").await.response().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"first")).await;
    assert_eq!(program.0.closed().await, b"");
}

#[tokio::test]
async fn a_buffered_response_is_taken_even_when_its_client_has_left() {
    let server = server();
    let client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    drop(client);
    request(&server, "GET", "/invoke").await.response().await;
    let path = format!("invocation/{}/response", invocation.id());
    assert_eq!(program.post(&path, "", "{}").await.0.status, 202);
    let _client = invoke(&server, "2").await;
    assert_eq!(program.next().await.event, "2");
}

#[tokio::test]
async fn the_answer_comes_when_the_body_has_ended_and_not_before() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"a")).await;
    client.head().await;
    assert_eq!(client.chunk().await.unwrap(), b"a");
    // Were there an answer already, the next one read would not be the last chunk's.
    let mut asking = Program::connect(&server).await;
    asking.ask().await;
    assert_eq!(asking.answer().await.0.status, 403);
    program
        .0
        .write([&chunked(b"b")[..], b"0\r\n\r\n"].concat())
        .await;
    assert_eq!(client.chunk().await.unwrap(), b"b");
    assert_eq!(client.chunk().await.unwrap(), b"");
    program.accepted().await;
}

#[tokio::test]
async fn echoed_attempt_has_to_be_the_right_one() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let nonce = invocation.head.get("lambda-runtime-invocation-id").unwrap();
    let header = |nonce: &str| format!("lambda-runtime-invocation-id: {nonce}\r\n");
    for call in ["response", "error"] {
        let path = format!("invocation/{}/{call}", invocation.id());
        let (head, body) = program.post(&path, &header("another"), "{}").await;
        assert_eq!(head.status, 410);
        assert_eq!(error_type(&body), "InvokeTimeout");
    }
    let path = format!("invocation/{}/response", invocation.id());
    let (head, _) = program.post(&path, &header(nonce), "{}").await;
    assert_eq!(head.status, 202);
    assert_eq!(client.response().await.1, b"{}");
}
