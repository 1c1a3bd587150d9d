//! The server: it listens, and stops with the value that stands for it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;

use crate::builder::ServerBuilder;
use crate::error::LocalError;
use crate::front_door::FrontDoor;
use crate::guard::Guard;
use crate::invocation::{Environment, EnvironmentOptions, Queue};
use crate::listen::{serve_clients, serve_program};
use crate::pool::Pool;
use crate::record::Records;
use crate::runtime_api::RuntimeApi;
use crate::terminal::{LineSender, LineWriter, Terminal, banner};
use crate::thread::{Thread, listener};

/// A running local Lambda; dropping it stops it.
///
/// `run` starts one by itself when the program does not run on AWS, so most programs
/// never name it. Start one by hand to serve a program of your own, or one in another language:
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
    // Stopped before the terminal, which then writes what is left.
    _thread: Thread,
    _lines: Option<LineWriter>,
}

impl Server {
    /// Returns the options of a server that listens on [`DEFAULT_ADDRESS`](crate::DEFAULT_ADDRESS)
    /// and is silent.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// Listens on `address` (`host:port`, port 0 takes any free one) and on a second, free port of
    /// `127.0.0.1` for the Runtime API. Both accept connections when this returns.
    ///
    /// # Errors
    ///
    /// When the address is malformed, taken or not one of this machine; the text says what to do.
    pub fn start(address: &str) -> Result<Self, LocalError> {
        Self::builder().address(address).start()
    }

    /// Starts a server as [`start`](Self::start) does, and writes a line to stderr for each
    /// finished invocation and each refused request. It also takes the options that the environment
    /// sets ([`ServerBuilder::from_env`]), except for the address.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on_terminal(address: &str) -> Result<Self, LocalError> {
        Self::builder()
            .from_env()
            .address(address)
            .terminal()
            .start()
    }

    pub(crate) fn start_with(mut options: ServerBuilder) -> Result<Self, LocalError> {
        if let Some((variable, value)) = options.malformed.take() {
            return Err(LocalError::not_a_number(variable, value));
        }
        let front_door = bind(&options.address, options.public)?;
        let runtime_api = TcpListener::bind("127.0.0.1:0")
            .map_err(|error| LocalError::system("listen on a free port", error))?;
        let system = |error| LocalError::system("start its threads", error);
        let address = front_door.local_addr().map_err(system)?;
        let runtime_api_address = runtime_api.local_addr().map_err(system)?;
        let output = options.output.take();
        let lines = output.map(LineWriter::start).transpose().map_err(system)?;
        let sender = lines.as_ref().and_then(LineWriter::sender);
        let thread = Thread::start("local-lambda", move || {
            let terminal = Terminal::new(sender.map(LineSender::new));
            serve(front_door, runtime_api, &options, terminal)
        })
        .map_err(system)?;
        Ok(Self {
            address,
            runtime_api: runtime_api_address,
            _thread: thread,
            _lines: lines,
        })
    }

    /// Returns where clients are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what `AWS_LAMBDA_RUNTIME_API` has to be for the program that answers.
    pub fn runtime_api(&self) -> SocketAddr {
        self.runtime_api
    }

    /// Returns what a developer needs to know once the server listens: its address, two commands
    /// to try and the page, on four lines with a line break at the end.
    ///
    /// ```
    /// # fn main() -> Result<(), lambda_stream_local::LocalError> {
    /// let server = lambda_stream_local::Server::start("127.0.0.1:0")?;
    /// eprint!("{}", server.banner());
    /// # Ok(())
    /// # }
    /// ```
    pub fn banner(&self) -> String {
        banner(self.address)
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

fn bind(address: &str, public: bool) -> Result<TcpListener, LocalError> {
    let port = address
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty())
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .ok_or_else(|| LocalError::malformed(address))?;
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| LocalError::unknown_host(address, error))?
        .collect();
    // Before the port is open, be it for a moment.
    if !public && addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(LocalError::public(address));
    }
    TcpListener::bind(&addresses[..]).map_err(|error| LocalError::refused(address, port, error))
}

/// Silences the terminal about what is dropped at the end: it did not fail, it is stopped.
struct Silence(Terminal);

impl Drop for Silence {
    fn drop(&mut self) {
        self.0.silence();
    }
}

/// Starts serving both ports on the current event loop.
fn serve(
    front_door: TcpListener,
    runtime_api: TcpListener,
    options: &ServerBuilder,
    terminal: Terminal,
) -> io::Result<Silence> {
    let (front_door, runtime_api) = (listener(front_door)?, listener(runtime_api)?);
    let guard = Guard::new(options.allowed_hosts.iter().cloned());
    let queue = Rc::new(Queue::default());
    let environment_options = EnvironmentOptions {
        function: options.function_name().to_owned(),
        concurrency: options.concurrency,
        timeout: options.timeout,
        client_timeout: options.client_timeout,
    };
    if !front_door.local_addr()?.ip().is_loopback() {
        terminal.line(
            "warning: other machines may reach this address, and whoever does can invoke the function \
             and read what the page /_lambda/ shows",
        );
    }
    let own = options.serves_runtime_api().then(|| {
        let environment = Environment::new(
            Rc::clone(&queue),
            terminal.clone(),
            environment_options.clone(),
        );
        Rc::new(environment)
    });
    if let Some(environment) = &own {
        let api = RuntimeApi::new(Rc::clone(environment), guard.clone(), terminal.clone());
        tokio::task::spawn_local(Rc::clone(environment).watch());
        tokio::task::spawn_local(serve_program(runtime_api, Rc::new(api), terminal.clone()));
    }
    if let Some((program, maximum)) = options.program.clone() {
        let pool = Pool::new(
            Rc::clone(&queue),
            terminal.clone(),
            guard.clone(),
            environment_options,
            program,
            maximum,
            own,
        );
        tokio::task::spawn_local(pool.run());
    }
    let door = Rc::new(FrontDoor::new(
        queue,
        guard,
        terminal.clone(),
        Records::new(options.bounds),
    ));
    tokio::task::spawn_local(serve_clients(front_door, door, terminal.clone()));
    Ok(Silence(terminal))
}
