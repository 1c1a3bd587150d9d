//! Any other path of the front door is a request to a Function URL.

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use serde_json::Value;

use crate::support::local::{
    HTTP_INTEGRATION, Program, RawClient, client, invoke, post, request, server,
};

async fn answer_buffered(
    client: &mut RawClient,
    program: &mut Program,
    content_type: &str,
    body: &str,
) -> (u16, Option<String>, Vec<u8>) {
    let invocation = program.next().await;
    let path = format!("invocation/{}/response", invocation.id());
    let header = format!("content-type: {content_type}\r\n");
    let (answer, _) = program.post(&path, &header, body).await;
    assert_eq!(answer.status, 202);
    let (head, body) = client.response().await;
    let content_type = head.get("content-type").map(str::to_owned);
    (head.status, content_type, body)
}

#[tokio::test]
async fn request_arrives_as_payload_format_2() {
    let server = server();
    let mut client = client(&server).await;
    let headers = "content-type: application/json\r\nuser-agent: test\r\ncookie: a=1; b=2\r\n";
    client
        .write(post("/a%20b?q=x+y&q=%C3%A9", headers, r#"{"n":3}"#))
        .await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let event: LambdaFunctionUrlRequest = serde_json::from_str(&invocation.event).unwrap();
    assert_eq!(event.version.as_deref(), Some("2.0"));
    assert_eq!(event.raw_path.as_deref(), Some("/a%20b"));
    assert_eq!(event.raw_query_string.as_deref(), Some("q=x+y&q=%C3%A9"));
    assert_eq!(event.query_string_parameters["q"], "x y,é");
    assert_eq!(event.cookies.unwrap(), ["a=1", "b=2"]);
    assert_eq!(event.headers["content-length"], "7");
    assert!(!event.headers.contains_key("cookie"));
    assert_eq!(event.body.as_deref(), Some(r#"{"n":3}"#));
    assert!(!event.is_base64_encoded);
    let context = event.request_context;
    assert_eq!(context.request_id.as_deref(), Some(invocation.id()));
    assert_eq!(context.http.method.as_deref(), Some("POST"));
    assert_eq!(context.http.source_ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(context.http.user_agent.as_deref(), Some("test"));
    assert_eq!(context.http.protocol.as_deref(), Some("HTTP/1.1"));
    assert_eq!(context.domain_name.as_deref(), Some("localhost"));
}

#[tokio::test]
async fn every_method_reaches_the_function() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        let mut client = request(&server, method, "/invoke/me").await;
        let invocation = program.next().await;
        let event: Value = serde_json::from_str(&invocation.event).unwrap();
        assert_eq!(event["requestContext"]["http"]["method"], method);
        assert_eq!(event["rawPath"], "/invoke/me");
        assert_eq!(event.get("body"), None);
        program
            .respond(invocation.id(), "{}", method.as_bytes())
            .await;
        assert_eq!(client.response().await.1, method.as_bytes());
    }
}

#[tokio::test]
async fn limit_counts_the_encoded_event() {
    let server = server();
    let mut client = client(&server).await;
    // Five megabytes are almost seven in base64.
    client.write(post("/", "", &"x".repeat(5_000_000))).await;
    let (head, body) = client.response().await;
    assert_eq!(head.status, 413);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("the event has 66"), "{body}");
}

#[tokio::test]
async fn buffered_response_is_interpreted_like_aws() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let described = r#"{"statusCode":404,"headers":{"content-type":"text/x"},"body":"none"}"#;
    let broken = r#"{"statusCode":404,"body":{}}"#;
    let json = "application/json";
    for (body, content_type, status, answered_type, answered) in [
        (described, json, 404, "text/x", "none"),
        (r#"{"a":1}"#, json, 200, json, r#"{"a":1}"#),
        ("hello", "text/plain", 200, "text/plain", "hello"),
    ] {
        let mut client = request(&server, "GET", "/").await;
        let answer = answer_buffered(&mut client, &mut program, content_type, body).await;
        assert_eq!(
            answer,
            (status, Some(answered_type.to_owned()), answered.into())
        );
    }
    let mut client = request(&server, "GET", "/").await;
    let (status, _, body) = answer_buffered(&mut client, &mut program, json, broken).await;
    assert_eq!(status, 502);
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains("`body` is not a string")
    );
}

#[tokio::test]
async fn buffered_response_may_have_a_prelude() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let mut client = request(&server, "GET", "/").await;
    let body = "{\"statusCode\":201}\0\0\0\0\0\0\0\0payload";
    let answer = answer_buffered(&mut client, &mut program, HTTP_INTEGRATION, body).await;
    assert_eq!((answer.0, &answer.2[..]), (201, &b"payload"[..]));
}

#[tokio::test]
async fn invoke_forwards_buffered_response_unchanged() {
    let server = server();
    let mut program = Program::connect(&server).await;
    let mut client = invoke(&server, "1").await;
    let body = r#"{"statusCode":404,"body":"none"}"#;
    let json = "application/json";
    let answer = answer_buffered(&mut client, &mut program, json, body).await;
    assert_eq!(answer, (200, Some(json.to_owned()), body.into()));
}

#[tokio::test]
async fn oversized_buffered_response_is_rejected() {
    let server = server();
    let mut client = request(&server, "GET", "/").await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let path = format!("invocation/{}/response", invocation.id());
    let (answer, body) = program.post(&path, "", &"x".repeat(6_291_556 + 1)).await;
    assert_eq!(answer.status, 413);
    assert!(body.contains("Function.ResponseSizeTooLarge"), "{body}");
    let (head, body) = client.response().await;
    assert_eq!(head.status, 502);
    assert!(String::from_utf8(body).unwrap().contains("6291556"));
}
