//! A Runtime API that a test plays by hand, byte for byte, over a plain TCP connection.

#![allow(dead_code, unused_imports)]

mod wire;

use std::time::Duration;

use bytes::Bytes;
use lambda_stream::{Error, Handler, RunError, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub use wire::Wire;

pub type Item = Result<Bytes, Error>;

/// Only a failure takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a handler against the script of a Runtime API until the script is through.
///
/// Both are polled in this task, so nothing has to be `Send`.
pub async fn serve<H, M, T>(handler: H, script: impl AsyncFnOnce(Api) -> T) -> T
where
    H: Handler<M>,
{
    serve_with(Runtime::new(), handler, script).await
}

/// The same with options.
pub async fn serve_with<H, M, T>(
    runtime: Runtime,
    handler: H,
    script: impl AsyncFnOnce(Api) -> T,
) -> T
where
    H: Handler<M>,
{
    let api = Api::bind().await;
    let runtime = runtime.runtime_api(api.address());
    patiently(async {
        tokio::select! {
            ended = runtime.run(handler) => panic!("the runtime ended: {ended:?}"),
            output = script(api) => output,
        }
    })
    .await
}

/// Runs a handler against a script, and returns what ended the runtime.
pub async fn ends<H, M>(handler: H, script: impl AsyncFnOnce(Api)) -> RunError
where
    H: Handler<M>,
{
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    patiently(async {
        let (ended, ()) = tokio::join!(runtime.run(handler), script(api));
        ended.expect_err("it ends with an error only")
    })
    .await
}

pub async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it did not come to an end")
}

pub struct Api {
    listener: TcpListener,
}

impl Api {
    pub async fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            unread: Vec::new(),
            raw: Vec::new(),
        }
    }

    /// Accepts a connection and hands out one invocation on it.
    pub async fn invoke(&self, id: &str, event: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.invoke(id, event).await;
        peer
    }
}

/// The Runtime API's end of one connection.
pub struct Peer {
    pub stream: TcpStream,
    unread: Vec<u8>,
    /// Everything that was received, as it came.
    pub raw: Vec<u8>,
}

impl Peer {
    /// Answers a `GET …/next` with an event.
    pub async fn invoke(&mut self, id: &str, event: &str) {
        self.invoke_with(id, event, "").await;
    }

    /// The same with more headers, each ending in `\r\n`.
    pub async fn invoke_with(&mut self, id: &str, event: &str, headers: &str) {
        self.expect_next().await;
        self.write(&format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\n{headers}Content-Length: {}\r\n\r\n{event}",
            event.len()
        ))
        .await;
    }

    pub async fn expect_next(&mut self) {
        let head = self.head().await;
        assert!(
            head.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"),
            "{head}"
        );
    }

    pub async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Accepts what was posted.
    pub async fn accepted(&mut self) {
        self.answer("202 Accepted", r#"{"status":"OK"}"#).await;
    }

    pub async fn answer(&mut self, status: &str, body: &str) {
        self.write(&format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    }

    async fn more(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let n = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..n]);
        self.raw.extend_from_slice(&buffer[..n]);
        n
    }

    /// Reads up to and with this text.
    pub async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            let found = self.unread.windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                return self.unread.drain(..at + end.len()).collect();
            }
            assert!(self.more().await > 0, "closed after {:?}", self.text());
        }
    }

    async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            assert!(self.more().await > 0, "closed after {:?}", self.text());
        }
        self.unread.drain(..len).collect()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Reads the head of a request.
    pub async fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n").await).unwrap()
    }

    /// Reads the head of a response that is being streamed.
    pub async fn response_head(&mut self, id: &str) -> String {
        let head = self.head().await;
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        head
    }

    /// Reads one chunk; `None` for the last one, which has no data.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.until(b"\r\n").await;
        let size = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return None;
        }
        let mut data = self.exactly(size + 2).await;
        assert_eq!(data.split_off(size), b"\r\n");
        Some(data)
    }

    pub async fn text_chunk(&mut self) -> String {
        String::from_utf8(self.chunk().await.expect("a chunk")).unwrap()
    }

    /// Reads payload of this length, in however many chunks it comes.
    pub async fn payload(&mut self, len: usize) -> String {
        let mut payload = Vec::new();
        while payload.len() < len {
            payload.extend(self.chunk().await.expect("a chunk"));
        }
        String::from_utf8(payload).unwrap()
    }

    /// Reads prelude and delimiter, each a chunk of its own.
    pub async fn prelude(&mut self) -> String {
        let prelude = self.text_chunk().await;
        assert_eq!(self.chunk().await.as_deref(), Some(&[0; 8][..]));
        prelude
    }

    /// Reads what is left of a body, without trailers.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        while let Some(chunk) = self.chunk().await {
            rest.extend_from_slice(&chunk);
        }
        assert_eq!(self.exactly(2).await, b"\r\n", "no trailers");
        rest
    }

    /// Reads the last chunk and the trailers behind it: the type, and the error document.
    pub async fn trailers(&mut self) -> (String, serde_json::Value) {
        use base64::Engine;

        assert_eq!(self.chunk().await, None);
        let lines = String::from_utf8(self.until(b"\r\n\r\n").await).unwrap();
        let mut lines = lines.lines();
        let mut line = |name: &str| {
            let line = lines.next().unwrap();
            let (found, value) = line.split_once(": ").unwrap();
            assert_eq!(found, name);
            value.to_owned()
        };
        let error_type = line("Lambda-Runtime-Function-Error-Type");
        let body = line("Lambda-Runtime-Function-Error-Body");
        assert_eq!(lines.next(), Some(""));
        assert_eq!(lines.next(), None);
        let body = base64::engine::general_purpose::STANDARD
            .decode(body)
            .unwrap();
        (error_type, serde_json::from_slice(&body).unwrap())
    }

    /// Reads a `POST …/error`: its head and the error document.
    pub async fn error(&mut self, path: &str) -> (String, serde_json::Value) {
        let head = self.head().await;
        let line = format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        let length = header(&head, "Content-Length").parse().unwrap();
        let body = self.exactly(length).await;
        (head, serde_json::from_slice(&body).unwrap())
    }

    /// Waits until the runtime has closed its end.
    pub async fn closed(&mut self) {
        while self.more().await > 0 {}
    }
}

/// The value of a header, whose name is compared exactly.
pub fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut found = head.lines().filter_map(|line| line.strip_prefix(&prefix));
    let value = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {head}"));
    assert!(found.next().is_none(), "{name} is there twice: {head}");
    value
}

/// A stream of these texts.
pub fn texts<const N: usize>(texts: [&'static str; N]) -> impl futures::Stream<Item = Item> {
    tokio_stream::iter(texts.map(|text| Ok(Bytes::from_static(text.as_bytes()))))
}
