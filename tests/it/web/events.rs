//! Events as people and tools send them: incomplete, odd, hostile, or not HTTP requests at all.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use crate::support::doors::Door;
use crate::support::exchange::ClientRequest;
use crate::support::serve;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use lambda_stream::web::{App, Claims, Event, Original, RequestBody, RequestContext, request};
use lambda_stream::{Context, Error, Failure, LambdaEvent, Raw};
use serde_json::{Value, json};

fn from_event(event: &Value) -> Result<Request<RequestBody>, Failure> {
    request(LambdaEvent::new(
        event.to_string().into(),
        Context::new("id"),
    ))
}

fn event(door: Door) -> Value {
    door.event(&ClientRequest::new("GET", "/a").query("b=c"))
}

fn remove(event: &mut Value, path: &[&str]) {
    let [parents @ .., last] = path else { return };
    let mut at = event;
    for name in parents {
        at = &mut at[*name];
    }
    if let Some(object) = at.as_object_mut() {
        object.remove(*last);
    }
}

/// Every field but those that make a request is missing, then `null`, then of another type.
#[test]
fn fields_that_a_request_does_not_need_fail_nothing() {
    for door in Door::ALL {
        let whole = event(door);
        for name in [
            "accountId",
            "time",
            "timeEpoch",
            "requestTimeEpoch",
            "identity",
            "requestId",
            "authorizer",
            "protocol",
        ] {
            for value in [None, Some(Value::Null), Some(json!([1, {}]))] {
                let mut event = whole.clone();
                match value {
                    None => remove(&mut event, &["requestContext", name]),
                    Some(value) => event["requestContext"][name] = value,
                }
                let request = from_event(&event).unwrap();
                assert_eq!(request.uri().query(), Some("b=c"), "{door:?} {name}");
            }
        }
        for name in [
            "isBase64Encoded",
            "headers",
            "multiValueHeaders",
            "cookies",
            "body",
            "stageVariables",
            "pathParameters",
        ] {
            let mut event = whole.clone();
            event[name] = Value::Null;
            assert_eq!(from_event(&event).unwrap().uri().path(), "/a", "{name}");
            remove(&mut event, &[name]);
            assert_eq!(from_event(&event).unwrap().uri().path(), "/a", "{name}");
        }
        let mut event = whole.clone();
        for name in [
            "queryStringParameters",
            "multiValueQueryStringParameters",
            "rawQueryString",
        ] {
            event[name] = Value::Null;
        }
        assert_eq!(from_event(&event).unwrap().uri().query(), None);
    }
}

