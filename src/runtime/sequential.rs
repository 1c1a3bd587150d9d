//! A handler that serves one invocation at a time.

use bytes::Bytes;
use futures_core::Stream;

use super::handler::{Handler, HandlerMut, NotShared, Reply};
use crate::error::Failure;
use crate::event::LambdaEvent;

/// A handler that serves one invocation at a time: a closure that changes its own state, or a
/// service that is not `Clone`.
///
/// ```no_run
/// # use lambda_stream::{Error, LambdaEvent, Raw, RunError, Sequential};
/// # async fn f() -> Result<(), RunError> {
/// let mut served = 0;
/// lambda_stream::run(Sequential(async |_: LambdaEvent<()>| {
///     served += 1;
///     Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>(served.to_string()))))
/// }))
/// .await
/// # }
/// ```
///
/// Where [many invocations](crate::Runtime::max_concurrency) are to be served at once, it fails at
/// start, with an error that says what to do: keep the state in a [`Cell`](std::cell::Cell), a
/// [`RefCell`](std::cell::RefCell) or a lock and leave `Sequential` out, or set the concurrency of
/// the function to 1. A handler that writes its response keeps its state the same way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential<H>(pub H);

/// Marks handlers that serve one invocation at a time; always inferred.
mod private {
    #[derive(Debug)]
    pub struct OneAtATime;
}

use self::private::OneAtATime;

#[diagnostic::do_not_recommend]
impl<H, M> Handler<(OneAtATime, M)> for Sequential<H>
where
    H: HandlerMut<M>,
{
    type Worker = Self;

    fn into_workers(self, count: usize) -> Result<Vec<Self>, NotShared> {
        if count > 1 {
            return Err(NotShared);
        }
        Ok(vec![self])
    }
}

impl<H, M> HandlerMut<(OneAtATime, M)> for Sequential<H>
where
    H: HandlerMut<M>,
{
    const TRIGGER: Option<&'static str> = H::TRIGGER;

    async fn call(
        &mut self,
        event: LambdaEvent<Bytes>,
    ) -> Result<
        Reply<
            impl Stream<Item = Result<Bytes, Failure>>,
            impl Future<Output = Result<(), Failure>>,
        >,
        Failure,
    > {
        self.0.call(event).await
    }
}
