//! The wire format, written and read: prelude, delimiter, trailers, paths, header names and limits.
//!
//! No I/O happens here. The runtime writes with these types, and the local Lambda and `measure` read
//! with them, so the format has one home.

pub(crate) mod api;
pub(crate) mod limits;
pub(crate) mod prelude;
pub(crate) mod trailers;

#[cfg(any(test, feature = "local", feature = "measure"))]
pub(crate) mod decoder;
