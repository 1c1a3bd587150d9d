//! A Runtime API whose connection a source can look into.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The other end of the runtime's connection, looked into from inside a source.
pub struct Wire {
    api: TcpListener,
    peer: Option<TcpStream>,
}

impl Wire {
    pub fn bind() -> (Self, SocketAddr) {
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = api.local_addr().unwrap();
        (Self { api, peer: None }, address)
    }

    /// Answers the `GET …/next` that comes.
    fn invoke(&mut self) {
        use std::io::{Read, Write};

        let (mut peer, _) = self.api.accept().unwrap();
        let mut request = vec![0; 4096];
        let n = peer.read(&mut request).unwrap();
        assert!(request[..n].ends_with(b"\r\n\r\n"));
        peer.write_all(
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 2\r\n\r\n{}",
        )
        .unwrap();
        peer.set_nonblocking(true).unwrap();
        self.peer = Some(peer);
    }

    /// Waits, without giving the runtime a turn, until this text has arrived: what was written arrives by
    /// itself, and what was not never does.
    pub fn expect(&self, text: &str) {
        let began = Instant::now();
        loop {
            let arrived = self.arrived();
            if arrived.contains(text) {
                return;
            }
            let patience = Duration::from_secs(5);
            assert!(began.elapsed() < patience, "no {text:?} in {arrived:?}");
            std::thread::yield_now();
        }
    }

    /// Everything that has arrived of the response so far.
    pub fn arrived(&self) -> String {
        let mut seen = vec![0; 1 << 20];
        match self.peer.as_ref().unwrap().peek(&mut seen) {
            Ok(n) => String::from_utf8_lossy(&seen[..n]).into_owned(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => String::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs a runtime through one invocation, and returns everything that arrived.
    pub async fn run<E: std::fmt::Debug>(
        wire: &RefCell<Self>,
        runtime: impl Future<Output = Result<(), E>>,
    ) -> String {
        let invocation = async {
            // The request is sent by the runtime, which is polled in this task; give it its turns.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            wire.borrow_mut().invoke();
            loop {
                tokio::task::yield_now().await;
                let arrived = wire.borrow().arrived();
                if arrived.ends_with("0\r\n\r\n") {
                    return arrived;
                }
            }
        };
        super::patiently(async {
            tokio::select! {
                ended = runtime => panic!("the runtime ended: {ended:?}"),
                arrived = invocation => arrived,
            }
        })
        .await
    }
}
