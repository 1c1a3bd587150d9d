//! What a request has among its extensions: the event it was made from, and views of it.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::event::Event;

/// The event that a request was made from; an extension of each request.
///
/// ```
/// use lambda_stream::web::{Event, Original, RequestBody};
///
/// fn who_signed(request: &http::Request<RequestBody>) -> Option<&str> {
///     match &**request.extensions().get::<Original>()? {
///         Event::FunctionUrl(event) => {
///             let iam = event.request_context.authorizer.as_ref()?.iam.as_ref()?;
///             iam.user_arn.as_deref()
///         }
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Original(pub(super) Arc<Event>);

impl Deref for Original {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0
    }
}

/// What every front door tells of a request beside the request itself; an extension of each request.
///
/// A value that the front door does not send is `None`. The whole context, in the type of its front door,
/// is in the [`Original`] event.
///
/// ```
/// use lambda_stream::web::{RequestBody, RequestContext};
///
/// fn client(request: &http::Request<RequestBody>) -> Option<&str> {
///     request.extensions().get::<RequestContext>()?.source_ip()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RequestContext(pub(super) Arc<Event>);

impl RequestContext {
    /// The front door's own id of the request.
    pub fn request_id(&self) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.request_context.request_id.as_deref(),
            Event::HttpApi(event) => event.request_context.request_id.as_deref(),
            Event::FunctionUrl(event) => event.request_context.request_id.as_deref(),
            Event::Alb(_) => None,
        }
    }

    /// The address of the client that spoke to the front door.
    ///
    /// An ALB has no field for it: there it is the last of `x-forwarded-for`, which the balancer appends.
    pub fn source_ip(&self) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.request_context.identity.source_ip.as_deref(),
            Event::HttpApi(event) => event.request_context.http.source_ip.as_deref(),
            Event::FunctionUrl(event) => event.request_context.http.source_ip.as_deref(),
            Event::Alb(event) => {
                let headers = [&event.multi_value_headers, &event.headers];
                let forwarded = headers.map(|h| h.get_all("x-forwarded-for").iter().next_back());
                let last = forwarded.into_iter().flatten().next()?;
                last.to_str().ok()?.rsplit(',').next().map(str::trim)
            }
        }
    }

    /// The host name that the request was sent to.
    pub fn domain_name(&self) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.request_context.domain_name.as_deref(),
            Event::HttpApi(event) => event.request_context.domain_name.as_deref(),
            Event::FunctionUrl(event) => event.request_context.domain_name.as_deref(),
            Event::Alb(_) => None,
        }
    }

    /// The stage of API Gateway.
    pub fn stage(&self) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.request_context.stage.as_deref(),
            Event::HttpApi(event) => event.request_context.stage.as_deref(),
            Event::FunctionUrl(_) | Event::Alb(_) => None,
        }
    }

    /// A parameter of API Gateway's own route, such as `proxy`.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.path_parameters.get(name).map(String::as_str),
            Event::HttpApi(event) => event.path_parameters.get(name).map(String::as_str),
            Event::FunctionUrl(_) | Event::Alb(_) => None,
        }
    }

    /// A variable of API Gateway's stage.
    pub fn stage_variable(&self, name: &str) -> Option<&str> {
        match &*self.0 {
            Event::RestApi(event) => event.stage_variables.get(name).map(String::as_str),
            Event::HttpApi(event) => event.stage_variables.get(name).map(String::as_str),
            Event::FunctionUrl(_) | Event::Alb(_) => None,
        }
    }
}

/// What an authorizer of API Gateway found out about the caller; an extension of requests that passed one.
///
/// The claims of a JWT (Cognito user pools and JWT authorizers), or what a Lambda authorizer returned as its
/// context. API Gateway has verified them. Who signed a request with IAM is in the [`Original`] event. What an
/// ALB sends in `x-amzn-oidc-data` is not here, because it is for the function to verify.
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
pub struct Claims(Arc<Event>);

impl Claims {
    /// The claims of an event, if an authorizer has left any.
    pub(super) fn of(event: &Arc<Event>) -> Option<Self> {
        let authorizer = match &**event {
            Event::RestApi(event) => &event.request_context.authorizer,
            Event::HttpApi(event) => event.request_context.authorizer.as_ref()?,
            Event::FunctionUrl(_) | Event::Alb(_) => return None,
        };
        (authorizer.jwt.is_some() || !authorizer.fields.is_empty()).then(|| Self(Arc::clone(event)))
    }

    /// A claim: a string as it is, anything else as its JSON.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match &*self.0 {
            Event::RestApi(event) => {
                let fields = &event.request_context.authorizer.fields;
                // A Cognito user pool has its claims in an object of their own.
                match fields.get("claims").and_then(Value::as_object) {
                    Some(claims) => claims.get(name),
                    None => fields.get(name),
                }?
            }
            Event::HttpApi(event) => {
                let authorizer = event.request_context.authorizer.as_ref()?;
                if let Some(jwt) = &authorizer.jwt {
                    return jwt.claims.get(name).map(|claim| Cow::Borrowed(&**claim));
                }
                authorizer.fields.get(name)?
            }
            Event::FunctionUrl(_) | Event::Alb(_) => return None,
        };
        Some(match value {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        })
    }

    /// The scopes of the route that a JWT authorizer has found in the token.
    pub fn scopes(&self) -> &[String] {
        let scopes = match &*self.0 {
            Event::HttpApi(event) => event
                .request_context
                .authorizer
                .as_ref()
                .and_then(|authorizer| authorizer.jwt.as_ref()?.scopes.as_deref()),
            _ => None,
        };
        scopes.unwrap_or_default()
    }
}
