//! What a handler may return.

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use http_body::Body;

use super::Head;
use super::payload::{BodyPayload, StreamPayload};
use crate::error::{Error, Failure};

/// What a handler may return.
///
/// | What | Reaches the client as |
/// |---|---|
/// | `(Head, impl Stream)` | status, headers and cookies of the [`Head`], then each chunk |
/// | `http::Response<impl Stream>` | the same; each `set-cookie` header is a cookie |
/// | `http::Response<impl http_body::Body>` | the same; the trailers of the body are dropped |
/// | [`Raw`]`(impl Stream)` | the chunks alone, for callers that invoke the function directly |
///
/// The items of a stream are `Result<D, E>`, where `D` is [`Bytes`] or what becomes them without a copy
/// (`Vec<u8>`, `String`, `&'static str`), and `E` is any error.
///
/// The parameter `M` is there so that streams and bodies can both be accepted; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response that can be streamed",
    label = "not a streaming response",
    note = "return `(Head, S)`, `http::Response<S>` or `Raw(S)`, where `S` is a `Stream` of `Result<impl Into<Bytes>, impl Into<Error>>`; `http::Response<B>` of an `http_body::Body` is fine too"
)]
pub trait IntoResponse<M> {
    /// The stream of chunks.
    type Payload: Stream<Item = Result<Bytes, Failure>>;

    /// Takes the response apart into what goes before the payload, and the payload.
    fn into_response(self) -> Response<Self::Payload>;
}

/// A response taken apart; made by [`IntoResponse`], and framed by [`Frames`](crate::Frames).
#[derive(Debug)]
pub struct Response<S> {
    pub(super) form: Form,
    pub(super) payload: S,
}

/// What goes before the payload.
#[derive(Debug)]
pub(crate) enum Form {
    /// A prelude.
    Http(Head),
    /// Nothing; the payload has this content type.
    Raw(HeaderValue),
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

impl<S> Response<S> {
    pub(crate) fn new(form: Form, payload: S) -> Self {
        Self { form, payload }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn into_parts(self) -> (Form, S) {
        (self.form, self.payload)
    }

    /// The same response with a payload made of its own.
    #[cfg(feature = "testing")]
    pub(crate) fn map<T>(self, payload: impl FnOnce(S) -> T) -> Response<T> {
        Response {
            form: self.form,
            payload: payload(self.payload),
        }
    }
}

/// Marks responses that carry a [`Stream`].
#[derive(Debug)]
pub struct FromStream(());

/// Marks responses that carry an [`http_body::Body`].
#[derive(Debug)]
pub struct FromBody(());

/// A stream without a head: no prelude is sent, and the chunks arrive as they are.
///
/// For callers that invoke the function directly, through `InvokeWithResponseStream`: they get no HTTP
/// response, so a prelude would only be in their way. Behind a Function URL it means status 200.
/// The content type is `application/octet-stream` unless [`content_type`](Self::content_type) sets one.
///
/// ```
/// use lambda_stream::{Error, LambdaEvent, Raw};
/// use futures_core::Stream;
///
/// async fn handler(event: LambdaEvent<String>)
///     -> Result<Raw<impl Stream<Item = Result<String, Error>>>, Error>
/// {
///     let words = event.payload;
///     Ok(Raw(tokio_stream::iter([Ok(words), Ok("!".to_owned())])))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Raw<S>(pub S);

/// A [`Raw`] stream with a content type.
#[derive(Debug, Clone)]
pub struct RawAs<S> {
    stream: S,
    content_type: String,
}

impl<S> Raw<S> {
    /// Sets the content type, such as `application/json`.
    ///
    /// A value that no header can carry fails the invocation with `Function.InvalidHead` before anything
    /// is sent.
    pub fn content_type(self, value: impl AsRef<str>) -> RawAs<S> {
        RawAs {
            stream: self.0,
            content_type: value.as_ref().to_owned(),
        }
    }
}

impl<S, D, E> IntoResponse<FromStream> for (Head, S)
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = StreamPayload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        Response {
            form: Form::Http(self.0),
            payload: StreamPayload::new(self.1),
        }
    }
}

impl<S, D, E> IntoResponse<FromStream> for http::Response<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = StreamPayload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        let (parts, stream) = self.into_parts();
        (Head::from(parts), stream).into_response()
    }
}

impl<B> IntoResponse<FromBody> for http::Response<B>
where
    B: Body,
    B::Error: Into<Error>,
{
    type Payload = BodyPayload<B>;

    fn into_response(self) -> Response<Self::Payload> {
        let (parts, body) = self.into_parts();
        Response {
            form: Form::Http(parts.into()),
            payload: BodyPayload::new(body),
        }
    }
}

impl<S, D, E> IntoResponse<FromStream> for Raw<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = StreamPayload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        Response {
            form: Form::Raw(HeaderValue::from_static(
                lambda_stream_wire::api::OCTET_STREAM,
            )),
            payload: StreamPayload::new(self.0),
        }
    }
}

impl<S, D, E> IntoResponse<FromStream> for RawAs<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = StreamPayload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        Response {
            form: Form::raw(&self.content_type),
            payload: StreamPayload::new(self.stream),
        }
    }
}
