//! The Responses API: numbered, typed events.

use lambda_stream::format::sse::Event;
use serde_json::{Value, json};

use super::{Protocol, chat_request, invalid, text_of};
use crate::error::ApiError;
use crate::upstream::Chunk;

pub struct Responses {
    id: String,
    created: Value,
    model: Value,
    text: String,
    finish_reason: Option<String>,
    /// Number of the next event.
    sequence: u64,
    is_begun: bool,
    /// Whether the answer's only item, a message, was announced.
    has_item: bool,
}

impl Responses {
    fn event(&mut self, kind: &str, mut data: Value) -> Event {
        data["type"] = kind.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        Event::new().event(kind).json_data(&data)
    }

    fn item(&self, status: &str, content: &[Value]) -> Value {
        json!({
            "id": format!("msg_{}", self.id),
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        })
    }

    fn part(&self) -> Value {
        json!({ "type": "output_text", "text": self.text, "annotations": [] })
    }

    /// Returns the response as it is now.
    fn response(&self, status: &str, output: &[Value]) -> Value {
        json!({
            "id": format!("resp_{}", self.id),
            "object": "response",
            "created_at": self.created,
            "model": self.model,
            "status": status,
            "output": output,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "metadata": {},
            "parallel_tool_calls": false,
            "tool_choice": "none",
            "tools": [],
            "usage": null,
        })
    }

    fn begin(&mut self) -> Vec<Event> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Vec::new();
        }
        let response = json!({ "response": self.response("in_progress", &[]) });
        vec![
            self.event("response.created", response.clone()),
            self.event("response.in_progress", response),
        ]
    }

    /// Returns what goes before the first text.
    fn begin_item(&mut self) -> Vec<Event> {
        if std::mem::replace(&mut self.has_item, true) {
            return Vec::new();
        }
        let item = json!({ "output_index": 0, "item": self.item("in_progress", &[]) });
        let part = self.in_part(json!({ "part": self.part() }));
        vec![
            self.event("response.output_item.added", item),
            self.event("response.content_part.added", part),
        ]
    }

    /// Adds the place of the answer's only part.
    fn in_part(&self, mut data: Value) -> Value {
        data["item_id"] = format!("msg_{}", self.id).into();
        data["output_index"] = 0.into();
        data["content_index"] = 0.into();
        data
    }

    fn end_item(&mut self, item: &Value) -> Vec<Event> {
        let text = self.in_part(json!({ "text": self.text, "logprobs": [] }));
        let part = self.in_part(json!({ "part": self.part() }));
        let item = json!({ "output_index": 0, "item": item });
        vec![
            self.event("response.output_text.done", text),
            self.event("response.content_part.done", part),
            self.event("response.output_item.done", item),
        ]
    }
}

impl Protocol for Responses {
    fn accept(request: Value, id: &str, model: &str) -> Result<(Self, Value), ApiError> {
        if request["stream"] != true {
            return Err(invalid("this gateway only streams: set `stream` to true"));
        }
        if request["tools"]
            .as_array()
            .is_some_and(|tools| !tools.is_empty())
        {
            return Err(invalid(
                "`tools` are passed on by /v1/chat/completions only",
            ));
        }
        let mut chat = chat_request(request["model"].clone(), messages(&request)?);
        if chat["model"].is_null() {
            chat["model"] = model.into();
        }
        for (name, chat_name) in [
            ("temperature", "temperature"),
            ("top_p", "top_p"),
            ("max_output_tokens", "max_completion_tokens"),
        ] {
            if !request[name].is_null() {
                chat[chat_name] = request[name].clone();
            }
        }
        let protocol = Self {
            id: id.to_owned(),
            created: 0.into(),
            model: chat["model"].clone(),
            text: String::new(),
            finish_reason: None,
            sequence: 0,
            is_begun: false,
            has_item: false,
        };
        Ok((protocol, chat))
    }

    fn chunk(&mut self, chunk: Chunk) -> Vec<Event> {
        if !self.is_begun {
            self.id = chunk.0["id"].as_str().unwrap_or(&self.id).to_owned();
            self.created = chunk.0["created"].clone();
            self.model = chunk.0["model"].clone();
        }
        let mut events = self.begin();
        if let Some(reason) = chunk.finish_reason() {
            self.finish_reason = Some(reason.to_owned());
        }
        let text = chunk.text();
        if !text.is_empty() {
            events.extend(self.begin_item());
            self.text.push_str(text);
            let delta = self.in_part(json!({ "delta": text, "logprobs": [] }));
            events.push(self.event("response.output_text.delta", delta));
        }
        events
    }

    fn end(&mut self, is_cut: bool, (prompt, completion): (u64, u64)) -> Vec<Event> {
        let finish_reason = self.finish_reason.take();
        let reason = match finish_reason.as_deref() {
            Some("content_filter") => Some("content_filter"),
            Some("length") => Some("max_output_tokens"),
            // The only reason that the clients know for an answer that is too long.
            None if is_cut => Some("max_output_tokens"),
            _ => None,
        };
        let status = if reason.is_some() {
            "incomplete"
        } else {
            "completed"
        };
        let mut events = self.begin();
        let mut output = Vec::new();
        if self.has_item {
            let item = self.item(status, &[self.part()]);
            events.extend(self.end_item(&item));
            output.push(item);
        }
        let mut response = self.response(status, &output);
        if let Some(reason) = reason {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        response["usage"] = json!({
            "input_tokens": prompt,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": completion,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": prompt + completion,
        });
        events.push(self.event(
            &format!("response.{status}"),
            json!({ "response": response }),
        ));
        events
    }

    fn failure(&mut self, error: &ApiError) -> Vec<Event> {
        let mut events = self.begin();
        // The documentation has the fields at the top, the API sends them in `error`, and the
        // clients raise only what has the latter.
        let data = json!({
            "code": error.error["code"],
            "message": error.message(),
            "param": error.error["param"],
            "error": error.error,
        });
        events.push(self.event("error", data));
        events
    }
}

/// Returns the messages of a chat request for `instructions` and `input`.
fn messages(request: &Value) -> Result<Vec<Value>, ApiError> {
    let mut messages = Vec::new();
    if let Some(text) = request["instructions"].as_str() {
        messages.push(json!({ "role": "system", "content": text }));
    }
    match &request["input"] {
        Value::String(text) => messages.push(json!({ "role": "user", "content": text })),
        Value::Array(items) => {
            for item in items {
                let content = match &item["content"] {
                    Value::String(text) => text.clone(),
                    parts => text_of(parts, &["input_text", "output_text"])?,
                };
                messages.push(json!({ "role": item["role"], "content": content }));
            }
        }
        _ => return Err(invalid("`input` is missing")),
    }
    Ok(messages)
}
