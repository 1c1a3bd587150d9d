//! The local Lambda: the Runtime API and HTTP front doors on this machine, for programs that do not
//! run on AWS.
//!
//! `run` of `lambda-stream` starts it by itself when `AWS_LAMBDA_RUNTIME_API` is not set. It
//! listens twice:
//!
//! - the **front door** ([`Server::address`], `127.0.0.1:7000` by default) for clients. The path
//!   `/invoke` takes the body of a POST as the event (an empty body is `{}`). AWS SDKs call
//!   `Invoke` and `InvokeWithResponseStream` with this address as their endpoint and any
//!   credentials. `/_apigateway/<stage>/…` is a request to an API Gateway REST API with streamed
//!   responses: the event is payload format 1.0. Any other path and method is a request to a
//!   Function URL: the event is payload format 2.0. The hosts `<name>.lambda-url.localhost` and
//!   `<name>.execute-api.localhost` give either of them a name.
//! - the **Runtime API** ([`Server::runtime_api`], on a port of its own) for the program that
//!   answers. It is the real protocol over a real socket, so a program runs the code here that it
//!   runs on AWS.
//!
//! Chunks go from the program's socket to the client's as they come, and the client's pace holds
//! the program back in the same way. Invocations are handed out in the order of their arrival, as
//! many at a time as [`ServerBuilder::concurrency`] allows.
//!
//! [`ServerBuilder::program`] has the server start a program by itself, in any language, and
//! [`ServerBuilder::further_processes`] has it start copies of one that is busy: an invocation that
//! finds no program free gets a process of its own, as it gets an execution environment on AWS. The
//! command `lambda-stream` (cargo feature `cli`) does the former:
//! `lambda-stream local -- ./bootstrap`.
//!
//! # The page
//!
//! `/_lambda/` is a page that shows invocations while they stream: the head, when each chunk came,
//! the payload as it grows, how it ended, and what the program wrote, if this server started it.
//! It sends events, and sends old ones again. The same as JSON, for tools:
//!
//! | Request | Answer |
//! |---|---|
//! | `GET /_lambda/invocations` | all invocations that are kept, in short, the newest first |
//! | `GET /_lambda/invocations/{key}` | one of them in full; the key is its number or its request id |
//! | `GET /_lambda/invocations/{key}/payload` | the bytes of its payload that are kept |
//! | `GET /_lambda/invocations/{key}/event` | the bytes of its event that are kept |
//! | `GET /_lambda/events?invocation={key}` | server-sent events `overview` and `invocation`: what the first two routes have, as it changes |
//! | `GET /_lambda/samples` | an event for each door |
//! | `POST /_lambda/invocations?door={door}` | sends the body as an event; the door is `function-url`, `api-gateway` or `invoke` |
//! | `POST /_lambda/invocations/{key}/resend` | sends the event again |
//!
//! Both `POST` requests need `content-type: application/json`. They answer 202 with the `number`
//! and the `requestId` of the new invocation, which can then be looked at.
//!
//! A mark of a `timeline` is `[time, bytes, chunks]`, for chunks that were there together. Times
//! are milliseconds since the invocation began. The server-sent events come at most every 50 ms.
//! The first of them has everything, and each further one what has changed: `timeline.from`,
//! `payload.from` and `log.from` say where `marks`, `base64` and `lines` begin, and replace what is
//! known from there on.
//!
//! [`ServerBuilder::keep_invocations`] and [`ServerBuilder::keep_bytes`] bound what is kept: 100
//! invocations and 128 KiB by default, which is about 60 MB at the very most.
//!
//! # Limits
//!
//! Requests are refused, with a reason that also appears on the terminal, when their `Host` or
//! `Origin` is not one of this machine (403), when an event is larger than 6 MB (413), when 1,000
//! invocations wait or events take 64 MB (429), and when a body does not go on for 30 s (408). A
//! request's head may take 30 s, and each port has at most 1,024 open connections. A client that
//! takes nothing of its response for 10 s while others wait loses its place.
//!
//! # What differs from AWS
//!
//! - A client that leaves in the middle of a response ends it: the connection of the program's
//!   `POST` is closed, so that the stream is dropped. A client that leaves before the head ends the
//!   invocation in the same way one second later. On AWS the function runs to its end unseen.
//! - A failed invocation is answered with 502 and the function's own error document, and its type
//!   in `x-amzn-errortype`. A Function URL on AWS answers 502 without saying why.
//! - A program whose connection ends after it took an event and before it answered has failed that
//!   invocation, unless it had announced the end with `connection: close`. AWS watches the process.
//! - At the timeout ([`ServerBuilder::timeout`]) a program that this server started is killed, as
//!   on AWS; the connection of another one is closed.
//! - Any function name means the one program, every qualifier means its present code, and
//!   asynchronous invocations are not retried. Signatures are not checked. The log that a caller
//!   asks for (`LogType: Tail`) has the lines of the service, and those of programs that this
//!   server started.
//! - Nothing limits the rate or the size of a streamed response.
//! - After the answer to `HEAD`, a 204 or a 304, the rest of the program's stream is read for one
//!   second; then its connection is closed.

#![warn(missing_docs)]

mod builder;
mod connection;
mod error;
mod front_door;
mod guard;
mod header;
mod id;
mod invocation;
mod limits;
mod listen;
mod page;
mod pool;
mod program;
mod query;
mod record;
mod reply;
mod runtime_api;
mod server;
mod socket;
mod terminal;
mod thread;

pub use builder::ServerBuilder;
pub use error::LocalError;
pub use program::Program;
pub use server::Server;

/// Where clients are served unless [`ADDRESS_VARIABLE`] says otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7000";

/// The environment variable that sets where clients are served, as `host:port`.
pub const ADDRESS_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_ADDR";

/// The environment variable that allows host names in `Host` and `Origin`, separated by commas,
/// in addition to `localhost` and the addresses of this machine.
pub const ALLOWED_HOSTS_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_ALLOWED_HOSTS";

/// The environment variable that allows [`ADDRESS_VARIABLE`] to be an address that other machines
/// can reach, if it is `1`.
pub const PUBLIC_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_PUBLIC";

/// The environment variable that sets the function's [timeout](ServerBuilder::timeout) in seconds.
pub const TIMEOUT_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_TIMEOUT";

/// The environment variable that sets how many invocations the page `/_lambda/` shows; 0 turns it
/// off.
pub const KEEP_INVOCATIONS_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_KEEP_INVOCATIONS";

/// The environment variable that sets how many bytes the page `/_lambda/` shows of an invocation's
/// payload, of its event and of its log.
pub const KEEP_BYTES_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_KEEP_BYTES";

/// The environment variable that sets how many processes of its program the command `lambda-stream`
/// starts at most.
pub const CONCURRENCY_VARIABLE: &str = "LAMBDA_STREAM_LOCAL_CONCURRENCY";
