//! From what people have in hand to a stream of chunks.

pub(crate) mod channel;
pub mod writer;
