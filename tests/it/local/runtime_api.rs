//! The local Lambda as the program sees it: the Runtime API, byte by byte.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::local::{Program, RawClient, chunked, framed, invoke, request, server};

fn error_type(body: &str) -> String {
    let document: Value = serde_json::from_str(body).unwrap();
    assert!(document["errorMessage"].is_string(), "{body}");
    document["errorType"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn invocation_has_the_documented_headers() {
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
async fn unknown_request_id_is_rejected() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for path in ["invocation/nobody/response", "invocation/nobody/error"] {
        let (head, body) = program.post(path, "", "{}").await;
        assert_eq!(head.status, 400);
        assert_eq!(error_type(&body), "InvalidRequestID");
    }
}

#[tokio::test]
async fn response_mode_must_be_streaming() {
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
async fn next_is_rejected_during_an_invocation() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    for mut asking in [
        Program::connect(&server).await,
        Program::connect(&server).await,
    ] {
        asking.request_next().await;
        let (head, body) = asking.reply().await;
        assert_eq!(head.status, 403);
        assert_eq!(error_type(&body), "InvalidStateTransition");
    }
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn response_can_be_sent_once() {
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
async fn unknown_paths_are_not_found() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for path in [
        "/",
        "/2018-06-01/runtime/restore/next",
        "/2018-06-01/runtime/invocation/x/response",
        "/2015-03-31/functions/f/invocations",
    ] {
        program.get(path).await;
        let (head, body) = program.reply().await;
        assert_eq!(head.status, 404, "{path}");
        assert_eq!(error_type(&body), "NotFound");
    }
}

/// The body is the error document.
#[tokio::test]
async fn error_before_head_is_502() {
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
async fn malformed_error_document_becomes_the_message() {
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

/// Both the queued ones and later ones, until a program asks for the next invocation.
#[tokio::test]
async fn init_error_fails_all_invocations() {
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
    // A program that asks for an invocation has completed its initialization.
    program.request_next().await;
    let mut client = loop {
        let mut client = invoke(&server, "3").await;
        tokio::select! {
            _ = client.head() => {}
            invocation = program.invocation() => {
                program.respond(invocation.id(), "{}", b"ok").await;
                break client;
            }
        }
    };
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn undelivered_event_stays_queued() {
    let server = server();
    let mut gone = Program::connect(&server).await;
    gone.request_next().await;
    drop(gone);
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

#[tokio::test]
async fn partly_delivered_event_stays_queued() {
    let server = server();
    // More than the buffers of the system hold while the program does not read.
    let event = "1".repeat(6 * 1024 * 1024);
    let _client = invoke(&server, &event).await;
    let mut gone = Program(RawClient::connect_narrow(server.runtime_api()).await);
    gone.request_next().await;
    assert_eq!(gone.0.head().await.status, 200);
    drop(gone);
    let mut program = Program::connect(&server).await;
    assert!(program.next().await.event == event);
}

/// The next invocation is served.
#[tokio::test]
async fn program_exit_fails_its_invocation() {
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
    // The next invocation is served.
    let mut client = invoke(&server, "2").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    assert_eq!(invocation.event, "2");
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

const NEXT_AND_CLOSE: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn program_may_reconnect_for_each_call() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut asking = Program::connect(&server).await;
    asking.0.write(NEXT_AND_CLOSE).await;
    let invocation = asking.invocation().await;
    asking.0.closed().await;
    drop(asking);
    let mut program = Program::connect(&server).await;
    program.respond(invocation.id(), "{}", b"ok").await;
    assert_eq!(client.response().await.1, b"ok");
}

/// The program announced with `Connection: close` that it would close the connection.
#[tokio::test]
async fn next_on_new_connection_abandons_invocation() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    program.0.write(NEXT_AND_CLOSE).await;
    program.invocation().await;
    program.0.closed().await;
    drop(program);
    let mut program = Program::connect(&server).await;
    program.request_next().await;
    assert_eq!(client.head().await.status, 502);
    let _client = invoke(&server, "2").await;
    assert_eq!(program.invocation().await.event, "2");
}

/// The next invocation is served.
#[tokio::test]
async fn client_disconnect_closes_program_connection() {
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
async fn client_disconnect_before_head_closes_stream() {
    let server = server();
    let client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    drop(client);
    // Another request, so that the server has noticed that the client left.
    request(&server, "GET", "/invoke").await.response().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"first")).await;
    assert_eq!(program.0.closed().await, b"");
}

#[tokio::test]
async fn buffered_response_without_client_is_accepted() {
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

/// It does not come before.
#[tokio::test]
async fn reply_follows_the_end_of_body() {
    let server = server();
    let mut client = invoke(&server, "1").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    program.begin(invocation.id()).await;
    program.chunk(framed("{}", b"a")).await;
    client.head().await;
    assert_eq!(client.chunk().await.unwrap(), b"a");
    // If there were a reply already, the next one read would not be that to the last chunk.
    let mut asking = Program::connect(&server).await;
    asking.request_next().await;
    assert_eq!(asking.reply().await.0.status, 403);
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
