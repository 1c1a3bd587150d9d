//! The promises of the library, one module per subject.
//!
//! One binary, since linking takes longer than running. Tests that measure the memory of their
//! process are in `tests/memory`.

mod combinators;
mod format;
mod runtime;
mod support;
mod writer;

#[cfg(feature = "local")]
mod local;
#[cfg(feature = "logging")]
mod logging;
#[cfg(feature = "testing")]
mod testing;
#[cfg(feature = "web")]
mod web;
