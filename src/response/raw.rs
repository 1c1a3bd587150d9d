//! A stream without a head.

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use lambda_stream_wire::api::OCTET_STREAM;

use super::into_response::private::FromStream;
use super::into_response::{Form, IntoResponse, Response};
use super::payload::Payload;
use crate::error::Error;

/// A stream without a head: no prelude is sent, and the chunks arrive as they are.
///
/// For callers that invoke the function directly, through `InvokeWithResponseStream`: they get no
/// HTTP response, so a prelude would only be in their way. Behind a Function URL it means status
/// 200. The content type is `application/octet-stream` unless [`content_type`](Self::content_type)
/// sets one.
///
/// ```
/// use futures_core::Stream;
/// use lambda_stream::{Error, LambdaEvent, Raw};
///
/// async fn handler(
///     event: LambdaEvent<String>,
/// ) -> Result<Raw<impl Stream<Item = Result<String, Error>>>, Error> {
///     let words = event.payload;
///     Ok(Raw(tokio_stream::iter([Ok(words), Ok("!".to_owned())])))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Raw<S>(pub S);

impl<S, D, E> Raw<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    /// Sets the content type, such as `application/json`.
    ///
    /// A value that no header can carry fails the invocation with
    /// [`INVALID_HEAD`](crate::failure::kind::INVALID_HEAD) before anything is sent.
    pub fn content_type(self, value: impl AsRef<str>) -> Response<Payload<S>> {
        Response::from_form(Form::raw(value.as_ref()), Payload::new(self.0))
    }
}

impl<S, D, E> IntoResponse<FromStream> for Raw<S>
where
    S: Stream<Item = Result<D, E>>,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Payload = Payload<S>;

    fn into_response(self) -> Response<Self::Payload> {
        let form = Form::Raw(HeaderValue::from_static(OCTET_STREAM));
        Response::from_form(form, Payload::new(self.0))
    }
}
