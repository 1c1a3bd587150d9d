//! A Runtime API for measuring: blocking, over a plain socket, on the thread of whoever calls it.
//!
//! It does little between two measured moments: one fixed buffer, no allocation per chunk, one write
//! per answer.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::iter::once;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::body::Body;
use super::plan::Plan;
use super::source::now;

/// Size of the read buffer: more than a 64 KiB chunk with its framing.
const BUFFER: usize = 256 * 1024;

const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n";

/// How long a head is awaited on one connection: a client with a pool may use another one. Nothing that
/// is measured takes so long, except for Nagle's algorithm.
const PATIENCE: Duration = Duration::from_millis(10);

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\
    Content-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

/// How far away the deadline of an invocation is.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until one of these can be read or accepted from, and returns its index.
pub type Wait = fn(&[BorrowedFd<'_>]) -> usize;

/// A Runtime API for one runtime.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    peer: Option<TcpStream>,
    /// The other connections; the first one is next.
    others: VecDeque<TcpStream>,
    connections: u32,
    wait: Option<Wait>,
    buffer: Box<[u8]>,
    /// The part of the buffer that was read and not taken yet.
    start: usize,
    end: usize,
    /// When the last read returned.
    read_at: Instant,
    invocations: u64,
    is_asked: bool,
    out: Vec<u8>,
}

/// Times of one invocation, from the moment before its event was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// To the read that brought the first byte of the payload, after prelude and delimiter.
    pub first_byte: Duration,
    /// To the read that brought the end of the body.
    pub end: Duration,
}

