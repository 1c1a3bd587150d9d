//! A compressed stream arrives line by line: each line is made only after the previous one was
//! read.

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use bytes::Bytes;
use flate2::write::GzDecoder;
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use lambda_stream::local::Server;
use lambda_stream::web::App;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tower_http::compression::CompressionLayer;

use crate::support::client::Client;
use crate::support::local::with_lambda;

type Lines = Arc<Mutex<Option<UnboundedReceiver<String>>>>;

fn app(lines: Lines) -> Router {
    let events = Arc::clone(&lines);
    let take = |lines: &Lines| {
        let lines = lines.lock().unwrap().take().expect("one request");
        UnboundedReceiverStream::new(lines)
    };
    let ndjson = async move || {
        let lines = take(&lines).map(|line| Ok::<_, Infallible>(format!("{line}\n")));
        let body = Body::from_stream(lines);
        ([(header::CONTENT_TYPE, "application/x-ndjson")], body)
    };
    let sse = async move || {
        let events = take(&events).map(|line| Ok::<_, Infallible>(Event::default().data(line)));
        Sse::new(events)
    };
    Router::new()
        .route("/ndjson", get(ndjson))
        .route("/sse", get(sse))
        // By default, the layer does not compress small bodies and SSE.
        .layer(CompressionLayer::new().compress_when(|_, _, _: &_, _: &_| true))
}

async fn each_line_arrives(path: &str, written: fn(&str) -> String) {
    let (sender, lines) = unbounded_channel();
    let app = App::new(app(Arc::new(Mutex::new(Some(lines)))));
    let client = async |server: &Server| {
        let mut client = Client::connect(server.address()).await;
        let request = Request::get(path)
            .header("host", "localhost")
            .header("accept-encoding", "gzip");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        // The head arrives before the first line is made.
        let response = client.send(request).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let mut body = response.into_body();
        let mut decoder = GzDecoder::new(Vec::new());
        for n in 0..20 {
            let line = format!(r#"{{"n":{n},"text":"much of the same"}}"#);
            let expected = written(&line);
            sender.send(line).unwrap();
            // If the line were held back, no frame would come, and the test would time out.
            while decoder.get_ref().len() < expected.len() {
                let frame = body.frame().await.expect("more").unwrap();
                decoder.write_all(&frame.into_data().unwrap()).unwrap();
                decoder.flush().unwrap();
            }
            assert_eq!(decoder.get_ref(), expected.as_bytes());
            decoder.get_mut().clear();
        }
        drop(sender);
        let rest = body.collect().await.unwrap().to_bytes();
        decoder.write_all(&rest).unwrap();
        assert_eq!(decoder.finish().unwrap(), b"");
    };
    with_lambda(app, client).await;
}

#[tokio::test]
async fn compressed_ndjson_arrives_line_by_line() {
    each_line_arrives("/ndjson", |line| format!("{line}\n")).await;
}

#[tokio::test]
async fn compressed_sse_arrives_event_by_event() {
    each_line_arrives("/sse", |line| format!("data: {line}\n\n")).await;
}
