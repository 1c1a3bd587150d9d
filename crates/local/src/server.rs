//! The server: it listens, and stops with the value that stands for it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;

use super::broker::Broker;
use super::error::LocalError;
use super::front_door::FrontDoor;
use super::runtime_api::RuntimeApi;
use super::terminal::Terminal;
use crate::serve::{Thread, accept_each, listener};

/// A running local Lambda; dropping it stops it.
///
/// `run` starts one by itself when the program does not run on AWS, so most programs
/// never name it. Start one by hand to put a program of your own, or one in another language, behind it:
/// set `AWS_LAMBDA_RUNTIME_API` of that program to [`runtime_api`](Self::runtime_api).
///
/// It lives on a thread of its own, so that a handler which blocks does not stop it from accepting.
/// Dropping closes both listeners and every connection and waits for the thread.
///
/// # Example
///
/// ```
/// use lambda_stream_local::Server;
///
/// # fn main() -> Result<(), lambda_stream_local::LocalError> {
/// let server = Server::start("127.0.0.1:0")?;
/// println!("clients:  http://{}", server.address());
/// println!("program:  AWS_LAMBDA_RUNTIME_API={}", server.runtime_api());
/// # Ok(())
/// # }
/// ```
pub struct Server {
    address: SocketAddr,
    runtime_api: SocketAddr,
    _thread: Thread,
}

impl Server {
    /// Listens on `address` (`host:port`, port 0 takes any free one) and on a second, free port of
    /// `127.0.0.1` for the Runtime API. Both accept connections when this returns.
    ///
    /// # Errors
    ///
    /// When the address is malformed, taken or not one of this machine; the text says what to do.
    pub fn start(address: &str) -> Result<Self, LocalError> {
        Self::start_with(address, Terminal::quiet)
    }

    /// The same, with a line on stderr for each finished invocation.
    pub fn start_on_terminal(address: &str) -> Result<Self, LocalError> {
        Self::start_with(address, Terminal::stderr)
    }

    fn start_with(address: &str, terminal: fn() -> Terminal) -> Result<Self, LocalError> {
        let front_door = bind(address)?;
        let runtime_api = TcpListener::bind("127.0.0.1:0")
            .map_err(|error| LocalError::system("listen on a free port", &error))?;
        let system = |error| LocalError::system("start its event loop", &error);
        let addresses = (
            front_door.local_addr().map_err(system)?,
            runtime_api.local_addr().map_err(system)?,
        );
        let thread = Thread::start("local-lambda", move || {
            serve(front_door, runtime_api, terminal())
        })
        .map_err(system)?;
        Ok(Self {
            address: addresses.0,
            runtime_api: addresses.1,
            _thread: thread,
        })
    }

    /// Where clients are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to be for the program that answers.
    pub fn runtime_api(&self) -> SocketAddr {
        self.runtime_api
    }

    /// What a developer needs to know once the server listens.
    pub fn banner(&self) -> String {
        super::terminal::banner(self.address)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("runtime_api", &self.runtime_api)
            .finish_non_exhaustive()
    }
}

fn bind(address: &str) -> Result<TcpListener, LocalError> {
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .ok_or_else(|| LocalError::malformed(address))?;
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| LocalError::unknown_host(address, &error))?
        .collect();
    TcpListener::bind(&addresses[..]).map_err(|error| LocalError::refused(address, port, &error))
}

/// Says nothing more of what is dropped at the end: it did not fail, it is stopped.
struct Silence(Terminal);

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.silence();
    }
}

fn serve(
    front_door: TcpListener,
    runtime_api: TcpListener,
    terminal: Terminal,
) -> io::Result<Silence> {
    let (front_door, runtime_api) = (listener(front_door)?, listener(runtime_api)?);
    let broker = Rc::new(Broker::default());
    let door = Rc::new(FrontDoor::new(Rc::clone(&broker), terminal.clone()));
    let api = Rc::new(RuntimeApi::new(broker, terminal.clone()));
    tokio::task::spawn_local(accept_each(front_door, move |stream, peer| {
        Rc::clone(&door).serve(stream, peer)
    }));
    tokio::task::spawn_local(accept_each(runtime_api, move |stream, _| {
        Rc::clone(&api).serve(stream)
    }));
    Ok(Silence(terminal))
}
