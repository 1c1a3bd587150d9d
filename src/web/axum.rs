//! Extractors for axum (cargo feature `axum`): `Context`, `Original`, `RequestContext`, `Claims`.
//!
//! As `Option<…>` they are `None` where the app does not run behind Lambda.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::claims::Claims;
use super::origin::{Original, RequestContext};
use crate::event::Context;

/// Why an extractor fails: the request did not come through Lambda, or no authorizer left claims.
#[derive(Debug, Clone, Copy)]
pub struct NotThere {
    status: StatusCode,
    text: &'static str,
}

impl IntoResponse for NotThere {
    fn into_response(self) -> Response {
        (self.status, self.text).into_response()
    }
}

macro_rules! extractor {
    ($type:ty, $status:expr, $text:expr) => {
        impl<S: Sync> FromRequestParts<S> for $type {
            type Rejection = NotThere;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotThere> {
                parts.extensions.get().cloned().ok_or(NotThere {
                    status: $status,
                    text: $text,
                })
            }
        }

        impl<S: Sync> OptionalFromRequestParts<S> for $type {
            type Rejection = Infallible;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &S,
            ) -> Result<Option<Self>, Infallible> {
                Ok(parts.extensions.get().cloned())
            }
        }
    };
}

const NOT_LAMBDA: &str = "this request did not come through AWS Lambda";

extractor!(Context, StatusCode::INTERNAL_SERVER_ERROR, NOT_LAMBDA);
extractor!(Original, StatusCode::INTERNAL_SERVER_ERROR, NOT_LAMBDA);
extractor!(
    RequestContext,
    StatusCode::INTERNAL_SERVER_ERROR,
    NOT_LAMBDA
);
extractor!(
    Claims,
    StatusCode::UNAUTHORIZED,
    "no authorizer has let this request through"
);
