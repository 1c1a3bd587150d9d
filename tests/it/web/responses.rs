//! Responses of web apps as sent to the Runtime API: preludes, documents and failures.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use lambda_stream::web::{App, RequestBody};
use lambda_stream::{Error, Failure};
use serde_json::{Value, json};

use crate::support::doors::Door;
use crate::support::exchange::ClientRequest;
use crate::support::{Peer, header, serve};

type Answer = Result<Response<Full<Bytes>>, Error>;

async fn page(_: Request<RequestBody>) -> Answer {
    let response = Response::builder()
        .header("content-type", "text/html")
        .header("content-length", "2")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("set-cookie", "c=3")
        .header("set-cookie", "d=4; Path=/");
    Ok(response.body(Full::from("hi"))?)
}

fn event(door: Door, method: &'static str) -> String {
    door.event(&ClientRequest::new(method, "/")).to_string()
}

/// Reads a buffered response: its head and its document.
async fn document(peer: &mut Peer, id: &str) -> (String, Value) {
    let head = peer.response_head(id).await;
    let length: usize = header(&head, "Content-Length").parse().unwrap();
    let mut document = Vec::new();
    while document.len() < length {
        let rest = peer.until(b"}").await;
        document.extend_from_slice(&rest);
    }
    assert_eq!(document.len(), length);
    (head, serde_json::from_slice(&document).unwrap())
}

#[tokio::test]
async fn document_matches_its_front_door() {
    let multi = json!({"content-type": ["text/html"], "x-a": ["1", "2"], "set-cookie": ["c=3", "d=4; Path=/"]});
    for (door, expected) in [
        (
            Door::RestApi,
            json!({"statusCode": 200, "multiValueHeaders": multi, "body": "hi", "isBase64Encoded": false}),
        ),
        (
            Door::HttpApi,
            json!({"statusCode": 200, "headers": {"content-type": "text/html", "x-a": "1, 2"},
                   "cookies": ["c=3", "d=4; Path=/"], "body": "hi", "isBase64Encoded": false}),
        ),
        (
            Door::FunctionUrl,
            json!({"statusCode": 200, "headers": {"content-type": "text/html", "x-a": "1, 2"},
                   "cookies": ["c=3", "d=4; Path=/"], "body": "hi", "isBase64Encoded": false}),
        ),
        (
            Door::AlbMulti,
            json!({"statusCode": 200, "statusDescription": "200 OK", "multiValueHeaders": multi,
                   "body": "hi", "isBase64Encoded": false}),
        ),
    ] {
        serve(App::new(page).buffered(), async |api| {
            let mut peer = api.invoke("1", &event(door, "GET")).await;
            let (head, document) = document(&mut peer, "1").await;
            assert_eq!(document, expected, "{door:?}");
            assert_eq!(header(&head, "Content-Type"), "application/json");
            let head = head.to_ascii_lowercase();
            assert!(!head.contains("response-mode"), "{head}");
            assert!(!head.contains("trailer"), "{head}");
            peer.accepted().await;
            peer.expect_next().await;
        })
        .await;
    }
}

