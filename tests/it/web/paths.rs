//! The path that an app sees: hosts, mappings and stages, and percent-encoding.
//!
//! Which path an event has is known from AWS's documentation ("Create AWS Lambda proxy integrations
//! for HTTP APIs": `rawPath` has the stage and not the key of an API mapping) and from captures of
//! live events (`localstack/localstack`, snapshots of REST APIs and pull request 12296 for custom
//! domains; `hotsock/voker`, July 2026, for the encoding behind each front door).

use crate::support::doors::Door;
use crate::support::serve;
use lambda_stream::Context;
use lambda_stream::LambdaEvent;
use lambda_stream::web::{App, RequestBody, request};
use serde_json::{Value, json};

/// API Gateway's own host.
const GATEWAY: &str = "id.execute-api.us-east-1.amazonaws.com";
const CUSTOM: &str = "api.example.com";

/// An event of a REST API.
fn rest(domain: &str, stage: &str, path: &str, full: &str, route: Option<(&str, Value)>) -> Value {
    let (resource, parameters) = match route {
        Some((resource, parameters)) => (Value::from(resource), parameters),
        None => (Value::Null, Value::Null),
    };
    json!({
        "resource": resource, "path": path, "httpMethod": "GET", "headers": {"host": domain},
        "pathParameters": parameters, "isBase64Encoded": false,
        "requestContext": {
            "domainName": domain, "stage": stage, "path": full, "httpMethod": "GET",
            "resourcePath": resource,
        },
    })
}

/// An event of an HTTP API in format 1.0.
fn http_1_0(domain: &str, stage: &str, path: &str, route: Option<(&str, Value)>) -> Value {
    let mut event = rest(domain, stage, path, path, route);
    event["version"] = "1.0".into();
    event
}

/// An event of an HTTP API in format 2.0.
fn http_2_0(domain: &str, stage: &str, path: &str, route: Option<(&str, Value)>) -> Value {
    let (key, parameters) = match route {
        Some((template, parameters)) => (format!("ANY {template}"), parameters),
        None => ("$default".to_owned(), Value::Null),
    };
    json!({
        "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": "",
        "headers": {"host": domain}, "pathParameters": parameters,
        "requestContext": {
            "domainName": domain, "stage": stage, "routeKey": key,
            "http": {"method": "GET", "path": path},
        },
    })
}

fn proxy(path: &str) -> Option<(&'static str, Value)> {
    Some(("/{proxy+}", json!({"proxy": path})))
}

/// What an app sees of an event: its path.
async fn path_in_app(app: fn() -> AnyApp, event: &Value) -> String {
    serve(app(), async |api| {
        let mut peer = api.invoke("1", &event.to_string()).await;
        peer.response_head("1").await;
        peer.prelude().await;
        String::from_utf8(peer.rest().await).unwrap()
    })
    .await
}

type Answer = Result<http::Response<String>, lambda_stream::Error>;
type AnyApp = App<fn(http::Request<RequestBody>) -> std::future::Ready<Answer>>;

fn path_of(request: http::Request<RequestBody>) -> std::future::Ready<Answer> {
    std::future::ready(Ok(http::Response::new(request.uri().path().to_owned())))
}

fn app() -> AnyApp {
    App::new(path_of as fn(_) -> _)
}

