//! The wire format of AWS Lambda response streaming, written and read: paths, header names,
//! prelude, delimiter, trailers, limits and failure types.
//!
//! This crate does no I/O. The runtime of [`lambda-stream`](https://docs.rs/lambda-stream) writes
//! with these types and its local Lambda reads with them, so the format has one home. Programs use
//! `lambda-stream`; this crate is for tools that speak the protocol themselves.
//!
//! ```
//! use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
//! use lambda_stream_wire::decoder::Decoder;
//! use lambda_stream_wire::prelude::{DELIMITER, Prelude};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
//! let prelude = Prelude {
//!     status: http::StatusCode::OK,
//!     headers: &headers,
//!     cookies: &[],
//!     empty: false,
//! };
//! let stream = [&prelude.encode()?[..], &DELIMITER, b"hello"].concat();
//!
//! let (head, payload) = Decoder::default().push(&stream)?.expect("a complete prelude");
//! assert_eq!(head.headers, headers);
//! assert_eq!(payload, "hello");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! | Module | Contents |
//! |---|---|
//! | [`api`] | paths, header names and media types of the Runtime API |
//! | [`prelude`], [`decoder`] | the prelude, written and read |
//! | [`failure`], [`trailers`] | failed invocations: their types, documents and trailers |
//! | [`message`] | rules of HTTP messages that both ends apply |
//! | [`limits`] | limits of the service |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod api;
pub mod decoder;
pub mod failure;
pub mod limits;
pub mod message;
pub mod prelude;
pub mod trailers;

pub use failure::Failure;

#[cfg(test)]
mod testing;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
