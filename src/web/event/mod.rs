//! From the bytes of an event to the fields of a request, in one pass.

mod fields;
mod other;
mod text;

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

pub(super) use self::fields::{ContextFields, Fields};
pub(super) use self::other::is_completion;
pub(super) use self::text::{Pairs, SharedText, Text, share};
use crate::error::Failure;
use lambda_stream_wire::failure::kind;

/// The front door that an event came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrontDoor {
    /// Payload format 1.0: an API Gateway REST API, or an HTTP API that is set to it.
    RestApi,
    /// Payload format 2.0 of an API Gateway HTTP API.
    HttpApi,
    /// Payload format 2.0 of a Function URL. The local Lambda counts as one.
    FunctionUrl,
    /// An Application Load Balancer, with or without multi-value headers.
    Alb,
}

impl FrontDoor {
    /// Returns the front door whose events have these marks.
    fn of(has_http: bool, has_elb: bool, api_id: &Text<'_>, domain_name: &Text<'_>) -> Self {
        if !has_http {
            return if has_elb { Self::Alb } else { Self::RestApi };
        }
        // The two send the same format; only their host names differ.
        let domain_name = domain_name.as_deref().unwrap_or_default();
        let is_local = api_id.as_deref() == Some("local");
        if is_local || domain_name.contains(".lambda-url.") {
            Self::FunctionUrl
        } else {
            Self::HttpApi
        }
    }
}

impl fmt::Display for FrontDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RestApi => "API Gateway, payload format 1.0",
            Self::HttpApi => "API Gateway HTTP API, payload format 2.0",
            Self::FunctionUrl => "Function URL",
            Self::Alb => "Application Load Balancer",
        })
    }
}

/// An event of an HTTP front door.
#[derive(Debug)]
pub(super) struct HttpEvent<'a> {
    pub(super) door: FrontDoor,
    pub(super) fields: Fields<'a>,
    pub(super) context: ContextFields<'a>,
    pub(super) bytes: &'a Bytes,
}

/// Why an event does not become a request.
#[derive(Debug)]
pub(super) enum NotDecoded {
    /// It is not an event of an HTTP front door; the text says what is missing.
    Other(String),
    /// It is one, but cannot be read.
    Invalid(Failure),
}

impl<'a> HttpEvent<'a> {
    /// Recognizes and decodes an event.
    pub(super) fn decode(bytes: &'a Bytes) -> Result<Self, NotDecoded> {
        let lacks = |why: &str| Err(NotDecoded::Other(why.to_owned()));
        // Checked once as a whole, which is faster than text by text.
        let text = std::str::from_utf8(bytes).map_err(|e| NotDecoded::Other(e.to_string()))?;
        let mut fields: Fields<'a> =
            serde_json::from_str(text).map_err(|error| NotDecoded::describe(text, &error))?;
        if fields.method_arn.is_some() || fields.route_arn.is_some() {
            return lacks(other::IS_AUTHORIZER);
        }
        let Some(context) = fields.request_context.take() else {
            return lacks(other::NO_CONTEXT);
        };
        let has_http = context.http.is_some();
        if !has_http && !fields.http_method.is_some() {
            return lacks(other::NO_METHOD);
        }
        let door = FrontDoor::of(
            has_http,
            context.elb.is_some(),
            &context.api_id,
            &context.domain_name,
        );
        Ok(Self {
            door,
            fields,
            context,
            bytes,
        })
    }
}

impl NotDecoded {
    /// Tells a damaged event of a front door from one of another kind.
    fn describe(event: &str, error: &serde_json::Error) -> Self {
        let door = match other::front_door(event.as_bytes()) {
            Ok(door) => door,
            Err(why) => return Self::Other(why),
        };
        // Reads it once more, slower, to learn which field is wrong.
        let text = wrong_field::<Fields<'_>>(event.as_bytes());
        let text = text.unwrap_or_else(|| error.to_string());
        Self::Invalid(Invalid(text).into_failure(door))
    }

