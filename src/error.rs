//! What a failure is called, on the wire and to the user.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use serde::{Deserialize, Serialize};

pub use self::deadline_exceeded::DeadlineExceeded;
pub use self::size_limit_exceeded::SizeLimitExceeded;
use crate::ndjson::RowError;
use crate::sse::EventError;
use crate::wire::trailers;

mod deadline_exceeded;
mod size_limit_exceeded;

/// Any error: what handlers and streams usually fail with, and what [`run`](crate::run) returns.
///
/// Every `std::error::Error`, `anyhow::Error`, `String` and `&str` becomes one with `?` or `.into()`.
/// To choose the type that is reported, return a [`Failure`].
pub type Error = Box<dyn StdError + Send + Sync>;

/// A failed invocation as the service reports it: a type, a message and a stack trace.
///
/// Any error becomes one by itself; make one by hand to choose its type, which is what alarms, retry
/// rules and AWS Step Functions match on:
///
/// ```
/// use lambda_stream::Failure;
///
/// let failure = Failure::new("QuotaExceeded", "this account has no tokens left today");
/// assert_eq!(failure.error_type(), "Function.QuotaExceeded");
/// assert_eq!(failure.to_string(), "this account has no tokens left today");
/// ```
///
/// The type of other errors is the name of the Rust type, letters only (`std::num::ParseIntError` is
/// reported as `Function.ParseIntError`), as far as it is still known: behind a `Box<dyn Error>` it is not, and
/// `Function.Error` is reported, unless what the box holds is a `Failure` or one of the library's own
/// errors ([`DeadlineExceeded`], [`SizeLimitExceeded`], [`RowError`], [`EventError`]). The message is the error's
/// `Display`, and the stack trace lists its [sources](StdError::source).
///
/// # On the wire
///
/// Before the head: `POST …/error`. After it: the trailers `Lambda-Runtime-Function-Error-Type` and
/// `Lambda-Runtime-Function-Error-Body`. Types have to match `(Runtime|Function)\.[A-Z][a-zA-Z]+`,
/// otherwise the service replaces them (AWS, source of the Runtime Interface Emulator).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
// Boxed, because it is the other half of each chunk: `Result<Bytes, Failure>` stays as small as `Bytes`.
pub struct Failure(Box<Document>);

/// The error document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    #[serde(rename = "errorMessage", default)]
    message: String,
    #[serde(rename = "errorType", default)]
    error_type: Cow<'static, str>,
    #[serde(rename = "stackTrace", default)]
    stack_trace: Vec<String>,
}

/// What an error is called whose type is not known.
const UNNAMED: &str = "Function.Error";

/// What stands at the end of a message that had to be cut.
const CUT: &str = "… (cut)";

impl Failure {
    /// A failure of this type with this message.
    ///
    /// The type is `Function.Name`, `Runtime.Name` or just `Name`, which means `Function.Name`; a name
    /// begins with an upper-case letter and consists of two or more ASCII letters. Any other type is
    /// reported as `Function.Unknown`, which is what the service would make of it.
    pub fn new(error_type: impl AsRef<str>, message: impl fmt::Display) -> Self {
        let error_type =
            qualified(error_type.as_ref()).unwrap_or(Cow::Borrowed("Function.Unknown"));
        Self::from_parts(message.to_string(), error_type, Vec::new())
    }

    /// A failure of the library's own naming.
    pub(crate) fn known(error_type: &'static str, message: impl fmt::Display) -> Self {
        Self::from_parts(message.to_string(), Cow::Borrowed(error_type), Vec::new())
    }

    fn from_parts(
        message: String,
        error_type: Cow<'static, str>,
        stack_trace: Vec<String>,
    ) -> Self {
        Self(Box::new(Document {
            message,
            error_type,
            stack_trace,
        }))
    }

