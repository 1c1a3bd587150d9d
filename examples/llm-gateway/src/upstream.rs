//! The upstream: one request, and the chunks of its answer.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt, stream};
use lambda_stream::Error;
use reqwest::{Client, Response};
use serde_json::Value;

use crate::Config;
use crate::error::ApiError;

/// A client of the upstream. It keeps its connections from one invocation to the next.
#[derive(Clone)]
pub struct Upstream {
    client: Client,
    url: String,
    key: Option<String>,
}

impl Upstream {
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            client: Client::builder()
                .connect_timeout(config.connect)
                .read_timeout(config.silence)
                .build()?,
            url: format!(
                "{}/chat/completions",
                config.upstream_url.trim_end_matches('/')
            ),
            key: config.upstream_key.clone(),
        })
    }

    /// Sends a chat request and returns the chunks of the answer. Dropping future or stream closes
    /// the connection, on which the upstream stops generating.
    pub async fn ask(
        self,
        request: Value,
    ) -> Result<impl Stream<Item = Result<Chunk, ApiError>>, ApiError> {
        let mut builder = self.client.post(&self.url).json(&request);
        if let Some(key) = &self.key {
            builder = builder.bearer_auth(key);
        }
        let response = builder.send().await.map_err(|error| unreachable(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let events = Box::pin(response.bytes_stream().eventsource());
        Ok(stream::try_unfold(events, async |mut events| {
            let Some(event) = events.next().await else {
                // A connection that closes is not an answer that is complete: `[DONE]` is missing.
                return Err(ApiError::upstream("incomplete", "the model broke off"));
            };
            let event = event.map_err(broken)?;
            if event.data == "[DONE]" {
                return Ok(None);
            }
            let chunk = serde_json::from_str(&event.data).map_err(|error| {
                ApiError::upstream("invalid_chunk", format!("the model sent no JSON: {error}"))
            })?;
            Chunk::new(chunk).map(|chunk| Some((chunk, events)))
        }))
    }
}

/// One `chat.completion.chunk`.
pub struct Chunk(pub Value);

impl Chunk {
    fn new(mut chunk: Value) -> Result<Self, ApiError> {
        match chunk.get_mut("error").map(Value::take) {
            None | Some(Value::Null) => Ok(Self(chunk)),
            Some(error) if error.is_object() => Err(ApiError {
                status: StatusCode::BAD_GATEWAY,
                error,
                retry_after: None,
            }),
            Some(error) => Err(ApiError::upstream("failed", error)),
        }
    }

    fn choice(&self) -> &Value {
        &self.0["choices"][0]
    }

    pub fn text(&self) -> &str {
        self.choice()["delta"]["content"].as_str().unwrap_or("")
    }

    pub fn finish_reason(&self) -> Option<&str> {
        self.choice()["finish_reason"].as_str()
    }

    /// Whether it has more than the role, which models send before they think.
    pub fn is_token(&self) -> bool {
        let delta = self.choice()["delta"].as_object();
        let has_content = delta.is_some_and(|delta| {
            let mut fields = delta.iter().filter(|(name, _)| *name != "role");
            fields.any(|(_, value)| !value.is_null() && value != "")
        });
        has_content || self.finish_reason().is_some()
    }
}

/// What the client is told when the upstream refuses: its own words, unless they are about the
/// gateway's key or about the upstream's inner life.
async fn refusal(response: Response) -> ApiError {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).cloned();
    let is_for_client = status.is_client_error()
        && !matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
    let mut refusal = ApiError::upstream("refused", format!("the model answered {status}"));
    refusal.retry_after = retry_after;
    if is_for_client {
        refusal.status = status;
        let body = response.json::<Value>().await.unwrap_or_default();
        if let Some(error) = body.get("error").filter(|error| error.is_object()) {
            refusal.error = error.clone();
        }
    } else {
        eprintln!("upstream: refused with {status}");
    }
    refusal
}

fn unreachable(error: &reqwest::Error) -> ApiError {
    if error.is_timeout() {
        ApiError::timeout("silent", "the model has not answered in time")
    } else {
        // The text names the upstream's address, which is not the client's business.
        eprintln!("upstream: {error:?}");
        ApiError::upstream("unreachable", "the model cannot be reached")
    }
}

fn broken(error: eventsource_stream::EventStreamError<reqwest::Error>) -> ApiError {
    use eventsource_stream::EventStreamError::Transport;
    match error {
        Transport(error) if error.is_timeout() => {
            ApiError::timeout("silent", "the model has been silent for too long")
        }
        _ => ApiError::upstream("incomplete", "the model broke off"),
    }
}
