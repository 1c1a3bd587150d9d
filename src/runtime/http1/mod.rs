//! HTTP/1.1 as far as a client of the Runtime API speaks it. No I/O happens here.
//!
//! Own code, because it is the hot path: against hyper's client it takes 0.6 of the instructions of an
//! invocation and 0.4 of those of a ready chunk (`docs/performance.md`). Heads are parsed by
//! `httparse`, the crate that hyper uses.

mod chunked;
mod queue;
mod reply;

use std::fmt;

pub(super) use queue::WriteQueue;
pub(super) use reply::{Reply, ReplyReader};

/// What was received is not HTTP/1.1; the text says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Runtime API does not speak HTTP/1.1: {}", self.0)
    }
}

impl std::error::Error for Malformed {}
