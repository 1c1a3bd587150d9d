//! An HTTP client on one connection, for tests that need no control over the bytes.

use bytes::Bytes;
use http::{Request, Response};
#[cfg(feature = "axum")]
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};

#[cfg(feature = "axum")]
use super::exchange::{ClientRequest, ClientResponse};

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

    /// Sends a request whose body is text.
    pub async fn request(&mut self, method: &str, path: &str, body: &str) -> Response<Incoming> {
        let request = Request::builder().method(method).uri(path);
        let body = Full::from(body.to_owned());
        self.send(request.header("host", "localhost").body(body).unwrap())
            .await
    }

    /// Posts an event to `/invoke`.
    pub async fn invoke(&mut self, event: &serde_json::Value) -> Response<Incoming> {
        self.request("POST", "/invoke", &event.to_string()).await
    }

    #[cfg(feature = "axum")]
    pub async fn exchange(&mut self, sent: &ClientRequest) -> ClientResponse {
        let mut request = Request::builder().method(sent.method).uri(sent.target());
        for (name, value) in &sent.headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(sent.body.clone())).unwrap();
        client_response(self.send(request).await).await
    }
}

#[cfg(feature = "axum")]
pub async fn client_response(response: Response<Incoming>) -> ClientResponse {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    ClientResponse::new(parts.status, &parts.headers, body)
}
