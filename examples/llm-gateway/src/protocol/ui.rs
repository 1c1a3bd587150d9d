//! The AI SDK's UI message stream, which `useChat` reads.

use lambda_stream::Head;
use lambda_stream::format::sse::Event;
use serde_json::{Value, json};

use super::{Protocol, chat_request, done, invalid, text_of};
use crate::error::ApiError;
use crate::upstream::Chunk;

/// Id of the message's only text.
const TEXT: &str = "0";

pub struct Ui {
    id: String,
    finish_reason: &'static str,
    is_begun: bool,
    has_text: bool,
}

impl Ui {
    fn begin(&mut self) -> Vec<Event> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Vec::new();
        }
        vec![
            event(json!({ "type": "start", "messageId": self.id })),
            event(json!({ "type": "start-step" })),
        ]
    }

    fn end_text(&mut self) -> Vec<Event> {
        let has_text = std::mem::take(&mut self.has_text);
        has_text
            .then(|| event(json!({ "type": "text-end", "id": TEXT })))
            .into_iter()
            .collect()
    }
}

impl Protocol for Ui {
    fn accept(request: Value, id: &str, model: &str) -> Result<(Self, Value), ApiError> {
        let messages = request["messages"].as_array();
        let messages = messages.ok_or_else(|| invalid("`messages` is missing"))?;
        let messages = messages.iter().map(|message| {
            let text = text_of(&message["parts"], &["text"])?;
            Ok(json!({ "role": message["role"], "content": text }))
        });
        let model = request["model"].as_str().unwrap_or(model);
        let chat = chat_request(model.into(), messages.collect::<Result<_, _>>()?);
        let protocol = Self {
            id: id.to_owned(),
            finish_reason: "other",
            is_begun: false,
            has_text: false,
        };
        Ok((protocol, chat))
    }

    fn head(head: Head) -> Head {
        head.header("x-vercel-ai-ui-message-stream", "v1")
    }

    fn chunk(&mut self, chunk: Chunk) -> Vec<Event> {
        if !self.is_begun {
            self.id = chunk.0["id"].as_str().unwrap_or(&self.id).to_owned();
        }
        let mut events = self.begin();
        self.finish_reason = match chunk.finish_reason() {
            Some("stop") => "stop",
            Some("length") => "length",
            Some("content_filter") => "content-filter",
            _ => self.finish_reason,
        };
        let text = chunk.text();
        if !text.is_empty() {
            if !std::mem::replace(&mut self.has_text, true) {
                events.push(event(json!({ "type": "text-start", "id": TEXT })));
            }
            events.push(event(
                json!({ "type": "text-delta", "id": TEXT, "delta": text }),
            ));
        }
        events
    }

    fn end(&mut self, is_cut: bool, (prompt, completion): (u64, u64)) -> Vec<Event> {
        if is_cut && self.finish_reason == "other" {
            self.finish_reason = "length";
        }
        let mut events = self.begin();
        events.extend(self.end_text());
        let usage = json!({
            "inputTokens": prompt,
            "outputTokens": completion,
            "totalTokens": prompt + completion,
        });
        events.extend([
            event(json!({ "type": "finish-step" })),
            event(json!({
                "type": "finish",
                "finishReason": self.finish_reason,
                "messageMetadata": { "usage": usage },
            })),
            done(),
        ]);
        events
    }

    fn failure(&mut self, error: &ApiError) -> Vec<Event> {
        let mut events = self.begin();
        events.push(event(
            json!({ "type": "error", "errorText": error.message() }),
        ));
        events
    }
}

fn event(data: Value) -> Event {
    Event::new().json_data(&data)
}
