//! What a request has among its extensions: the event it was made from, and views of it.

use std::sync::Arc;

use aws_lambda_events::alb::AlbTargetGroupRequest;
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::event::{self, FrontDoor, HttpEvent, Pairs, SharedText, Text};
use crate::error::Failure;

/// What the extensions of one request share.
#[derive(Debug)]
struct Origin {
    event: Bytes,
    door: FrontDoor,
    request_id: Option<SharedText>,
    source_ip: Option<SharedText>,
    domain_name: Option<SharedText>,
    stage: Option<SharedText>,
    path_parameters: Vec<(SharedText, SharedText)>,
    stage_variables: Vec<(SharedText, SharedText)>,
}

/// Returns the extensions of a request that tell where it came from.
pub(super) fn extensions(event: &HttpEvent<'_>, headers: &HeaderMap) -> (Original, RequestContext) {
    let (bytes, context) = (event.bytes, &event.context);
    let shared = |text: &Text<'_>| Some(SharedText::new(text.as_deref()?, bytes));
    let all = |pairs: &Pairs<'_>| {
        let shared = |text: &str| SharedText::new(text, bytes);
        let pairs = pairs.0.iter();
        pairs.map(|(n, v)| (shared(n), shared(v))).collect()
    };
    let source_ip = match event.door {
        FrontDoor::RestApi => shared(&context.identity.source_ip),
        FrontDoor::Alb => forwarded_for(headers),
        FrontDoor::HttpApi | FrontDoor::FunctionUrl => {
            let http = context.http.as_ref();
            http.and_then(|http| shared(&http.source_ip))
        }
    };
    let is_gateway = matches!(event.door, FrontDoor::RestApi | FrontDoor::HttpApi);
    let origin = Arc::new(Origin {
        event: bytes.clone(),
        door: event.door,
        request_id: shared(&context.request_id),
        source_ip,
        domain_name: shared(&context.domain_name),
        stage: shared(&context.stage).filter(|_| is_gateway),
        path_parameters: all(&event.fields.path_parameters),
        stage_variables: all(&event.fields.stage_variables),
    });
    (Original(Arc::clone(&origin)), RequestContext(origin))
}

/// Returns the address that the load balancer has appended.
fn forwarded_for(headers: &HeaderMap) -> Option<SharedText> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    let address = last.to_str().ok()?.rsplit(',').next()?;
    Some(address.trim().into())
}

/// The event that a request was made from, as it arrived; an extension of each request.
///
/// A request is made from the few fields that it needs. Everything else is decoded here, when it is
/// asked for.
///
/// ```
/// use lambda_stream::Failure;
/// use lambda_stream::web::{Event, Original, RequestBody};
///
/// fn who_signed(request: &http::Request<RequestBody>) -> Result<Option<String>, Failure> {
///     let Some(original) = request.extensions().get::<Original>() else { return Ok(None) };
///     let Event::FunctionUrl(event) = original.event()? else { return Ok(None) };
///     let iam = event.request_context.authorizer.and_then(|authorizer| authorizer.iam);
///     Ok(iam.and_then(|iam| iam.user_arn))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Original(Arc<Origin>);

impl Original {
    /// Returns the front door that the event came through.
    pub fn front_door(&self) -> FrontDoor {
        self.0.door
    }

    /// Returns the JSON of the event.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0.event
    }

    /// Decodes the event into the type that [`aws_lambda_events`] has for its front door.
    ///
    /// # Errors
    ///
    /// `Function.InvalidEvent` if that type wants a field that is missing or of another type; the
    /// text names the field. Such an event may still be a valid request.
    pub fn event(&self) -> Result<Event, Failure> {
        Ok(match self.0.door {
            FrontDoor::RestApi => Event::RestApi(self.decode()?),
            FrontDoor::HttpApi => Event::HttpApi(self.decode()?),
            FrontDoor::FunctionUrl => Event::FunctionUrl(self.decode()?),
            FrontDoor::Alb => Event::Alb(self.decode()?),
        })
    }

    /// Decodes the event into a type of your own, with the fields that you need.
    ///
    /// # Errors
    ///
    /// `Function.InvalidEvent`; the text names the field that is wrong or missing.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        event::decode_as(self.0.door, &self.0.event)
    }
}

/// The event of an HTTP front door, in the types of [`aws_lambda_events`]; made by
/// [`Original::event`].
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

/// What every front door tells about a request in addition to the request itself; an extension of
/// each request.
///
/// A value that the front door does not send is `None`. The whole context is in the [`Original`]
/// event.
///
/// ```
/// use lambda_stream::web::{RequestBody, RequestContext};
///
/// fn client(request: &http::Request<RequestBody>) -> Option<&str> {
///     request.extensions().get::<RequestContext>()?.source_ip()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Origin>);

impl RequestContext {
    /// Returns the front door that the request came through.
    pub fn front_door(&self) -> FrontDoor {
        self.0.door
    }

    /// Returns the front door's own id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_ref().map(SharedText::as_str)
    }

    /// Returns the address of the client that spoke to the front door.
    ///
    /// An ALB has no field for it: there it is the last of `x-forwarded-for`, which the balancer
    /// appends.
    pub fn source_ip(&self) -> Option<&str> {
        self.0.source_ip.as_ref().map(SharedText::as_str)
    }

    /// Returns the host name that the request was sent to.
    pub fn domain_name(&self) -> Option<&str> {
        self.0.domain_name.as_ref().map(SharedText::as_str)
    }

    /// Returns the stage of API Gateway.
    pub fn stage(&self) -> Option<&str> {
        self.0.stage.as_ref().map(SharedText::as_str)
    }

    /// Returns a parameter of API Gateway's own route, such as `proxy`.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        find(&self.0.path_parameters, name)
    }

    /// Returns a variable of API Gateway's stage.
    pub fn stage_variable(&self, name: &str) -> Option<&str> {
        find(&self.0.stage_variables, name)
    }
}

fn find<'a>(pairs: &'a [(SharedText, SharedText)], name: &str) -> Option<&'a str> {
    let mut pairs = pairs.iter().rev();
    pairs
        .find(|(known, _)| known.as_str() == name)
        .map(|(_, value)| value.as_str())
}
