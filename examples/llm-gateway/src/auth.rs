//! Who calls.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lambda_stream::Context;
use subtle::ConstantTimeEq;

use crate::Gateway;
use crate::error::ApiError;

/// The name of whoever sent a valid key.
#[derive(Clone)]
pub struct Caller(pub String);

/// Refuses requests without a valid key, before anything is asked of the upstream.
pub async fn check(
    State(gateway): State<Arc<Gateway>>,
    context: Context,
    mut request: Request,
    next: Next,
) -> Response {
    let sent = request.headers().get(AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let caller = sent.and_then(|sent| {
        let is_sent = |key: &str| bool::from(key.as_bytes().ct_eq(sent.as_bytes()));
        let mut keys = gateway.config.keys.iter();
        keys.find(|(_, key)| is_sent(key))
            .map(|(name, _)| Caller(name.clone()))
    });
    let mut response = match caller {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => ApiError::new(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            "invalid_api_key",
            "the API key is missing or not valid",
        )
        .into_response(),
    };
    // The `openai` clients show it with each error.
    if let Ok(id) = HeaderValue::from_str(context.request_id()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}
