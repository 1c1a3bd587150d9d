//! The command `lambda-stream`.

mod chunk_line;
mod client;
mod invoke;
mod local;
mod tail;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::invoke::Invoke;
use self::local::Local;
use self::tail::Tail;

/// Runs AWS Lambda functions that stream on this machine.
#[derive(Parser)]
#[command(name = "lambda-stream", version)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Starts a local Lambda that invokes a program in any language.
    Local(Box<Local>),
    /// Sends an event to a local Lambda, and shows the response as it streams.
    Invoke(Invoke),
    /// Shows the invocations of a local Lambda as they stream.
    Tail(Tail),
}

fn main() -> ExitCode {
    let action = Command::parse().action;
    run(&action).unwrap_or_else(|error| {
        eprintln!("lambda-stream: {error}");
        ExitCode::FAILURE
    })
}

fn run(action: &Action) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match action {
            Action::Local(local) => local::run(local).await.map(|()| ExitCode::SUCCESS),
            Action::Invoke(invoke) => invoke::run(invoke).await,
            Action::Tail(tail) => tail::run(tail).await.map(|()| ExitCode::SUCCESS),
        }
    })
}
