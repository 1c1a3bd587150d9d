//! A server of the Runtime API on a thread of its own: what the local Lambda and `measure` share.

mod accept;
mod call;
mod id;
mod io;
pub mod reply;
mod thread;

pub use accept::accept_each;
pub use call::{Call, LONGEST_TIMEOUT, invocation, reported};
pub use id::epoch_ms;
pub use id::request_id;
pub use io::{Watch, Watched};
pub use thread::{Thread, listener};
