//! A view on the socket for streams and handlers: has a chunk left yet?

use std::cell::RefCell;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::patience::run_until;
use super::runtime_api::{Api, invocation};

/// The Runtime API's end of the connection, to be looked into while the runtime is being polled.
#[derive(Default)]
pub struct WireTap {
    socket: Option<TcpStream>,
}

impl WireTap {
    /// Waits until this text has arrived, without giving the runtime a turn: what has been written
    /// arrives by itself, and what has not been written never does.
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
        match self.socket.as_ref().unwrap().peek(&mut seen) {
            Ok(n) => String::from_utf8_lossy(&seen[..n]).into_owned(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => String::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs a runtime through one invocation, and returns everything that arrived.
    pub async fn run<R: std::fmt::Debug>(
        tap: &RefCell<Self>,
        api: Api,
        runtime: impl Future<Output = R>,
    ) -> String {
        let script = async {
            let mut peer = api.accept().await;
            peer.expect_next().await;
            let mut socket = peer.into_std();
            socket
                .write_all(invocation("1", "{}", "").as_bytes())
                .unwrap();
            tap.borrow_mut().socket = Some(socket);
            loop {
                tokio::task::yield_now().await;
                let arrived = tap.borrow().arrived();
                if arrived.ends_with("0\r\n\r\n") {
                    return arrived;
                }
            }
        };
        run_until(runtime, script).await
    }
}
