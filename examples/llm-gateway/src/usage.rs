//! What an answer costs.

use serde_json::{Value, json};

use crate::auth::Caller;
use crate::upstream::Chunk;

/// Counts the tokens of one answer and logs them when it is dropped, however the answer ended.
pub struct Meter {
    caller: String,
    model: String,
    reported: Option<(u64, u64)>,
    counted: u64,
    outcome: &'static str,
}

impl Meter {
    pub fn new(caller: &Caller, request: &Value) -> Self {
        Self {
            caller: caller.0.clone(),
            model: request["model"].as_str().unwrap_or_default().to_owned(),
            reported: None,
            counted: 0,
            outcome: "the client left",
        }
    }

    pub fn count(&mut self, chunk: &Chunk) {
        self.counted += u64::from(!chunk.text().is_empty());
        let usage = &chunk.0["usage"];
        let prompt = usage["prompt_tokens"].as_u64();
        self.reported = prompt
            .zip(usage["completion_tokens"].as_u64())
            .or(self.reported);
    }

    pub fn end(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }

    /// Tokens of prompt and completion, as the upstream reports them at its end. Before that, the
    /// chunks so far count as one token each.
    pub fn tokens(&self) -> (u64, u64) {
        self.reported.unwrap_or((0, self.counted))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let (prompt, completion) = self.tokens();
        let line = json!({
            "caller": self.caller,
            "model": self.model,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "reported": self.reported.is_some(),
            "outcome": self.outcome,
        });
        println!("usage {line}");
    }
}
