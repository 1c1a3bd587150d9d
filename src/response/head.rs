//! The head of a response: status, headers and cookies.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, response};

use lambda_stream_wire::limits::HEADER_NAMES_LIMIT;
use lambda_stream_wire::prelude::{Prelude, PreludeError};

/// The head of a response: status, headers and cookies.
///
/// It goes out as soon as the handler returns it, before the first chunk is there.
///
/// ```
/// use lambda_stream::Head;
///
/// let head = Head::new(418)
///     .header("content-type", "text/plain")
///     .header("x-my-custom-header", "streaming-example")
///     .cookie("session=7; Path=/; HttpOnly");
/// assert!(head.error().is_none());
/// ```
///
/// # Errors
///
/// Building a head never panics and needs no `?`: what cannot be sent is remembered and reported
/// when the head is to be sent. Nothing has left by then, so the invocation fails as a whole, with
/// the type `Function.InvalidHead` and a message that names the header, value or status;
/// [`error`](Self::error) tells it earlier.
///
/// # What is sent
///
/// * A header that is set more than once is joined with `, ` (which a Function URL wants) and also
///   listed value by value (which API Gateway wants).
/// * A `set-cookie` header is sent as a cookie.
/// * Length and hop-by-hop headers (`content-length`, `transfer-encoding`, `connection`,
///   `keep-alive`, …) are left out: they describe a connection that the service makes itself.
/// * The whole head must fit into 16 KB, or API Gateway answers 500; a larger one is an error that
///   says how large it was.
/// * 204 and 304 have no body by definition: the stream behind them is dropped without being
///   polled.
#[derive(Debug, Clone)]
pub struct Head {
    status: StatusCode,
    headers: HeaderMap,
    cookies: Vec<HeaderValue>,
    error: Option<HeadError>,
    /// The answer to a HEAD request.
    is_alone: bool,
}

/// Why a head cannot be sent; the text names the header, value, status or size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Status(u16),
    Name(String),
    Value(HeaderName, String),
    Cookie(String),
    TooManyNames,
    Prelude(PreludeError),
}

impl Head {
    /// A head with this status, which is a number from 200 to 599.
    ///
    /// A [`StatusCode`] becomes a head with [`Head::from`].
    pub fn new(status: u16) -> Self {
        let mut head = Self::from(StatusCode::OK);
        match StatusCode::from_u16(status) {
            Ok(code) if is_final(code) => head.status = code,
            _ => head.fail(Kind::Status(status)),
        }
        head
    }

    /// A head with status 200.
    pub fn ok() -> Self {
        Self::from(StatusCode::OK)
    }

    /// Adds a header. A name that is there already gets a second value.
    ///
    /// As in the crate `http`, a name is whatever converts into a [`HeaderName`], and a value
    /// whatever converts into a [`HeaderValue`], numbers included. They are `Clone` and `Debug` so
    /// that the error can repeat one that cannot be sent.
    ///
    /// ```
    /// use lambda_stream::Head;
    ///
    /// let head = Head::ok().header("x-total", 12);
    /// assert_eq!(head.headers()["x-total"], "12");
    /// ```
    #[must_use]
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName> + Clone + fmt::Debug,
        V: TryInto<HeaderValue> + Clone + fmt::Debug,
    {
        let shown = name.clone();
        let Ok(name) = name.try_into() else {
            self.fail(Kind::Name(show(&shown)));
            return self;
        };
        let shown = value.clone();
        let Ok(value) = value.try_into() else {
            self.fail(Kind::Value(name, show(&shown)));
            return self;
        };
        if self.headers.try_append(name, value).is_err() {
            self.fail(Kind::TooManyNames);
        }
        self
    }

    /// Sets the content type, such as `text/event-stream`, in place of one that was set before.
    #[must_use]
    pub fn content_type<V>(mut self, value: V) -> Self
    where
        V: TryInto<HeaderValue> + Clone + fmt::Debug,
    {
        self.headers.remove(header::CONTENT_TYPE);
        self.header(header::CONTENT_TYPE, value)
    }

    /// Adds a cookie, written as in `set-cookie`: `name=value; Path=/; HttpOnly`.
    #[must_use]
    pub fn cookie<V>(mut self, cookie: V) -> Self
    where
        V: TryInto<HeaderValue> + Clone + fmt::Debug,
    {
        let shown = cookie.clone();
        match cookie.try_into() {
            Ok(cookie) => self.cookies.push(cookie),
            Err(_) => self.fail(Kind::Cookie(show(&shown))),
        }
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers that were set.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The cookies that were set with [`cookie`](Self::cookie).
    pub fn cookies(&self) -> &[HeaderValue] {
        &self.cookies
    }

    /// The first thing in this head that cannot be sent. The size is checked when it is sent.
    pub fn error(&self) -> Option<&HeadError> {
        self.error.as_ref()
    }

    /// The same head as the answer to a HEAD request: no body follows, and nothing is said of its
    /// length.
    #[cfg(feature = "web")]
    pub(crate) fn without_body(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Whether the status or the request rules out a body.
    pub(crate) fn is_bodyless(&self) -> bool {
        self.is_alone
            || matches!(
                self.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            )
    }

    /// The prelude that carries this head; `empty` when no payload follows.
    pub(crate) fn to_prelude(&self, empty: bool) -> Result<Bytes, HeadError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.prelude(empty && !self.is_alone)
            .encode()
            .map_err(|error| HeadError(Kind::Prelude(error)))
    }

    /// What a prelude would be made from, if all of it can be sent as JSON.
    #[cfg(feature = "web")]
    pub(crate) fn checked_prelude(&self) -> Result<Prelude<'_>, HeadError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let prelude = self.prelude(false);
        match prelude.check() {
            Ok(()) => Ok(prelude),
            Err(error) => Err(HeadError(Kind::Prelude(error))),
        }
    }

