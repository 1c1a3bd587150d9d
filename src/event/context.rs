//! What the service tells of an invocation beside the event.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::error::Failure;
use lambda_stream_wire::api;
use lambda_stream_wire::failure::kind;

/// A deadline further away than this is no deadline: Lambda's longest timeout is 15 minutes.
const ABSURD: Duration = Duration::from_secs(24 * 60 * 60);

/// What the service tells of an invocation: its id, deadline, trace, caller and function.
///
/// The values are headers of `GET …/invocation/next` and environment variables, kept as they came
/// and read when asked for, so that a context costs next to nothing. Cloning is cheap enough to do
/// once an invocation.
///
/// A header that is absent, empty or no text reads as `None`; the request id is always there.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    headers: HeaderMap,
    expires: Option<Instant>,
    cold_start: bool,
    environment: Arc<Environment>,
}

/// What the environment says of the function; the same for every invocation.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Whether there has been an invocation.
    warm: AtomicBool,
    pub(crate) function_name: Option<String>,
    pub(crate) function_version: Option<String>,
    pub(crate) memory_size_mb: Option<u32>,
    pub(crate) log_group: Option<String>,
    pub(crate) log_stream: Option<String>,
    pub(crate) initialization_type: Option<String>,
}

impl Environment {
    /// Reads the variables that the service sets.
    pub(crate) fn from_env() -> Self {
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            warm: AtomicBool::new(false),
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
            function_version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            memory_size_mb: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|size| size.parse().ok()),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
            initialization_type: text("AWS_LAMBDA_INITIALIZATION_TYPE"),
        }
    }

    /// Whether the service takes a snapshot of this sandbox once it is set up.
    pub(crate) fn is_snap_start(&self) -> bool {
        self.initialization_type.as_deref() == Some("snap-start")
    }
}

/// `GET …/invocation/next` was answered without a usable request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContextError {
    Missing,
    Malformed(String),
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(
                f,
                "the Runtime API sent an invocation without the header `{}`, so it cannot be answered",
                api::REQUEST_ID
            ),
            Self::Malformed(value) => write!(
                f,
                "the Runtime API sent an invocation whose header `{}` is {value:?}; an id is letters, \
                 digits and `-._~:`",
                api::REQUEST_ID
            ),
        }
    }
}

