//! AWS Lambda response streaming.

#![forbid(unsafe_code)]
#![allow(dead_code)]

mod error;
mod event;
#[cfg(feature = "local")]
pub mod local;
mod report;
mod response;
mod runtime;
mod wire;

pub use error::{Error, Failure};
pub use event::{Context, LambdaEvent};
pub use response::{
    Frames, FromBody, FromStream, Head, HeadError, IntoResponse, Raw, RawAs, Response,
};
pub use runtime::{FromFn, FromService, Handler, RunError, Runtime, run};