    /// What an error of a handler or a stream is reported as.
    pub(crate) fn from_error<E: Into<Error>>(error: E) -> Self {
        let name = short_name(std::any::type_name::<E>());
        let error = match error.into().downcast::<Self>() {
            Ok(failure) => return *failure,
            Err(error) => error,
        };
        let mut own_type = own_type(&*error);
        let mut stack_trace = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            // An error that wraps a failure still means that failure.
            if let Some(failure) = cause.downcast_ref::<Self>() {
                let mut failure = failure.clone();
                failure.0.message = format!("{error}: {}", failure.0.message);
                return failure;
            }
            own_type = own_type.or_else(|| self::own_type(cause));
            stack_trace.push(format!("caused by: {cause}"));
            source = cause.source();
        }
        let error_type = own_type
            .map(Cow::Borrowed)
            .or_else(|| name.as_deref().and_then(qualified))
            .unwrap_or(Cow::Borrowed(UNNAMED));
        Self::from_parts(error.to_string(), error_type, stack_trace)
    }

    /// What a caught panic is reported as.
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("(its payload is no text)");
        Self::known("Function.Panic", format_args!("panicked: {text}"))
    }

    /// The type that is reported, such as `Function.QuotaExceeded`.
    pub fn error_type(&self) -> &str {
        &self.0.error_type
    }

    /// What the stack trace lists: for an error, its sources, outermost first.
    pub fn stack_trace(&self) -> &[String] {
        &self.0.stack_trace
    }

    /// The same failure with this stack trace.
    #[must_use]
    pub fn with_stack_trace(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.stack_trace = lines.into_iter().map(Into::into).collect();
        self
    }

    /// The error document: `{"errorMessage":…,"errorType":…,"stackTrace":[…]}`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // A struct of strings has no way to fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The trailers that report this failure, cut to what a receiver takes.
    pub(crate) fn to_trailers(&self) -> http::HeaderMap {
        let limit = trailers::document_limit(&self.0.error_type);
        let mut json = self.to_json();
        if json.len() > limit {
            json = self.cut(limit).to_json();
        }
        trailers::encode(&self.0.error_type, &json)
    }

    /// The failure without its stack trace and with its message cut, so that its JSON fits.
    fn cut(&self, limit: usize) -> Self {
        let mut cut = Self::new(&self.0.error_type, "");
        let mut keep = limit.min(self.0.message.len());
        loop {
            while !self.0.message.is_char_boundary(keep) {
                keep -= 1;
            }
            cut.0.message = format!("{}{CUT}", &self.0.message[..keep]);
            let len = cut.to_json().len();
            if len <= limit || keep == 0 {
                return cut;
            }
            // A byte of the message takes at most 6 in JSON (`\u0000`), so this never takes too much away.
            keep = keep.saturating_sub((len - limit).div_ceil(6));
        }
    }

    /// Reads an error document; what is missing or malformed is taken from `error_type`.
    #[cfg(any(test, feature = "local", feature = "measure"))]
    pub(crate) fn from_json(error_type: &str, document: &[u8]) -> Self {
        let mut failure: Self = serde_json::from_slice(document).unwrap_or_else(|_| {
            let message = String::from_utf8_lossy(document).into_owned();
            Self::from_parts(message, Cow::Borrowed(""), Vec::new())
        });
        if failure.0.error_type.is_empty() {
            failure.0.error_type = Cow::Owned(error_type.to_owned());
        }
        failure
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Reads like a sentence, because `main` prints an error by its `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.error_type, self.0.message)?;
        for line in &self.0.stack_trace {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl StdError for Failure {}

/// Runs code of the user's; a panic of it becomes a failure.
///
/// What panicked has to be dropped and never touched again, so that nobody sees its broken state.
pub(crate) fn contain<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Failure::from_panic(&*payload))
}

/// Awaits code of the user's; a panic of it becomes a failure.
pub(crate) async fn contain_async<F: Future>(future: F) -> Result<F::Output, Failure> {
    let mut future = pin!(future);
    poll_fn(|cx| match contain(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// What the errors that are types of the library's own are called, however they are wrapped.
fn own_type(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    if error.is::<DeadlineExceeded>() {
        Some(DeadlineExceeded::TYPE)
    } else if error.is::<SizeLimitExceeded>() {
        Some(SizeLimitExceeded::TYPE)
    } else if error.is::<RowError>() {
        Some(RowError::TYPE)
    } else if error.is::<EventError>() {
        Some(EventError::TYPE)
    } else {
        None
    }
}

/// `Name` or `Function.Name` or `Runtime.Name` as the service accepts it.
fn qualified(error_type: &str) -> Option<Cow<'static, str>> {
    let (family, name) = error_type
        .split_once('.')
        .unwrap_or(("Function", error_type));
    let fits = matches!(family, "Function" | "Runtime")
        && name.len() > 1
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    fits.then(|| Cow::Owned(format!("{family}.{name}")))
}

/// The last segment of a type's path, letters only, unless the type hides what it holds.
fn short_name(path: &str) -> Option<String> {
    let path = path.split('<').next().unwrap_or(path);
    let name = path.rsplit("::").next().unwrap_or(path);
    (name != "Box").then(|| name.chars().filter(char::is_ascii_alphabetic).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn an_error_is_called_by_its_type() {
        assert_eq!(
            Failure::from_error(TokenLimit(None)).error_type(),
            "Function.TokenLimit"
        );
        let utf8 = String::from_utf8(vec![0xff]).unwrap_err();
        assert_eq!(
            Failure::from_error(utf8).error_type(),
            "Function.FromUtfError"
        );
    }

    #[test]
    fn a_boxed_error_has_no_name_unless_it_is_a_failure() {
        let boxed: Error = Box::new(TokenLimit(None));
        assert_eq!(Failure::from_error(boxed).error_type(), "Function.Error");
        let boxed: Error = Failure::new("Quota", "x").into();
        assert_eq!(Failure::from_error(boxed).error_type(), "Function.Quota");
        assert_eq!(Failure::from_error("text").error_type(), "Function.Error");
    }

    #[test]
    fn the_errors_of_the_library_keep_their_type_however_they_are_wrapped() {
        let deadline = || Error::from(DeadlineExceeded::new());
        let size = || Error::from(SizeLimitExceeded::new(10, 12));
        for (error, name) in [
            (deadline(), "Function.DeadlineExceeded"),
            (size(), "Function.ResponseSizeTooLarge"),
        ] {
            let message = error.to_string();
            let failure = Failure::from_error(error);
            assert_eq!((failure.error_type(), failure.to_string()), (name, message));
        }
        let wrapped = Failure::from_error(TokenLimit(Some(size())));
        assert_eq!(wrapped.error_type(), "Function.ResponseSizeTooLarge");
        assert!(wrapped.stack_trace()[0].contains("limited to 10 bytes"));
        assert_eq!(
            Failure::from_error(deadline()),
            DeadlineExceeded::new().into()
        );
        assert_eq!(
            Failure::from_error(size()),
            SizeLimitExceeded::new(10, 12).into()
        );
    }

    #[test]
    fn a_wrapped_failure_keeps_its_type() {
        let wrapped = TokenLimit(Some(Failure::new("Quota", "daily").into()));
        let failure = Failure::from_error(wrapped);
        assert_eq!(failure.error_type(), "Function.Quota");
        assert_eq!(failure.to_string(), "no tokens left: daily");
    }

    #[test]
    fn sources_are_the_stack_trace() {
        let failure = Failure::from_error(TokenLimit(Some("the bucket is empty".into())));
        assert_eq!(failure.stack_trace(), ["caused by: the bucket is empty"]);
    }

    #[test]
    fn types_are_what_the_service_accepts() {
        for (given, reported) in [
            ("Quota", "Function.Quota"),
            ("Function.Quota", "Function.Quota"),
            ("Runtime.Quota", "Runtime.Quota"),
            ("quota", "Function.Unknown"),
            ("Q", "Function.Unknown"),
            ("Quota2", "Function.Unknown"),
            ("Sandbox.Timeout", "Function.Unknown"),
            ("Function.", "Function.Unknown"),
            ("", "Function.Unknown"),
            ("Quota\r\nx: y", "Function.Unknown"),
        ] {
            assert_eq!(Failure::new(given, "").error_type(), reported, "{given:?}");
        }
    }

    #[test]
    fn the_document_has_the_fields_of_the_contract() {
        let failure = Failure::new("Quota", "none").with_stack_trace(["a", "b"]);
        assert_eq!(
            String::from_utf8(failure.to_json()).unwrap(),
            r#"{"errorMessage":"none","errorType":"Function.Quota","stackTrace":["a","b"]}"#
        );
        assert_eq!(Failure::from_json("", &failure.to_json()), failure);
    }

    #[test]
    fn a_panic_tells_its_text() {
        let text: Box<dyn Any + Send> = Box::new("boom");
        assert_eq!(Failure::from_panic(&*text).to_string(), "panicked: boom");
        let text: Box<dyn Any + Send> = Box::new(7);
        assert!(Failure::from_panic(&*text).to_string().contains("no text"));
    }

    #[test]
    fn a_long_message_is_cut_no_more_than_it_has_to_be() {
        let limit = trailers::document_limit("Function.Quota");
        for message in [
            "m".repeat(100_000),
            "\u{0}".repeat(100_000),
            "é".repeat(5_000),
        ] {
            let cut = Failure::new("Quota", message).cut(limit).to_json().len();
            assert!(cut <= limit && cut > limit - 8, "{cut} of {limit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_message_fits_into_the_trailers(message in "(\\PC|\u{0}|é){0,2000}", trace in prop::collection::vec(".{0,500}", 0..8)) {
            let failure = Failure::new("Quota", &message).with_stack_trace(trace);
            let trailers = failure.to_trailers();
            let size: usize = trailers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
            prop_assert!(size + 5 <= crate::wire::limits::TRAILERS_LIMIT);
            let (error_type, document) = trailers::decode(&trailers).unwrap();
            prop_assert_eq!(&error_type, "Function.Quota");
            let read: Failure = serde_json::from_slice(&document).unwrap();
            let kept = read.0.message.strip_suffix(CUT).unwrap_or(&read.0.message);
            prop_assert!(message.starts_with(kept));
        }
    }
}
