//! The workers: each has a connection of its own, and serves one invocation after the other.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use super::after_response::AfterResponse;
use super::client::Client;
use super::error::RunError;
use super::handler::HandlerMut;
use super::invocation::serve;
use super::join::Join;
use super::timer::Timer;
use crate::event::{Context, Environment, LambdaEvent};
use crate::response::SizeLimit;

/// How long a worker that could not reach the Runtime API pauses before it begins anew.
const REPLACEMENT_PAUSE: Duration = Duration::from_secs(1);

/// What all workers have in common.
pub(super) struct Workers {
    pub(super) environment: Arc<Environment>,
    pub(super) deadline_margin: Option<Duration>,
    pub(super) response_limit: SizeLimit,
    after_response: Option<AfterResponse>,
    /// Number of workers, on all threads.
    count: usize,
    state: State,
}

/// What all workers do, on whatever thread they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The handlers of other threads are still being set up, so nothing is asked for yet.
    Starting,
    Serving,
    /// What is being served is ended, and nothing more is asked for.
    Stopping,
}

/// Shared by all threads.
struct State {
    phase: watch::Sender<Phase>,
    /// Number of workers that have given up reaching the Runtime API and not reached it since.
    lost: AtomicUsize,
}

/// Whether a worker is serving an invocation.
#[derive(Default)]
struct Busy(AtomicBool);

impl Workers {
    pub(super) fn new(
        count: usize,
        environment: Environment,
        deadline_margin: Option<Duration>,
        response_limit: SizeLimit,
        after_response: Option<AfterResponse>,
    ) -> Self {
        Self {
            environment: Arc::new(environment),
            deadline_margin,
            response_limit,
            after_response,
            count,
            state: State {
                phase: watch::Sender::new(Phase::Starting),
                lost: AtomicUsize::new(0),
            },
        }
    }

    /// Moves on to the next phase; there is no way back.
    pub(super) fn enter(&self, next: Phase) {
        self.state.phase.send_if_modified(|phase| {
            let is_later = *phase != Phase::Stopping && *phase != next;
            if is_later {
                *phase = next;
            }
            is_later
        });
    }

    /// Waits until every thread is set up. Returns whether invocations are to be served.
    pub(super) async fn wait_for_start(&self) -> bool {
        let mut phase = self.state.phase.subscribe();
        let started = phase.wait_for(|phase| *phase != Phase::Starting).await;
        started.is_ok_and(|phase| *phase == Phase::Serving)
    }

    fn is_stopping(&self) -> bool {
        *self.state.phase.borrow() == Phase::Stopping
    }

    /// Serves invocations, as many at once as there are handlers, until one of the workers meets
    /// what ends the process. The others then end what they are serving, and ask for nothing
    /// more.
    pub(super) async fn run<H, M>(
        &self,
        client: Client,
        mut handlers: Vec<H>,
    ) -> Result<(), RunError>
    where
        H: HandlerMut<M>,
    {
        self.enter(Phase::Serving);
        if let (1, Some(handler)) = (self.count, handlers.first_mut()) {
            return self.work(handler, client, &Busy::default()).await;
        }
        let busy: Vec<_> = handlers.iter().map(|_| Busy::default()).collect();
        let mut join = Join::new(handlers.iter_mut().zip(&busy).map(|(handler, busy)| {
            let client = client.another();
            self.work(handler, client, busy)
        }));
        let mut phase = self.state.phase.subscribe();
        let mut stopping = pin!(phase.wait_for(|phase| *phase == Phase::Stopping));
        let ended = poll_fn(|cx| {
            if stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            join.poll_next(cx).map(|ended| ended.unwrap_or(Ok(())))
        })
        .await;
        self.enter(Phase::Stopping);
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
            let is_stopping = self.is_stopping();
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
            if self.state.lost.load(Ordering::Relaxed) >= self.count {
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
        let timer = pin!(Timer::new(&context, self.deadline_margin));
        let event = LambdaEvent::new(event, context);
        let (limit, hook) = (self.response_limit, self.after_response.as_ref());
        serve(handler, event, client, timer, limit, hook).await
    }
}
