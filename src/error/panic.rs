//! Containment of panics in user code.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;

/// Runs user code and turns its panic into a failure.
///
/// Whatever panicked has to be dropped and never touched again, so that its broken state is not
/// seen.
pub(crate) fn contain<T>(run: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| panic_failure(&*payload))
}

/// Awaits user code and turns its panic into a failure, one in its `Drop` included.
pub(crate) async fn contain_async<F: Future>(future: F) -> Result<F::Output, Failure> {
    let mut future = pin!(Some(future));
    let output = poll_fn(|cx| match future.as_mut().as_pin_mut() {
        Some(future) => match contain(|| future.poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
        None => Poll::Pending,
    })
    .await;
    contain(|| future.set(None)).and(output)
}

/// Returns what a caught panic is reported as.
pub(crate) fn panic_failure(payload: &(dyn Any + Send)) -> Failure {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(its payload is not text)");
    Failure::new(kind::PANIC, format!("panicked: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_message_is_reported() {
        let text: Box<dyn Any + Send> = Box::new("boom");
        assert_eq!(panic_failure(&*text).to_string(), "panicked: boom");
        let text: Box<dyn Any + Send> = Box::new(7);
        assert!(panic_failure(&*text).to_string().contains("not text"));
    }
}
