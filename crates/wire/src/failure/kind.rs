//! Failure types that this library reports itself.
//!
//! An alarm, a retry rule or a Step Functions `Catch` matches on these names, and they do not
//! change within a major version. Errors of a handler have the name of their Rust type, or the type
//! given to [`Failure::new`](super::Failure::new).
//!
//! # On AWS and locally
//!
//! | Type | When | What to do |
//! |---|---|---|
//! | [`CANCELLED`] | the tokio runtime shut down while a blocking source was running | keep the runtime alive until the response has ended |
//! | [`DEADLINE_EXCEEDED`] | the handler or its stream was still running shortly before the deadline | raise the function's timeout, or end the stream earlier with `until_deadline` |
//! | [`ERROR`] | the Rust type of an error is unknown, as for a `Box<dyn Error>` | return a [`Failure`](super::Failure) to choose a type |
//! | [`INVALID_CONTEXT`] | a header of the invocation cannot be decoded into the requested type | compare the client context of the caller with that type |
//! | [`INVALID_EVENT`] | the event cannot be decoded into the handler's type, or a web app received an event that is not an HTTP request | compare the event with the type; the message names the field |
//! | [`INVALID_HEAD`] | a status, header or cookie cannot be sent | correct the head; the message names the field |
//! | [`INVALID_ROW`] | a row of a format cannot be serialized | correct the row; the message names its number |
//! | [`INVALID_SSE_EVENT`] | a server-sent event cannot be written | correct the event; the message names the field |
//! | [`NO_HEAD`] | a handler with a writer returned without sending a head | send the head before returning |
//! | [`NO_RUNTIME`] | a blocking source was polled outside a tokio runtime | poll it inside one |
//! | [`PANIC`] | the handler, its stream or a destructor panicked | fix the panic; its text is the message |
//! | [`RESPONSE_SIZE_TOO_LARGE`] | the payload exceeded its limit, or a buffered response that of its front door | send less, raise the limit, or stream the response |
//! | [`SENDER_DROPPED`] | the sender of a channel body was dropped before it finished | call `finish`; if it was called, look for a panic in the sender's task |
//! | [`UNKNOWN`] | the type given to a [`Failure`](super::Failure) is not one that the service accepts | use a type such as `Function.QuotaExceeded` |
//!
//! # Locally only
//!
//! The local Lambda and the test harness report these about the program that they run, as the
//! service does.
//!
//! | Type | When | What to do |
//! |---|---|---|
//! | [`EXIT_ERROR`] | the program exited or closed its connection before it had answered | look for the reason in the program's log |
//! | [`INVALID_RESPONSE`] | a front door cannot read the response | correct the prelude or the document; the message names the field |
//! | [`RUNTIME_UNKNOWN`] | the program reported a failure without a type | send the header `Lambda-Runtime-Function-Error-Type` |
//! | [`TRUNCATED_RESPONSE`] | the connection ended before the last chunk of the response | look for the reason in the program's log |

/// The tokio runtime shut down while a blocking source was running.
pub const CANCELLED: &str = "Function.Cancelled";

/// The invocation was ended shortly before its deadline.
pub const DEADLINE_EXCEEDED: &str = "Function.DeadlineExceeded";

/// An error whose Rust type is unknown.
pub const ERROR: &str = "Function.Error";

/// The program exited before it had answered (AWS, source of the Runtime Interface Emulator).
pub const EXIT_ERROR: &str = "Runtime.ExitError";

/// A header of the invocation cannot be decoded into the requested type.
pub const INVALID_CONTEXT: &str = "Function.InvalidContext";

/// The event cannot be decoded into the handler's type.
pub const INVALID_EVENT: &str = "Function.InvalidEvent";

/// The head cannot be sent.
pub const INVALID_HEAD: &str = "Function.InvalidHead";

/// A front door cannot read the response.
pub const INVALID_RESPONSE: &str = "Runtime.InvalidResponse";

/// A row cannot be serialized.
pub const INVALID_ROW: &str = "Function.InvalidRow";

/// A server-sent event cannot be written.
pub const INVALID_SSE_EVENT: &str = "Function.InvalidSseEvent";

/// The handler returned without sending a head.
pub const NO_HEAD: &str = "Function.NoHead";

/// A blocking source was polled outside a tokio runtime.
pub const NO_RUNTIME: &str = "Function.NoRuntime";

/// User code panicked.
pub const PANIC: &str = "Function.Panic";

/// The payload exceeded its limit. The service reports its own limit under the same name (AWS,
/// source of the Runtime Interface Emulator).
pub const RESPONSE_SIZE_TOO_LARGE: &str = "Function.ResponseSizeTooLarge";

/// A failure of the runtime without a legal type (AWS, source of the Runtime Interface Emulator).
pub const RUNTIME_UNKNOWN: &str = "Runtime.Unknown";

/// The sender of a channel body was dropped before it finished.
pub const SENDER_DROPPED: &str = "Function.SenderDropped";

/// The response ended before its last chunk (AWS, source of the Runtime Interface Emulator).
pub const TRUNCATED_RESPONSE: &str = "Runtime.TruncatedResponse";

/// A failure of the function without a legal type (AWS, source of the Runtime Interface Emulator).
pub const UNKNOWN: &str = "Function.Unknown";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Failure;

    /// Returns names and values of the constants in this file.
    fn constants() -> Vec<(&'static str, &'static str)> {
        include_str!("kind.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub const "))
            .map(|line| {
                let (name, value) = line.split_once(": &str = \"").expect("a string");
                (name, value.trim_end_matches("\";"))
            })
            .collect()
    }

    #[test]
    fn table_lists_every_constant() {
        let rows = include_str!("kind.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`] |"));
        let listed: Vec<_> = rows.map(|(name, _)| name).collect();
        let unique: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(unique.len(), listed.len(), "{listed:?}");
        assert_eq!(unique, constants().iter().map(|(name, _)| *name).collect());
    }

    #[test]
    fn every_type_is_legal() {
        let constants = constants();
        assert!(!constants.is_empty());
        for (name, value) in constants {
            assert_eq!(Failure::new(value, "").error_type(), value, "{name}");
        }
    }
}