#[test]
fn array_among_the_claims_is_its_json() {
    let mut event = event(Door::HttpApi);
    event["requestContext"]["authorizer"] = json!({"jwt": {"claims": {"groups": ["a", 1]}}});
    let request = from_event(&event).unwrap();
    let claims = request.extensions().get::<Claims>().unwrap();
    assert_eq!(claims.get("groups").unwrap(), r#"["a",1]"#);
}

/// HTTP APIs without an authorizer send this in format 1.0.
#[test]
fn request_without_an_authorizer_has_no_claims() {
    let mut event = event(Door::RestApi);
    event["requestContext"]["authorizer"] = json!({"claims": null, "scopes": null});
    assert!(
        from_event(&event)
            .unwrap()
            .extensions()
            .get::<Claims>()
            .is_none()
    );
}

#[test]
fn base64_needs_no_padding() {
    for (text, bytes) in [
        ("AAEC/w==", &[0, 1, 2, 255][..]),
        ("AAEC/w", &[0, 1, 2, 255]),
        ("", b""),
    ] {
        let mut event = event(Door::FunctionUrl);
        event["body"] = text.into();
        event["isBase64Encoded"] = true.into();
        assert_eq!(from_event(&event).unwrap().into_body().into_bytes(), bytes);
    }
}

#[test]
fn damaged_field_is_named_in_our_words() {
    for (field, value, named) in [
        ("isBase64Encoded", json!("x"), "`isBase64Encoded`"),
        ("body", json!({"a": 1}), "`body`"),
        ("headers", json!([1]), "`headers`"),
        ("httpMethod", json!("G E T"), "`httpMethod` is \"G E T\""),
    ] {
        let mut event = event(Door::RestApi);
        event[field] = value;
        let failure = from_event(&event).unwrap_err();
        assert_eq!(failure.error_type(), "Function.InvalidEvent");
        let text = failure.to_string();
        assert!(text.contains(named), "{text}");
        assert!(text.contains("API Gateway, payload format 1.0"), "{text}");
        assert!(!text.contains("::") && !text.contains("struct"), "{text}");
    }
}

#[test]
fn typed_event_is_decoded_on_demand() {
    let request = from_event(&event(Door::HttpApi)).unwrap();
    let original = request.extensions().get::<Original>().unwrap();
    let Event::HttpApi(typed) = original.event().unwrap() else {
        panic!("another front door");
    };
    assert_eq!(typed.raw_path.as_deref(), Some("/prod/a"));

    let mut event = event(Door::HttpApi);
    event["requestContext"]["timeEpoch"] = "soon".into();
    let request = from_event(&event).unwrap();
    let original = request.extensions().get::<Original>().unwrap();
    let text = original.event().unwrap_err().to_string();
    assert!(
        text.contains("HTTP API") && text.contains("timeEpoch"),
        "{text}"
    );
    assert!(!text.contains("::"), "{text}");
    let whole: Value = original.decode().unwrap();
    assert_eq!(whole, event);
}

#[test]
fn body_and_headers_share_the_bytes_of_the_event() {
    let mut event = event(Door::FunctionUrl);
    event["body"] = "plain text".into();
    let bytes = Bytes::from(event.to_string());
    let range = bytes.as_ptr_range();
    let request = request(LambdaEvent::new(bytes, Context::new("id"))).unwrap();
    let host = request.headers()["host"].as_bytes().as_ptr();
    assert!(range.contains(&host));
    assert!(range.contains(&request.into_body().into_bytes().as_ptr()));
}

#[test]
fn host_with_user_information_is_not_a_host() {
    for (host, authority) in [
        ("good@evil", Some("id.lambda-url.us-east-1.on.aws")),
        ("a b/c", Some("id.lambda-url.us-east-1.on.aws")),
        ("example.com:8080", Some("example.com:8080")),
    ] {
        let mut event = event(Door::FunctionUrl);
        event["headers"]["host"] = host.into();
        let uri = from_event(&event).unwrap().uri().clone();
        assert_eq!(uri.authority().map(|a| a.as_str()), authority, "{host}");
    }
    let mut event = event(Door::AlbSingle);
    event["headers"]["host"] = "good@evil".into();
    assert_eq!(from_event(&event).unwrap().uri(), "/a?b=c");
}

/// Format 1.0 and ALB list parameters, where a name alone looks like one with an empty value.
#[test]
fn name_alone_is_kept_where_the_event_has_the_query() {
    for door in Door::ALL {
        let event = door.event(&ClientRequest::new("GET", "/").query("foo"));
        let expected = match door {
            Door::FunctionUrl | Door::HttpApi => "foo",
            Door::RestApi | Door::AlbSingle | Door::AlbMulti => "foo=",
        };
        let request = from_event(&event).unwrap();
        assert_eq!(request.uri().query(), Some(expected), "{door:?}");
    }
}

#[test]
fn too_many_header_names_are_refused_with_the_limit() {
    let headers: serde_json::Map<_, _> = (0..24_600)
        .map(|n| (format!("x-{n}"), Value::from("1")))
        .collect();
    for (field, door) in [
        ("headers", Door::FunctionUrl),
        ("multiValueHeaders", Door::RestApi),
    ] {
        let mut event = event(door);
        event[field] = headers.clone().into();
        let failure = from_event(&event).unwrap_err();
        assert_eq!(failure.error_type(), "Function.InvalidEvent");
        assert!(failure.to_string().contains("24,576"), "{failure}");
    }
}

#[test]
fn context_of_a_minimal_event_is_empty() {
    let event = json!({"httpMethod": "GET", "requestContext": {}});
    let request = from_event(&event).unwrap();
    assert_eq!(request.uri(), "/");
    let context = request.extensions().get::<RequestContext>().unwrap();
    assert_eq!(
        (
            context.source_ip(),
            context.request_id(),
            context.stage(),
            context.path_parameter("a")
        ),
        (None, None, None, None)
    );
}

type Answer = Result<Response<Full<Bytes>>, Infallible>;

async fn page(_: Request<RequestBody>) -> Answer {
    Ok(Response::new(Full::from("page")))
}

#[tokio::test]
async fn other_events_go_to_their_handler() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let other = async |event: LambdaEvent<Value>| {
        seen.borrow_mut().push(event.payload);
        Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>("noted"))))
    };
    let events = [
        json!({"warmup": true}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"detail-type": "Scheduled Event", "source": "aws.events", "version": "0"}),
        json!({"invokeCompletionStatus": "SUCCESS"}),
        json!({"raw_path": "/", "method": "GET", "headers": {}}),
        json!({"body": {"a": 1}, "headers": 7}),
        json!([1, 2]),
        Value::Null,
    ];
    let app = App::new(page).other_events(other);
    serve(app, async |api| {
        let mut peer = api.accept().await;
        for (n, event) in events.iter().enumerate() {
            let id = n.to_string();
            peer.invoke(&id, &event.to_string()).await;
            peer.response_head(&id).await;
            assert_eq!(peer.rest().await, b"noted", "{event}");
            peer.accepted().await;
        }
        // A request in between still reaches the web app.
        peer.invoke("r", &event(Door::FunctionUrl).to_string())
            .await;
        peer.response_head("r").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"page");
    })
    .await;
    assert_eq!(*seen.borrow(), events);
}

