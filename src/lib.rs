//! AWS Lambda response streaming.

#![forbid(unsafe_code)]
#![allow(dead_code)]

mod error;
mod wire;

pub use error::{Error, Failure};
