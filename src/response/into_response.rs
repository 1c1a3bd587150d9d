//! What a handler may return.

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use http_body::Body;

use super::Head;
use super::payload::{BodyChunks, Payload};
use crate::error::{Error, Failure};

/// What a handler may return.
///
/// | Type | What the client receives |
/// |---|---|
/// | `(Head, impl Stream)` | status, headers and cookies of the [`Head`], then each chunk |
/// | `http::Response<impl Stream>` | the same; each `set-cookie` header is a cookie |
/// | `http::Response<impl http_body::Body>` | the same; the trailers of the body are dropped |
/// | [`Raw`](crate::Raw)`(impl Stream)` | the chunks alone, for callers that invoke the function directly |
/// | [`Json`](crate::Json)`(value)` | one JSON document, not streamed |
/// | a [format](mod@crate::format) | rows or events, with a fitting head |
///
/// The items of a stream are `Result<D, E>`, where `D` is [`Bytes`] or converts into them without a
/// copy (`Vec<u8>`, `String`, `&'static str`), and `E` is any error.
///
/// # Implementing it
///
/// Implement it for a type of your own to give all its responses the same head. The parameter `M`
/// tells streams and bodies apart for the types above, and is always inferred; leave it out:
///
/// ```
/// use futures_core::Stream;
/// use lambda_stream::body::Payload;
/// use lambda_stream::{Error, Head, IntoResponse, Response};
///
/// struct Download<S> {
///     name: String,
///     file: S,
/// }
///
/// impl<S: Stream<Item = Result<Vec<u8>, std::io::Error>>> IntoResponse for Download<S> {
///     type Payload = Payload<S>;
///
///     fn into_response(self) -> Response<Self::Payload> {
///         let head = Head::ok()
///             .content_type("application/octet-stream")
///             .header("content-disposition", format!("attachment; filename={}", self.name));
///         Response::new(head, self.file)
///     }
/// }
/// # fn accepts<M>(_: impl IntoResponse<M>) {}
/// # accepts(Download { name: String::new(), file: tokio_stream::empty() });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response that can be streamed",
    label = "not a streaming response",
    note = "return `(Head, S)`, `http::Response<S>` or `Raw(S)`, where `S` is a `Stream` of `Result<impl Into<Bytes>, impl Into<Error>>`",
    note = "`http::Response<B>` of an `http_body::Body`, `Json(value)` and the types of `lambda_stream::format` are responses as well"
)]
pub trait IntoResponse<M = ()> {
    /// The stream of chunks.
    type Payload: Stream<Item = Result<Bytes, Failure>>;

    /// Converts into a response.
    fn into_response(self) -> Response<Self::Payload>;
}

/// A response: what goes before the payload, and the payload.
#[derive(Debug)]
pub struct Response<S> {
    pub(crate) form: Form,
    pub(crate) payload: S,
}

/// What goes before the payload.
#[derive(Debug)]
pub(crate) enum Form {
    /// A prelude.
    Http(Head),
    /// Nothing; the payload has this content type.
    Raw(HeaderValue),
    /// Nothing; the payload is one document of this content type, and is not streamed.
    Buffered(HeaderValue),
}

impl Form {
    pub(crate) fn raw(content_type: &str) -> Self {
        match HeaderValue::from_bytes(content_type.as_bytes()) {
            Ok(value) => Self::Raw(value),
            // A head that cannot be sent reports the value when it is to be sent.
            Err(_) => Self::Http(Head::ok().content_type(content_type)),
        }
    }
}

impl<S> Response<Payload<S>> {
    /// Creates a response of a head and a stream of chunks.
    pub fn new<D, E>(head: Head, stream: S) -> Self
    where
        S: Stream<Item = Result<D, E>>,
        D: Into<Bytes>,
        E: Into<Error>,
    {
        Self::from_form(Form::Http(head), Payload::new(stream))
    }
}

impl<S> Response<S> {
    pub(crate) fn from_form(form: Form, payload: S) -> Self {
        Self { form, payload }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn into_parts(self) -> (Form, S) {
        (self.form, self.payload)
    }

    /// Replaces the payload by one made from it.
    pub(crate) fn map<T>(self, payload: impl FnOnce(S) -> T) -> Response<T> {
        Response {
            form: self.form,
            payload: payload(self.payload),
        }
    }
}

/// Markers that tell overlapping implementations apart; they are always inferred.
pub(crate) mod private {
    /// Marks responses that carry a stream.
    #[derive(Debug)]
    pub struct FromStream(());

    /// Marks responses that carry an [`http_body::Body`].
    #[derive(Debug)]
    pub struct FromBody(());
}

use self::private::{FromBody, FromStream};

impl<S> IntoResponse for Response<S>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    type Payload = S;

    fn into_response(self) -> Self {
        self
    }
}

impl<S, D, E> IntoResponse<FromStream> for (Head, S)
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = Payload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        Response::new(self.0, self.1)
    }
}

impl<S, D, E> IntoResponse<FromStream> for http::Response<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = Payload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        let (parts, stream) = self.into_parts();
        Response::new(parts.into(), stream)
    }
}

impl<B> IntoResponse<FromBody> for http::Response<B>
where
    B: Body,
    B::Error: Into<Error>,
{
    type Payload = Payload<BodyChunks<B>>;

    fn into_response(self) -> Response<Self::Payload> {
        let (parts, body) = self.into_parts();
        Response::new(parts.into(), BodyChunks::new(body))
    }
}
