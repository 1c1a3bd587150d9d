//! A failed invocation as the service reports it.

mod causes;
pub mod kind;
mod xray;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::header::{HeaderMap, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::causes::causes;
use self::causes::{CAUSED_BY, mentions};
use crate::limits::{ERROR_DOCUMENT_LIMIT, ERROR_TYPE_LIMIT};
use crate::trailers;

/// A failed invocation as the service reports it: a type, a message and a stack trace.
///
/// Any error of a handler or a stream is converted into one. Create one to choose its type, which
/// is what alarms, retry rules and AWS Step Functions match on:
///
/// ```
/// use lambda_stream_wire::Failure;
///
/// let failure = Failure::new("QuotaExceeded", "this account has no tokens left today");
/// assert_eq!(failure.error_type(), "Function.QuotaExceeded");
/// assert_eq!(failure.to_string(), "this account has no tokens left today");
/// ```
///
/// # Reported type
///
/// Other errors are reported under the name of their Rust type, letters only:
/// `std::num::ParseIntError` as `Function.ParseIntError`. A `Box<dyn Error>` hides its type and is
/// reported as [`kind::ERROR`], unless it holds a `Failure` or an error of this library, or has one
/// among its [sources](StdError::source). The message is the error's `Display`, and the stack trace
/// lists its sources.
///
/// # On the wire
///
/// Before the head, a failure is sent as `POST …/error`; after it, as the trailers
/// `Lambda-Runtime-Function-Error-Type` and `Lambda-Runtime-Function-Error-Body`. The service
/// replaces types that do not match `(Runtime|Function)\.[A-Z][a-zA-Z]+` (AWS, source of the
/// Runtime Interface Emulator), so every constructor, deserialization included, checks the type.
// Boxed, because it is the other half of each chunk: `Result<Bytes, Failure>` stays as small as
// `Bytes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Failure(Box<Document>);

/// The error document: `{"errorMessage":…,"errorType":…,"stackTrace":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Document {
    #[serde(rename = "errorMessage")]
    message: String,
    #[serde(rename = "errorType")]
    error_type: Cow<'static, str>,
    #[serde(rename = "stackTrace")]
    stack_trace: Vec<String>,
}

/// An error document from outside, whose type is not checked yet.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Unchecked {
    #[serde(rename = "errorMessage")]
    message: Option<String>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    #[serde(rename = "stackTrace")]
    stack_trace: Option<Vec<String>>,
}

/// Mark at the end of a truncated message.
const CUT: &str = "… (cut)";

