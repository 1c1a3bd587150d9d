//! What an authorizer of API Gateway found out about the caller.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::event::FrontDoor;

/// What an authorizer of API Gateway found out about the caller; an extension of requests that
/// passed one.
///
/// The claims of a JWT (Cognito user pools and JWT authorizers), or what a Lambda authorizer
/// returned as its context. API Gateway has verified them. Who signed a request with IAM is in the
/// [`Original`](super::Original) event. What an ALB sends in `x-amzn-oidc-data` is not here,
/// because it is for the function to verify.
///
/// ```
/// use lambda_stream::web::{Claims, RequestBody};
///
/// fn user(request: &http::Request<RequestBody>) -> Option<String> {
///     let claims = request.extensions().get::<Claims>()?;
///     Some(claims.get("sub")?.into_owned())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Claims(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    claims: Map<String, Value>,
    scopes: Vec<String>,
}

impl Claims {
    /// Reads the claims of `requestContext.authorizer`, if an authorizer has left any.
    pub(super) fn read(door: FrontDoor, authorizer: &RawValue) -> Option<Self> {
        let mut authorizer: Map<String, Value> = serde_json::from_str(authorizer.get()).ok()?;
        let (claims, scopes) = match door {
            FrontDoor::RestApi => match authorizer.remove("claims") {
                // A Cognito user pool, or a JWT authorizer of an HTTP API.
                Some(Value::Object(claims)) => (claims, authorizer.remove("scopes")),
                // `null` stands there where an HTTP API has no authorizer.
                _ => {
                    authorizer.retain(|_, value| !value.is_null());
                    (authorizer, None)
                }
            },
            FrontDoor::HttpApi => match authorizer.remove("jwt") {
                Some(Value::Object(mut jwt)) => {
                    (object(jwt.remove("claims")), jwt.remove("scopes"))
                }
                _ => (object(authorizer.remove("lambda")), None),
            },
            FrontDoor::FunctionUrl | FrontDoor::Alb => return None,
        };
        if claims.is_empty() {
            return None;
        }
        let scopes = match scopes {
            Some(Value::Array(scopes)) => scopes.into_iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        Some(Self(Arc::new(Inner { claims, scopes })))
    }

    /// Returns a claim: a string as it is, anything else as its JSON.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match self.0.claims.get(name)? {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        })
    }

    /// Returns the scopes of the route that a JWT authorizer has found in the token.
    pub fn scopes(&self) -> &[String] {
        &self.0.scopes
    }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(door: FrontDoor, authorizer: &str) -> Option<Claims> {
        let authorizer: &RawValue = serde_json::from_str(authorizer).unwrap();
        Claims::read(door, authorizer)
    }

    #[test]
    fn authorizer_that_left_nothing_gives_no_claims() {
        for (door, authorizer) in [
            (FrontDoor::RestApi, "{}"),
            (FrontDoor::RestApi, r#"{"claims":null,"scopes":null}"#),
            (FrontDoor::RestApi, "[1]"),
            (FrontDoor::HttpApi, r#"{"iam":{"userId":"u"}}"#),
            (FrontDoor::HttpApi, r#"{"jwt":{"claims":null}}"#),
            (FrontDoor::HttpApi, r#"{"lambda":null}"#),
            (FrontDoor::FunctionUrl, r#"{"jwt":{"claims":{"sub":"7"}}}"#),
            (FrontDoor::Alb, r#"{"principalId":"x"}"#),
        ] {
            assert!(read(door, authorizer).is_none(), "{door} {authorizer}");
        }
    }

    #[test]
    fn claim_that_is_not_a_string_is_its_json() {
        let claims = r#"{"jwt":{"claims":{"groups":["a","b"],"n":7},"scopes":["s",1]}}"#;
        let claims = read(FrontDoor::HttpApi, claims).unwrap();
        assert_eq!(claims.get("groups").unwrap(), r#"["a","b"]"#);
        assert_eq!(claims.get("n").unwrap(), "7");
        assert_eq!(claims.get("sub"), None);
        assert_eq!(claims.scopes(), ["s"]);
        let claims = r#"{"claims":{"sub":"7"},"scopes":["s"]}"#;
        let claims = read(FrontDoor::RestApi, claims).unwrap();
        assert_eq!(
            (claims.get("sub").unwrap(), claims.scopes()),
            ("7".into(), &["s".to_owned()][..])
        );
    }
}
