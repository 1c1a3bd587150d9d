//! How many invocations are served at once.

use std::env::{self, VarError};
use std::num::NonZero;

use super::error::RunError;

/// Set by the service on Lambda Managed Instances.
const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";

/// Returns how many invocations are served at once: the option, or else the variable, or else one.
pub(super) fn concurrency(option: Option<u16>) -> Result<usize, RunError> {
    let count = match option {
        Some(0) => Err(RunError::invalid(
            "Runtime::max_concurrency is 0; set it to 1 or more",
        )),
        Some(count) => Ok(count),
        None => match env::var(MAX_CONCURRENCY) {
            Ok(value) => parse(&value),
            Err(VarError::NotPresent) => Ok(1),
            Err(VarError::NotUnicode(value)) => Err(RunError::invalid(format!(
                "{MAX_CONCURRENCY} is {value:?}, which is not UTF-8"
            ))),
        },
    };
    count.map(usize::from)
}

/// An empty variable counts as unset.
fn parse(value: &str) -> Result<u16, RunError> {
    if value.is_empty() {
        return Ok(1);
    }
    value.parse().map(NonZero::<u16>::get).map_err(|error| {
        RunError::configuration(
            format!("{MAX_CONCURRENCY} is {value:?}, which is not a number from 1 to 65535"),
            error,
        )
    })
}

/// Returns why a handler that serves one invocation at a time does not start.
pub(super) fn not_shared(count: usize) -> RunError {
    RunError::invalid(format!(
        "{count} invocations are to be served at once ({MAX_CONCURRENCY} or Runtime::max_concurrency), \
         and the handler serves one at a time, because it is wrapped in `Sequential`; keep its state in \
         a `Cell`, a `RefCell` or a lock and take the wrapper off, or set the function's concurrency to 1"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_from_one_are_accepted() {
        for (value, count) in [("", 1), ("1", 1), ("8", 8), ("65535", 65535)] {
            assert_eq!(parse(value).unwrap(), count);
        }
    }

    #[test]
    fn other_values_are_named() {
        for value in ["0", "-1", "65536", "eight", " 8", "8.0"] {
            let error = parse(value).unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(&format!("{value:?}")), "{error}");
        }
        assert!(concurrency(Some(0)).unwrap_err().is_configuration());
    }
}
