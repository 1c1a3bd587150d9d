//! The wire format of AWS Lambda response streaming, written and read: paths, header names, prelude,
//! delimiter, trailers, limits and failure types.
//!
//! No I/O happens here. The runtime of [`lambda-stream`](https://docs.rs/lambda-stream) writes with
//! these types and its local Lambda reads with them, so the format has one home. Programs use
//! `lambda-stream`; this crate is for tools that speak the protocol themselves.

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

pub mod api;
pub mod decoder;
pub mod failure;
pub mod limits;
pub mod prelude;
pub mod trailers;

pub use failure::Failure;
