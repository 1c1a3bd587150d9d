//! What can go wrong in a handler or its stream, and how it becomes a [`Failure`].

mod deadline_exceeded;
mod escaped;
mod event_error;
mod panic;
mod row_error;
mod size_limit_exceeded;

use std::error::Error as StdError;
use std::io;

pub(crate) use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;

pub use self::deadline_exceeded::DeadlineExceeded;
pub(crate) use self::escaped::Escaped;
pub use self::event_error::EventError;
pub(crate) use self::event_error::Reason;
pub(crate) use self::panic::{contain, contain_async, panic_failure};
pub use self::row_error::RowError;
pub use self::size_limit_exceeded::SizeLimitExceeded;

/// Any error: what handlers and streams usually fail with.
///
/// Every `std::error::Error`, `anyhow::Error`, `String` and `&str` becomes one with `?` or
/// `.into()`. To choose the type that is reported, return a [`Failure`](crate::Failure).
pub type Error = Box<dyn StdError + Send + Sync>;

/// Returns what an error of a handler or a stream is reported as.
pub(crate) fn into_failure<E: Into<Error>>(error: E) -> Failure {
    let name = short_name(std::any::type_name::<E>());
    let error = match error.into().downcast::<Failure>() {
        Ok(failure) => return *failure,
        Err(error) => error,
    };
    let mut error_type = own_type(&*error);
    let mut wrappers = vec![error.to_string()];
    let mut source = source_of(&*error);
    while let Some(cause) = source {
        // An error that wraps a failure still means that failure.
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            let wrappers = wrappers.into_iter().rev();
            return wrappers.fold(failure.clone(), Failure::with_context);
        }
        wrappers.push(cause.to_string());
        error_type = error_type.or_else(|| own_type(cause));
        source = source_of(cause);
    }
    match error_type {
        Some(error_type) => Failure::new(error_type, error),
        None => Failure::new(name.as_deref().unwrap_or(kind::ERROR), error),
    }
}

/// Returns the source of an error. An [`io::Error`] gives the source of what it wraps, so the
/// wrapped error itself has to be asked for.
fn source_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Returns the type of an error of this library, however it is wrapped.
fn own_type(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    if error.is::<DeadlineExceeded>() {
        Some(kind::DEADLINE_EXCEEDED)
    } else if error.is::<SizeLimitExceeded>() {
        Some(kind::RESPONSE_SIZE_TOO_LARGE)
    } else if error.is::<RowError>() {
        Some(kind::INVALID_ROW)
    } else if error.is::<EventError>() {
        Some(kind::INVALID_SSE_EVENT)
    } else {
        None
    }
}

/// Returns the last segment of a type's path, letters only, unless the type hides what it holds or
/// the service would not accept the name.
fn short_name(path: &str) -> Option<String> {
    let path = path.split('<').next().unwrap_or(path);
    let name = path.rsplit("::").next().unwrap_or(path);
    let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let is_name = name.len() > 1 && name.starts_with(|first: char| first.is_ascii_uppercase());
    let is_opaque =
        name == "Box" || (name == "Report" && OPAQUE.iter().any(|at| path.starts_with(at)));
    (is_name && !is_opaque).then_some(name)
}

/// Crates whose `Report` holds any error, as a `Box` does.
const OPAQUE: [&str; 2] = ["eyre::", "miette::"];

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct TokenLimit(Option<Error>);

    impl fmt::Display for TokenLimit {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no tokens left")
        }
    }

    impl StdError for TokenLimit {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.0
                .as_ref()
                .map(|error| &**error as &(dyn StdError + 'static))
        }
    }

    #[test]
    fn error_is_reported_by_its_type_name() {
        assert_eq!(
            into_failure(TokenLimit(None)).error_type(),
            "Function.TokenLimit"
        );
        let utf8 = String::from_utf8(vec![0xff]).unwrap_err();
        assert_eq!(into_failure(utf8).error_type(), "Function.FromUtfError");
    }

    #[test]
    fn boxed_error_has_no_type_name() {
        let boxed: Error = Box::new(TokenLimit(None));
        assert_eq!(into_failure(boxed).error_type(), "Function.Error");
        let boxed: Error = Failure::new("Quota", "x").into();
        assert_eq!(into_failure(boxed).error_type(), "Function.Quota");
        assert_eq!(into_failure("text").error_type(), "Function.Error");
    }

    #[test]
    fn opaque_types_have_no_name() {
        for path in [
            "alloc::boxed::Box<dyn core::error::Error>",
            "eyre::Report",
            "miette::eyreish::Report",
        ] {
            assert_eq!(short_name(path), None, "{path}");
        }
        assert_eq!(short_name("my_app::Report").as_deref(), Some("Report"));
    }

    #[test]
    fn wrapped_errors_of_the_library_keep_their_type() {
        let deadline = || Error::from(DeadlineExceeded::new());
        let size = || Error::from(SizeLimitExceeded::new(10, 12));
        for (error, name) in [
            (deadline(), "Function.DeadlineExceeded"),
            (size(), "Function.ResponseSizeTooLarge"),
        ] {
            let message = error.to_string();
            let failure = into_failure(error);
            assert_eq!((failure.error_type(), failure.to_string()), (name, message));
        }
        let wrapped = into_failure(TokenLimit(Some(size())));
        assert_eq!(wrapped.error_type(), "Function.ResponseSizeTooLarge");
        assert!(wrapped.stack_trace()[0].contains("limited to 10 bytes"));
        assert_eq!(into_failure(deadline()), DeadlineExceeded::new().into());
        assert_eq!(into_failure(size()), SizeLimitExceeded::new(10, 12).into());
    }

    #[test]
    fn wrapped_failure_keeps_its_type() {
        let wrapped = TokenLimit(Some(Failure::new("Quota", "daily").into()));
        let failure = into_failure(wrapped);
        assert_eq!(failure.error_type(), "Function.Quota");
        assert_eq!(failure.to_string(), "no tokens left: daily");
    }

    #[test]
    fn wrapped_failure_is_told_once() {
        let failure = Failure::new("Quota", "daily");
        let io = io::Error::other(failure);
        let wrapped = into_failure(TokenLimit(Some(io.into())));
        assert_eq!(wrapped.to_string(), "no tokens left: daily");
        let failure = Failure::new("Quota", "sorry: no tokens left");
        let wrapped = into_failure(TokenLimit(Some(failure.into())));
        assert_eq!(wrapped.to_string(), "no tokens left: sorry: no tokens left");
        let failure = Failure::new("Quota", "no tokens");
        let wrapped = into_failure(TokenLimit(Some(failure.into())));
        assert_eq!(wrapped.to_string(), "no tokens left");
    }

    #[test]
    fn sources_become_the_stack_trace() {
        let failure = into_failure(TokenLimit(Some("the bucket is empty".into())));
        assert_eq!(failure.stack_trace(), ["caused by: the bucket is empty"]);
    }
}
