//! The settings.

use std::env;
use std::time::Duration;

use lambda_stream::Error;

/// The settings of a gateway.
pub struct Config {
    /// Base URL of an OpenAI-compatible API, such as `https://api.openai.com/v1`.
    pub upstream_url: String,
    /// Key that the upstream asks for.
    pub upstream_key: Option<String>,
    /// Callers: the name that usage is counted for, and the key that they send.
    pub keys: Vec<(String, String)>,
    /// Origins of the pages that may call the gateway; `*` allows all.
    pub origins: Vec<String>,
    /// Model of requests that name none, as those of the AI SDK's chat do.
    pub model: String,
    /// How long a connection to the upstream may take.
    pub connect: Duration,
    /// How long the first token may take before the head is sent without it. Until then a failure
    /// is a status code; from then on it is an event, and heartbeats keep the connection alive.
    pub patience: Duration,
    /// Interval of the heartbeats.
    pub heartbeat: Duration,
    /// How long the upstream may be silent before it counts as failed.
    pub silence: Duration,
    /// How long before the deadline an answer is ended.
    pub margin: Duration,
}

impl Config {
    /// Reads the settings that differ between deployments.
    ///
    /// # Errors
    ///
    /// When a variable is missing or is not of its form.
    pub fn from_env() -> Result<Self, Error> {
        let list = |name| env::var(name).unwrap_or_default();
        let keys = items(&list("GATEWAY_KEYS"))
            .map(|pair| {
                let (name, key) = pair.split_once('=').unwrap_or_default();
                let is_complete = !name.is_empty() && !key.is_empty();
                is_complete.then(|| (name.to_owned(), key.to_owned()))
            })
            .collect::<Option<Vec<_>>>()
            .filter(|keys| !keys.is_empty())
            .ok_or("GATEWAY_KEYS is not of the form `name=key,name=key`")?;
        Ok(Self {
            upstream_url: env::var("UPSTREAM_URL").map_err(|_| "UPSTREAM_URL is not set")?,
            upstream_key: env::var("UPSTREAM_KEY").ok(),
            keys,
            origins: items(&list("GATEWAY_ORIGINS")).map(str::to_owned).collect(),
            model: env::var("DEFAULT_MODEL").map_err(|_| "DEFAULT_MODEL is not set")?,
            connect: Duration::from_secs(5),
            // An edge-optimized API Gateway cuts what is silent for 30 seconds.
            patience: Duration::from_secs(15),
            heartbeat: Duration::from_secs(10),
            silence: Duration::from_secs(120),
            margin: Duration::from_secs(2),
        })
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}
