//! What an answer of the Runtime API means.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;

/// Length of the part of an answer that is repeated in an error, in bytes.
const SHOWN: usize = 200;

/// What to do after an answer to a POST. The texts are for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The call was accepted.
    Accepted,
    /// This invocation is over; go on with the next one.
    Abandoned(String),
    /// The sandbox cannot serve anything any more; exit.
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

/// Judges an answer to a POST.
///
/// 400 `InvalidRequestID` means a stale invocation, 410 one that has timed out, and the platform
/// itself has reported a 413. After a 403, `/next` tells.
pub(super) fn judge(answer: &Response<Bytes>) -> Verdict {
    let status = answer.status();
    if status.is_success() {
        return Verdict::Accepted;
    }
    let document: Document = serde_json::from_slice(answer.body()).unwrap_or_default();
    if status == StatusCode::INTERNAL_SERVER_ERROR
        || document.error_type == "InvalidFunctionResponseMode"
    {
        Verdict::Wedged(describe(answer))
    } else {
        Verdict::Abandoned(describe(answer))
    }
}

/// Returns status, type and message in one line.
pub(super) fn describe(answer: &Response<Bytes>) -> String {
    let status = answer.status();
    match serde_json::from_slice::<Document>(answer.body()) {
        Ok(document) if !document.error_type.is_empty() => {
            format!("{status}, {}: {}", document.error_type, document.message)
        }
        _ => {
            let shown = &answer.body()[..answer.body().len().min(SHOWN)];
            match String::from_utf8_lossy(shown).trim() {
                "" => status.to_string(),
                body => format!("{status}: {body}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Verdict {
        let mut answer = Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        judge(&answer)
    }

    fn document(error_type: &str) -> String {
        format!(r#"{{"errorType":"{error_type}","errorMessage":"m"}}"#)
    }

    #[test]
    fn success_is_accepted() {
        for status in [200, 202, 204] {
            assert_eq!(verdict(status, ""), Verdict::Accepted);
        }
    }

    #[test]
    fn most_refusals_abandon_the_invocation() {
        for (status, error_type) in [
            (400, "InvalidRequestID"),
            (403, "Forbidden"),
            (410, "InvokeTimeout"),
            (413, "RequestEntityTooLarge"),
            (302, ""),
            (503, ""),
        ] {
            let verdict = verdict(status, &document(error_type));
            let Verdict::Abandoned(text) = verdict else {
                panic!("{status}: {verdict:?}")
            };
            assert!(text.contains(&status.to_string()) && text.contains(error_type));
        }
    }

    #[test]
    fn wedged_sandbox_ends_the_runtime() {
        for (status, error_type) in [(400, "InvalidFunctionResponseMode"), (500, "Fatal")] {
            let verdict = verdict(status, &document(error_type));
            let Verdict::Wedged(text) = verdict else {
                panic!("{status}: {verdict:?}")
            };
            assert!(text.contains(error_type) && text.contains(": m"));
        }
    }

    #[test]
    fn body_that_is_not_a_document_is_shown() {
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