impl Context {
    /// A context with this request id and nothing else; useful to call a handler in a test.
    ///
    /// ```
    /// use lambda_stream::{Context, LambdaEvent};
    ///
    /// let event = LambdaEvent::new("payload", Context::new("test-1"));
    /// assert_eq!(event.context.request_id(), "test-1");
    /// ```
    pub fn new(request_id: &str) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(api::REQUEST_ID, id);
        }
        Self(Arc::new(Inner {
            headers,
            expires: None,
            cold_start: false,
            environment: Arc::default(),
        }))
    }

    /// The same context with this deadline; useful to call a handler in a test.
    #[must_use]
    pub fn with_deadline(mut self, deadline: SystemTime) -> Self {
        let ms = deadline
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        let inner = Arc::make_mut(&mut self.0);
        if let Ok(ms) = HeaderValue::from_str(&ms.to_string()) {
            inner.headers.insert(api::DEADLINE_MS, ms);
        }
        inner.expires = deadline_of(&inner.headers).and_then(expires);
        self
    }

    /// Reads the headers of `GET …/invocation/next`.
    pub(crate) fn from_headers(
        headers: HeaderMap,
        environment: Arc<Environment>,
    ) -> Result<Self, ContextError> {
        let id = header(&headers, api::REQUEST_ID).ok_or(ContextError::Missing)?;
        if !is_path_segment(id.as_bytes()) {
            let id = String::from_utf8_lossy(id.as_bytes()).into_owned();
            return Err(ContextError::Malformed(id));
        }
        Ok(Self(Arc::new(Inner {
            expires: deadline_of(&headers).and_then(expires),
            headers,
            cold_start: !environment.warm.swap(true, Ordering::Relaxed),
            environment,
        })))
    }

    /// Returns the headers, if this is the last clone.
    pub(crate) fn into_headers(self) -> Option<HeaderMap> {
        Arc::into_inner(self.0).map(|inner| inner.headers)
    }

    /// The id of this invocation, unique to it: what to log, and what AWS Support asks for.
    pub fn request_id(&self) -> &str {
        self.text(api::REQUEST_ID).unwrap_or_default()
    }

    /// When the service stops the function.
    ///
    /// As the Runtime API sent it, so it may be nonsense: some local tools send a constant that
    /// lies in the past. [`remaining_time`](Self::remaining_time) does not fall for it.
    pub fn deadline(&self) -> Option<SystemTime> {
        deadline_of(&self.0.headers)
    }

    /// How long until the service stops the function; zero once the deadline has passed.
    ///
    /// `None` when there is no deadline, and when it is absurd: it had passed before the invocation
    /// arrived, or it is more than a day away. Measured on the monotonic clock from the moment at
    /// which the invocation arrived.
    pub fn remaining_time(&self) -> Option<Duration> {
        self.0
            .expires
            .map(|expires| expires.saturating_duration_since(Instant::now()))
    }

    /// When to end in order not to be killed: the margin before the deadline, but never earlier
    /// than halfway from now to it. `None` when the deadline is absurd.
    pub(crate) fn end_before_deadline(&self, margin: Duration) -> Option<Instant> {
        let expires = self.0.expires?;
        let left = expires.saturating_duration_since(Instant::now());
        Some(expires - margin.min(left / 2))
    }

    /// A context whose deadline is this very moment: [`SystemTime`] is not exact under a paused
    /// clock.
    #[cfg(test)]
    pub(crate) fn expiring_at(expires: Instant) -> Self {
        Self(Arc::new(Inner {
            headers: HeaderMap::new(),
            expires: Some(expires),
            cold_start: false,
            environment: Arc::default(),
        }))
    }

    /// The ARN that was invoked: function, version or alias.
    pub fn invoked_function_arn(&self) -> Option<&str> {
        self.text(api::FUNCTION_ARN)
    }

    /// The AWS X-Ray trace header, `Root=…;Parent=…;Sampled=…`.
    ///
    /// The AWS SDKs look for it in the environment variable `_X_AMZN_TRACE_ID`, and send it on,
    /// which connects traces and lets Lambda stop recursive loops. This library does not set
    /// the variable: setting one is `unsafe`, because C code on another thread, such as the
    /// resolver of host names, may be reading the environment, and only the program knows what
    /// it runs. A handler that serves one invocation at a time sets it first thing:
    ///
    /// ```
    /// use lambda_stream::Context;
    ///
    /// fn pass_trace_on(context: &Context) {
    ///     if let Some(trace_id) = context.trace_id() {
    ///         // SAFETY: no other thread of this program uses the environment, except through
    ///         // `std::env`.
    ///         unsafe { std::env::set_var("_X_AMZN_TRACE_ID", trace_id) };
    ///     }
    /// }
    /// ```
    ///
    /// Where several invocations are served at once, one variable cannot hold the trace of each:
    /// set the header `X-Amzn-Trace-Id` of the requests instead.
    pub fn trace_id(&self) -> Option<&str> {
        self.text(api::TRACE_ID)
    }

    /// The tenant, for functions in tenant isolation mode.
    pub fn tenant_id(&self) -> Option<&str> {
        self.text(api::TENANT_ID)
    }

    /// Whether this is the first invocation that this runtime serves.
    pub fn is_cold_start(&self) -> bool {
        self.0.cold_start
    }

    /// The id of this attempt: a retry has the same request id, and another invocation id.
    ///
    /// `None` where the service does not send one, which it has done since 2026 only.
    pub fn invocation_id(&self) -> Option<&str> {
        self.text(api::INVOCATION_ID)
    }

    /// How the sandbox came to be: `on-demand`, `provisioned-concurrency`, `snap-start` or
    /// `lambda-managed-instances`, from `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn initialization_type(&self) -> Option<&str> {
        self.0.environment.initialization_type.as_deref()
    }

    /// The invocation id as it came: the runtime echoes it.
    pub(crate) fn invocation_nonce(&self) -> Option<&HeaderValue> {
        header(&self.0.headers, api::INVOCATION_ID)
    }

    /// What a mobile client sends about itself, decoded from JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not what `T` wants; the error names the header.
    ///
    /// ```
    /// # use lambda_stream::{Context, Failure};
    /// # fn f(context: Context) -> Result<(), Failure> {
    /// let client: Option<serde_json::Value> = context.client_context()?;
    /// # Ok(()) }
    /// ```
    pub fn client_context<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        self.json(api::CLIENT_CONTEXT)
    }

    /// The Amazon Cognito identity that invoked the function, decoded from JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not what `T` wants; the error names the header.
    pub fn cognito_identity<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        self.json(api::COGNITO_IDENTITY)
    }

    /// The name of the function, from `AWS_LAMBDA_FUNCTION_NAME`.
    pub fn function_name(&self) -> Option<&str> {
        self.0.environment.function_name.as_deref()
    }

    /// The version of the function, from `AWS_LAMBDA_FUNCTION_VERSION`.
    pub fn function_version(&self) -> Option<&str> {
        self.0.environment.function_version.as_deref()
    }

    /// The memory of the function in MB, from `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`.
    pub fn memory_size_mb(&self) -> Option<u32> {
        self.0.environment.memory_size_mb
    }

    /// The CloudWatch log group of the function, from `AWS_LAMBDA_LOG_GROUP_NAME`.
    pub fn log_group(&self) -> Option<&str> {
        self.0.environment.log_group.as_deref()
    }

    /// The CloudWatch log stream of this sandbox, from `AWS_LAMBDA_LOG_STREAM_NAME`.
    pub fn log_stream(&self) -> Option<&str> {
        self.0.environment.log_stream.as_deref()
    }

    fn text(&self, name: &str) -> Option<&str> {
        text_of(&self.0.headers, name)
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.text(name)
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| {
                Failure::new(
                    kind::INVALID_CONTEXT,
                    format!("the header `{name}` is not what was asked for: {error}"),
                )
            })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &self.request_id())
            .field("deadline", &self.deadline())
            .field("invoked_function_arn", &self.invoked_function_arn())
            .field("trace_id", &self.trace_id())
            .field("tenant_id", &self.tenant_id())
            .field("function_name", &self.function_name())
            .finish_non_exhaustive()
    }
}

