//! An OpenAI-compatible gateway: three protocols in front of one upstream that streams.

mod answer;
mod auth;
mod config;
mod error;
mod protocol;
mod upstream;
mod usage;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use lambda_stream::{Context, Error};
use serde_json::Value;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

pub use self::config::Config;

use self::answer::answer;
use self::auth::Caller;
use self::error::ApiError;
use self::protocol::{Chat, Protocol, Responses, Ui};
use self::upstream::Upstream;

/// What the routes share.
struct Gateway {
    config: Config,
    upstream: Upstream,
}

/// Returns the app; `lambda_stream::web` runs it.
///
/// # Errors
///
/// When a setting is invalid.
pub fn app(config: Config) -> Result<Router, Error> {
    let origins = config.origins.iter();
    let origins = if origins.clone().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .map(|it| it.parse())
                .collect::<Result<Vec<_>, _>>()?,
        )
    };
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        // The clients send about ten headers of their own.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER, HeaderName::from_static("x-request-id")]);
    let upstream = Upstream::new(&config)?;
    let gateway = Arc::new(Gateway { config, upstream });
    Ok(Router::new()
        .route("/v1/chat/completions", post(route::<Chat>))
        .route("/v1/responses", post(route::<Responses>))
        .route("/api/chat", post(route::<Ui>))
        .fallback(async || ApiError::invalid(StatusCode::NOT_FOUND, "there is no such route"))
        .method_not_allowed_fallback(async || {
            ApiError::invalid(StatusCode::METHOD_NOT_ALLOWED, "send a POST request")
        })
        // An event has at most 6 MB.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&gateway), auth::check))
        // Outermost: a preflight has no key, and a page may read a refusal as well.
        .layer(cors)
        .with_state(gateway))
}

async fn route<P: Protocol>(
    State(gateway): State<Arc<Gateway>>,
    context: Context,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: Value = serde_json::from_slice(&body).map_err(|error| {
        ApiError::invalid(StatusCode::BAD_REQUEST, format!("invalid JSON: {error}"))
    })?;
    let (protocol, request) = P::accept(request, context.request_id(), &gateway.config.model)?;
    answer(&gateway, &context, &caller, protocol, request).await
}
