//! What a handler returns: a head and a stream of chunks, and the frames that they become.

mod batch;
mod frames;
mod head;
mod into_response;
mod json;
mod payload;
mod raw;
mod size_limit;

pub use self::frames::Frames;
pub use self::head::{Head, HeadError};
pub(crate) use self::into_response::Form;
pub use self::into_response::{IntoResponse, Response};
pub(crate) use self::json::Document;
pub use self::json::Json;
#[cfg(feature = "web")]
pub(crate) use self::payload::BodyChunks;
pub use self::payload::Payload;
pub use self::raw::Raw;
pub(crate) use self::size_limit::SizeLimit;