#[tokio::test]
async fn damaged_request_does_not_reach_the_other_handler() {
    let other = async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>("wrong"))))
    };
    let mut event = event(Door::FunctionUrl);
    event["isBase64Encoded"] = "x".into();
    serve(App::new(page).other_events(other), async |api| {
        let mut peer = api.invoke("1", &event.to_string()).await;
        let (_, error) = peer.error("invocation/1/error").await;
        assert_eq!(error["errorType"], "Function.InvalidEvent");
        let text = error["errorMessage"].as_str().unwrap();
        assert!(text.contains("`isBase64Encoded`"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn completion_notice_is_accepted_and_other_events_refused() {
    for is_buffered in [false, true] {
        let app = App::new(page);
        let app = if is_buffered { app.buffered() } else { app };
        serve(app, async |api| {
            let mut peer = api.accept().await;
            peer.invoke("1", r#"{"invokeCompletionStatus":"SUCCESS"}"#)
                .await;
            // One document that is not streamed: nobody reads it.
            let head = peer.response_head("1").await;
            assert_eq!(crate::support::header(&head, "Content-Length"), "4");
            assert_eq!(peer.until(b"null").await, b"null");
            peer.accepted().await;
            peer.invoke("2", r#"{"Records":[{"eventSource":"aws:sqs"}]}"#)
                .await;
            let (_, error) = peer.error("invocation/2/error").await;
            let text = error["errorMessage"].as_str().unwrap();
            assert!(
                text.contains("aws:sqs") && text.contains("other_events"),
                "{text}"
            );
        })
        .await;
    }
}

/// Lambda does not let a function set `content-length`; AWS passes on what it has renamed.
#[tokio::test]
async fn length_of_a_download_is_told_by_the_name_that_aws_gives_it() {
    let with_length = async |_: Request<RequestBody>| {
        let body = Full::new(Bytes::from_static(b"four")).map_frame(|frame| frame);
        Response::builder().header("content-length", "4").body(body)
    };
    let sized = async |_: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"four"))))
    };
    let unsized_body = async |_: Request<RequestBody>| {
        let frames = futures::stream::iter([Ok::<_, Infallible>(http_body::Frame::data(
            Bytes::from_static(b"four"),
        ))]);
        Ok::<_, Infallible>(Response::new(StreamBody::new(frames)))
    };
    let told = |prelude: &str| {
        let prelude: Value = serde_json::from_str(prelude).unwrap();
        assert!(prelude["headers"].get("content-length").is_none());
        let length = &prelude["headers"]["x-amzn-remapped-content-length"];
        length.as_str().map(str::to_owned)
    };
    macro_rules! check {
        ($app:expr, $method:literal, $expected:expr) => {
            serve(App::new($app), async |api| {
                let event = Door::FunctionUrl.event(&ClientRequest::new($method, "/"));
                let mut peer = api.invoke("1", &event.to_string()).await;
                peer.response_head("1").await;
                assert_eq!(told(&peer.prelude().await).as_deref(), $expected);
                peer.rest().await;
            })
            .await;
        };
    }
    check!(with_length, "GET", Some("4"));
    check!(with_length, "HEAD", Some("4"));
    check!(sized, "GET", None);
    check!(sized, "HEAD", Some("4"));
    check!(unsized_body, "HEAD", None);
    // A front door that buffers counts the bytes of a body, but there is none to count for HEAD.
    for (method, expected) in [("GET", None), ("HEAD", Some("4"))] {
        serve(App::new(with_length).buffered(), async |api| {
            let event = Door::FunctionUrl.event(&ClientRequest::new(method, "/"));
            let mut peer = api.invoke("1", &event.to_string()).await;
            let head = peer.response_head("1").await;
            let length: usize = crate::support::header(&head, "Content-Length")
                .parse()
                .unwrap();
            let mut document = Vec::new();
            while document.len() < length {
                document.extend(peer.until(b"}").await);
            }
            let document = String::from_utf8(document).unwrap();
            assert_eq!(told(&document).as_deref(), expected, "{method}");
        })
        .await;
    }
}
