//! A failure as AWS X-Ray shows it.

use std::fmt::Write;

use http::header::HeaderValue;
use serde::Serialize;

use super::Failure;
use crate::limits::XRAY_CAUSE_LIMIT;

/// Length of a message that fits whatever it consists of, in bytes: at most six bytes stand for
/// one.
const SHORT: usize = XRAY_CAUSE_LIMIT / 8;

#[derive(Serialize)]
struct Cause<'a> {
    working_directory: &'a str,
    exceptions: [Exception<'a>; 1],
    paths: [&'a str; 0],
}

#[derive(Serialize)]
struct Exception<'a> {
    r#type: &'a str,
    message: &'a str,
    stack: Vec<Frame<'a>>,
}

#[derive(Serialize)]
struct Frame<'a> {
    path: &'a str,
    line: u32,
    label: &'a str,
}

impl Failure {
    /// Returns the value of the header [`XRAY_CAUSE`](crate::api::XRAY_CAUSE), with which `/error`
    /// tells AWS X-Ray what to show in a trace.
    ///
    /// Each line of the stack trace is the label of a stack frame. A cause that would exceed
    /// [`XRAY_CAUSE_LIMIT`] has no stack and a truncated message.
    pub fn xray_cause_header(&self) -> HeaderValue {
        let labels = self.stack_trace().iter();
        let stack = labels.map(|label| Frame {
            path: "",
            line: 0,
            label,
        });
        let mut cause = self.xray_cause(&self.0.message, stack.collect());
        if cause.len() > XRAY_CAUSE_LIMIT {
            let message = &self.0.message;
            let ends = message.char_indices().map(|(end, _)| end);
            let end = ends.take_while(|end| *end <= SHORT).last();
            let message = match message.len() {
                0..=SHORT => message,
                _ => &message[..end.unwrap_or_default()],
            };
            cause = self.xray_cause(message, Vec::new());
        }
        // Always legal: it consists of visible ASCII characters.
        HeaderValue::from_str(&cause).unwrap_or(HeaderValue::from_static("{}"))
    }

    fn xray_cause(&self, message: &str, stack: Vec<Frame<'_>>) -> String {
        let cause = Cause {
            working_directory: "",
            exceptions: [Exception {
                r#type: self.error_type(),
                message,
                stack,
            }],
            paths: [],
        };
        // Serializing a struct of strings cannot fail.
        ascii(&serde_json::to_string(&cause).unwrap_or_default())
    }
}

/// Escapes what is not visible ASCII. In JSON it stands in strings only.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for char in json.chars() {
        if matches!(char, ' '..='~') {
            escaped.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cause(failure: &Failure) -> Value {
        let header = failure.xray_cause_header();
        assert!(header.len() <= XRAY_CAUSE_LIMIT, "{}", header.len());
        serde_json::from_str(header.to_str().expect("ASCII")).expect("JSON")
    }

    #[test]
    fn cause_has_type_message_and_stack() {
        let message = "é\u{1f980}\r\n\u{7f}\"";
        let failure = Failure::new("Quota", message).with_stack_trace(["caused by: ü"]);
        assert_eq!(
            cause(&failure),
            json!({
                "working_directory": "",
                "exceptions": [{
                    "type": "Function.Quota",
                    "message": message,
                    "stack": [{ "path": "", "line": 0, "label": "caused by: ü" }],
                }],
                "paths": [],
            })
        );
    }

    #[test]
    fn long_cause_is_cut() {
        for part in ["a", "é", "\u{1f980}", "\u{1}", "\""] {
            let failure = Failure::new("Quota", part.repeat(100_000));
            let message = cause(&failure)["exceptions"][0]["message"].clone();
            let message = message.as_str().expect("a string");
            assert!(message.len() > SHORT - 4 && message.starts_with(part));
        }
        let failure = Failure::new("Quota", "short").with_stack_trace(["a".repeat(100_000)]);
        let exception = &cause(&failure)["exceptions"][0];
        assert_eq!(exception["message"], "short");
        assert_eq!(exception["stack"], json!([]));
    }
}
