//! What a handler returns: a head and a stream of chunks, and the frames that they become.

pub(crate) mod burst;
mod frames;
mod head;
mod into_response;
mod payload;
mod size_limit;

pub use frames::Frames;
pub(crate) use frames::{Drained, Want};
pub use head::{Head, HeadError};
pub(crate) use into_response::Form;
pub use into_response::{FromBody, FromStream, IntoResponse, Raw, RawAs, Response};
#[cfg(feature = "web")]
pub(crate) use payload::BodyPayload;
pub(crate) use size_limit::SizeLimit;
