//! A server of the Runtime API on a thread of its own: what the local Lambda and the measurements
//! of `lambda-stream` share.

#![allow(missing_docs)]

mod accept;
mod call;
mod io;
pub mod reply;
mod thread;

pub use accept::accept_each;
pub(crate) use call::function_arn;
pub use call::{Call, invocation, reported};
pub use io::{Watch, Watched};
pub use thread::{Thread, listener};

pub use crate::id::{epoch_ms, request_id};
pub use crate::limits::LONGEST_TIMEOUT;
