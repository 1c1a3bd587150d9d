//! What every bench shares: the invocation that is asked for, the chunks it sends, and the Runtime API
//! that asks for it and checks each byte.
//!
//! `benches/peers` uses the same files, so that every runtime is measured by one and the same server.

#![allow(dead_code)]

pub mod body;
pub mod harness;
pub mod plan;
pub mod server;
pub mod source;
pub mod writing;
