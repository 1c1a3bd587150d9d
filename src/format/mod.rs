//! Formats: server-sent events, and rows as NDJSON, a JSON array or CSV.

#[cfg(feature = "csv")]
pub mod csv;
mod encode;
pub mod json_array;
pub mod ndjson;
pub mod sse;

pub use crate::error::RowError;
