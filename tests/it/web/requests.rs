//! Recorded events of each front door become the requests that are recorded next to them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use http::Request;
use lambda_stream::web::{Claims, FrontDoor, Original, RequestBody, RequestContext, request};
use lambda_stream::{Context, LambdaEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

fn from_json(event: &[u8]) -> Result<Request<RequestBody>, lambda_stream::Failure> {
    let event = bytes::Bytes::copy_from_slice(event);
    request(LambdaEvent::new(event, Context::new("id")))
}

fn recorded(name: &str) -> Request<RequestBody> {
    let path = Path::new("tests/events").join(name);
    from_json(&fs::read(path).unwrap()).unwrap()
}

fn front_door(request: &Request<RequestBody>) -> FrontDoor {
    request.extensions().get::<Original>().unwrap().front_door()
}

fn written(request: Request<RequestBody>) -> String {
    let mut text = format!("# {:?}\n", front_door(&request));
    writeln!(text, "{} {}", request.method(), request.uri()).unwrap();
    let mut headers: Vec<_> = request.headers().iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str().to_owned());
    for (name, value) in headers {
        writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    let body = request.into_body().into_bytes();
    writeln!(text, "\n{}", String::from_utf8_lossy(&body)).unwrap();
    text
}

/// Set `UPDATE` in the environment to write the expected requests anew.
#[test]
fn recorded_events_become_recorded_requests() {
    let mut count = 0;
    for entry in fs::read_dir("tests/events").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let written = written(recorded(name));
        let beside = path.with_extension("http");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&beside, &written).unwrap();
        }
        assert_eq!(written, fs::read_to_string(&beside).unwrap(), "{name}");
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn request_context_is_an_extension() {
    for (name, ip, id, stage) in [
        (
            "function-url.json",
            Some("123.123.123.123"),
            Some("id"),
            None,
        ),
        (
            "apigw-request.json",
            Some("192.168.196.186"),
            Some("deef4878-7910-11e6-8f14-25afc3e9ae33"),
            Some("testStage"),
        ),
        (
            "apigw-v2-request-no-authorizer.json",
            Some("1.2.3.4"),
            Some("LV7fzho-PHcEJPw="),
            Some("$default"),
        ),
        (
            "alb-lambda-target-request-headers-only.json",
            Some("25.12.198.67"),
            None,
            None,
        ),
        (
            "alb-lambda-target-request-multivalue-headers.json",
            Some("72.21.198.67"),
            None,
            None,
        ),
    ] {
        let request = recorded(name);
        let context = request.extensions().get::<RequestContext>().unwrap();
        assert_eq!(context.source_ip(), ip, "{name}");
        assert_eq!(context.request_id(), id, "{name}");
        assert_eq!(context.stage(), stage, "{name}");
        let context = request.extensions().get::<Context>().unwrap();
        assert_eq!(context.request_id(), "id");
    }
}

#[test]
fn claims_come_from_the_authorizer() {
    let claim = |name: &str, claim: &str| {
        let request = recorded(name);
        let claims = request.extensions().get::<Claims>().cloned()?;
        claims.get(claim).map(|value| value.into_owned())
    };
    let jwt = "apigw-v2-request-jwt-authorizer.json";
    assert_eq!(claim(jwt, "claim1").as_deref(), Some("value1"));
    let lambda = "apigw-v2-request-lambda-authorizer.json";
    assert_eq!(claim(lambda, "key").as_deref(), Some("value"));
    let rest = "apigw-request.json";
    assert_eq!(claim(rest, "principalId").as_deref(), Some("admin"));
    assert_eq!(claim(rest, "clientId").as_deref(), Some("1"));
    for none in ["apigw-v2-request-no-authorizer.json", "function-url.json"] {
        assert!(
            recorded(none).extensions().get::<Claims>().is_none(),
            "{none}"
        );
    }
    let request = recorded(jwt);
    let scopes = request.extensions().get::<Claims>().unwrap().scopes();
    assert_eq!(scopes, ["scope1", "scope2"]);
}

#[test]
fn rest_api_provides_user_pool_claims() {
    let event = json!({
        "httpMethod": "GET", "path": "/",
        "requestContext": {"httpMethod": "GET", "authorizer": {"claims": {"sub": "7"}}},
    });
    let request = from_json(event.to_string().as_bytes()).unwrap();
    let claims = request.extensions().get::<Claims>().unwrap();
    assert_eq!(claims.get("sub").as_deref(), Some("7"));
}

#[test]
fn base64_body_is_decoded_or_rejected() {
    let event = |body: &str| {
        json!({
            "httpMethod": "PUT", "path": "/", "body": body, "isBase64Encoded": true,
            "requestContext": {"elb": {"targetGroupArn": "a"}},
        })
        .to_string()
    };
    let request = from_json(event("AAEC/w==").as_bytes()).unwrap();
    assert_eq!(request.into_body().into_bytes(), &[0, 1, 2, 255][..]);
    let failure = from_json(event("A!").as_bytes()).unwrap_err();
    assert_eq!(failure.error_type(), "Function.InvalidEvent");
    assert!(failure.to_string().contains("base64"), "{failure}");
}

#[test]
fn invalid_host_is_left_out() {
    let event = json!({
        "httpMethod": "GET", "path": "/a", "headers": {"host": "a b/c"},
        "requestContext": {"elb": {"targetGroupArn": "a"}}, "isBase64Encoded": false,
    });
    let request = from_json(event.to_string().as_bytes()).unwrap();
    assert_eq!(request.uri(), "/a");
}

#[test]
fn overlong_path_is_rejected() {
    let event = json!({
        "httpMethod": "GET", "path": "/a".repeat(40_000),
        "requestContext": {"elb": {"targetGroupArn": "a"}}, "isBase64Encoded": false,
    });
    let failure = from_json(event.to_string().as_bytes()).unwrap_err();
    assert_eq!(failure.error_type(), "Function.InvalidEvent");
}

/// Replaces one value in a recorded event.
fn bent(event: &mut Value, at: &[usize], value: Value) {
    let [first, rest @ ..] = at else {
        *event = value;
        return;
    };
    match event {
        Value::Object(fields) if !fields.is_empty() => {
            let key = fields.keys().nth(first % fields.len()).cloned().unwrap();
            bent(fields.get_mut(&key).unwrap(), rest, value);
        }
        Value::Array(items) if !items.is_empty() => {
            let at = first % items.len();
            bent(&mut items[at], rest, value);
        }
        other => *other = value,
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}|[\\x00-\\x7f]{0,40}|[/%?#a-f0-9 ]{0,40}".prop_map(Value::from),
        prop::collection::vec("\\PC{0,8}", 0..4).prop_map(Value::from),
        prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..4).prop_map(|map| json!(map)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn mutated_events_never_panic(
        which in any::<prop::sample::Index>(),
        bends in prop::collection::vec((prop::collection::vec(0usize..40, 0..5), any_value()), 1..4),
    ) {
        let names: Vec<_> = fs::read_dir("tests/events").unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        let mut event: Value = serde_json::from_slice(&fs::read(which.get(&names)).unwrap()).unwrap();
        for (at, value) in bends {
            bent(&mut event, &at, value);
        }
        match from_json(event.to_string().as_bytes()) {
            Ok(request) => prop_assert!(request.uri().path().starts_with('/')),
            Err(failure) => prop_assert_eq!(failure.error_type(), "Function.InvalidEvent"),
        }
    }
}
