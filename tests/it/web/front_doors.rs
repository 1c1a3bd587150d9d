//! An axum app responds the same through every front door as through plain hyper.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{AppendHeaders, Html, Redirect};
use axum::routing::{get, post};
use lambda_stream::Context;
use lambda_stream::web::{App, RequestContext};
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::support::client::{Client, client_response};
use crate::support::doors::Door;
use crate::support::exchange::{ClientRequest, ClientResponse};
use crate::support::local::with_lambda;
use crate::support::run_until;

fn app() -> Router {
    let chunks = || {
        let chunks = ["one\n", "", "two\n", "three\n"].map(Ok::<_, Infallible>);
        Body::from_stream(tokio_stream::iter(chunks))
    };
    Router::new()
        .route("/", get(async || Html("<h1>hello</h1>")))
        .route("/json", get(async || axum::Json(json!({"a": [1, "é"]}))))
        .route("/stream", get(async move || chunks()))
        .route(
            "/echo",
            post(async |body: Bytes| body).put(async |body: Bytes| body),
        )
        .route("/redirect", get(async || Redirect::to("/json?a=1")))
        .route("/moved", get(async || Redirect::permanent("/")))
        .route("/nothing", get(async || StatusCode::NO_CONTENT))
        .route(
            "/unchanged",
            get(async || (StatusCode::NOT_MODIFIED, [(header::ETAG, "\"1\"")])),
        )
        .route("/empty", get(async || ()))
        .route(
            "/teapot",
            get(async || (StatusCode::IM_A_TEAPOT, "short and stout")),
        )
        .route(
            "/query",
            get(async |RawQuery(query): RawQuery| query.unwrap_or_default()),
        )
        .route(
            "/path/{name}/{*rest}",
            get(async |Path(names): Path<(String, String)>| format!("{names:?}")),
        )
        .route("/uri-path", get(async |uri: Uri| uri.path().to_owned()))
        .route(
            "/cookie",
            get(async |headers: HeaderMap| {
                let sent = headers
                    .get("cookie")
                    .map(|cookie| cookie.to_str().unwrap().to_owned());
                (
                    [(header::SET_COOKIE, "a=1; Path=/")],
                    sent.unwrap_or_default(),
                )
            }),
        )
        .route(
            "/repeated",
            get(async || AppendHeaders([("x-twice", "1"), ("x-twice", "2"), ("x-once", "é?")])),
        )
        .route(
            "/binary",
            get(async || {
                let bytes: Vec<u8> = (0..=255).collect();
                ([(header::CONTENT_TYPE, "image/png")], bytes)
            }),
        )
        .route(
            "/no-utf-8",
            get(async || ([(header::CONTENT_TYPE, "text/plain")], vec![0xff, 0, 1])),
        )
}

fn table() -> Vec<ClientRequest> {
    vec![
        ClientRequest::new("GET", "/"),
        ClientRequest::new("GET", "/json"),
        ClientRequest::new("GET", "/stream"),
        ClientRequest::new("POST", "/echo").body("text\r\n\"é\" and more"),
        ClientRequest::new("PUT", "/echo").body((0..=255).collect::<Vec<u8>>()),
        ClientRequest::new("POST", "/echo"),
        ClientRequest::new("GET", "/redirect"),
        ClientRequest::new("GET", "/moved"),
        ClientRequest::new("GET", "/nothing"),
        ClientRequest::new("GET", "/unchanged"),
        ClientRequest::new("GET", "/empty"),
        ClientRequest::new("GET", "/teapot"),
        ClientRequest::new("GET", "/query"),
        ClientRequest::new("GET", "/query").query("a=x%20y&b=%26%C3%A9&c="),
        ClientRequest::new("GET", "/path/a%20b/c/d%2Fe"),
        ClientRequest::new("GET", "/cookie"),
        ClientRequest::new("GET", "/cookie").header("cookie", "b=2; c=3"),
        ClientRequest::new("GET", "/repeated"),
        ClientRequest::new("GET", "/binary"),
        ClientRequest::new("GET", "/no-utf-8"),
        ClientRequest::new("GET", "/missing"),
        ClientRequest::new("POST", "/json"),
        ClientRequest::new("HEAD", "/"),
        ClientRequest::new("HEAD", "/stream"),
        ClientRequest::new("HEAD", "/redirect"),
        ClientRequest::new("OPTIONS", "/json"),
        ClientRequest::new("OPTIONS", "/json")
            .header("origin", "http://app.localhost")
            .header("access-control-request-method", "GET"),
    ]
}

fn layered(app: Router) -> Router {
    app.layer(TimeoutLayer::with_status_code(
        StatusCode::REQUEST_TIMEOUT,
        std::time::Duration::from_secs(20),
    ))
    .layer(TraceLayer::new_for_http())
    .layer(CorsLayer::permissive())
}

/// Serves the app on a socket, without this library.
async fn plainly(app: Router, clients: impl AsyncFnOnce(SocketAddr)) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    run_until(axum::serve(listener, app).into_future(), clients(address)).await;
}

