//! A connection to a local Lambda.

use std::error::Error;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection on which one request follows the other.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    /// Connects to an address, with or without `http://` before it.
    pub(crate) async fn connect(address: &str) -> Result<Self, Box<dyn Error>> {
        let host = address
            .strip_prefix("http://")
            .unwrap_or(address)
            .trim_end_matches('/');
        let stream = TcpStream::connect(host).await.map_err(|error| {
            format!(
                "there is no local Lambda at {host}: {error}; start one with `lambda-stream local -- \
                 PROGRAM`, or with `cargo run` in a project that uses lambda-stream"
            )
        })?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its errors are those of the request that is under way.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: host.to_owned(),
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Response<Incoming>, Box<dyn Error>> {
        self.send(Request::get(path), Bytes::new()).await
    }

    pub(crate) async fn post(
        &mut self,
        path: &str,
        json: Bytes,
    ) -> Result<Response<Incoming>, Box<dyn Error>> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request, json).await
    }

    async fn send(
        &mut self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Incoming>, Box<dyn Error>> {
        let request = request.header(HOST, &self.host).body(Full::new(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// Returns the response if it is a success, and its own explanation as an error if not.
pub(crate) async fn successful(
    response: Response<Incoming>,
) -> Result<Response<Incoming>, Box<dyn Error>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.into_body().collect().await?.to_bytes();
    let said = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let message = ["errorMessage", "message"]
        .iter()
        .find_map(|name| said[*name].as_str());
    Err(match message {
        Some(message) => format!("{status}: {message}"),
        None if status == StatusCode::NOT_FOUND => {
            format!("{status}: is this the address of a local Lambda?")
        }
        None => status.to_string(),
    }
    .into())
}

/// Reads a whole JSON document.
pub(crate) async fn document(response: Response<Incoming>) -> Result<Value, Box<dyn Error>> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}
