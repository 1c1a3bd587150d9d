//! Code that the benches share: the plan of an invocation, the source of its chunks, and a Runtime API
//! that makes invocations and checks each byte.
//!
//! `benches/peers` uses the same files, so that the same server measures every runtime.

#![allow(dead_code)]

pub mod body;
pub mod harness;
pub mod plan;
pub mod server;
pub mod source;
pub mod writing;
