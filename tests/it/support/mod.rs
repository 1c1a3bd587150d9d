//! Both ends of the wire for the tests: the Runtime API, clients, the local Lambda, and readers.

pub mod connection;
pub mod event_source;
pub mod log;
pub mod patience;
pub mod random;
pub mod rows;
pub mod runtime_api;
pub mod wire_tap;

#[cfg(feature = "local")]
pub mod client;
#[cfg(feature = "web")]
pub mod doors;
#[cfg(feature = "web")]
pub mod exchange;
#[cfg(feature = "local")]
pub mod local;

use bytes::Bytes;
use lambda_stream::Error;

pub use log::Log;
pub use patience::{patiently, run_until};
pub use random::Random;
pub use runtime_api::{Api, Peer, deadline, header, run_to_end, serve, serve_with};
pub use wire_tap::WireTap;

pub type Item = Result<Bytes, Error>;

/// Returns a stream of these texts.
pub fn texts<const N: usize>(texts: [&'static str; N]) -> impl futures::Stream<Item = Item> {
    tokio_stream::iter(texts.map(|text| Ok(Bytes::from_static(text.as_bytes()))))
}
