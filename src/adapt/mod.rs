//! From what people have in hand to a stream of chunks.

pub(crate) mod channel;
mod chunk_stream_ext;
#[cfg(feature = "csv")]
pub mod csv;
mod encode;
mod heartbeat;
pub mod json_array;
mod limit;
pub mod ndjson;
pub mod payload;
mod row_error;
mod source;
pub mod sse;
mod until_deadline;
pub mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod together;

pub use chunk_stream_ext::ChunkStreamExt;
pub use heartbeat::Heartbeat;
pub use limit::Limit;
pub use until_deadline::UntilDeadline;
