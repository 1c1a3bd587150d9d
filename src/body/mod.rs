//! Streams of chunks: combinators, sources, a writer and a channel.

pub(crate) mod channel;
mod chunk_stream_ext;
pub(crate) mod heartbeat;
mod limit;
pub mod payload;
pub(crate) mod source;
mod until_deadline;
pub mod writer;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod together;

pub use self::channel::{BodyReceiver, BodySender, channel};
pub use self::chunk_stream_ext::ChunkStreamExt;
pub use self::heartbeat::Heartbeat;
pub use self::limit::Limit;
pub use self::until_deadline::UntilDeadline;
pub use crate::error::{DeadlineExceeded, SizeLimitExceeded};
