//! What can be seen of the runtime from outside: failures, spans and figures.

mod counted;
mod record;
mod report;
mod span;

/// The target of every span and event of this library.
pub(crate) const TARGET: &str = "lambda_stream";

pub(super) use self::record::{Ending, Record};
pub(crate) use self::report::Report;
pub(super) use self::span::invocation_span;
