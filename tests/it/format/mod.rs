//! Formats: what is written is what a reader reads.

mod keep_alive;
mod responses;
mod rows;
mod sse;