    fn prelude(&self, empty: bool) -> Prelude<'_> {
        Prelude {
            status: self.status,
            headers: &self.headers,
            cookies: &self.cookies,
            empty,
        }
    }

    /// Remembers the first error.
    fn fail(&mut self, kind: Kind) {
        self.error.get_or_insert(HeadError(kind));
    }
}

impl From<StatusCode> for Head {
    fn from(status: StatusCode) -> Self {
        let error = (!is_final(status)).then(|| HeadError(Kind::Status(status.as_u16())));
        Self {
            status,
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            error,
            is_alone: false,
        }
    }
}

/// Status and headers; each `set-cookie` becomes a cookie. Version and extensions are left behind.
impl From<response::Parts> for Head {
    fn from(parts: response::Parts) -> Self {
        Self {
            headers: parts.headers,
            ..Self::from(parts.status)
        }
    }
}

/// Informational statuses end nothing, and the ones past 599 have no meaning.
fn is_final(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// Number of characters of a wrong name or value that are repeated in its error.
const SHOWN: usize = 64;

/// Returns a wrong name or value as it is shown in an error, quoted and escaped.
fn show(value: &impl fmt::Debug) -> String {
    let mut shown = format!("{value:?}");
    if let Some((at, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(at);
        shown.push('…');
    }
    shown
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Status(status) => write!(
                f,
                "{status} cannot be the status of a response: it has to be a number from 200 to 599"
            ),
            Kind::Name(name) => write!(
                f,
                "{name} cannot be the name of a header: names are letters, digits and `-`"
            ),
            Kind::Value(name, value) => write!(
                f,
                "{value} cannot be the value of the header `{name}`: it has a control character"
            ),
            Kind::Cookie(cookie) => {
                write!(f, "{cookie} cannot be a cookie: it has a control character")
            }
            Kind::TooManyNames => write!(
                f,
                "a head has at most {HEADER_NAMES_LIMIT} different header names; send fewer headers"
            ),
            Kind::Prelude(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HeadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            // The message is that error's own.
            Kind::Prelude(error) => error.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        for (head, names) in [
            (Head::new(99), "99"),
            (Head::new(101), "101"),
            (Head::new(600), "600"),
            (Head::new(65535), "65535"),
            (Head::from(StatusCode::CONTINUE), "100"),
            (Head::ok().header("a b", "c"), "\"a b\""),
            (Head::ok().header("", "c"), "\"\""),
            (Head::ok().header("x-a", "c\nd"), "`x-a`"),
            (Head::ok().header("x-a", "c\nd"), r#""c\nd""#),
            (Head::ok().content_type("a\0"), "`content-type`"),
            (Head::ok().cookie("a=\r\n"), r#""a=\r\n""#),
        ] {
            let error = head.error().expect(names).to_string();
            assert!(error.contains(names), "{error}");
            assert_eq!(head.to_prelude(false).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn too_many_header_names_are_an_error() {
        let mut head = Head::ok();
        for at in 0..=HEADER_NAMES_LIMIT {
            head = head.header(format!("x-{at}"), at);
        }
        let error = head.error().unwrap().to_string();
        assert_eq!(
            error,
            "a head has at most 24576 different header names; send fewer headers"
        );
    }

    #[test]
    fn numbers_and_bytes_are_header_values() {
        let head = Head::ok()
            .header("x-number", 7_u64)
            .header(String::from("x-bytes"), b"a\xff".to_vec())
            .cookie(HeaderValue::from_static("a=1"));
        assert_eq!(head.headers()["x-number"], "7");
        assert_eq!(head.headers()["x-bytes"], &b"a\xff"[..]);
        assert!(head.error().is_none());
    }

    #[test]
    fn shown_value_is_cut() {
        let head = Head::ok().header("x", "é\n".repeat(100));
        assert!(head.error().unwrap().to_string().len() < 300);
    }

    #[test]
    fn the_first_error_is_kept() {
        let head = Head::new(7).header("a b", "c");
        assert!(head.error().unwrap().to_string().starts_with("7 "));
    }

    #[test]
    fn a_type_of_the_http_crate_is_taken_as_it_is() {
        let head = Head::from(StatusCode::CREATED)
            .header(header::VARY, HeaderValue::from_static("accept"))
            .content_type("text/plain")
            .content_type("text/html");
        assert_eq!(
            head.to_prelude(false).unwrap(),
            r#"{"statusCode":201,"headers":{"vary":"accept","content-type":"text/html"},"cookies":[]}"#
        );
    }
}
