//! A server of the Runtime API on a thread of its own: what the local Lambda and `measure` share.

mod accept;
mod call;
mod id;
mod io;
pub(crate) mod reply;
mod thread;

pub(crate) use accept::accept_each;
pub(crate) use call::{Call, LONGEST_TIMEOUT, invocation, reported};
#[cfg(feature = "local")]
pub(crate) use id::epoch_ms;
pub(crate) use id::request_id;
pub(crate) use io::{Watch, Watched};
pub(crate) use thread::{Thread, listener};
