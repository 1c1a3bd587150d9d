//! Responses of this library inside an axum app.

use std::marker::PhantomData;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_core::Stream;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use crate::error::Failure;
use crate::response::{Form, Head};

/// Any [response](crate::IntoResponse) of this library as one of axum: formats, `(Head, stream)`,
/// and your own.
///
/// Status, headers and cookies of the head are kept. An error of the stream is one of the
/// response's body, so behind Lambda it becomes the failure that it would be without axum. A head
/// that cannot be sent is answered with 500, and a line in the log says why.
///
/// ```
/// use axum::{Router, response::IntoResponse, routing::get};
/// use lambda_stream::web::Streamed;
/// use lambda_stream::{Error, Head};
///
/// async fn numbers() -> impl IntoResponse {
///     let numbers = tokio_stream::iter((1..=3).map(|n| Ok::<_, Error>(format!("{n}\n"))));
///     Streamed::new((Head::ok().content_type("text/plain"), numbers))
/// }
///
/// let app: Router = Router::new().route("/numbers", get(numbers));
/// ```
#[derive(Debug, Clone)]
pub struct Streamed<R, M> {
    response: R,
    marker: PhantomData<M>,
}

impl<R, M> Streamed<R, M>
where
    R: crate::response::IntoResponse<M>,
{
    /// Wraps a response. `M` is inferred.
    pub fn new(response: R) -> Self {
        Self {
            response,
            marker: PhantomData,
        }
    }

    /// Returns the response.
    pub fn into_inner(self) -> R {
        self.response
    }
}

impl<R, M> IntoResponse for Streamed<R, M>
where
    R: crate::response::IntoResponse<M>,
    R::Payload: Send + 'static,
{
    fn into_response(self) -> Response {
        let (form, payload) = self.response.into_response().into_parts();
        match form {
            Form::Http(head) => with_head(&head, payload),
            Form::Raw(content_type) | Form::Buffered(content_type) => {
                ([(CONTENT_TYPE, content_type)], Body::from_stream(payload)).into_response()
            }
        }
    }
}

fn with_head<S>(head: &Head, payload: S) -> Response
where
    S: Stream<Item = Result<Bytes, Failure>> + Send + 'static,
{
    let mut headers = head.headers().clone();
    let invalid = head.error().map(ToString::to_string);
    let result = match invalid {
        Some(error) => Err(error),
        None => add_cookies(&mut headers, head),
    };
    match result {
        Err(error) => {
            tracing::error!(error, "a response cannot be sent");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Ok(()) if head.is_bodyless() => (head.status(), headers).into_response(),
        Ok(()) => (head.status(), headers, Body::from_stream(payload)).into_response(),
    }
}

fn add_cookies(headers: &mut HeaderMap, head: &Head) -> Result<(), String> {
    for cookie in head.cookies() {
        headers
            .try_append(SET_COOKIE, cookie.clone())
            .map_err(|_| "it has more than 24,576 different header names".to_owned())?;
    }
    Ok(())
}
