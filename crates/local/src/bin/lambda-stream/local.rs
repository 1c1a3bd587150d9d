//! `lambda-stream local`: runs a program behind a local Lambda.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lambda_stream_local::{
    ADDRESS_VARIABLE, CONCURRENCY_VARIABLE, DEFAULT_ADDRESS, KEEP_BYTES_VARIABLE,
    KEEP_INVOCATIONS_VARIABLE, Program, Server, ServerBuilder,
};

/// Options of `lambda-stream local`.
#[derive(Args)]
pub(crate) struct Local {
    /// Where clients are served, as host:port; port 0 takes any free port.
    #[arg(long, env = ADDRESS_VARIABLE, default_value = DEFAULT_ADDRESS)]
    address: String,

    /// Listens on an address that other machines can reach.
    #[arg(long)]
    public: bool,

    /// Allows this name in Host and Origin, in addition to localhost; can be repeated.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,

    /// The function's timeout in seconds, at most 900.
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = timeout)]
    timeout: Duration,

    /// Maximum number of processes of the program.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "10",
        env = CONCURRENCY_VARIABLE
    )]
    processes: NonZeroUsize,

    /// Number of invocations that one process works on at once (Lambda Managed Instances).
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    concurrency: NonZeroUsize,

    /// The function's name.
    #[arg(long, default_value = "local")]
    name: String,

    /// The function's handler, for runtimes that look for it.
    #[arg(long, default_value = "bootstrap")]
    handler: String,

    /// The function's memory in MB, which the program is told.
    #[arg(long, value_name = "MB", default_value = "128")]
    memory: u32,

    /// An environment variable of the function; can be repeated.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    /// Starts the program anew when this file changes; can be repeated.
    #[arg(long, value_name = "FILE")]
    watch: Vec<PathBuf>,

    /// Number of invocations that the page /_lambda/ shows; 0 turns it off.
    #[arg(long, value_name = "NUMBER", env = KEEP_INVOCATIONS_VARIABLE)]
    keep_invocations: Option<usize>,

    /// Number of bytes that the page shows of a payload, of an event and of a log.
    #[arg(long, value_name = "BYTES", env = KEEP_BYTES_VARIABLE)]
    keep_bytes: Option<usize>,

    /// The directory that the program is started in.
    #[arg(long, value_name = "PATH")]
    directory: Option<PathBuf>,

    /// The program and its arguments.
    #[arg(last = true, required = true, num_args = 1..)]
    program: Vec<OsString>,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.001..=900.0).contains(&seconds) {
        return Err("not between 0.001 and 900 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("not of the form NAME=VALUE".to_owned()),
    }
}

impl Local {
    fn program(&self) -> Program {
        let (executable, arguments) = self
            .program
            .split_first()
            .map_or((OsString::new(), &[][..]), |(first, rest)| {
                (first.clone(), rest)
            });
        let mut program = Program::new(executable)
            .function_name(&self.name)
            .handler(&self.handler)
            .memory(self.memory);
        for argument in arguments {
            program = program.argument(argument);
        }
        for (name, value) in &self.env {
            program = program.variable(name, value);
        }
        for file in &self.watch {
            program = program.watch(file);
        }
        match &self.directory {
            Some(directory) => program.directory(directory),
            None => program,
        }
    }

    fn server(&self) -> ServerBuilder {
        let mut server = Server::builder()
            .from_env()
            .address(&self.address)
            .allow_public(self.public)
            .timeout(self.timeout)
            .concurrency(self.concurrency.get())
            .terminal()
            .program(self.program(), self.processes.get());
        for host in &self.allow_host {
            server = server.allow_host(host);
        }
        if let Some(maximum) = self.keep_invocations {
            server = server.keep_invocations(maximum);
        }
        if let Some(maximum) = self.keep_bytes {
            server = server.keep_bytes(maximum);
        }
        server
    }
}

/// Serves until the process is asked to end. The server ends the programs that it has started.
pub(crate) async fn run(local: &Local) -> Result<(), Box<dyn std::error::Error>> {
    let interrupted = interrupted()?;
    let server = local.server().start()?;
    eprint!("{}", server.banner());
    interrupted.await;
    drop(server);
    Ok(())
}

/// Returns what completes when the process is asked to end.
#[cfg(unix)]
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler there is nothing to wait for but the end of the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