#[tokio::test]
async fn path_is_what_the_route_matched() {
    let plain: fn() -> AnyApp = app;
    let v1: fn() -> AnyApp = || app().base_path("/v1");
    for (what, app, event, expected) in [
        // REST APIs: the stage is in the URL of API Gateway's own host, and not in `path`.
        (
            "own host",
            plain,
            rest(GATEWAY, "prod", "/users", "/prod/users", proxy("users")),
            "/users",
        ),
        (
            "own host, a path that begins like the stage",
            plain,
            rest(
                GATEWAY,
                "api",
                "/api/users",
                "/api/api/users",
                proxy("api/users"),
            ),
            "/api/users",
        ),
        (
            "own host, root",
            plain,
            rest(GATEWAY, "prod", "/", "/prod/", Some(("/", Value::Null))),
            "/",
        ),
        (
            "own host, slash at the end",
            plain,
            rest(GATEWAY, "prod", "/users/", "/prod/users/", proxy("users")),
            "/users/",
        ),
        (
            "custom domain, root mapped to a stage",
            plain,
            rest(CUSTOM, "prod", "/users", "/users", proxy("users")),
            "/users",
        ),
        (
            "custom domain, root mapped to a stage that the path begins like",
            plain,
            rest(
                CUSTOM,
                "api",
                "/api/users",
                "/api/users",
                proxy("api/users"),
            ),
            "/api/users",
        ),
        (
            "custom domain, root mapped, stage named by the client",
            plain,
            rest(CUSTOM, "api", "/api/users", "/api/users", proxy("users")),
            "/users",
        ),
        (
            "custom domain, base path mapped to a stage",
            plain,
            rest(CUSTOM, "prod", "/v1/users", "/v1/users", proxy("users")),
            "/users",
        ),
        (
            "the same, base path named",
            v1,
            rest(CUSTOM, "prod", "/v1/users", "/v1/users", proxy("users")),
            "/users",
        ),
        (
            "the same, with a path that begins like the base path",
            v1,
            rest(
                CUSTOM,
                "prod",
                "/v1/v1/users",
                "/v1/v1/users",
                proxy("v1/users"),
            ),
            "/v1/users",
        ),
        (
            "custom domain, base path mapped, stage named by the client",
            v1,
            rest(
                CUSTOM,
                "Prod",
                "/v1/Prod/foo/bar",
                "/v1/Prod/foo/bar",
                proxy("foo/bar"),
            ),
            "/foo/bar",
        ),
        (
            "the same, base path not named",
            plain,
            rest(
                CUSTOM,
                "Prod",
                "/v1/Prod/foo/bar",
                "/v1/Prod/foo/bar",
                proxy("foo/bar"),
            ),
            "/foo/bar",
        ),
        (
            "custom domain, base path alone",
            plain,
            rest(CUSTOM, "prod", "/v1", "/v1", Some(("/", Value::Null))),
            "/",
        ),
        (
            "a route with segments of its own",
            plain,
            rest(
                CUSTOM,
                "prod",
                "/v1/users/7/posts/a/b",
                "/v1/users/7/posts/a/b",
                Some((
                    "/users/{id}/posts/{rest+}",
                    json!({"id": "7", "rest": "a/b"}),
                )),
            ),
            "/users/7/posts/a/b",
        ),
        (
            "own host, base path that is a part of the route",
            v1,
            rest(
                GATEWAY,
                "prod",
                "/v1/users",
                "/prod/v1/users",
                proxy("v1/users"),
            ),
            "/users",
        ),
        // Without a route, as in events that people write by hand.
        (
            "own host, no route",
            plain,
            rest(GATEWAY, "api", "/api/users", "/api/users", None),
            "/api/users",
        ),
        (
            "custom domain, no route, base path and stage in front",
            v1,
            rest(CUSTOM, "Prod", "/v1/Prod/foo/bar", "/v1/Prod/foo/bar", None),
            "/foo/bar",
        ),
        // HTTP APIs: the path begins with the stage, unless that is `$default`.
        (
            "2.0, default stage",
            plain,
            http_2_0(GATEWAY, "$default", "/users", None),
            "/users",
        ),
        (
            "2.0, named stage",
            plain,
            http_2_0(GATEWAY, "prod", "/prod/users", None),
            "/users",
        ),
        (
            "2.0, named stage, with a path that begins like it",
            plain,
            http_2_0(GATEWAY, "prod", "/prod/prod/users", proxy("prod/users")),
            "/prod/users",
        ),
        (
            "2.0, named stage, route",
            plain,
            http_2_0(
                GATEWAY,
                "prod",
                "/prod/users/7",
                Some(("/users/{id}", json!({"id": "7"}))),
            ),
            "/users/7",
        ),
        (
            "2.0, custom domain, API mapping to a named stage",
            plain,
            http_2_0(CUSTOM, "prod", "/prod/users", proxy("users")),
            "/users",
        ),
        (
            "2.0, custom domain, default stage, with a path that begins like a stage",
            plain,
            http_2_0(CUSTOM, "$default", "/prod/users", proxy("prod/users")),
            "/prod/users",
        ),
        (
            "1.0, default stage",
            plain,
            http_1_0(GATEWAY, "$default", "/users", proxy("users")),
            "/users",
        ),
        (
            "1.0, named stage",
            plain,
            http_1_0(GATEWAY, "prod", "/prod/users", proxy("users")),
            "/users",
        ),
        (
            "1.0, named stage, no route",
            plain,
            http_1_0(GATEWAY, "prod", "/prod/users", None),
            "/users",
        ),
        (
            "1.0, custom domain, key of an API mapping in front",
            plain,
            http_1_0(CUSTOM, "prod", "/v1/users", proxy("users")),
            "/users",
        ),
    ] {
        assert_eq!(path_in_app(app, &event).await, expected, "{what}");
    }
}

