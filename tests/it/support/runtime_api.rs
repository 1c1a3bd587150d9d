//! A Runtime API that a test plays by hand, byte for byte, over a plain TCP connection.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_stream::{Handler, RunError, Runtime};
use tokio::net::TcpListener;

use super::connection::Connection;
use super::patience::{patiently, run_until};

/// Runs a handler against the script of a Runtime API until the script has come to its end.
///
/// Both are polled in this task, so nothing has to be `Send`.
pub async fn serve<H, M, T>(handler: H, script: impl AsyncFnOnce(Api) -> T) -> T
where
    H: Handler<M>,
{
    serve_with(Runtime::new(), handler, script).await
}

/// Like [`serve`], with options.
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
    // Boxed, so that a test with several runtimes fits the stack of its thread without
    // optimization.
    run_until(Box::pin(runtime.run(handler)), Box::pin(script(api))).await
}

/// Runs a handler against a script, and returns the error that ended the runtime.
pub async fn run_to_end<H, M>(handler: H, script: impl AsyncFnOnce(Api)) -> RunError
where
    H: Handler<M>,
{
    let api = Api::bind().await;
    let runtime = Runtime::new().runtime_api(api.address());
    patiently(async {
        let (ended, ()) = tokio::join!(Box::pin(runtime.run(handler)), script(api));
        ended.expect_err("the runtime ends with an error only")
    })
    .await
}

/// The response to `GET …/next` that hands out an invocation; `headers` are whole lines.
pub fn invocation(id: &str, event: &str, headers: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\n{headers}Content-Length: {}\r\n\r\n{event}",
        event.len()
    )
}

/// The header line for a deadline that is this far away.
pub fn deadline(from_now: Duration) -> String {
    let at = SystemTime::now() + from_now;
    let ms = at.duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("Lambda-Runtime-Deadline-Ms: {ms}\r\n")
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
        Peer(Connection::new(stream))
    }

    /// Accepts a connection and hands out one invocation on it.
    pub async fn invoke(&self, id: &str, event: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.invoke(id, event).await;
        peer
    }
}

/// The Runtime API's end of one connection.
pub struct Peer(Connection);

impl Deref for Peer {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Peer {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Peer {
    /// Returns the non-blocking socket.
    pub fn into_std(self) -> std::net::TcpStream {
        self.0.into_std()
    }

    /// Replies to a `GET …/next` with an event.
    pub async fn invoke(&mut self, id: &str, event: &str) {
        self.invoke_with(id, event, "").await;
    }

    /// Like [`Self::invoke`], with more headers, each ending in `\r\n`.
    pub async fn invoke_with(&mut self, id: &str, event: &str, headers: &str) {
        self.expect_next().await;
        self.write(invocation(id, event, headers)).await;
    }

    pub async fn expect_next(&mut self) {
        let head = self.head().await;
        assert!(
            head.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"),
            "{head}"
        );
    }

    /// Replies that the Runtime API has accepted what was posted.
    pub async fn accepted(&mut self) {
        self.reply("202 Accepted", r#"{"status":"OK"}"#).await;
    }

    pub async fn reply(&mut self, status: &str, body: &str) {
        self.write(format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    }

    /// Reads the head of a response that is being streamed.
    pub async fn response_head(&mut self, id: &str) -> String {
        let head = self.head().await;
        let line = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        head
    }

    /// Reads one chunk. Returns `None` for the last one, which has no data; trailers may follow.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let data = self.try_chunk().await.expect("a chunk");
        (!data.is_empty()).then_some(data)
    }

    pub async fn text_chunk(&mut self) -> String {
        String::from_utf8(self.chunk().await.expect("a chunk")).unwrap()
    }

    /// Reads a payload of this length, in however many chunks it comes.
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

    /// Reads the rest of a body that has no trailers.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        while let Some(chunk) = self.chunk().await {
            rest.extend_from_slice(&chunk);
        }
        assert_eq!(self.exactly(2).await, b"\r\n", "no trailers");
        rest
    }

    /// Reads the last chunk and the trailers after it: the error type and the error document.
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
}

/// Returns the value of a header, whose name is compared exactly.
pub fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut found = head.lines().filter_map(|line| line.strip_prefix(&prefix));
    let value = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {head}"));
    assert!(found.next().is_none(), "{name} is there twice: {head}");
    value
}
