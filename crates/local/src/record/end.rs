//! How an invocation ended.

use std::time::Duration;

use crate::invocation::Fault;

/// Longest message and longest document of an error that are kept, in bytes.
const TEXT_LIMIT: usize = 16 * 1024;

/// The end of an invocation.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) at: Duration,
    pub(crate) outcome: Outcome,
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Complete,
    /// The function failed, or was not invoked.
    Failed {
        error_type: String,
        message: String,
        /// The error document, as it would be in trailers.
        document: String,
    },
    /// The client left, or did not read on while others waited.
    Left {
        stalled: bool,
    },
}

impl Outcome {
    /// The invocation was refused before it reached a program.
    pub(crate) fn refused(error_type: &str, message: &str) -> Self {
        Self::Failed {
            error_type: error_type.to_owned(),
            message: message.to_owned(),
            document: String::new(),
        }
    }

    pub(crate) fn failed(fault: &Fault) -> Self {
        let document = String::from_utf8_lossy(&fault.to_json()).into_owned();
        Self::Failed {
            error_type: cut(fault.error_type(), TEXT_LIMIT),
            message: cut(&fault.message(), TEXT_LIMIT),
            document: cut(&document, TEXT_LIMIT),
        }
    }
}

/// Returns the text, or as many of its first bytes as fit, with an ellipsis.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc…");
        assert_eq!(cut("aéb", 2), "a…");
    }
}
