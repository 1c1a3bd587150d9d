//! Which operation a path asks for, and of which function.

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::query;
use crate::record::DoorName;

/// An operation of the Invoke APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front_door) enum Operation {
    Invoke,
    InvokeWithResponseStream,
}

impl Operation {
    /// Returns what the door of the operation is called in records.
    pub(super) fn door_name(self) -> DoorName {
        match self {
            Self::Invoke => DoorName::InvokeApi,
            Self::InvokeWithResponseStream => DoorName::StreamingInvokeApi,
        }
    }
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::front_door) struct Call {
    pub(in crate::front_door) operation: Operation,
    /// The function's name, without account and qualifier.
    pub(in crate::front_door) function: String,
    /// A version or an alias.
    pub(in crate::front_door) qualifier: Option<String>,
}

/// Returns whether a path belongs to Lambda's own API: `/2015-03-31/functions/…` and the like.
pub(in crate::front_door) fn is_call(path: &str) -> bool {
    let Some((version, rest)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return false;
    };
    let is_date = version.len() == 10
        && version.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date && (rest == "functions" || rest.starts_with("functions/"))
}

impl Call {
    /// Reads the operation from a request; `None` if it is another one of Lambda's API.
    pub(in crate::front_door) fn parse(request: &Parts) -> Option<Self> {
        let path = request.uri.path();
        let (operation, name) = path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .map(|name| (Operation::Invoke, name))
            .or_else(|| {
                path.strip_prefix("/2021-11-15/functions/")
                    .and_then(|rest| rest.strip_suffix("/response-streaming-invocations"))
                    .map(|name| (Operation::InvokeWithResponseStream, name))
            })?;
        if request.method != Method::POST || name.contains('/') {
            return None;
        }
        let name = percent_decode_str(name).decode_utf8().ok()?;
        let (function, qualifier) = split_name(&name);
        let query = request.uri.query().unwrap_or_default();
        let qualifier = query::value(query, "Qualifier").or(qualifier);
        Some(Self {
            operation,
            function,
            qualifier,
        })
    }
}

/// Splits `name`, `name:qualifier`, `account:function:name` and whole ARNs, each with or without a
/// qualifier, into name and qualifier.
fn split_name(name: &str) -> (String, Option<String>) {
    let name = name.rsplit_once("function:").map_or(name, |(_, name)| name);
    match name.split_once(':') {
        Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
        None => (name.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parse(method: &str, uri: &str) -> Option<Call> {
        let request = Request::builder().method(method).uri(uri).body(());
        Call::parse(&request.unwrap().into_parts().0)
    }

    #[test]
    fn functions_are_named_in_every_form() {
        for (name, function, qualifier) in [
            ("f", "f", None),
            ("f:prod", "f", Some("prod")),
            ("f%3A3", "f", Some("3")),
            ("012345678912:function:f", "f", None),
            (
                "arn%3Aaws%3Alambda%3Aus-east-1%3A012345678912%3Afunction%3Af%3A7",
                "f",
                Some("7"),
            ),
            ("f?Qualifier=a%24b", "f", Some("a$b")),
            ("f?Qualifier=", "f", None),
        ] {
            let (name, query) = name.split_once('?').unwrap_or((name, ""));
            for (version, end, operation) in [
                ("2015-03-31", "invocations", Operation::Invoke),
                (
                    "2021-11-15",
                    "response-streaming-invocations",
                    Operation::InvokeWithResponseStream,
                ),
            ] {
                let uri = format!("/{version}/functions/{name}/{end}?{query}");
                let call = parse("POST", &uri).unwrap();
                assert_eq!(call.operation, operation);
                assert_eq!(call.function, function, "{uri}");
                assert_eq!(call.qualifier.as_deref(), qualifier, "{uri}");
            }
        }
    }

    #[test]
    fn other_operations_are_recognized_as_calls() {
        for path in ["/2015-03-31/functions", "/2021-10-31/functions/f/url"] {
            assert!(is_call(path));
            assert_eq!(parse("GET", path), None);
        }
        assert_eq!(parse("GET", "/2015-03-31/functions/f/invocations"), None);
        for path in [
            "/",
            "/functions/f",
            "/2015-03-31",
            "/2015-03-31/orders",
            "/2015/functions",
        ] {
            assert!(!is_call(path), "{path}");
        }
    }
}
