//! The local Lambda: the Runtime API and HTTP front doors on this machine, for programs that do not
//! run on AWS.
//!
//! `run` starts it by itself when `AWS_LAMBDA_RUNTIME_API` is not set. It listens twice:
//!
//! - the **front door** ([`Server::address`], `127.0.0.1:7000` unless told otherwise) for clients.
//!   `POST /invoke` takes the body as the event (an empty body is `{}`). Any other path and method is a
//!   request to a Function URL: the event is payload format 2.0, as on AWS.
//! - the **Runtime API** ([`Server::runtime_api`], on a port of its own) for the program that answers.
//!   It is the real protocol over a real socket, so a program runs the code here that it runs on AWS.
//!
//! Chunks go from the program's socket to the client's as they come, with the client's pace going back
//! the same way. Invocations are served one at a time in the order of their arrival.
//!
//! # What differs from AWS
//!
//! - A client that leaves in the middle of a response ends it: the connection of the program's `POST` is
//!   closed, so that the stream is dropped. On AWS the function runs to its end unseen.
//! - A failed invocation is answered with 502 and the function's own error document, and its type in
//!   `x-amzn-errortype`. A Function URL on AWS answers 502 without saying why.
//! - A program whose connection ends after it took an event and before it answered has failed that
//!   invocation, unless it had announced the end with `connection: close`. AWS watches the process.
//! - The deadline is told (15 minutes) and not enforced, and nothing limits the rate or the size of a
//!   streamed response.
//! - After the answer to `HEAD`, a 204 or a 304, the rest of the program's stream is read for one second;
//!   then its connection is closed, as nobody waits for the rest.

mod body;
mod broker;
mod buffered;
mod client_head;
mod error;
mod flush;
mod front_door;
mod function_url;
mod request_body;
mod runtime_api;
#[doc(hidden)]
pub mod serve;
mod server;
mod terminal;

pub use error::LocalError;
pub use server::Server;

/// Where the front door listens unless [`ADDRESS_VARIABLE`] says otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7000";

/// The environment variable that `run` takes the address of the front door from.
pub const ADDRESS_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_ADDR";