#[tokio::test]
async fn single_value_alb_rejects_second_cookie() {
    serve(App::new(page).buffered(), async |api| {
        let mut peer = api.invoke("1", &event(Door::AlbSingle, "GET")).await;
        let (_, error) = peer.error("invocation/1/error").await;
        assert_eq!(error["errorType"], "Function.InvalidHead");
        let text = error["errorMessage"].as_str().unwrap();
        assert!(text.contains("multi_value_headers"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn head_response_remaps_content_length() {
    serve(App::new(page), async |api| {
        let mut peer = api.invoke("1", &event(Door::FunctionUrl, "HEAD")).await;
        peer.response_head("1").await;
        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":200,"headers":{"content-type":"text/html","x-a":"1, 2","x-amzn-remapped-content-length":"2"},"multiValueHeaders":{"x-a":["1","2"]},"cookies":["c=3","d=4; Path=/"]}"#
        );
        assert_eq!(peer.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn bodyless_responses_leave_body_unpolled() {
    struct Unpolled(Rc<Cell<bool>>);
    impl Body for Unpolled {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.set(true);
            Poll::Pending
        }
    }
    for is_buffered in [false, true] {
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 302)] {
            let is_polled = Rc::new(Cell::new(false));
            let app = App::new(async |_: Request<RequestBody>| {
                let body = Unpolled(Rc::clone(&is_polled));
                Response::builder().status(status).body(body)
            });
            let app = if is_buffered { app.buffered() } else { app };
            serve(app, async |api| {
                let mut peer = api.invoke("1", &event(Door::RestApi, method)).await;
                if is_buffered {
                    let (_, document) = document(&mut peer, "1").await;
                    assert_eq!(document["statusCode"], status);
                    assert_eq!(document["body"], "");
                } else {
                    peer.response_head("1").await;
                    assert!(!peer.prelude().await.contains("content-length"));
                    assert_eq!(peer.rest().await, b"");
                }
                peer.accepted().await;
                peer.expect_next().await;
            })
            .await;
            assert!(!is_polled.get(), "{method} {status}");
        }
    }
}

#[tokio::test]
async fn empty_redirect_has_zero_content_length() {
    let app = async |_: Request<RequestBody>| {
        let redirect = Response::builder().status(302).header("location", "/there");
        redirect.body(Full::<Bytes>::default())
    };
    serve(App::new(app), async |api| {
        let mut peer = api.invoke("1", &event(Door::FunctionUrl, "GET")).await;
        peer.response_head("1").await;
        assert_eq!(
            peer.prelude().await,
            r#"{"statusCode":302,"headers":{"location":"/there","content-length":"0"},"cookies":[]}"#
        );
        assert_eq!(peer.rest().await, b"");
    })
    .await;
}

/// The error names the header.
#[tokio::test]
async fn non_utf8_header_is_rejected() {
    let app = async |_: Request<RequestBody>| {
        let response = Response::builder().header("x-name", &b"\xff"[..]);
        response.body(Full::<Bytes>::default())
    };
    for app in [App::new(app), App::new(app).buffered()] {
        serve(app, async |api| {
            let mut peer = api.invoke("1", &event(Door::FunctionUrl, "GET")).await;
            let (_, error) = peer.error("invocation/1/error").await;
            assert_eq!(error["errorType"], "Function.InvalidHead");
            let text = error["errorMessage"].as_str().unwrap();
            assert!(text.contains("`x-name`"), "{text}");
        })
        .await;
    }
}

fn frames(
    end: Result<Frame<Bytes>, Failure>,
) -> StreamBody<impl futures::Stream<Item = Result<Frame<Bytes>, Failure>>> {
    let first = Ok(Frame::data(Bytes::from_static(b"one")));
    StreamBody::new(futures::stream::iter([first, end]))
}

/// A streamed response has trailers; a buffered one, of which nothing was sent, fails as a whole.
#[tokio::test]
async fn body_error_becomes_trailers_or_failure() {
    let app = async |_: Request<RequestBody>| {
        let body = frames(Err(Failure::new("Quota", "none left")));
        Ok::<_, Error>(Response::new(body))
    };
    serve(App::new(app), async |api| {
        let mut peer = api.invoke("1", &event(Door::FunctionUrl, "GET")).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.text_chunk().await, "one");
        let (error_type, error) = peer.trailers().await;
        assert_eq!(error_type, "Function.Quota");
        assert_eq!(error["errorMessage"], "none left");
    })
    .await;
    serve(App::new(app).buffered(), async |api| {
        let mut peer = api.invoke("1", &event(Door::FunctionUrl, "GET")).await;
        let (_, error) = peer.error("invocation/1/error").await;
        assert_eq!(error["errorType"], "Function.Quota");
    })
    .await;
}

#[tokio::test]
async fn body_trailers_are_dropped() {
    let app = async |_: Request<RequestBody>| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum", "1".parse()?);
        Ok::<_, Error>(Response::new(frames(Ok(Frame::trailers(trailers)))))
    };
    serve(App::new(app), async |api| {
        let mut peer = api.invoke("1", &event(Door::FunctionUrl, "GET")).await;
        peer.response_head("1").await;
        peer.prelude().await;
        assert_eq!(peer.rest().await, b"one");
    })
    .await;
    serve(App::new(app).buffered(), async |api| {
        let mut peer = api.invoke("1", &event(Door::HttpApi, "GET")).await;
        let (_, document) = document(&mut peer, "1").await;
        assert_eq!(document["body"], "one");
    })
    .await;
}

#[tokio::test]
async fn oversized_buffered_body_stops_being_polled() {
    for (door, limit) in [
        (Door::AlbMulti, 1024 * 1024),
        (Door::AlbSingle, 1024 * 1024),
        (Door::HttpApi, 6_291_556),
        (Door::RestApi, 6_291_556),
    ] {
        let polled = Rc::new(Cell::new(0));
        let app = App::new(async |_: Request<RequestBody>| {
            let polled = Rc::clone(&polled);
            let endless = futures::stream::repeat_with(move || {
                polled.set(polled.get() + 1);
                Ok::<_, Error>(Frame::data(Bytes::from(vec![b'x'; 1024])))
            });
            Ok::<_, Error>(Response::new(StreamBody::new(endless)))
        });
        serve(app.buffered(), async |api| {
            let mut peer = api.invoke("1", &event(door, "GET")).await;
            let (_, error) = peer.error("invocation/1/error").await;
            assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
            let text = error["errorMessage"].as_str().unwrap();
            assert!(text.contains(&limit.to_string()), "{text}");
        })
        .await;
        assert_eq!(polled.get(), limit / 1024 + 1, "{door:?}");
    }
}

#[tokio::test]
async fn oversized_escaped_document_fails() {
    // Six bytes each in JSON: the body is within the limit, its document is not.
    let app = async |_: Request<RequestBody>| {
        Ok::<_, Error>(Response::new(Full::<Bytes>::from(vec![
            1u8;
            2 * 1024 * 1024
        ])))
    };
    serve(App::new(app).buffered(), async |api| {
        let mut peer = api.invoke("1", &event(Door::HttpApi, "GET")).await;
        let (_, error) = peer.error("invocation/1/error").await;
        assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    })
    .await;
}

#[tokio::test]
async fn only_text_bodies_stay_unencoded() {
    for (content_type, encoding, body, is_base64) in [
        (Some("text/plain"), None, &b"a"[..], false),
        (Some("Text/HTML; charset=utf-8"), None, b"a", false),
        (Some("application/json"), None, b"{}", false),
        (Some("application/problem+json"), None, b"{}", false),
        (Some("image/svg+xml"), None, b"<svg/>", false),
        (None, None, b"a", false),
        (None, Some("identity"), b"a", false),
        (Some("text/plain"), None, b"\xff", true),
        (Some("text/plain"), Some("gzip"), b"a", true),
        (Some("image/png"), None, b"a", true),
        (Some("application/octet-stream"), None, b"a", true),
        (Some("application/x-protobuf"), None, b"a", true),
    ] {
        let app = async |_: Request<RequestBody>| {
            let mut response = Response::builder();
            for (name, value) in [
                ("content-type", content_type),
                ("content-encoding", encoding),
            ] {
                if let Some(value) = value {
                    response = response.header(name, value);
                }
            }
            response.body(Full::<Bytes>::from(body))
        };
        serve(App::new(app).buffered(), async |api| {
            let mut peer = api.invoke("1", &event(Door::HttpApi, "GET")).await;
            let (_, document) = document(&mut peer, "1").await;
            assert_eq!(
                document["isBase64Encoded"], is_base64,
                "{content_type:?} {encoding:?}"
            );
            assert_eq!(Door::HttpApi.read(&document).body, body);
        })
        .await;
    }
}

#[tokio::test]
async fn unknown_event_names_known_front_doors() {
    for app in [App::new(page), App::new(page).buffered()] {
        serve(app, async |api| {
            let mut peer = api.invoke("1", r#"{"Records":[]}"#).await;
            let (_, error) = peer.error("invocation/1/error").await;
            assert_eq!(error["errorType"], "Function.InvalidEvent");
            let text = error["errorMessage"].as_str().unwrap();
            assert!(text.contains("Looked for: API Gateway REST"), "{text}");
        })
        .await;
    }
}

/// One worker serves all of the requests, so the state of a service stays its own.
#[tokio::test]
async fn service_is_polled_ready_before_call() {
    #[derive(Clone)]
    struct Shy {
        is_ready: bool,
        calls: u32,
    }
    impl tower::Service<Request<RequestBody>> for Shy {
        type Response = Response<Full<Bytes>>;
        type Error = Error;
        type Future = std::future::Ready<Answer>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
            if std::mem::replace(&mut self.is_ready, true) {
                return Poll::Ready(Ok(()));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }

        fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
            assert!(std::mem::take(&mut self.is_ready));
            self.calls += 1;
            let body = Full::from(self.calls.to_string());
            std::future::ready(Ok(Response::new(body)))
        }
    }
    let app = Shy {
        is_ready: false,
        calls: 0,
    };
    serve(App::new(app), async |api| {
        let mut peer = api.accept().await;
        for n in ["1", "2", "3"] {
            peer.invoke(n, &event(Door::FunctionUrl, "GET")).await;
            peer.response_head(n).await;
            peer.prelude().await;
            assert_eq!(peer.rest().await, n.as_bytes());
            peer.accepted().await;
        }
    })
    .await;
}
