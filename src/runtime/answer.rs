//! What an answer of the Runtime API means.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::http1::Reply;

/// An answer to a POST.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The call was accepted.
    Accepted,
    /// This invocation is over; go on with the next one. The text is for the log.
    Abandoned(String),
    /// The sandbox can serve nothing any more; exit. The text is the reason.
    Wedged(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "errorType")]
    error_type: String,
    #[serde(rename = "errorMessage")]
    message: String,
}

impl Reply {
    /// What was answered to a POST.
    pub(super) fn answer(&self) -> Answer {
        Answer {
            status: self.status,
            body: self.body.clone(),
        }
    }
}

impl Answer {
    pub(crate) fn verdict(&self) -> Verdict {
        if self.status.is_success() {
            return Verdict::Accepted;
        }
        let document: Document = serde_json::from_slice(&self.body).unwrap_or_default();
        let wedged = self.status == StatusCode::INTERNAL_SERVER_ERROR
            || document.error_type == "InvalidFunctionResponseMode";
        if wedged {
            Verdict::Wedged(self.text())
        } else {
            // 400 InvalidRequestID: stale. 403: `/next` will tell. 410: timed out meanwhile.
            // 413: too large, and the platform has reported it itself.
            Verdict::Abandoned(self.text())
        }
    }

    /// Status, type and message in one line.
    pub(crate) fn text(&self) -> String {
        let status = self.status;
        match serde_json::from_slice::<Document>(&self.body) {
            Ok(Document {
                error_type,
                message,
            }) if !error_type.is_empty() => format!("{status}, {error_type}: {message}"),
            _ => {
                let shown = &self.body[..self.body.len().min(200)];
                match String::from_utf8_lossy(shown).trim() {
                    "" => status.to_string(),
                    body => format!("{status}: {body}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &'static str) -> Verdict {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        }
        .verdict()
    }

    #[test]
    fn the_table_of_answers() {
        let document =
            |t: &str| format!(r#"{{"errorType":"{t}","errorMessage":"m"}}"#).leak() as &str;
        for status in [200, 202, 204] {
            assert_eq!(verdict(status, ""), Verdict::Accepted);
        }
        for (status, error_type) in [
            (400, "InvalidRequestID"),
            (403, "Forbidden"),
            (410, "InvokeTimeout"),
            (413, "RequestEntityTooLarge"),
            (302, ""),
            (503, ""),
        ] {
            let verdict = verdict(status, document(error_type));
            let Verdict::Abandoned(text) = verdict else {
                panic!("{status}: {verdict:?}")
            };
            assert!(text.contains(&status.to_string()) && text.contains(error_type));
        }
        for (status, error_type) in [(400, "InvalidFunctionResponseMode"), (500, "Fatal")] {
            let verdict = verdict(status, document(error_type));
            let Verdict::Wedged(text) = verdict else {
                panic!("{status}: {verdict:?}")
            };
            assert!(text.contains(error_type) && text.contains(": m"));
        }
    }

    #[test]
    fn a_body_that_is_no_document_is_shown() {
        assert_eq!(
            verdict(410, "gone\n"),
            Verdict::Abandoned("410 Gone: gone".to_owned())
        );
        assert_eq!(
            verdict(413, ""),
            Verdict::Abandoned("413 Payload Too Large".to_owned())
        );
    }
}