    /// Returns the failure of an invocation whose event nobody handles.
    pub(super) fn into_failure(self, event: &[u8]) -> Failure {
        match self {
            Self::Other(why) => other::refusal(&why, event),
            Self::Invalid(failure) => failure,
        }
    }
}

/// Decodes an event of this front door into a type of the user's.
///
/// # Errors
///
/// `Function.InvalidEvent`, with the field that is wrong or missing.
pub(super) fn decode_as<T: DeserializeOwned>(door: FrontDoor, event: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(event).map_err(|error| {
        let text = wrong_field::<T>(event).unwrap_or_else(|| error.to_string());
        let text = format!("the event ({door}) is not of the requested type: {text}");
        Failure::new(kind::INVALID_EVENT, text)
    })
}

/// Returns the field that cannot be decoded, and why.
fn wrong_field<'a, T: serde::Deserialize<'a>>(event: &'a [u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(event);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    Some(match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("`{path}`: {}", error.inner()),
    })
}

/// What is wrong with an event that is an HTTP request but cannot be read as one.
#[derive(Debug)]
pub(super) struct Invalid(pub(super) String);

impl Invalid {
    pub(super) fn into_failure(self, door: FrontDoor) -> Failure {
        Failure::new(
            kind::INVALID_EVENT,
            format!("the event ({door}) is not a valid HTTP request: {}", self.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(event: &str) -> Failure {
        let event = Bytes::copy_from_slice(event.as_bytes());
        let error = HttpEvent::decode(&event).map(|event| event.door);
        error.unwrap_err().into_failure(&event)
    }

    #[test]
    fn unknown_shape_lists_what_was_looked_for() {
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
            let failure = failure(event);
            assert_eq!(failure.error_type(), "Function.InvalidEvent");
            let text = failure.to_string();
            assert!(text.contains(why), "{event}: {text}");
            for door in ["REST", "HTTP API", "Function URL", "Load Balancer"] {
                assert!(text.contains(door), "{text}");
            }
        }
    }

    #[test]
    fn wrong_field_is_named_without_rust_types() {
        for (fields, names) in [
            (r#""isBase64Encoded":"x""#, "`isBase64Encoded`"),
            (r#""body":{"a":1}"#, "`body`"),
            (r#""headers":"x""#, "`headers`"),
            (r#""path":[]"#, "`path`"),
        ] {
            let text = failure(&format!(
                r#"{{"httpMethod":"GET","requestContext":{{"elb":{{}}}},{fields}}}"#
            ))
            .to_string();
            assert!(text.contains(names), "{text}");
            assert!(text.contains("Application Load Balancer"), "{text}");
            assert!(!text.contains("::") && !text.contains("struct"), "{text}");
        }
    }

    #[test]
    fn fields_that_nobody_needs_fail_nothing() {
        for event in [
            r#"{"httpMethod":"GET","requestContext":{"identity":null}}"#,
            r#"{"httpMethod":"GET","requestContext":{"elb":{}},"isBase64Encoded":null}"#,
            r#"{"requestContext":{"http":{"method":"GET"},"timeEpoch":"soon"},"version":2}"#,
            r#"{"httpMethod":"GET","requestContext":{},"headers":null,"cookies":null,
                "queryStringParameters":null,"multiValueHeaders":null,"pathParameters":null}"#,
            r#"{"httpMethod":"GET","requestContext":{"requestTimeEpoch":null,"stage":null,
                "authorizer":{"claims":[1,2]}},"stageVariables":{"a":{"b":1}}}"#,
        ] {
            let bytes = Bytes::copy_from_slice(event.as_bytes());
            HttpEvent::decode(&bytes).unwrap();
        }
    }

    proptest::proptest! {
        #[test]
        fn no_event_panics(event: Vec<u8>) {
            let event = event.into();
            if let Err(error) = HttpEvent::decode(&event) {
                let _ = error.into_failure(&event);
            }
        }
    }
}
