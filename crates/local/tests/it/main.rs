//! Programs that the local Lambda starts by itself, from the library and from the command.

mod client;
#[cfg(feature = "cli")]
mod command;
mod processes;
mod program;
