//! The tools that the conformance suite calls by name. They are not part of the example.

use std::time::Duration;

use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};

use crate::tools::{Tools, progress};

#[tool_router(router = conformance_router, vis = "pub")]
impl Tools {
    #[tool(description = "Returns a text")]
    async fn test_simple_text(&self) -> String {
        "This is a simple text response for testing.".to_owned()
    }

    #[tool(description = "Fails")]
    async fn test_error_handling(&self) -> Result<String, String> {
        Err("This tool intentionally returns an error for testing".to_owned())
    }

    #[tool(description = "Reports progress three times")]
    async fn test_tool_with_progress(&self, context: RequestContext<RoleServer>) -> String {
        for percent in [0, 50, 100] {
            progress(&context, percent, 100).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        "done".to_owned()
    }
}
