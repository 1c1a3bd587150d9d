//! Raw sockets on both sides of the local Lambda: a program scripted by the test, and clients.
//!
//! Everything is asserted on bytes, so that no HTTP library's habits stand between test and server.
//! The timeout is a guard against hanging; nothing waits for it to pass.

// Each test binary uses its part of this.
#![allow(dead_code)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use lambda_stream::local::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const GUARD: Duration = Duration::from_secs(30);

pub const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future)
        .await
        .expect("the server did not do this in time")
}

pub fn server() -> Server {
    Server::start("127.0.0.1:0").expect("a free port")
}

/// Prelude, delimiter and payload.
pub fn framed(prelude: &str, payload: &[u8]) -> Vec<u8> {
    [prelude.as_bytes(), &[0; 8], payload].concat()
}

/// Status line and headers, names in lower case.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Head {
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

/// One connection and what was read of it.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::of(within(TcpStream::connect(address)).await.unwrap())
    }

    /// A connection whose system buffers are small, so that backpressure is felt early.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(256 * 1024).unwrap();
        socket.set_send_buffer_size(256 * 1024).unwrap();
        Self::of(within(socket.connect(address)).await.unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let read = Vec::new();
        Self { stream, read }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Writes, unless the other side takes nothing for this long.
    pub async fn try_write_within(&mut self, bytes: &[u8], limit: Duration) -> bool {
        tokio::time::timeout(limit, self.stream.write_all(bytes))
            .await
            .is_ok_and(|written| written.is_ok())
    }

    /// Sends nothing more.
    pub async fn half_close(&mut self) {
        within(self.stream.shutdown()).await.unwrap();
    }

    /// Reads to the end, and returns how the connection ended.
    pub async fn closed_with(&mut self) -> (Vec<u8>, std::io::Result<()>) {
        let read = within(self.stream.read_to_end(&mut self.read)).await;
        (std::mem::take(&mut self.read), read.map(drop))
    }

    /// Whether there was more to read.
    async fn fill(&mut self) -> bool {
        matches!(within(self.stream.read_buf(&mut self.read)).await, Ok(read) if read > 0)
    }

    async fn take(&mut self, len: usize) -> Vec<u8> {
        while self.read.len() < len {
            assert!(self.fill().await, "the connection ended early");
        }
        self.read.drain(..len).collect()
    }

    async fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|it| it == end) {
                return Some(self.read.drain(..at + end.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    pub async fn head(&mut self) -> Head {
        let bytes = self.take_until(b"\r\n\r\n").await.expect("a head");
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Head {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        }
    }

    /// The next chunk of a chunked body; the last one is empty. `None` when the connection ended
    /// instead.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.take_until(b"\r\n").await?;
        let size = std::str::from_utf8(&line).unwrap().trim_end();
        let size = usize::from_str_radix(size, 16).unwrap();
        let mut chunk = self.take(size + 2).await;
        assert_eq!(chunk.split_off(size), b"\r\n");
        Some(chunk)
    }

    /// The rest of the body, however its length is told.
    pub async fn body(&mut self, head: &Head) -> Vec<u8> {
        if let Some(length) = head.get("content-length") {
            return self.take(length.parse().unwrap()).await;
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

    /// Head and body of one response.
    pub async fn response(&mut self) -> (Head, Vec<u8>) {
        let head = self.head().await;
        let body = self.body(&head).await;
        (head, body)
    }

    /// Waits until the other side has closed; what it still sent is returned.
    pub async fn closed(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.read)
    }
}

/// A client of the front door.
pub async fn client(server: &Server) -> Wire {
    Wire::connect(server.address()).await
}

/// A client that has sent this event to `/invoke`.
pub async fn invoke(server: &Server, event: &str) -> Wire {
    let mut client = client(server).await;
    client.write(post("/invoke", "", event)).await;
    client
}

/// A client that has sent this request without a body.
pub async fn request(server: &Server, method: &str, target: &str) -> Wire {
    let mut client = client(server).await;
    client
        .write(format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost:7000\r\n\r\n"
        ))
        .await;
    client
}

/// A POST; `headers` are whole lines.
pub fn post(target: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: localhost:7000\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An invocation as the program receives it.
pub struct Invocation {
    pub head: Head,
    pub event: String,
}

impl Invocation {
    pub fn id(&self) -> &str {
        self.head.get("lambda-runtime-aws-request-id").unwrap()
    }
}

/// The program behind the Runtime API, call by call.
pub struct Program(pub Wire);

impl Program {
    pub async fn connect(server: &Server) -> Self {
        Self(Wire::connect(server.runtime_api()).await)
    }

    pub async fn ask(&mut self) {
        self.get("/2018-06-01/runtime/invocation/next").await;
    }

    pub async fn get(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.write(request).await;
    }

    pub async fn taken(&mut self) -> Invocation {
        let (head, event) = self.0.response().await;
        let event = String::from_utf8(event).unwrap();
        assert_eq!(head.status, 200, "{event}");
        Invocation { head, event }
    }

    pub async fn next(&mut self) -> Invocation {
        self.ask().await;
        self.taken().await
    }

    /// Sends the head of a chunked response; `headers` are whole lines.
    pub async fn begin_with(&mut self, id: &str, headers: &str) {
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}transfer-encoding: chunked\r\n\r\n"
        );
        self.0.write(head).await;
    }

    /// Begins a streamed HTTP response.
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

    /// A whole streamed HTTP response in one chunk, and the answer to it.
    pub async fn respond(&mut self, id: &str, prelude: &str, payload: &[u8]) {
        self.begin(id).await;
        self.chunk(framed(prelude, payload)).await;
        self.end().await;
        self.accepted().await;
    }

    /// A whole body of known length, and the answer to it.
    pub async fn post(&mut self, path: &str, headers: &str, body: &str) -> (Head, String) {
        let path = format!("/2018-06-01/runtime/{path}");
        self.0.write(post(&path, headers, body)).await;
        self.answer().await
    }

    pub async fn answer(&mut self) -> (Head, String) {
        let (head, body) = self.0.response().await;
        (head, String::from_utf8(body).unwrap())
    }

    pub async fn accepted(&mut self) {
        let (head, body) = self.answer().await;
        assert_eq!((head.status, body.as_str()), (202, r#"{"status":"OK"}"#));
    }
}

pub fn chunked(data: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", data.len());
    [size.as_bytes(), data, b"\r\n"].concat()
}

/// The trailers of a response that failed, behind its last chunk.
pub fn failed_end(error_type: &str, document_base64: &str) -> String {
    format!(
        "0\r\nLambda-Runtime-Function-Error-Type: {error_type}\r\n\
         Lambda-Runtime-Function-Error-Body: {document_base64}\r\n\r\n"
    )
}