impl Server {
    /// Binds a free port.
    pub fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").expect("a free port"),
            peer: None,
            others: VecDeque::new(),
            connections: 0,
            wait: None,
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            read_at: Instant::now(),
            invocations: 0,
            is_asked: false,
            out: Vec::with_capacity(1024),
        }
    }

    /// Binds a free port, for a client that changes connections: all of them are waited for.
    pub fn bind_with(wait: Wait) -> Self {
        Self {
            wait: Some(wait),
            ..Self::bind()
        }
    }

    /// Returns the value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        let address = self.listener.local_addr();
        address.expect("a bound socket").to_string()
    }

    /// Returns how many connections the runtime has made.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Waits until the runtime asks for an invocation, and returns when it did.
    pub fn asked(&mut self) -> Instant {
        while !self.is_asked {
            let head = self.head();
            let request = &self.buffer[self.start..head];
            assert!(request.starts_with(NEXT), "{}", text(request));
            self.start = head;
            self.is_asked = true;
        }
        self.read_at
    }

    /// Runs one invocation, and passes on the latency of each stamped chunk.
    ///
    /// # Panics
    ///
    /// When the runtime sends a byte that differs from the plan.
    pub fn invoke(&mut self, plan: Plan, mut latency: impl FnMut(Duration)) -> Taken {
        self.asked();
        self.is_asked = false;
        self.invocations += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.invocations);
        self.write_event(&id, plan);
        let mut taken = Taken::default();
        let began = Instant::now();
        self.send();

        let head = self.head();
        let request = &self.buffer[self.start..head];
        check_response_head(request, &id);
        self.start = head;
        let mut body = Body::new(plan);
        loop {
            let had_payload = body.has_payload();
            let piece = body.take(&self.buffer[self.start..self.end], &mut latency);
            self.start += piece.bytes;
            if !had_payload && body.has_payload() {
                taken.first_byte = self.read_at - began;
            }
            if piece.is_over {
                break;
            }
            let is_open = !matches!(self.more(), Read::End);
            assert!(is_open, "the connection was closed in a body");
        }
        taken.end = self.read_at - began;
        self.out.clear();
        self.out.extend_from_slice(ACCEPTED);
        self.send();
        taken
    }

    /// Ends the process of the runtime.
    pub fn dismiss(&mut self) {
        self.asked();
        self.write_event("dismissed", Plan::END);
        self.send();
        while let Read::Bytes | Read::Nothing = self.more() {}
    }

    /// Prepares the answer to `GET …/next`, with the headers that the service sends.
    fn write_event(&mut self, id: &str, plan: Plan) {
        let event = plan.to_json();
        let deadline = now() / 1_000_000 + u64::try_from(TIMEOUT.as_millis()).unwrap_or(0);
        self.out.clear();
        write!(
            self.out,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: {id}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-2:123456789012:function:f\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n\
             Content-Length: {}\r\n\r\n{event}",
            event.len()
        )
        .expect("memory to write to");
    }

    fn send(&mut self) {
        let peer = self.peer.as_mut().expect("a connection");
        peer.write_all(&self.out).expect("a runtime that reads");
    }

    /// Reads the head of a request, and returns where it ends.
    ///
    /// It may come over a new connection: a client with a pool closes connections.
    fn head(&mut self) -> usize {
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = unread.windows(4).position(|end| end == b"\r\n\r\n") {
                return self.start + at + 4;
            }
            self.choose();
            match self.more() {
                Read::Bytes => {}
                Read::Nothing => self.turn(),
                Read::End => {
                    self.peer = None;
                    self.turn();
                }
            }
        }
    }

    /// Waits until a connection can be read, and switches to it.
    ///
    /// A new connection may never send anything, because a client with a pool connects in advance. So it
    /// is waited for like the others.
    fn choose(&mut self) {
        let Some(wait) = self.wait else { return };
        while let (Some(peer), true) = (&self.peer, self.start == self.end) {
            let connections = once(peer).chain(&self.others).map(AsFd::as_fd);
            let all: Vec<_> = connections.chain(once(self.listener.as_fd())).collect();
            match wait(&all) {
                0 => return,
                new if new > self.others.len() => {
                    if let Ok((peer, _)) = self.listener.accept() {
                        self.others.extend(self.peer.take());
                        self.welcome(peer);
                    }
                }
                other => {
                    let next = self.others.remove(other - 1);
                    self.others.extend(self.peer.take());
                    self.peer = next;
                    return;
                }
            }
        }
    }

    /// Switches to another connection, if there is one.
    fn turn(&mut self) {
        if self.start < self.end {
            // The rest of this head is on its way.
            return;
        }
        self.others.extend(self.peer.take());
        match self.listener.accept() {
            Ok((peer, _)) => self.welcome(peer),
            Err(_) => self.peer = self.others.pop_front(),
        }
    }

    /// Takes a new connection.
    fn welcome(&mut self, peer: TcpStream) {
        peer.set_nonblocking(false).expect("an open socket");
        peer.set_nodelay(true).expect("an open socket");
        peer.set_read_timeout(Some(PATIENCE))
            .expect("an open socket");
        // From now on, other connections are accepted only if they are there.
        let listener = &self.listener;
        listener.set_nonblocking(true).expect("a bound socket");
        self.connections += 1;
        self.peer = Some(peer);
    }

    /// Reads once.
    fn more(&mut self) -> Read {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        assert!(self.end < self.buffer.len(), "a head without an end");
        let Some(peer) = &mut self.peer else {
            let listener = &self.listener;
            listener.set_nonblocking(false).expect("a bound socket");
            let (peer, _) = listener.accept().expect("a runtime that connects");
            self.welcome(peer);
            return Read::Nothing;
        };
        let read = peer.read(&mut self.buffer[self.end..]);
        self.read_at = Instant::now();
        match read {
            Ok(0) => Read::End,
            Ok(bytes) => {
                self.end += bytes;
                Read::Bytes
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset => Read::End,
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                    Read::Nothing
                }
                _ => panic!("{error}"),
            },
        }
    }
}

/// Result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Bytes,
    /// Nothing arrived in time.
    Nothing,
    /// The connection was closed.
    End,
}

fn check_response_head(head: &[u8], id: &str) {
    let head = text(head);
    let line = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n");
    assert!(head.starts_with(&line), "{head}");
    let has = |header: &str| {
        head.lines()
            .any(|line| line.len() == header.len() && line.eq_ignore_ascii_case(header))
    };
    assert!(
        has("Lambda-Runtime-Function-Response-Mode: streaming"),
        "{head}"
    );
    assert!(has("Transfer-Encoding: chunked"), "{head}");
    assert!(
        has("Content-Type: application/vnd.awslambda.http-integration-response"),
        "{head}"
    );
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
