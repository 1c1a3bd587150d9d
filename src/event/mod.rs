//! The event of an invocation, and its context.

mod context;
mod decode;

pub use context::Context;
pub(crate) use context::Environment;
pub(crate) use decode::decode;

/// An invocation as a handler receives it.
///
/// `T` is what the event is decoded into: any type that implements [`serde::Deserialize`], such as
/// a struct of your own, a type of the `aws_lambda_events` crate or `serde_json::Value`. With
/// [`Bytes`](bytes::Bytes) the handler receives the event as it was sent, neither decoded nor
/// copied.
///
/// ```
/// use lambda_stream::LambdaEvent;
///
/// #[derive(serde::Deserialize)]
/// struct Question {
///     text: String,
/// }
///
/// async fn handler(event: LambdaEvent<Question>) {
///     let id = event.context.request_id();
///     println!("{id} asks: {}", event.payload.text);
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LambdaEvent<T> {
    /// The decoded event.
    pub payload: T,
    /// Request id, deadline and other facts of this invocation.
    pub context: Context,
}

impl<T> LambdaEvent<T> {
    /// Creates an event as a handler receives it, for instance to call a handler in a test.
    pub fn new(payload: T, context: Context) -> Self {
        Self { payload, context }
    }

    /// Returns payload and context.
    pub fn into_parts(self) -> (T, Context) {
        (self.payload, self.context)
    }
}
