//! The failure types that this library reports by itself.
//!
//! An alarm, a retry rule or a Step Functions `Catch` matches on these names. Types of the service
//! itself, such as `Runtime.TruncatedResponse`, keep the names that AWS gives them.
//!
//! | Type | When | What to do |
//! |---|---|---|
//! | [`DEADLINE_EXCEEDED`] | the handler or its stream was still busy when the deadline came close | raise the function's timeout, or end the stream earlier with `until_deadline` |
//! | [`ERROR`] | an error whose Rust type is not known, such as one behind a `Box<dyn Error>` | return a [`Failure`](super::Failure) to choose a type |
//! | [`INVALID_CONTEXT`] | a header of the invocation is not what the handler asked for | check what the caller sends as client context |
//! | [`INVALID_EVENT`] | the event could not be decoded into the handler's type | compare the event with the type; the message names the field |
//! | [`INVALID_HEAD`] | a status, header or cookie cannot be sent | correct the head; the message names the field |
//! | [`INVALID_ROW`] | a row of a format could not be serialized | correct the row; the message names its number |
//! | [`INVALID_SSE_EVENT`] | a server-sent event could not be written | correct the event; the message names the field |
//! | [`NO_HEAD`] | a writing handler returned without sending a head | send the head before returning |
//! | [`PANIC`] | the handler, its stream or a destructor panicked | the message is the panic's |
//! | [`RESPONSE_SIZE_TOO_LARGE`] | the payload would have become larger than its limit | send less, or raise the limit |
//! | [`SENDER_DROPPED`] | the sender of a channel body was dropped before it finished | call `finish`; its task may have panicked |
//! | [`TRUNCATED_RESPONSE`] | a response ended without its last chunk | look for a crash of the program |
//! | [`INVALID_RESPONSE`] | the runtime sent a response that a front door cannot read | correct the prelude; the message names the field |
//! | [`EXIT_ERROR`] | the program ended or closed its connection before it answered | look for a crash of the program |
//! | [`NO_RUNTIME`] | a blocking source was polled outside of a tokio runtime | poll it inside of one |
//! | [`CANCELLED`] | the tokio runtime shut down while a blocking source was at work | keep the runtime until the response ends |
//! | [`UNKNOWN`] | the type that was given is not one that the service accepts | use a type such as `Function.QuotaExceeded` |

/// The invocation was ended shortly before its deadline.
pub const DEADLINE_EXCEEDED: &str = "Function.DeadlineExceeded";
/// An error of a type that is not known.
pub const ERROR: &str = "Function.Error";
/// A header of the invocation is not what was asked for.
pub const INVALID_CONTEXT: &str = "Function.InvalidContext";
/// The event is not what the handler takes.
pub const INVALID_EVENT: &str = "Function.InvalidEvent";
/// The head cannot be sent.
pub const INVALID_HEAD: &str = "Function.InvalidHead";
/// A row cannot be serialized.
pub const INVALID_ROW: &str = "Function.InvalidRow";
/// A server-sent event cannot be written.
pub const INVALID_SSE_EVENT: &str = "Function.InvalidSseEvent";
/// The handler returned without sending a head.
pub const NO_HEAD: &str = "Function.NoHead";
/// User code panicked.
pub const PANIC: &str = "Function.Panic";
/// The payload would have become larger than its limit. The service gives its own limit the same
/// name (AWS, source of the Runtime Interface Emulator).
pub const RESPONSE_SIZE_TOO_LARGE: &str = "Function.ResponseSizeTooLarge";
/// The sender of a body was dropped before it finished.
pub const SENDER_DROPPED: &str = "Function.SenderDropped";
/// A response ended without its last chunk (AWS, source of the Runtime Interface Emulator).
pub const TRUNCATED_RESPONSE: &str = "Runtime.TruncatedResponse";
/// A response that a front door cannot read.
pub const INVALID_RESPONSE: &str = "Runtime.InvalidResponse";
/// The program ended before it answered (AWS, source of the Runtime Interface Emulator).
pub const EXIT_ERROR: &str = "Runtime.ExitError";
/// A blocking source was polled outside of a tokio runtime.
pub const NO_RUNTIME: &str = "Function.NoRuntime";
/// The tokio runtime shut down while a blocking source was at work.
pub const CANCELLED: &str = "Function.Cancelled";
/// What the service makes of a type that it does not accept.
pub const UNKNOWN: &str = "Function.Unknown";

/// Every type of the table.
#[cfg(test)]
pub(super) const ALL: [&str; 17] = [
    DEADLINE_EXCEEDED,
    ERROR,
    INVALID_CONTEXT,
    INVALID_EVENT,
    INVALID_HEAD,
    INVALID_ROW,
    INVALID_SSE_EVENT,
    NO_HEAD,
    PANIC,
    RESPONSE_SIZE_TOO_LARGE,
    SENDER_DROPPED,
    TRUNCATED_RESPONSE,
    INVALID_RESPONSE,
    EXIT_ERROR,
    NO_RUNTIME,
    CANCELLED,
    UNKNOWN,
];