/// Returns a header; an empty one counts as absent.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    headers.get(name).filter(|value| !value.is_empty())
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    std::str::from_utf8(header(headers, name)?.as_bytes()).ok()
}

fn deadline_of(headers: &HeaderMap) -> Option<SystemTime> {
    let ms = text_of(headers, api::DEADLINE_MS)?.parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(ms))
}

/// An id becomes part of a path, so it must not be able to change that path.
fn is_path_segment(id: &[u8]) -> bool {
    !id.is_empty()
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:".contains(byte))
        && id.iter().any(|byte| *byte != b'.')
}

fn expires(deadline: SystemTime) -> Option<Instant> {
    let left = deadline.duration_since(SystemTime::now()).ok()?;
    if left > ABSURD {
        return None;
    }
    Instant::now().checked_add(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(headers: &[(&'static str, &str)]) -> Result<Context, ContextError> {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (http::HeaderName::from_static(name), value)
            })
            .collect();
        Context::from_headers(map, Arc::default())
    }

    #[test]
    fn every_header_is_read() {
        let context = context(&[
            (api::REQUEST_ID, "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
            (api::DEADLINE_MS, "1542409706888"),
            (
                api::FUNCTION_ARN,
                "arn:aws:lambda:us-east-2:123456789012:function:f",
            ),
            (api::TRACE_ID, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
            (api::CLIENT_CONTEXT, r#"{"client":{"app_title":"t"}}"#),
            (api::COGNITO_IDENTITY, r#"{"cognitoIdentityId":"c"}"#),
            (api::TENANT_ID, "blue"),
            (api::INVOCATION_ID, "nonce"),
        ])
        .unwrap();
        assert_eq!(context.request_id(), "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
        assert_eq!(
            context.deadline(),
            Some(UNIX_EPOCH + Duration::from_millis(1_542_409_706_888))
        );
        assert_eq!(
            context.invoked_function_arn(),
            Some("arn:aws:lambda:us-east-2:123456789012:function:f")
        );
        assert!(context.trace_id().unwrap().starts_with("Root="));
        let client: serde_json::Value = context.client_context().unwrap().unwrap();
        assert_eq!(client["client"]["app_title"], "t");
        let identity: serde_json::Value = context.cognito_identity().unwrap().unwrap();
        assert_eq!(identity["cognitoIdentityId"], "c");
        assert_eq!(context.tenant_id(), Some("blue"));
        assert_eq!(context.invocation_id(), Some("nonce"));
        assert_eq!(context.invocation_nonce().unwrap(), "nonce");
    }

    #[test]
    fn only_the_request_id_is_required() {
        let context = context(&[(api::REQUEST_ID, "1"), (api::TENANT_ID, "")]).unwrap();
        assert_eq!(context.deadline(), None);
        assert_eq!(context.remaining_time(), None);
        assert_eq!(context.tenant_id(), None);
        assert_eq!(context.client_context::<serde_json::Value>().unwrap(), None);
    }

    #[test]
    fn initialization_type_comes_from_the_environment() {
        let environment = Environment {
            initialization_type: Some("snap-start".to_owned()),
            ..Environment::default()
        };
        let headers = [(api::REQUEST_ID, "1")].map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let context = Context::from_headers(headers.into_iter().collect(), Arc::new(environment));
        assert_eq!(context.unwrap().initialization_type(), Some("snap-start"));
    }

    #[test]
    fn only_the_first_invocation_is_a_cold_start() {
        let environment = Arc::new(Environment::default());
        let seen = [(); 3].map(|()| {
            let mut headers = HeaderMap::new();
            headers.insert(api::REQUEST_ID, HeaderValue::from_static("1"));
            let context = Context::from_headers(headers, Arc::clone(&environment));
            context.unwrap().is_cold_start()
        });
        assert_eq!(seen, [true, false, false]);
    }

    #[test]
    fn an_unusable_request_id_is_told() {
        let error = context(&[]).unwrap_err().to_string();
        assert!(error.contains("lambda-runtime-aws-request-id"), "{error}");
        for id in ["", "..", "a/b", "a?b", "a b", "a#b", "é", "%2f"] {
            let error = context(&[(api::REQUEST_ID, id)]).unwrap_err().to_string();
            assert!(error.contains("lambda-runtime-aws-request-id"), "{error}");
        }
    }

    #[test]
    fn malformed_optional_headers_cost_nothing_else() {
        let context = context(&[
            (api::REQUEST_ID, "1"),
            (api::DEADLINE_MS, "soon"),
            (api::CLIENT_CONTEXT, "{"),
        ])
        .unwrap();
        assert_eq!(context.deadline(), None);
        let failure = context
            .client_context::<serde_json::Value>()
            .unwrap_err()
            .to_string();
        assert!(
            failure.contains("lambda-runtime-client-context"),
            "{failure}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_counts_down() {
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let context = Context::new("1").with_deadline(deadline);
        let before = context.remaining_time().unwrap();
        assert!(before <= Duration::from_secs(60) && before > Duration::from_secs(58));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(
            before - context.remaining_time().unwrap(),
            Duration::from_secs(10)
        );
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(context.remaining_time(), Some(Duration::ZERO));
    }

    #[test]
    fn an_absurd_deadline_is_none() {
        for ms in ["600000", "0", "18446744073709551615", "9999999999999"] {
            let context = context(&[(api::REQUEST_ID, "1"), (api::DEADLINE_MS, ms)]).unwrap();
            assert_eq!(context.remaining_time(), None, "{ms}");
        }
    }
}
