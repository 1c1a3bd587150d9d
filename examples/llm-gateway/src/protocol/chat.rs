//! Chat Completions: the upstream's own protocol, so chunks pass as they are.

use lambda_stream::format::sse::Event;
use serde_json::{Value, json};

use super::{Protocol, done, invalid};
use crate::error::ApiError;
use crate::upstream::Chunk;

pub struct Chat {
    /// What all chunks of an answer have in common.
    common: Value,
    wants_usage: bool,
    is_finished: bool,
}

impl Chat {
    fn event(&self, choices: &Value, usage: &Value) -> Event {
        let mut chunk = self.common.clone();
        chunk["choices"] = choices.clone();
        chunk["usage"] = usage.clone();
        Event::new().json_data(&chunk)
    }
}

impl Protocol for Chat {
    fn accept(mut request: Value, id: &str, model: &str) -> Result<(Self, Value), ApiError> {
        if !request.is_object() || request["stream"] != true {
            return Err(invalid("this gateway only streams: set `stream` to true"));
        }
        let wants_usage = request["stream_options"]["include_usage"] == true;
        request["stream_options"] = json!({ "include_usage": true });
        if request["model"].is_null() {
            request["model"] = model.into();
        }
        let chat = Self {
            common: json!({
                "id": id,
                "object": "chat.completion.chunk",
                "created": 0,
                "model": request["model"],
            }),
            wants_usage,
            is_finished: false,
        };
        Ok((chat, request))
    }

    fn chunk(&mut self, chunk: Chunk) -> Vec<Event> {
        for name in ["id", "created", "model"] {
            self.common[name] = chunk.0[name].clone();
        }
        self.is_finished |= chunk.finish_reason().is_some();
        let is_usage = chunk.0["choices"].as_array().is_some_and(Vec::is_empty);
        if is_usage && !self.wants_usage {
            return Vec::new();
        }
        vec![Event::new().json_data(&chunk.0)]
    }

    fn end(&mut self, is_cut: bool, (prompt, completion): (u64, u64)) -> Vec<Event> {
        let mut events = Vec::new();
        if is_cut && !self.is_finished {
            let choice = json!([{ "index": 0, "delta": {}, "finish_reason": "length" }]);
            events.push(self.event(&choice, &Value::Null));
        }
        if is_cut && self.wants_usage {
            let usage = json!({
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            });
            events.push(self.event(&json!([]), &usage));
        }
        events.push(done());
        events
    }

    fn failure(&mut self, error: &ApiError) -> Vec<Event> {
        vec![Event::new().json_data(&json!({ "error": error.error }))]
    }
}
