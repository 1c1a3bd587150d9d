//! The peers, which serve the same route.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lambda_stream::{Head, LambdaEvent};
use serde_json::{Value, json};

use crate::Error;

/// Names of the peers; the others are compared with the first.
pub const NAMES: [&str; 7] = [
    "bare hyper, a fixed answer",
    "lambda_stream::run, no event decoded",
    "lambda_stream::web::run, axum",
    "the same app with a second route that streams",
    "lambda_http::run_with_streaming_response, axum",
    "lambda_stream::web::run_buffered, axum",
    "lambda_http::run, axum",
];

pub async fn run(name: &str) -> Result<(), Error> {
    match NAMES.iter().position(|known| *known == name) {
        Some(0) => hyper().await,
        Some(1) => Ok(lambda_stream::run(handler).await?),
        Some(2) => Ok(lambda_stream::web::run(app()).await?),
        Some(3) => Ok(lambda_stream::web::run(mixed_app()).await?),
        Some(4) => lambda_http::run_with_streaming_response(app()).await,
        Some(5) => Ok(lambda_stream::web::run_buffered(app()).await?),
        Some(6) => lambda_http::run(app()).await,
        _ => Err(format!("no peer is called {name}").into()),
    }
}

fn app() -> Router {
    Router::new().route("/api/squares/{n}", get(square))
}

/// The same app with a second route, which streams.
fn mixed_app() -> Router {
    let ticks = async || {
        let ticks = tokio_stream::iter([Ok::<_, Error>("data: tick\n\n")]);
        axum::body::Body::from_stream(ticks)
    };
    app().route("/ticks", get(ticks))
}

async fn square(Path(n): Path<u32>) -> Json<Value> {
    Json(json!({"n": n, "square": u64::from(n).pow(2)}))
}

type Answer = (Head, tokio_stream::Once<Result<Bytes, Error>>);

async fn handler(_: LambdaEvent<Bytes>) -> Result<Answer, Error> {
    let answer = json!({"n": 12, "square": 144}).to_string();
    let head = Head::ok().content_type("application/json");
    Ok((head, tokio_stream::once(Ok(answer.into()))))
}

/// Sends a fixed answer over one connection, one request after another.
async fn hyper() -> Result<(), Error> {
    const ANSWER: &[u8] =
        b"{\"statusCode\":200,\"headers\":{\"content-type\":\"application/json\"},\
        \"cookies\":[]}\0\0\0\0\0\0\0\0{\"n\":12,\"square\":144}";
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let stream = tokio::net::TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    loop {
        let next = Request::get("/2018-06-01/runtime/invocation/next")
            .header("host", &address)
            .body(Full::<Bytes>::default())?;
        sender.ready().await?;
        let (parts, event) = sender.send_request(next).await?.into_parts();
        event.collect().await?;
        let id = id(&parts.headers)?;
        let response = Request::post(format!("/2018-06-01/runtime/invocation/{id}/response"))
            .header("host", &address)
            .header("lambda-runtime-function-response-mode", "streaming")
            .header(
                "content-type",
                "application/vnd.awslambda.http-integration-response",
            )
            .body(Full::from(ANSWER))?;
        sender.ready().await?;
        sender
            .send_request(response)
            .await?
            .into_body()
            .collect()
            .await?;
    }
}

fn id(headers: &HeaderMap) -> Result<&str, Error> {
    Ok(headers
        .get("lambda-runtime-aws-request-id")
        .ok_or("no id")?
        .to_str()?)
}
