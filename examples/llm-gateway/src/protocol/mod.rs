//! The protocols that clients speak. All become one chat request to the upstream.

mod chat;
mod responses;
mod ui;

use axum::http::StatusCode;
use lambda_stream::Head;
use lambda_stream::format::sse::Event;
use serde_json::{Value, json};

pub use self::chat::Chat;
pub use self::responses::Responses;
pub use self::ui::Ui;

use crate::error::ApiError;
use crate::upstream::Chunk;

/// One answer in the words of a protocol.
pub trait Protocol: Sized + Send + 'static {
    /// Checks a request and returns it as a chat request.
    fn accept(request: Value, id: &str, model: &str) -> Result<(Self, Value), ApiError>;

    /// Changes the head of the response.
    fn head(head: Head) -> Head {
        head
    }

    /// Returns the events of a chunk.
    fn chunk(&mut self, chunk: Chunk) -> Vec<Event>;

    /// Returns the last events of an answer that is complete, or that the deadline cuts.
    fn end(&mut self, is_cut: bool, tokens: (u64, u64)) -> Vec<Event>;

    /// Returns the last events of an answer that fails.
    fn failure(&mut self, error: &ApiError) -> Vec<Event>;
}

fn invalid(message: &str) -> ApiError {
    ApiError::invalid(StatusCode::BAD_REQUEST, message)
}

/// Returns a chat request that streams and reports its usage.
fn chat_request(model: Value, messages: Vec<Value>) -> Value {
    json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    })
}

/// Returns the text of a message's parts of this type; nothing else can be passed on.
fn text_of(parts: &Value, kinds: &[&str]) -> Result<String, ApiError> {
    let parts = parts
        .as_array()
        .ok_or_else(|| invalid("a message has no content"))?;
    let texts = parts.iter().map(|part| {
        let is_text = kinds.iter().any(|kind| part["type"] == *kind);
        part["text"].as_str().filter(|_| is_text)
    });
    let texts: Option<String> = texts.collect();
    texts.ok_or_else(|| invalid("this gateway passes on text only"))
}

/// The end of a stream for the clients of OpenAI and of the AI SDK.
fn done() -> Event {
    Event::new().data("[DONE]")
}
