//! A client over one connection.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};

use super::{Asked, Seen};

/// A connection; it is closed when this is dropped.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    pub async fn connect(address: impl ToSocketAddrs) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { sender, connection }
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Response<Incoming> {
        let request = Request::get(path).header("host", "localhost");
        self.send(request.body(Full::default()).unwrap()).await
    }

    /// Posts an event.
    pub async fn invoke(&mut self, event: &serde_json::Value) -> Response<Incoming> {
        let request = Request::post("/invoke").header("host", "localhost");
        let body = Full::from(event.to_string());
        self.send(request.body(body).unwrap()).await
    }

    pub async fn ask(&mut self, asked: &Asked) -> Seen {
        let mut request = Request::builder().method(asked.method).uri(asked.target());
        for (name, value) in &asked.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(asked.body.clone())).unwrap();
        seen(self.send(request).await).await
    }
}

pub async fn seen(response: Response<Incoming>) -> Seen {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Seen::new(parts.status, &parts.headers, body)
}