#[tokio::test]
async fn kept_stage_gives_the_path_that_the_client_asked_for() {
    for (event, expected) in [
        (
            rest(GATEWAY, "prod", "/users", "/prod/users", proxy("users")),
            "/prod/users",
        ),
        (
            rest(CUSTOM, "Prod", "/v1/Prod/foo", "/v1/Prod/foo", proxy("foo")),
            "/v1/Prod/foo",
        ),
        (
            http_2_0(GATEWAY, "prod", "/prod/users", proxy("users")),
            "/prod/users",
        ),
        (
            http_1_0(GATEWAY, "prod", "/prod/users", proxy("users")),
            "/prod/users",
        ),
    ] {
        assert_eq!(path_in_app(|| app().keep_stage(), &event).await, expected);
    }
}

/// A request with this path, as each front door sends it.
fn events_of(sent: &str) -> Vec<(&'static str, Value)> {
    let decoded = percent_encoding::percent_decode_str(sent);
    let decoded = decoded.decode_utf8().unwrap().into_owned();
    let mut function_url = http_2_0("id.lambda-url.us-east-1.on.aws", "$default", sent, None);
    function_url["requestContext"]["http"]["path"] = decoded.clone().into();
    let parameter = |path: &str| proxy(path.trim_start_matches('/'));
    let full = format!("/prod{sent}");
    let staged = format!("/prod{decoded}");
    let load_balancer = json!({
        "httpMethod": "GET", "path": sent, "headers": {},
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
    });
    vec![
        ("Function URL", function_url),
        (
            "REST API",
            rest(GATEWAY, "prod", sent, &full, parameter(sent)),
        ),
        (
            "HTTP API 1.0",
            http_1_0(GATEWAY, "prod", &staged, parameter(&decoded)),
        ),
        (
            "HTTP API 2.0",
            http_2_0(GATEWAY, "prod", &staged, parameter(&decoded)),
        ),
        (
            "HTTP API 2.0, no route",
            http_2_0(GATEWAY, "prod", &staged, None),
        ),
        ("load balancer", load_balancer),
    ]
}

fn path(event: &Value) -> String {
    let event = LambdaEvent::new(event.to_string().into(), Context::new("id"));
    request(event).unwrap().uri().path().to_owned()
}

#[test]
fn path_is_encoded_once_behind_each_front_door() {
    for sent in [
        "/item/100%2541",
        "/files/%252e%252e%252fetc",
        "/a%20b/%C3%A9",
        "/100%25",
        "/%5B1%5D/%7Bx%7D",
        "/plain-._~!$&'()*+,;=:@",
    ] {
        for (door, event) in events_of(sent) {
            assert_eq!(path(&event), sent, "{door}");
        }
    }
}

/// HTTP APIs decode more than has to be encoded, which a router does not see: it decodes both.
#[test]
fn needless_encoding_decodes_to_the_same() {
    let decoded = |path: &str| {
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
        decoded.unwrap().into_owned()
    };
    for sent in ["/%41%42c", "/a%2Fb", "/%40id%2Fassets%2Ffile.js%23save.txt"] {
        for (door, event) in events_of(sent) {
            assert_eq!(decoded(&path(&event)), decoded(sent), "{door} {sent}");
        }
    }
}

#[test]
fn doors_of_the_other_tests_agree() {
    let asked = crate::support::exchange::ClientRequest::new("GET", "/a%2541b");
    for door in Door::ALL {
        assert_eq!(path(&door.event(&asked)), "/a%2541b", "{door:?}");
    }
}
