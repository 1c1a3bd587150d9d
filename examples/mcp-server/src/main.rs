//! A stateless MCP server: one POST per call, answered by JSON or by a stream of events.

#[cfg(feature = "conformance")]
mod conformance;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use lambda_stream::web::{RequestBody, RequestContext};
use lambda_stream::{Error, RunError};
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpService;
use tower_service::Service;

use tools::Tools;

/// What rmcp answers with.
type Body =
    <StreamableHttpService<Tools, NeverSessionManager> as Service<Request<RequestBody>>>::Response;

async fn mcp(request: Request<RequestBody>) -> Result<Body, Error> {
    if request.uri().path() != "/mcp" {
        let mut response = Response::new(Default::default());
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        return Ok(response);
    }
    let mut service = StreamableHttpService::new(
        || Ok(Tools::new()),
        Arc::new(NeverSessionManager::default()),
        config(&request),
    );
    Ok(service.call(request).await?)
}

/// Returns the options of a server without sessions, which another sandbox could not continue.
fn config(request: &Request<RequestBody>) -> StreamableHttpServerConfig {
    // The domain is what AWS says the function is called at, and not a header of the client.
    // Without one nothing is allowed, since rmcp takes an empty list for "any host".
    let context = request.extensions().get::<RequestContext>();
    let domain = context.and_then(RequestContext::domain_name);
    let domain = domain.unwrap_or("host.invalid");
    let scheme = request.uri().scheme_str().unwrap_or("https");
    StreamableHttpServerConfig::default()
        .with_allowed_hosts([domain])
        // Pages of other sites are refused; add the origins that may call from a browser.
        .with_allowed_origins([format!("{scheme}://{domain}:*")])
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(Some(Duration::from_secs(15)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RunError> {
    lambda_stream::web::run(mcp).await
}
