//! The front door as an API Gateway REST API, and the names of doors.

use crate::support::local::{
    HTTP_INTEGRATION, Program, RawClient, client, failed_end, framed, request, server,
};
use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use serde_json::Value;

const ORDERS: &str = "/_apigateway/prod/orders?a=1&a=2";

/// A client, and the program that has been handed its request.
async fn asked(server: &lambda_stream::local::Server) -> (RawClient, Program, String) {
    let client = request(server, "GET", ORDERS).await;
    let mut program = Program::connect(server).await;
    let invocation = program.next().await;
    let id = invocation.id().to_owned();
    (client, program, id)
}

#[tokio::test]
async fn request_arrives_as_format_1_and_streams() {
    let server = server();
    let mut client = request(&server, "GET", ORDERS).await;
    let mut program = Program::connect(&server).await;
    let invocation = program.next().await;
    let event: ApiGatewayProxyRequest = serde_json::from_str(&invocation.event).unwrap();
    assert_eq!(event.path.as_deref(), Some("/orders"));
    assert_eq!(event.request_context.stage.as_deref(), Some("prod"));
    let values: Vec<_> = event.multi_value_query_string_parameters.iter().collect();
    assert_eq!(values, [("a", "1"), ("a", "2")]);
    program.begin(invocation.id()).await;
    let prelude = r#"{"statusCode":201,"headers":{"date":"now","www-authenticate":"Basic"},
        "multiValueHeaders":{"set-cookie":["a=1","b=2"]}}"#;
    program.chunk(framed(prelude, b"one")).await;
    let head = client.head().await;
    assert_eq!(head.status, 201);
    assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(head.get("x-amzn-remapped-date"), Some("now"));
    assert_eq!(head.get("x-amzn-remapped-www-authenticate"), Some("Basic"));
    assert_eq!(head.get("www-authenticate"), None);
    assert_eq!(client.chunk().await.unwrap(), b"one");
    program.chunk("two").await;
    assert_eq!(client.chunk().await.unwrap(), b"two");
    program.end().await;
    assert_eq!(client.chunk().await.unwrap(), b"");
}

#[tokio::test]
async fn stream_without_a_prelude_is_a_500() {
    let server = server();
    let large = vec![b'x'; 16 * 1024 + 1];
    for (content_type, body) in [
        ("application/octet-stream", &b"payload"[..]),
        (HTTP_INTEGRATION, b"{\"statusCode\":200}"),
        (HTTP_INTEGRATION, &large),
    ] {
        let (mut client, mut program, id) = asked(&server).await;
        let headers = format!(
            "content-type: {content_type}\r\nlambda-runtime-function-response-mode: streaming\r\n"
        );
        program.begin_with(&id, &headers).await;
        program.chunk(body).await;
        if body.len() < 100 {
            program.end().await;
        }
        let (head, body) = client.response().await;
        assert_eq!(head.status, 500);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["errorType"], "Runtime.InvalidResponse");
    }
}

#[tokio::test]
async fn failed_function_is_a_502_and_a_failed_stream_is_broken() {
    let server = server();
    let (mut client, mut program, id) = asked(&server).await;
    program
        .post(&format!("invocation/{id}/error"), "", "{}")
        .await;
    assert_eq!(client.response().await.0.status, 502);

    let (mut client, mut program, id) = asked(&server).await;
    program.begin(&id).await;
    program.chunk(framed("{}", b"a")).await;
    program.0.write(failed_end("Function.Quota", "")).await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(client.chunk().await.unwrap(), b"a");
    assert_eq!(client.chunk().await, None);
}

#[tokio::test]
async fn doors_have_names() {
    let server = server();
    let mut program = Program::connect(&server).await;
    for (host, id) in [
        ("orders.lambda-url.localhost:7000", "orders"),
        ("orders.execute-api.localhost", "orders"),
        ("localhost:7000", "local"),
    ] {
        let mut client = client(&server).await;
        client
            .write(format!("GET /dev HTTP/1.1\r\nhost: {host}\r\n\r\n"))
            .await;
        let invocation = program.next().await;
        let event: Value = serde_json::from_str(&invocation.event).unwrap();
        assert_eq!(event["requestContext"]["apiId"], id, "{host}");
        let domain = host.split(':').next().unwrap();
        assert_eq!(event["requestContext"]["domainName"], domain);
        program.respond(invocation.id(), "{}", b"ok").await;
        assert_eq!(client.response().await.1, b"ok");
    }
    let (head, body) = request(&server, "GET", "/_apigateway/")
        .await
        .response()
        .await;
    assert_eq!(head.status, 403);
    assert!(String::from_utf8(body).unwrap().contains("<stage>"));
}
