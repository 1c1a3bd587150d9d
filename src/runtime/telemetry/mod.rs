//! What can be seen of the runtime from outside: failures, spans and figures.

mod report;

/// The target of every span and event of this library.
const TARGET: &str = "lambda_stream";

pub(crate) use self::report::Report;
