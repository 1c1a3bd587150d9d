//! The span of an invocation.

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::TARGET;
use crate::event::Context;

/// Returns the span of an invocation, with the field names of OpenTelemetry where it has any. The
/// span is disabled where no subscriber wants it.
///
/// It has no parent: an invocation comes from outside, whatever span the runtime was started in.
pub(in crate::runtime) fn invocation_span(context: &Context, trigger: Option<&str>) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "invocation",
        otel.name = context.function_name(),
        otel.kind = "server",
        otel.status_code = Empty,
        faas.invocation_id = context.request_id(),
        faas.coldstart = context.is_cold_start(),
        faas.trigger = trigger,
        aws.lambda.invoked_arn = context.invoked_function_arn(),
        aws.xray.trace_header = context.trace_id(),
        http.response.status_code = Empty,
        error.type = Empty,
    )
}
