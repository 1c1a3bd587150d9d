//! A peer as a process of its own, and the server that makes its invocations.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use crate::server::Server;
use crate::source::Error;

/// A runtime that is compared.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Name in the table and in the plot.
    pub name: &'static str,
    pub program: &'static str,
    pub arguments: &'static [&'static str],
    pub nagle: Nagle,
}

/// How a peer treats Nagle's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nagle {
    /// It switches the algorithm off itself.
    Off,
    /// It leaves it on, so that each invocation waits for tens of milliseconds.
    On,
    /// It leaves it on, and the algorithm is switched off from outside.
    ForcedOff,
}

/// The peers, in the order of the table's columns.
pub const PEERS: [Peer; 7] = [
    peer("lambda-stream", "lambda-stream", &[], Nagle::Off),
    peer(
        "lambda_runtime, multi-thread",
        "lambda-runtime",
        &["mt"],
        Nagle::On,
    ),
    peer(
        "lambda_runtime, current-thread",
        "lambda-runtime",
        &["ct"],
        Nagle::On,
    ),
    peer(
        "lambda_runtime, multi-thread, NODELAY forced",
        "lambda-runtime",
        &["mt", "nodelay"],
        Nagle::ForcedOff,
    ),
    peer(
        "lambda_runtime, current-thread, NODELAY forced",
        "lambda-runtime",
        &["ct", "nodelay"],
        Nagle::ForcedOff,
    ),
    peer("thin hyper client", "hyper", &[], Nagle::Off),
    peer("plain sockets", "sockets", &[], Nagle::Off),
];

const fn peer(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    nagle: Nagle,
) -> Peer {
    Peer {
        name,
        program,
        arguments,
        nagle,
    }
}

/// A running peer.
#[derive(Debug)]
pub struct Session {
    pub server: Server,
    child: Child,
    /// From starting the process to its first `GET …/next`.
    pub start: Duration,
}

impl Session {
    /// Starts a peer and waits for its first `GET …/next`.
    ///
    /// `under` is the beginning of the command line: nothing, or a tool that watches the peer.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn start(peer: &Peer, directory: &Path, under: &[&str]) -> Result<Self, Error> {
        let program = directory.join(peer.program);
        let mut command = match under {
            [] => Command::new(program),
            [tool, options @ ..] => {
                let mut command = Command::new(tool);
                command.args(options).arg(program);
                command
            }
        };
        let mut server = Server::bind_with(wait);
        command
            .args(peer.arguments)
            .env("AWS_LAMBDA_RUNTIME_API", server.address())
            // Without these, `lambda_runtime` does not start.
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        let began = Instant::now();
        let child = command.spawn()?;
        let start = server.asked() - began;
        Ok(Self {
            server,
            child,
            start,
        })
    }

    /// Ends the peer.
    ///
    /// # Errors
    ///
    /// When it exits with an error.
    pub fn end(mut self) -> Result<(), Error> {
        self.server.dismiss();
        match self.server.connections() {
            1 => {}
            connections => eprintln!("it made {connections} connections"),
        }
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("a peer ended with {status}").into())
        }
    }
}

/// Waits until one of these is ready, and returns its index.
fn wait(descriptors: &[BorrowedFd<'_>]) -> usize {
    let watched = descriptors.iter();
    let mut watched: Vec<_> = watched
        .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
        .collect();
    // After an error, the caller reads and gets it there.
    let _ = poll(&mut watched, None);
    let ready = watched.iter().position(|one| !one.revents().is_empty());
    ready.unwrap_or(0)
}
