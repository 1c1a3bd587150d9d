//! Names the mistake in a handler that does not compile.

use bytes::Bytes;
use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::event::LambdaEvent;
use crate::response::{Document, Head, Json, Raw, Response};

/// Returns the handler unchanged, and makes the compiler name what is wrong with it.
///
/// [`run`](crate::run) accepts many kinds of handlers, so for one that does not fit, the compiler
/// can only say that none of them matches. Put the function through `check_handler`, and each
/// requirement is checked by itself: the event, the `async`, the `Result`, the response, the items
/// of its stream. Take it out again afterwards, or leave it in; it costs nothing.
///
/// It checks async functions and closures that return `(Head, stream)`, [`Raw`], [`Json`] or
/// [`Response`].
///
/// ```no_run
/// use bytes::Bytes;
/// use futures_core::Stream;
/// use lambda_stream::{Error, Head, LambdaEvent, RunError, check_handler};
/// use serde_json::Value;
///
/// async fn handler(
///     _event: LambdaEvent<Value>,
/// ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
///     Ok((Head::ok(), tokio_stream::empty()))
/// }
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), RunError> {
///     lambda_stream::run(check_handler(handler)).await
/// }
/// ```
pub fn check_handler<F, A, O>(handler: F) -> F
where
    F: FnMut(A) -> O,
    A: Event,
    A::Payload: Payload,
    O: IsAsync,
    O::Output: IsResult,
    <O::Output as IsResult>::Ok: IsResponse,
    <O::Output as IsResult>::Err: IsError,
    <<O::Output as IsResult>::Ok as IsResponse>::Stream: IsStream,
    <<<O::Output as IsResult>::Ok as IsResponse>::Stream as IsStream>::Item: IsChunkResult,
    <<<<O::Output as IsResult>::Ok as IsResponse>::Stream as IsStream>::Item as IsChunkResult>::Data:
        IsChunk,
    <<<<O::Output as IsResult>::Ok as IsResponse>::Stream as IsStream>::Item as IsChunkResult>::Err:
        IsError,
{
    handler
}

/// Requirements of a handler, one trait each, so that each has a message of its own.
mod requirements {
    use super::*;

    #[diagnostic::on_unimplemented(
        message = "a handler takes a `LambdaEvent`, not `{Self}`",
        label = "the argument of this handler is `{Self}`",
        note = "write the argument as `event: LambdaEvent<T>`; the event itself is `event.payload`"
    )]
    pub trait Event {
        type Payload;
    }

    impl<T> Event for LambdaEvent<T> {
        type Payload = T;
    }

    #[diagnostic::on_unimplemented(
        message = "an event cannot be decoded into `{Self}`",
        label = "`{Self}` does not implement `serde::Deserialize` without borrowing",
        note = "add `#[derive(serde::Deserialize)]` to the type, and let it own its data; `serde_json::Value` and `Bytes` take any event"
    )]
    pub trait Payload {}

    #[diagnostic::do_not_recommend]
    impl<T: DeserializeOwned + 'static> Payload for T {}

    #[diagnostic::on_unimplemented(
        message = "a handler is an `async` function, and this one returns `{Self}`",
        label = "not `async`",
        note = "write `async fn`, or `async |event: LambdaEvent<T>| …` for a closure"
    )]
    pub trait IsAsync {
        type Output;
    }

    #[diagnostic::do_not_recommend]
    impl<F: Future> IsAsync for F {
        type Output = F::Output;
    }

    #[diagnostic::on_unimplemented(
        message = "a handler returns a `Result`, not `{Self}`",
        label = "this handler returns `{Self}`",
        note = "return `Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error>`, and wrap the response into `Ok(…)`"
    )]
    pub trait IsResult {
        type Ok;
        type Err;
    }

    impl<T, E> IsResult for Result<T, E> {
        type Ok = T;
        type Err = E;
    }

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a response",
        label = "this handler returns `{Self}`",
        note = "return `(Head, stream)`, `Raw(stream)`, or `Json(value)` for one document that is not streamed"
    )]
    pub trait IsResponse {
        type Stream;
    }

    impl<S> IsResponse for (Head, S) {
        type Stream = S;
    }

    impl<S> IsResponse for Raw<S> {
        type Stream = S;
    }

    impl<S> IsResponse for Response<S> {
        type Stream = S;
    }

    impl<T: serde::Serialize> IsResponse for Json<T> {
        type Stream = Document;
    }

    #[diagnostic::on_unimplemented(
        message = "the body of a response is a `Stream`, not `{Self}`",
        label = "`{Self}` is not a stream",
        note = "`tokio_stream::iter(…)` makes a stream of an iterator, and `tokio_stream::once(…)` of one chunk"
    )]
    pub trait IsStream {
        type Item;
    }

    #[diagnostic::do_not_recommend]
    impl<S: Stream> IsStream for S {
        type Item = S::Item;
    }

    #[diagnostic::on_unimplemented(
        message = "the items of a response's stream are `Result`s, and these are `{Self}`",
        label = "an item is `{Self}`, not a `Result`",
        note = "`.map(Ok::<_, Error>)` wraps each item"
    )]
    pub trait IsChunkResult {
        type Data;
        type Err;
    }

    impl<D, E> IsChunkResult for Result<D, E> {
        type Data = D;
        type Err = E;
    }

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a chunk",
        label = "a chunk is `{Self}`",
        note = "a chunk is `Bytes`, `Vec<u8>`, `String` or `&'static str`; for values, see `lambda_stream::format`"
    )]
    pub trait IsChunk {}

    #[diagnostic::do_not_recommend]
    impl<D: Into<Bytes>> IsChunk for D {}

    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the error of a handler or its stream",
        label = "`{Self}` does not convert into `lambda_stream::Error`",
        note = "implement `std::error::Error` for it, with `Send + Sync + 'static`; `lambda_stream::Error`, `anyhow::Error` and `String` are errors as well"
    )]
    pub trait IsError {}

    #[diagnostic::do_not_recommend]
    impl<E: Into<Error>> IsError for E {}
}

use self::requirements::{
    Event, IsAsync, IsChunk, IsChunkResult, IsError, IsResponse, IsResult, IsStream, Payload,
};
