//! The tools, and what a call is answered with when its tool panics or takes too long.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use http::request::Parts;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, ProgressNotificationParam};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

/// How long before the deadline a call is given up; the answer has to leave in this time.
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct Tools {
    tool_router: ToolRouter<Self>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Steps {
    /// Number of steps.
    steps: u32,
}

#[tool_router]
impl Tools {
    pub fn new() -> Self {
        let tool_router = Self::tool_router();
        #[cfg(feature = "conformance")]
        let tool_router = tool_router + Self::conformance_router();
        Self { tool_router }
    }

    #[tool(description = "Counts, 300 ms a step, and reports each step as progress")]
    async fn count(
        &self,
        Parameters(Steps { steps }): Parameters<Steps>,
        context: RequestContext<RoleServer>,
    ) -> String {
        for step in 1..=steps {
            tokio::time::sleep(Duration::from_millis(300)).await;
            progress(&context, step, steps).await;
        }
        format!("counted to {steps}")
    }

    #[tool(description = "Fails after one step")]
    async fn fail(&self, context: RequestContext<RoleServer>) -> Result<String, String> {
        progress(&context, 1, 2).await;
        Err("the shelf is empty".to_owned())
    }

    #[tool(description = "Panics after one step")]
    async fn crash(&self, context: RequestContext<RoleServer>) -> String {
        progress(&context, 1, 2).await;
        // The client has the progress before the tool is lost.
        tokio::time::sleep(Duration::from_millis(300)).await;
        panic!("the shelf fell over")
    }
}

/// Reports progress to a client that asked for it.
pub async fn progress(context: &RequestContext<RoleServer>, step: u32, steps: u32) {
    if let Some(token) = context.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, step.into())
            .with_total(steps.into())
            .with_message(format!("step {step} of {steps}"));
        // It fails when the client has left; rmcp then cancels the call.
        let _ = context.peer.notify_progress(progress).await;
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let time = time_left(&context);
        let call = self
            .tool_router
            .call(ToolCallContext::new(self, request, context));
        // rmcp runs a call in a task, whose panic would leave the client without an answer, and the
        // stream open until the deadline.
        let call = AssertUnwindSafe(call).catch_unwind();
        match tokio::time::timeout(time, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ErrorData::internal_error("the tool panicked", None)),
            Err(_) => Err(ErrorData::internal_error(
                "the tool did not finish before the function's deadline",
                None,
            )),
        }
    }
}

/// Returns how long the tool may take.
fn time_left(context: &RequestContext<RoleServer>) -> Duration {
    let parts = context.extensions.get::<Parts>();
    let context = parts.and_then(|parts| parts.extensions.get::<lambda_stream::Context>());
    let left = context.and_then(lambda_stream::Context::remaining_time);
    // A context without a deadline has the longest that Lambda allows.
    left.unwrap_or(Duration::from_secs(900))
        .saturating_sub(MARGIN)
}
