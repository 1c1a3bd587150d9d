//! Many invocations at once on several threads, with a handler for each.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::client::Client;
use super::concurrency::not_shared;
use super::endpoint::Endpoint;
use super::error::RunError;
use super::handler::Handler;
use super::options::Runtime;
use super::snap_start::SnapStart;
use super::telemetry::Report;
use super::workers::{Phase, Workers};
use crate::error::{Error, contain_async, into_failure};

impl Runtime {
    /// Serves invocations on this many threads, each with a handler of its own.
    ///
    /// One thread serves thousands of streams that wait for something. Where handlers compute,
    /// several threads use all of the processors. Each thread runs a tokio runtime of its own,
    /// on which `setup` makes the handler, and serves its share of
    /// [the invocations at once](Self::max_concurrency); there are never more threads than
    /// invocations. Handlers and streams stay on their thread, so nothing of them has to be `Send`.
    ///
    /// No thread asks for an invocation before all handlers are there. When one of the threads
    /// ends, the others end what they are serving, and ask for nothing more.
    ///
    /// It blocks the thread of the caller, which is `main` without tokio's attribute.
    ///
    /// ```no_run
    /// use std::num::NonZero;
    /// use std::thread;
    ///
    /// use lambda_stream::{Error, LambdaEvent, Raw, RunError, Runtime};
    ///
    /// # async fn connect() -> Result<String, Error> { Ok("connected".to_owned()) }
    /// fn main() -> Result<(), RunError> {
    ///     let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    ///     Runtime::new().run_on_threads(threads, async || {
    ///         let greeting = connect().await?;
    ///         Ok::<_, Error>(async move |event: LambdaEvent<String>| {
    ///             let text = format!("{greeting}, {}", event.payload);
    ///             Ok::<_, Error>(Raw(tokio_stream::once(Ok::<_, Error>(text))))
    ///         })
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run_with_setup`](Self::run_with_setup), and when the system has no thread; of several
    /// threads that fail, the error of the first.
    ///
    /// # Panics
    ///
    /// When it is called inside a tokio runtime, which it would block.
    pub fn run_on_threads<S, H, M, E>(
        self,
        threads: NonZero<usize>,
        setup: S,
    ) -> Result<(), RunError>
    where
        S: AsyncFn() -> Result<H, E> + Sync,
        H: Handler<M>,
        E: Into<Error>,
    {
        let stopped = self.serve_on_threads(threads.get(), setup);
        Report::ended(&stopped);
        stopped
    }

    fn serve_on_threads<S, H, M, E>(&self, threads: usize, setup: S) -> Result<(), RunError>
    where
        S: AsyncFn() -> Result<H, E> + Sync,
        H: Handler<M>,
        E: Into<Error>,
    {
        Report::aborting_panics();
        let count = self.concurrency()?;
        let place = self.place(count)?;
        let threads = threads.min(count);
        let team = Team {
            workers: self.workers(count),
            endpoint: place.endpoint.clone(),
            report: place.report(),
            missing: AtomicUsize::new(threads),
            head_first: self.head_first,
            snap_start: self.snap_start.clone(),
            reported: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            let (team, setup) = (&team, &setup);
            let shares = (0..threads).map(|n| count / threads + usize::from(n < count % threads));
            let mut spawned = Vec::new();
            let mut ended = Ok(());
            for share in shares {
                let thread = thread::Builder::new().name("lambda-stream".to_owned());
                match thread.spawn_scoped(scope, move || team.serve(share, setup)) {
                    Ok(thread) => spawned.push(thread),
                    Err(error) => {
                        team.workers.enter(Phase::Stopping);
                        ended = Err(RunError::configuration("cannot start a thread", error));
                        break;
                    }
                }
            }
            for thread in spawned {
                match thread.join() {
                    Ok(served) => ended = ended.and(served),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            ended
        })
    }
}

/// What the threads have in common.
struct Team {
    workers: Workers,
    endpoint: Endpoint,
    report: Report,
    /// Number of threads that are not set up yet.
    missing: AtomicUsize,
    head_first: Option<Duration>,
    /// Run by the thread that is set up last.
    snap_start: SnapStart,
    /// Whether a failed set-up was reported; the service takes one report.
    reported: AtomicBool,
}

impl Team {
    /// Serves a share of the invocations on this thread.
    fn serve<S, H, M, E>(&self, share: usize, setup: &S) -> Result<(), RunError>
    where
        S: AsyncFn() -> Result<H, E>,
        H: Handler<M>,
        E: Into<Error>,
    {
        let _stop = StopOnDrop(&self.workers);
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RunError::configuration("cannot start tokio", error))?;
        tokio.block_on(async {
            let mut client = Client::new(self.endpoint.clone(), self.report);
            client.head_first = self.head_first;
            let ready = contain_async(async { setup().await.map_err(into_failure) }).await;
            let prepared = match ready.and_then(|ready| ready) {
                Ok(handler) => handler.into_workers(share).map_err(|_| {
                    let error = not_shared(share);
                    (into_failure(error.to_string()), error)
                }),
                Err(failure) => Err((failure.clone(), RunError::setup(failure))),
            };
            let workers = match prepared {
                Ok(workers) => workers,
                Err((failure, error)) => {
                    if !self.reported.swap(true, Ordering::Relaxed) {
                        if error.is_setup() {
                            Report::stopped(&error);
                        }
                        client.fail_init(&failure).await;
                    }
                    return Err(error);
                }
            };
            if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                let environment = &self.workers.environment;
                self.snap_start.pause(environment, &mut client).await?;
                self.workers.enter(Phase::Serving);
            }
            if !self.workers.wait_for_start().await {
                return Ok(());
            }
            self.workers.run(client, workers).await
        })
    }
}

/// Stops the other threads when one ends, be it by a panic.
struct StopOnDrop<'a>(&'a Workers);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.enter(Phase::Stopping);
    }
}
