//! Raw sockets on both sides of the local Lambda: a program scripted by the test, and its clients.

use std::net::SocketAddr;
use std::time::Duration;

use lambda_stream::local::Server;
use lambda_stream::{Handler, Runtime};
use tokio::net::{TcpSocket, TcpStream};

use super::connection::Connection;
use super::patience::{patiently, run_until};

pub const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

pub fn server() -> Server {
    Server::start("127.0.0.1:0").expect("a free port")
}

/// Runs a handler in a local Lambda until the script of its clients has come to its end.
pub async fn with_lambda<H, M, T>(handler: H, clients: impl AsyncFnOnce(&Server) -> T) -> T
where
    H: Handler<M>,
{
    let server = server();
    let runtime = Runtime::new().runtime_api(server.runtime_api().to_string());
    run_until(runtime.run(handler), clients(&server)).await
}

/// Returns prelude, delimiter and payload.
pub fn framed(prelude: &str, payload: &[u8]) -> Vec<u8> {
    [prelude.as_bytes(), &[0; 8], payload].concat()
}

/// Status line and headers, names in lower case.
#[derive(Debug)]
pub struct ResponseHead {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl ResponseHead {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// A connection on which requests are written and responses are read.
pub struct RawClient(Connection);

impl RawClient {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = patiently(TcpStream::connect(address)).await.unwrap();
        Self(Connection::new(stream))
    }

    /// Connects with small system buffers, so that backpressure is felt early.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(256 * 1024).unwrap();
        socket.set_send_buffer_size(256 * 1024).unwrap();
        let stream = patiently(socket.connect(address)).await.unwrap();
        Self(Connection::new(stream))
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write(bytes).await;
    }

    /// Writes, unless the server takes nothing for this long.
    pub async fn try_write_within(&mut self, bytes: &[u8], limit: Duration) -> bool {
        self.0.try_write_within(bytes, limit).await
    }

    /// Ends the client's direction of the connection.
    pub async fn half_close(&mut self) {
        self.0.half_close().await;
    }

    /// Reads to the end, and returns how the connection ended.
    pub async fn closed_with(&mut self) -> (Vec<u8>, std::io::Result<()>) {
        self.0.closed_with().await
    }

    /// Reads the head of a response.
    pub async fn head(&mut self) -> ResponseHead {
        let text = self.0.head().await;
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        ResponseHead {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        }
    }

    /// Reads the next chunk of a chunked body without trailers; the last one is empty. Returns
    /// `None` when the connection ends instead.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let chunk = self.0.try_chunk().await?;
        if chunk.is_empty() {
            assert_eq!(self.0.exactly(2).await, b"\r\n");
        }
        Some(chunk)
    }

    /// Reads the rest of the body, chunked or of known length.
    pub async fn body(&mut self, head: &ResponseHead) -> Vec<u8> {
        if let Some(length) = head.get("content-length") {
            return self.0.exactly(length.parse().unwrap()).await;
        }
        assert_eq!(head.get("transfer-encoding"), Some("chunked"), "{head:?}");
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk().await.expect("the last chunk");
            if chunk.is_empty() {
                return body;
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// Reads the head and the body of one response.
    pub async fn response(&mut self) -> (ResponseHead, Vec<u8>) {
        let head = self.head().await;
        let body = self.body(&head).await;
        (head, body)
    }

    /// Waits until the other end has closed, and returns what was not read yet.
    pub async fn closed(&mut self) -> Vec<u8> {
        self.0.closed().await
    }
}

/// Connects a client to the front door.
pub async fn client(server: &Server) -> RawClient {
    RawClient::connect(server.address()).await
}

/// Connects a client that sends this event to `/invoke`.
pub async fn invoke(server: &Server, event: &str) -> RawClient {
    let mut client = client(server).await;
    client.write(post("/invoke", "", event)).await;
    client
}

/// Connects a client that sends this request without a body.
pub async fn request(server: &Server, method: &str, target: &str) -> RawClient {
    let mut client = client(server).await;
    client
        .write(format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost:7000\r\n\r\n"
        ))
        .await;
    client
}

/// Returns a POST request; `headers` are whole lines.
pub fn post(target: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: localhost:7000\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An invocation as the program receives it.
pub struct Invocation {
    pub head: ResponseHead,
    pub event: String,
}

impl Invocation {
    pub fn id(&self) -> &str {
        self.head.get("lambda-runtime-aws-request-id").unwrap()
    }
}

/// The program that calls the Runtime API, scripted call by call.
pub struct Program(pub RawClient);

impl Program {
    pub async fn connect(server: &Server) -> Self {
        Self(RawClient::connect(server.runtime_api()).await)
    }

    pub async fn request_next(&mut self) {
        self.get("/2018-06-01/runtime/invocation/next").await;
    }

    pub async fn get(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.write(request).await;
    }

    pub async fn invocation(&mut self) -> Invocation {
        let (head, event) = self.0.response().await;
        let event = String::from_utf8(event).unwrap();
        assert_eq!(head.status, 200, "{event}");
        Invocation { head, event }
    }

    pub async fn next(&mut self) -> Invocation {
        self.request_next().await;
        self.invocation().await
    }

    /// Sends the head of a chunked response; `headers` are whole lines.
    pub async fn begin_with(&mut self, id: &str, headers: &str) {
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}transfer-encoding: chunked\r\n\r\n"
        );
        self.0.write(head).await;
    }

    /// Sends the head of a streamed HTTP response.
    pub async fn begin(&mut self, id: &str) {
        let headers = format!(
            "content-type: {HTTP_INTEGRATION}\r\n\
             lambda-runtime-function-response-mode: streaming\r\n\
             trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
        );
        self.begin_with(id, &headers).await;
    }

    pub async fn chunk(&mut self, data: impl AsRef<[u8]>) {
        self.0.write(chunked(data.as_ref())).await;
    }

    pub async fn end(&mut self) {
        self.0.write("0\r\n\r\n").await;
    }

    /// Sends a whole streamed HTTP response in one chunk, and reads the reply.
    pub async fn respond(&mut self, id: &str, prelude: &str, payload: &[u8]) {
        self.begin(id).await;
        self.chunk(framed(prelude, payload)).await;
        self.end().await;
        self.accepted().await;
    }

    /// Posts a body of known length, and returns the reply.
    pub async fn post(&mut self, path: &str, headers: &str, body: &str) -> (ResponseHead, String) {
        let path = format!("/2018-06-01/runtime/{path}");
        self.0.write(post(&path, headers, body)).await;
        self.reply().await
    }

    pub async fn reply(&mut self) -> (ResponseHead, String) {
        let (head, body) = self.0.response().await;
        (head, String::from_utf8(body).unwrap())
    }

    pub async fn accepted(&mut self) {
        let (head, body) = self.reply().await;
        assert_eq!((head.status, body.as_str()), (202, r#"{"status":"OK"}"#));
    }
}

pub fn chunked(data: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", data.len());
    [size.as_bytes(), data, b"\r\n"].concat()
}

/// Returns the last chunk and the trailers of a failed response.
pub fn failed_end(error_type: &str, document_base64: &str) -> String {
    format!(
        "0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\n\
         Lambda-Runtime-Function-Error-Body: {document_base64}\r\n\r\n"
    )
}
