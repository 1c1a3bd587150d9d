//! The doors that a request can come through.

use http::request::Parts;
use http::{Method, StatusCode};
use lambda_stream_wire::failure::kind;

use super::INVOKE;
use super::refusal::Refusal;
use crate::header::host;
use crate::invocation::Fault;
use crate::record::DoorName;

/// What the paths of API Gateway begin with; the stage follows.
const API_GATEWAY: &str = "/_apigateway/";

/// The end of the host names of Function URLs; the function's name stands before it.
const FUNCTION_URL_HOST: &str = ".lambda-url.localhost";

/// The end of the host names of REST APIs; the API's name stands before it.
const API_GATEWAY_HOST: &str = ".execute-api.localhost";

/// Stands for the id of a Function URL or an API that was not named.
const LOCAL: &str = "local";

/// Which door a request came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Door {
    /// `POST /invoke`: the body is the event.
    Invoke,
    /// Any other path: a request to a Function URL with this id.
    FunctionUrl(String),
    /// A request to a REST API whose responses are streamed.
    ApiGateway(Gateway),
}

/// What a request to a REST API asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gateway {
    pub(super) api: String,
    pub(super) stage: String,
    /// The path after the stage; it begins with a slash.
    pub(super) path: String,
}

impl Door {
    /// Returns the door that a request came through.
    pub(super) fn of(request: &Parts) -> Result<Self, Refusal> {
        let path = request.uri.path();
        let host = host(request).unwrap_or_default();
        if let Some(name) = host.strip_suffix(API_GATEWAY_HOST) {
            return Gateway::parse(name, path.trim_start_matches('/')).map(Self::ApiGateway);
        }
        if let Some(name) = host.strip_suffix(FUNCTION_URL_HOST) {
            return Ok(Self::FunctionUrl(name.to_owned()));
        }
        if let Some(rest) = path.strip_prefix(API_GATEWAY) {
            return Gateway::parse(LOCAL, rest).map(Self::ApiGateway);
        }
        match path {
            INVOKE if request.method != Method::POST => Err(Refusal::not_a_post(request)),
            INVOKE => Ok(Self::Invoke),
            _ => Ok(Self::FunctionUrl(LOCAL.to_owned())),
        }
    }

    /// Returns what the door is called in records.
    pub(super) fn name(&self) -> DoorName {
        match self {
            Self::Invoke => DoorName::Invoke,
            Self::FunctionUrl(_) => DoorName::FunctionUrl,
            Self::ApiGateway(_) => DoorName::ApiGateway,
        }
    }

    /// Returns whether a host names a function or an API, whose paths are all its own.
    pub(super) fn is_named(request: &Parts) -> bool {
        let host = host(request).unwrap_or_default();
        host.ends_with(FUNCTION_URL_HOST) || host.ends_with(API_GATEWAY_HOST)
    }

    /// Returns the status that tells a client that the function failed before its head.
    pub(super) fn failure_status(&self, fault: &Fault) -> StatusCode {
        match self {
            // Where it finds no prelude (AWS, "Set up a Lambda proxy integration with payload
            // response streaming").
            Self::ApiGateway(_) if fault.error_type() == kind::INVALID_RESPONSE => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Gateway {
    /// Stands for an API that was not named.
    pub(super) fn local() -> Self {
        Self {
            api: LOCAL.to_owned(),
            stage: "prod".to_owned(),
            path: "/".to_owned(),
        }
    }

    fn parse(api: &str, rest: &str) -> Result<Self, Refusal> {
        let (stage, path) = rest.split_once('/').unwrap_or((rest, ""));
        if stage.is_empty() {
            return Err(Refusal::no_stage());
        }
        Ok(Self {
            api: api.to_owned(),
            stage: stage.to_owned(),
            path: format!("/{path}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn of(host: &str, uri: &str) -> Option<Door> {
        let request = Request::get(uri).header("host", host).body(()).unwrap();
        Door::of(&request.into_parts().0).ok()
    }

    fn gateway(api: &str, stage: &str, path: &str) -> Option<Door> {
        Some(Door::ApiGateway(Gateway {
            api: api.to_owned(),
            stage: stage.to_owned(),
            path: path.to_owned(),
        }))
    }

    #[test]
    fn path_and_host_choose_the_door() {
        let url = |name: &str| Some(Door::FunctionUrl(name.to_owned()));
        let local = "localhost:7000";
        assert_eq!(of(local, "/"), url("local"));
        assert_eq!(of(local, "/invoke/me"), url("local"));
        assert_eq!(of("f.lambda-url.localhost:7000", "/invoke"), url("f"));
        assert_eq!(of(local, "/_apigateway/dev"), gateway("local", "dev", "/"));
        assert_eq!(
            of(local, "/_apigateway/dev/a//b/"),
            gateway("local", "dev", "/a//b/")
        );
        assert_eq!(
            of("a.execute-api.localhost", "/dev/x"),
            gateway("a", "dev", "/x")
        );
        assert_eq!(of(local, "/_apigateway/"), None);
        assert_eq!(of(local, "/invoke"), None);
    }
}
