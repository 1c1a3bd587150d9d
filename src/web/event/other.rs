//! Events that are not HTTP requests: what they probably are, and how they are refused.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::FrontDoor;
use super::text::{Text, optional_text};
use crate::error::Failure;
use lambda_stream_wire::failure::kind;

/// What was looked for, for whoever sent something else.
const LOOKED_FOR: &str = "API Gateway REST, payload 1.0 (`httpMethod` and `requestContext`); API \
     Gateway HTTP API and Function URL, payload 2.0 (`requestContext.http`); Application Load \
     Balancer (`httpMethod` and `requestContext.elb`)";

pub(super) const IS_AUTHORIZER: &str = "it is one for an authorizer";
pub(super) const NO_CONTEXT: &str = "it has no `requestContext`";
pub(super) const NO_METHOD: &str = "it has neither `httpMethod` nor `requestContext.http`";

/// What tells kinds of events apart.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
struct Shape<'a> {
    http_method: Option<IgnoredAny>,
    method: Option<IgnoredAny>,
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
    invoke_completion_status: Option<IgnoredAny>,
    /// The first version of VPC Lattice's format.
    #[serde(rename = "raw_path")]
    lattice_path: Option<IgnoredAny>,
    #[serde(borrow)]
    request_context: Option<ContextShape<'a>>,
    #[serde(rename = "Records", borrow)]
    records: Option<Vec<Record<'a>>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
struct ContextShape<'a> {
    elb: Option<IgnoredAny>,
    http: Option<IgnoredAny>,
    #[serde(borrow, deserialize_with = "optional_text")]
    api_id: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    domain_name: Text<'a>,
    connection_id: Option<IgnoredAny>,
    service_network_arn: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object")]
struct Record<'a> {
    // SNS begins the name with an upper-case letter, all others do not.
    #[serde(rename = "eventSource", alias = "EventSource", borrow)]
    event_source: Text<'a>,
}

impl<'a> Shape<'a> {
    fn of(event: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(event).ok()
    }

    /// Returns what an event with this shape is, in words.
    fn name(&self) -> Option<String> {
        let context = self.request_context.as_ref();
        let is_lattice = self.lattice_path.is_some() && self.method.is_some()
            || context.is_some_and(|context| context.service_network_arn.is_some());
        let source = self
            .records
            .as_ref()
            .and_then(|records| records.first()?.event_source.as_deref());
        Some(if is_lattice {
            "a request of VPC Lattice, which is not supported".to_owned()
        } else if context.is_some_and(|context| context.connection_id.is_some()) {
            "a message of an API Gateway WebSocket API, which is not supported".to_owned()
        } else if let Some(source) = source {
            format!("a batch of {source:?}")
        } else if self.detail_type.is_some() && self.source.is_some() {
            "an event of EventBridge, such as a schedule".to_owned()
        } else {
            return None;
        })
    }
}

/// Returns the front door that an event has the marks of.
///
/// # Errors
///
/// What it lacks.
pub(super) fn front_door(event: &[u8]) -> Result<FrontDoor, String> {
    let shape: Shape<'_> = serde_json::from_slice(event).map_err(|error| error.to_string())?;
    if shape.method_arn.is_some() || shape.route_arn.is_some() {
        return Err(IS_AUTHORIZER.to_owned());
    }
    let context = shape.request_context.ok_or(NO_CONTEXT)?;
    let has_http = context.http.is_some();
    if !has_http && shape.http_method.is_none() {
        return Err(NO_METHOD.to_owned());
    }
    Ok(FrontDoor::of(
        has_http,
        context.elb.is_some(),
        &context.api_id,
        &context.domain_name,
    ))
}

/// Whether the platform reports that a streamed response is complete. Nobody waits for an answer.
///
/// Unverified by AWS's documentation: users report a second invocation of this shape after a
/// response that was streamed through API Gateway. It is recognized here only.
pub(in crate::web) fn is_completion(event: &[u8]) -> bool {
    Shape::of(event).is_some_and(|shape| {
        shape.invoke_completion_status.is_some() && shape.request_context.is_none()
    })
}

/// Returns the failure of an event that nobody handles.
pub(super) fn refusal(why: &str, event: &[u8]) -> Failure {
    let name = Shape::of(event).and_then(|shape| shape.name());
    let name = name.map(|name| format!("; it looks like {name}"));
    Failure::new(
        kind::INVALID_EVENT,
        format!(
            "the event is not an HTTP request: {why}{}. Looked for: {LOOKED_FOR}. To handle other \
             events beside the web app, use `App::other_events`",
            name.unwrap_or_default()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_names_known_kinds_of_events() {
        for (event, name) in [
            (r#"{"raw_path":"/","method":"GET"}"#, "VPC Lattice"),
            (
                r#"{"version":"2.0","path":"/","method":"GET",
                    "requestContext":{"serviceNetworkArn":"arn"}}"#,
                "VPC Lattice",
            ),
            (r#"{"requestContext":{"connectionId":"x"}}"#, "WebSocket"),
            (r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, "aws:sqs"),
            (r#"{"Records":[{"EventSource":"aws:sns"}]}"#, "aws:sns"),
            (
                r#"{"detail-type":"Scheduled Event","source":"aws.events"}"#,
                "EventBridge",
            ),
        ] {
            let text = refusal("it is another one", event.as_bytes()).to_string();
            assert!(text.contains(name), "{event}: {text}");
            assert!(text.contains("`App::other_events`"), "{text}");
        }
    }

    #[test]
    fn completion_is_told_from_requests() {
        assert!(is_completion(br#"{"invokeCompletionStatus":"SUCCESS"}"#));
        assert!(!is_completion(
            br#"{"invokeCompletionStatus":"x","httpMethod":"GET","requestContext":{}}"#
        ));
        assert!(!is_completion(b"{}"));
    }
}
