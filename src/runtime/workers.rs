//! The workers: each has a connection of its own, and serves one invocation after the other.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::client::Client;
use super::error::RunError;
use super::handler::HandlerMut;
use super::invocation::serve;
use super::join::Join;
use super::timer::Timer;
use super::trace_variable::TraceVariable;
use crate::event::{Context, Environment, LambdaEvent};
use crate::response::SizeLimit;

/// How long a worker that could not reach the Runtime API pauses before it begins anew.
const REPLACEMENT_PAUSE: Duration = Duration::from_secs(1);

/// What all workers have in common.
pub(super) struct Workers {
    pub(super) environment: Arc<Environment>,
    pub(super) deadline_margin: Option<Duration>,
    pub(super) response_limit: SizeLimit,
    /// Set before each invocation, where one is served at a time.
    pub(super) trace_variable: TraceVariable,
    state: State,
}

/// Atomic only so that the future of [`run`](crate::run) is `Send` where the handler is.
#[derive(Default)]
struct State {
    /// Whether no more invocations are asked for.
    stopping: AtomicBool,
    /// Number of workers that have given up reaching the Runtime API and not reached it since.
    lost: AtomicUsize,
}

/// Whether a worker is serving an invocation.
#[derive(Default)]
struct Busy(AtomicBool);

impl Workers {
    pub(super) fn new(
        environment: Environment,
        deadline_margin: Option<Duration>,
        response_limit: SizeLimit,
        trace_variable: TraceVariable,
    ) -> Self {
        Self {
            environment: Arc::new(environment),
            deadline_margin,
            response_limit,
            trace_variable,
            state: State::default(),
        }
    }

    /// Serves invocations, as many at once as there are handlers, until one of the workers meets what
    /// ends the process. The others then end what they are serving, and ask for nothing more.
    pub(super) async fn run<H, M>(
        &self,
        client: Client,
        mut handlers: Vec<H>,
    ) -> Result<(), RunError>
    where
        H: HandlerMut<M>,
    {
        let count = handlers.len();
        if let (1, Some(handler)) = (count, handlers.first_mut()) {
            return self.work(handler, client, count, &Busy::default()).await;
        }
        let busy: Vec<_> = handlers.iter().map(|_| Busy::default()).collect();
        let mut join = Join::new(handlers.iter_mut().zip(&busy).map(|(handler, busy)| {
            let client = client.another();
            self.work(handler, client, count, busy)
        }));
        let Some(ended) = join.next().await else {
            return Err(RunError::invalid("there are no workers"));
        };
        self.state.stopping.store(true, Ordering::Relaxed);
        join.retain(|index| busy[index].0.load(Ordering::Relaxed));
        while join.next().await.is_some() {}
        ended
    }

    /// Serves one invocation after the other, until an error or the stop. A worker that gives up
    /// reaching the Runtime API begins anew, unless all of them have given up.
    async fn work<H, M>(
        &self,
        handler: &mut H,
        mut client: Client,
        count: usize,
        busy: &Busy,
    ) -> Result<(), RunError>
    where
        H: HandlerMut<M>,
    {
        let mut is_lost = false;
        loop {
            let served = self
                .serve_next(handler, &mut client, &mut is_lost, busy)
                .await;
            busy.0.store(false, Ordering::Relaxed);
            let is_stopping = self.state.stopping.load(Ordering::Relaxed);
            let error = match served {
                Ok(()) if is_stopping => return Ok(()),
                Ok(()) => continue,
                Err(error) if is_stopping || !error.is_connection() => return Err(error),
                Err(error) => error,
            };
            if !is_lost {
                is_lost = true;
                self.state.lost.fetch_add(1, Ordering::Relaxed);
            }
            if self.state.lost.load(Ordering::Relaxed) >= count {
                return Err(error);
            }
            client.report.warn(
                None,
                format_args!("a worker is lost, and is replaced: {error}"),
            );
            tokio::time::sleep(REPLACEMENT_PAUSE).await;
            client = client.another();
        }
    }

    async fn serve_next<H, M>(
        &self,
        handler: &mut H,
        client: &mut Client,
        is_lost: &mut bool,
        busy: &Busy,
    ) -> Result<(), RunError>
    where
        H: HandlerMut<M>,
    {
        let (headers, event) = client.next().await?;
        busy.0.store(true, Ordering::Relaxed);
        if std::mem::take(is_lost) {
            self.state.lost.fetch_sub(1, Ordering::Relaxed);
        }
        let context = Context::from_headers(headers, Arc::clone(&self.environment))
            .map_err(|error| RunError::refused(error.to_string()))?;
        self.trace_variable.set(context.trace_id());
        let timer = pin!(Timer::new(&context, self.deadline_margin));
        let event = LambdaEvent::new(event, context);
        serve(handler, event, client, timer, self.response_limit).await
    }
}