impl Failure {
    /// Creates a failure of this type with this message.
    ///
    /// The type is `Function.Name`, `Runtime.Name`, or `Name`, short for `Function.Name`. A name
    /// consists of two or more ASCII letters, the first in upper case; the whole type has at most
    /// [`ERROR_TYPE_LIMIT`] bytes. Any other type is reported as [`kind::UNKNOWN`].
    ///
    /// The message is a string or any error, whose [sources](StdError::source) become the stack
    /// trace. A source whose text stands in an outer one already is left out, see [`causes`].
    pub fn new(
        error_type: impl AsRef<str>,
        message: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let error = message.into();
        let stack_trace = causes(&*error)
            .into_iter()
            .map(|cause| format!("{CAUSED_BY}{cause}"))
            .collect();
        Self::from_parts(error.to_string(), checked(error_type.as_ref()), stack_trace)
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

    /// Returns the reported type, such as `Function.QuotaExceeded`.
    pub fn error_type(&self) -> &str {
        &self.0.error_type
    }

    /// Returns the reported type as a header value.
    pub fn error_type_header(&self) -> HeaderValue {
        // Always legal: a checked type consists of ASCII letters and a dot.
        HeaderValue::from_str(self.error_type()).unwrap_or(HeaderValue::from_static(kind::UNKNOWN))
    }

    /// Returns the stack trace: for an error, its sources, outermost first.
    pub fn stack_trace(&self) -> &[String] {
        &self.0.stack_trace
    }

    /// Replaces the stack trace.
    #[must_use]
    pub fn with_stack_trace(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.stack_trace = lines.into_iter().map(Into::into).collect();
        self
    }

    /// Prepends a text and a colon to the message; a text that contains the message replaces it.
    #[must_use]
    pub fn with_context(mut self, context: impl fmt::Display) -> Self {
        let context = context.to_string();
        self.0.message = if mentions(&context, &self.0.message) {
            context
        } else {
            format!("{context}: {}", self.0.message)
        };
        self
    }

    /// Returns the error document as JSON, truncated to [`ERROR_DOCUMENT_LIMIT`].
    pub fn to_json(&self) -> Vec<u8> {
        self.to_json_within(ERROR_DOCUMENT_LIMIT)
    }

    /// Returns the trailers that report this failure, truncated to
    /// [`TRAILERS_LIMIT`](crate::limits::TRAILERS_LIMIT).
    pub fn to_trailers(&self) -> HeaderMap {
        let document = self.to_json_within(trailers::document_limit(self.error_type()));
        trailers::encode(self.error_type_header(), &document)
    }

    /// Returns the failure that trailers report, or `None` if they report none.
    pub fn from_trailers(trailers: &HeaderMap) -> Option<Self> {
        let (error_type, document) = trailers::decode(trailers)?;
        Some(Self::from_json(&error_type, &document))
    }

    /// Reads an error document. `error_type` applies if the document has no type, and the whole
    /// document becomes the message if it is not JSON.
    pub fn from_json(error_type: &str, document: &[u8]) -> Self {
        let unchecked: Unchecked = serde_json::from_slice(document).unwrap_or_else(|_| Unchecked {
            message: Some(String::from_utf8_lossy(document).into_owned()),
            ..Unchecked::default()
        });
        unchecked.check(error_type)
    }

    fn to_json_within(&self, limit: usize) -> Vec<u8> {
        let json = self.encode();
        if json.len() <= limit {
            return json;
        }
        self.cut(limit).encode()
    }

    fn encode(&self) -> Vec<u8> {
        // Serializing a struct of strings cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns this failure without its stack trace and with the longest start of its message whose
    /// JSON fits.
    fn cut(&self, limit: usize) -> Self {
        let message = &self.0.message;
        let cut_at = |end: usize| {
            let message = format!("{}{CUT}", &message[..end]);
            Self::from_parts(message, self.0.error_type.clone(), Vec::new())
        };
        let ends: Vec<usize> = message
            .char_indices()
            .map(|(end, _)| end)
            .chain([message.len()])
            .take_while(|end| *end <= limit)
            .collect();
        // A longer message never has shorter JSON.
        let too_long = ends.partition_point(|end| cut_at(*end).encode().len() <= limit);
        cut_at(ends[..too_long].last().copied().unwrap_or_default())
    }
}

impl Unchecked {
    fn check(self, default_type: &str) -> Failure {
        let error_type = match self.error_type.as_deref() {
            None | Some("") => checked(default_type),
            Some(error_type) => checked(error_type),
        };
        Failure::from_parts(
            self.message.unwrap_or_default(),
            error_type,
            self.stack_trace.unwrap_or_default(),
        )
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Unchecked::deserialize(deserializer)?.check(kind::ERROR))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Failure {}

/// Returns the type as it is reported.
fn checked(error_type: &str) -> Cow<'static, str> {
    let (family, name) = error_type
        .split_once('.')
        .unwrap_or(("Function", error_type));
    let is_legal = matches!(family, "Function" | "Runtime")
        && name.len() > 1
        && family.len() + 1 + name.len() <= ERROR_TYPE_LIMIT
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_legal {
        Cow::Owned(format!("{family}.{name}"))
    } else {
        Cow::Borrowed(kind::UNKNOWN)
    }
}

#[cfg(test)]
mod tests;
