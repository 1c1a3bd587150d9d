//! Which front door an event comes from, and its decoding.

use aws_lambda_events::alb::AlbTargetGroupRequest;
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::query::Parameters;
use crate::error::Failure;
use crate::event::decode;
use lambda_stream_wire::failure::kind;

/// The event of an HTTP front door, in the types of [`aws_lambda_events`].
///
/// A request has it among its extensions, as [`Original`](super::Original).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Payload format 1.0: API Gateway REST APIs, and HTTP APIs that are set to it.
    RestApi(Box<ApiGatewayProxyRequest>),
    /// Payload format 2.0 of an API Gateway HTTP API.
    HttpApi(Box<ApiGatewayV2httpRequest>),
    /// Payload format 2.0 of a Function URL. The local Lambda counts as one.
    FunctionUrl(Box<LambdaFunctionUrlRequest>),
    /// An Application Load Balancer, with or without multi-value headers.
    Alb(Box<AlbTargetGroupRequest>),
}

/// An event, and what its type does not keep: the order of the parameters.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) event: Event,
    pub(super) parameters: Parameters,
}

/// What was looked for, for whoever sent something else.
const LOOKED_FOR: &str = "API Gateway REST, payload 1.0 (`httpMethod` and `requestContext`); API Gateway HTTP API \
     and Function URL, payload 2.0 (`requestContext.http`); Application Load Balancer (`httpMethod` and \
     `requestContext.elb`)";

/// What tells the front doors apart.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Probe {
    http_method: Option<IgnoredAny>,
    request_context: Option<ContextProbe>,
    multi_value_query_string_parameters: Option<Parameters>,
    query_string_parameters: Option<Parameters>,
    /// Only events for authorizers have one of these two; they look like requests otherwise.
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ContextProbe {
    elb: Option<IgnoredAny>,
    http: Option<IgnoredAny>,
    api_id: Option<String>,
    domain_name: Option<String>,
}

impl ContextProbe {
    /// A Function URL and an HTTP API send the same format; only their host names differ.
    fn is_function_url(&self) -> bool {
        let domain_name = self.domain_name.as_deref().unwrap_or_default();
        domain_name.contains(".lambda-url.") || self.api_id.as_deref() == Some("local")
    }
}

impl Decoded {
    /// Recognises and decodes an event.
    ///
    /// # Errors
    ///
    /// `Function.InvalidEvent`: what was looked for, or which field is wrong.
    pub(super) fn from_json(event: &Bytes) -> Result<Self, Failure> {
        let probe: Probe = serde_json::from_slice(event).map_err(|error| unknown(&error))?;
        let is_authorizer = probe.method_arn.is_some() || probe.route_arn.is_some();
        let Some(context) = probe.request_context.filter(|_| !is_authorizer) else {
            return Err(unknown(&missing(is_authorizer)));
        };
        let event = event.clone();
        let event = if context.http.is_some() {
            if context.is_function_url() {
                Event::FunctionUrl(decode(event)?)
            } else {
                Event::HttpApi(decode(event)?)
            }
        } else if probe.http_method.is_none() {
            return Err(unknown(
                &"it has neither `httpMethod` nor `requestContext.http`",
            ));
        } else if context.elb.is_some() {
            Event::Alb(decode(event)?)
        } else {
            Event::RestApi(decode(event)?)
        };
        let parameters = probe
            .multi_value_query_string_parameters
            .filter(|parameters| !parameters.is_empty())
            .or(probe.query_string_parameters)
            .unwrap_or_default();
        Ok(Self { event, parameters })
    }
}

fn missing(is_authorizer: bool) -> &'static str {
    if is_authorizer {
        "it is one for an authorizer"
    } else {
        "it has no `requestContext`"
    }
}

fn unknown(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        kind::INVALID_EVENT,
        format!("the event is no HTTP request: {why}. Looked for: {LOOKED_FOR}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(event: &'static str) -> Result<Decoded, Failure> {
        Decoded::from_json(&Bytes::from_static(event.as_bytes()))
    }

    #[test]
    fn an_unknown_shape_lists_what_was_looked_for() {
        for (event, why) in [
            ("", "EOF"),
            ("[]", "`requestContext`"),
            ("{}", "no `requestContext`"),
            (r#"{"Records":[]}"#, "no `requestContext`"),
            (r#"{"requestContext":7}"#, "invalid type"),
            (
                r#"{"requestContext":{"connectionId":"x"}}"#,
                "neither `httpMethod`",
            ),
            (
                r#"{"routeArn":"x","requestContext":{"http":{}}}"#,
                "authorizer",
            ),
        ] {
            let failure = decoded(event).unwrap_err();
            assert_eq!(failure.error_type(), "Function.InvalidEvent");
            let text = failure.to_string();
            assert!(text.contains(why), "{event}: {text}");
            for door in ["REST", "HTTP API", "Function URL", "Load Balancer"] {
                assert!(text.contains(door), "{text}");
            }
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let event = r#"{"httpMethod":"GET","requestContext":{"elb":{}},"isBase64Encoded":"x"}"#;
        let text = decoded(event).unwrap_err().to_string();
        assert!(text.contains("`isBase64Encoded`"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_event_panics(event: Vec<u8>) {
            let _ = Decoded::from_json(&event.into());
        }
    }
}
