//! One JSON document, not streamed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::header::HeaderValue;
use serde::Serialize;

use super::into_response::{Form, IntoResponse, Response};
use crate::error::{Failure, into_failure};

/// One JSON document, sent whole as any function that does not stream sends it.
///
/// For handlers of queues, schedules and Step Functions, and for callers of the `Invoke` API, so
/// that a program that streams some responses needs one runtime only. The service takes at most 6
/// MB (6,291,556 bytes). A value that cannot be serialized fails the invocation.
///
/// Behind a Function URL or API Gateway this is the document itself, not an HTTP response; return a
/// [`Head`](crate::Head) and a stream there.
///
/// ```
/// use lambda_stream::{Error, Json, LambdaEvent};
/// use serde_json::{Value, json};
///
/// async fn handler(event: LambdaEvent<Value>) -> Result<Json<Value>, Error> {
///     Ok(Json(json!({ "seen": event.payload["id"] })))
/// }
/// # fn accepts<M>(_: impl lambda_stream::Handler<M>) {}
/// # accepts(handler);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    type Payload = Document;

    fn into_response(self) -> Response<Self::Payload> {
        let document = serde_json::to_vec(&self.0).map(Bytes::from);
        Response::document(document.map_err(into_failure))
    }
}

impl Response<Document> {
    /// Creates a response of one JSON document that is not streamed.
    pub(crate) fn document(document: Result<Bytes, Failure>) -> Self {
        let content_type = HeaderValue::from_static("application/json");
        Self::from_form(Form::Buffered(content_type), Document(Some(document)))
    }
}

/// The payload of a response that is one document.
#[derive(Debug)]
pub struct Document(Option<Result<Bytes, Failure>>);

impl Stream for Document {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.0.is_some());
        (left, Some(left))
    }
}
