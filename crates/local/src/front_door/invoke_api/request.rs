//! What the headers of a call ask for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use lambda_stream_wire::api;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::operation::{Call, Operation};
use crate::front_door::refusal::Refusal;
use crate::serve::function_arn;

const INVOCATION_TYPE: &str = "x-amz-invocation-type";
const LOG_TYPE: &str = "x-amz-log-type";
const CLIENT_CONTEXT: &str = "x-amz-client-context";
const TENANT_ID: &str = "x-amz-tenant-id";
const TRACE_ID: &str = "x-amzn-trace-id";

/// Largest client context, in bytes of base64 (AWS, "Lambda API reference", `Invoke`).
const CLIENT_CONTEXT_LIMIT: usize = 3583;

/// Largest event of an asynchronous invocation, in bytes (AWS, "Lambda quotas": 1 MB).
const ASYNCHRONOUS_LIMIT: usize = 1024 * 1024;

/// The version that is executed unless another one is asked for.
const LATEST: &str = "$LATEST";

/// How a function is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RequestResponse,
    Event,
    DryRun,
}

/// What the headers of a call ask for.
pub(in crate::front_door) struct Settings {
    pub(super) kind: Kind,
    /// Whether the end of the log is wanted.
    pub(super) tail_log: bool,
    /// The version that is executed.
    pub(super) version: String,
    /// Headers for the program.
    pub(in crate::front_door) headers: HeaderMap,
}

impl Settings {
    pub(in crate::front_door) fn parse(call: &Call, headers: &HeaderMap) -> Result<Self, Refusal> {
        let kind = kind(call.operation, headers)?;
        let tail_log = match text(headers, LOG_TYPE)? {
            None | Some("None") => false,
            Some("Tail") => true,
            Some(other) => return Err(unknown("LogType", other, "None, Tail")),
        };
        let mut sent = HeaderMap::new();
        let mut send = |name, value| sent.insert(HeaderName::from_static(name), value);
        send(api::FUNCTION_ARN, arn(call)?);
        if let Some(context) = text(headers, CLIENT_CONTEXT)? {
            send(api::CLIENT_CONTEXT, client_context(context)?);
        }
        if let Some(tenant) = headers.get(TENANT_ID) {
            send(api::TENANT_ID, tenant.clone());
        }
        if let Some(trace) = headers.get(TRACE_ID) {
            send(api::TRACE_ID, trace.clone());
        }
        let version = call
            .qualifier
            .as_deref()
            .filter(|qualifier| qualifier.bytes().all(|byte| byte.is_ascii_digit()))
            .unwrap_or(LATEST);
        Ok(Self {
            kind,
            tail_log,
            version: version.to_owned(),
            headers: sent,
        })
    }

    /// Checks the event, as the service does before it invokes a function.
    pub(in crate::front_door) fn check_event(&self, event: &[u8]) -> Result<(), Refusal> {
        if self.kind == Kind::Event && event.len() > ASYNCHRONOUS_LIMIT {
            return Err(Refusal::request_too_large(format!(
                "{} byte payload is too large for the Event invocation type (limit {ASYNCHRONOUS_LIMIT} \
                 bytes)",
                event.len()
            )));
        }
        serde_json::from_slice::<IgnoredAny>(event).map_err(|error| {
            Refusal::invalid_content(format!("Could not parse request body into json: {error}"))
        })?;
        Ok(())
    }
}

fn kind(operation: Operation, headers: &HeaderMap) -> Result<Kind, Refusal> {
    match text(headers, INVOCATION_TYPE)? {
        None | Some("RequestResponse") => Ok(Kind::RequestResponse),
        Some("DryRun") => Ok(Kind::DryRun),
        Some("Event") if operation == Operation::Invoke => Ok(Kind::Event),
        Some(other) => Err(unknown(
            "InvocationType",
            other,
            match operation {
                Operation::Invoke => "RequestResponse, Event, DryRun",
                Operation::InvokeWithResponseStream => "RequestResponse, DryRun",
            },
        )),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let value = headers.get(name).map(HeaderValue::to_str);
    value
        .transpose()
        .map_err(|_| Refusal::invalid_parameter(format!("the header {name} is not ASCII text")))
}

fn unknown(name: &str, value: &str, known: &str) -> Refusal {
    Refusal::invalid_parameter(format!("{name} is {value:?}, not one of {known}"))
}

/// Returns the client context as the program gets it: JSON on one line.
fn client_context(base64: &str) -> Result<HeaderValue, Refusal> {
    let invalid = |why: &str| Refusal::invalid_content(format!("the client context {why}"));
    if base64.len() > CLIENT_CONTEXT_LIMIT {
        return Err(invalid(&format!(
            "has {} bytes, and Lambda takes at most {CLIENT_CONTEXT_LIMIT}",
            base64.len()
        )));
    }
    let json = STANDARD
        .decode(base64)
        .map_err(|_| invalid("is not base64"))?;
    let value: Value = serde_json::from_slice(&json).map_err(|_| invalid("is not JSON"))?;
    HeaderValue::from_bytes(value.to_string().as_bytes())
        .map_err(|_| invalid("has characters that a header cannot carry"))
}

/// Returns the ARN that the program is told.
fn arn(call: &Call) -> Result<HeaderValue, Refusal> {
    let mut arn = function_arn(&call.function);
    if let Some(qualifier) = &call.qualifier {
        arn.push(':');
        arn.push_str(qualifier);
    }
    HeaderValue::from_str(&arn)
        .map_err(|_| Refusal::invalid_parameter("the function's name is not ASCII text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(operation: Operation, headers: &[(&'static str, &str)]) -> Result<Settings, Refusal> {
        let call = Call {
            operation,
            function: "f".to_owned(),
            qualifier: Some("7".to_owned()),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        Settings::parse(&call, &map)
    }

    #[test]
    fn headers_reach_the_program_as_the_service_sends_them() {
        let context = STANDARD.encode("{\n \"client\": {}}");
        let settings = parse(
            Operation::Invoke,
            &[
                (CLIENT_CONTEXT, &context),
                (TENANT_ID, "blue"),
                (TRACE_ID, "Root=1-2-3"),
                (LOG_TYPE, "Tail"),
            ],
        );
        let settings = settings.ok().unwrap();
        assert_eq!(settings.headers[api::CLIENT_CONTEXT], r#"{"client":{}}"#);
        assert_eq!(settings.headers[api::TENANT_ID], "blue");
        assert_eq!(settings.headers[api::TRACE_ID], "Root=1-2-3");
        let arn = settings.headers[api::FUNCTION_ARN].to_str().unwrap();
        assert!(arn.ends_with(":function:f:7"), "{arn}");
        assert_eq!(settings.version, "7");
        assert!(settings.tail_log);
    }

    #[test]
    fn unknown_values_are_refused() {
        let long = STANDARD.encode([b' '; 4000]);
        for (operation, name, value, names) in [
            (Operation::Invoke, INVOCATION_TYPE, "Sync", "InvocationType"),
            (
                Operation::InvokeWithResponseStream,
                INVOCATION_TYPE,
                "Event",
                "RequestResponse, DryRun",
            ),
            (Operation::Invoke, LOG_TYPE, "All", "LogType"),
            (Operation::Invoke, CLIENT_CONTEXT, "!", "not base64"),
            (Operation::Invoke, CLIENT_CONTEXT, "aGk=", "not JSON"),
            (Operation::Invoke, CLIENT_CONTEXT, &long, "3583"),
        ] {
            let refusal = parse(operation, &[(name, value)]).err().unwrap();
            assert!(refusal.message().contains(names), "{}", refusal.message());
        }
    }
}