/// Returns what a client of plain hyper sees for each request of the table.
async fn expected(app: Router, table: &[ClientRequest]) -> Vec<ClientResponse> {
    let mut all = Vec::new();
    plainly(app, async |address| {
        let mut client = Client::connect(address).await;
        for sent in table {
            all.push(client.exchange(sent).await);
        }
    })
    .await;
    all
}

#[tokio::test]
async fn local_function_url_equals_plain_hyper() {
    for app in [app(), layered(app())] {
        let table = table();
        let expected = expected(app.clone(), &table).await;
        with_lambda(App::new(app), async |server| {
            let mut client = Client::connect(server.address()).await;
            for (sent, expected) in table.iter().zip(&expected) {
                assert_eq!(&client.exchange(sent).await, expected, "{sent:?}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn streaming_front_doors_equal_plain_hyper() {
    let table = table();
    let expected = expected(layered(app()), &table).await;
    with_lambda(App::new(layered(app())), async |server| {
        let mut client = Client::connect(server.address()).await;
        for door in [Door::FunctionUrl, Door::RestApi] {
            for (sent, expected) in table.iter().zip(&expected) {
                let response = client.invoke(&door.event(sent)).await;
                assert_eq!(
                    &client_response(response).await,
                    expected,
                    "{door:?} {sent:?}"
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn buffered_front_doors_equal_plain_hyper() {
    let table = table();
    let expected = expected(layered(app()), &table).await;
    with_lambda(App::new(layered(app())).buffered(), async |server| {
        let mut client = Client::connect(server.address()).await;
        for door in Door::ALL {
            for (sent, expected) in table.iter().zip(&expected) {
                let document = client_response(client.invoke(&door.event(sent)).await)
                    .await
                    .body;
                let document: Value = serde_json::from_slice(&document).unwrap();
                assert_eq!(&door.read(&document), expected, "{door:?} {sent:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn front_doors_preserve_compressed_responses() {
    let app = || {
        let text = async || "much of the same, ".repeat(1000);
        Router::new()
            .route("/", get(text))
            .layer(CompressionLayer::new())
    };
    let table = [ClientRequest::new("GET", "/").header("accept-encoding", "gzip")];
    let expected = expected(app(), &table).await;
    assert_eq!(expected[0].headers["content-encoding"], "gzip");
    with_lambda(App::new(app()).buffered(), async |server| {
        let mut client = Client::connect(server.address()).await;
        for door in Door::ALL {
            let document = client_response(client.invoke(&door.event(&table[0])).await)
                .await
                .body;
            let document: Value = serde_json::from_slice(&document).unwrap();
            assert_eq!(door.read(&document), expected[0], "{door:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn extractors_are_optional_outside_lambda() {
    let app = || {
        let tell = async |context: Option<Context>, request: Option<RequestContext>| {
            let ip = request.and_then(|request| request.source_ip().map(str::to_owned));
            format!("{} {ip:?}", context.is_some())
        };
        let needs = async |context: Context| context.request_id().to_owned();
        let claims = async |claims: lambda_stream::web::Claims| format!("{:?}", claims.get("sub"));
        Router::new()
            .route("/tell", get(tell))
            .route("/needs", get(needs))
            .route("/claims", get(claims))
    };
    let table = [
        ClientRequest::new("GET", "/tell"),
        ClientRequest::new("GET", "/needs"),
    ];
    let plain = expected(app(), &table).await;
    assert_eq!(plain[0].body, b"false None");
    assert_eq!(plain[1].status, StatusCode::INTERNAL_SERVER_ERROR);
    with_lambda(App::new(app()), async |server| {
        let mut client = Client::connect(server.address()).await;
        let told = client.exchange(&table[0]).await;
        assert_eq!(told.body, b"true Some(\"127.0.0.1\")");
        assert!(!client.exchange(&table[1]).await.body.is_empty());
        let refused = client.exchange(&ClientRequest::new("GET", "/claims")).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let sent = ClientRequest::new("GET", "/claims");
        let mut event = Door::HttpApi.event(&sent);
        event["requestContext"]["authorizer"] =
            json!({"jwt": {"claims": {"sub": "7"}, "scopes": null}});
        assert_eq!(
            client_response(client.invoke(&event).await).await.body,
            b"Some(\"7\")"
        );
    })
    .await;
}

#[tokio::test]
async fn base_path_and_stage_are_configurable() {
    let fallback = || Router::new().fallback(async |uri: Uri| uri.path().to_owned());
    let sent = ClientRequest::new("GET", "/v1/users");
    for (app, seen_path) in [
        (App::new(fallback()), "/v1/users"),
        (App::new(fallback()).base_path("v1"), "/users"),
        (App::new(fallback()).keep_stage(), "/prod/v1/users"),
    ] {
        with_lambda(app, async |server| {
            let mut client = Client::connect(server.address()).await;
            for door in [Door::RestApi, Door::HttpApi] {
                let response = client_response(client.invoke(&door.event(&sent)).await).await;
                assert_eq!(response.body, seen_path.as_bytes(), "{door:?}");
            }
        })
        .await;
    }
}
