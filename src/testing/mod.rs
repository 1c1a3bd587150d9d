//! Time to first byte and latency of the chunks of your own handler (cargo feature `measure`).
//!
//! [`Measure`] runs a handler as [`run`](crate::run) does, with the same runtime over a real TCP
//! connection, against a Runtime API of its own on this machine. That one hands out one event again and
//! again, and reads the responses.
//!
//! ```
//! use lambda_stream::testing::Measure;
//! use lambda_stream::{Error, Head, LambdaEvent};
//! # use bytes::Bytes;
//! # use futures_core::Stream;
//! # use serde_json::{Value, json};
//!
//! async fn handler(
//!     event: LambdaEvent<Value>,
//! ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
//!     let rows = event.payload["rows"].as_u64().unwrap_or(0);
//!     let rows = (0..rows).map(|n| Ok(Bytes::from(format!("row {n}\n"))));
//!     Ok((Head::ok(), tokio_stream::iter(rows)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let report = Measure::new(json!({ "rows": 100 }))
//!     .invocations(20)
//!     .run(handler)
//!     .await?;
//! println!("{report}");
//! assert_eq!(report.chunks(), 20 * 100);
//! assert!(report.chunk_latency().median() <= report.chunk_latency().percentile(99.0));
//! # Ok(())
//! # }
//! ```
//!
//! # What is measured
//!
//! | | From | To |
//! |---|---|---|
//! | [time to first byte](Report::time_to_first_byte) | the event is written to the runtime | the first byte of the payload, behind the head, is read |
//! | [chunk latency](Report::chunk_latency) | the stream gives the chunk to the runtime | the last byte of the chunk is read |
//! | [elapsed](Report::elapsed) | the event is written to the runtime | the end of the response is read |
//!
//! * "Read" is the moment at which a read of the reader's socket brings that byte. Chunks are found by
//!   counting bytes, so it does not matter how they share frames, or how they are split.
//! * For a handler that [writes](crate::body::writer) its response, a chunk is given when the runtime takes it
//!   out of the writer. A buffered response is one chunk.
//! * A chunk that is ready behind many others waits in the socket until the reader has read those. For a
//!   response that is ready at once, the latency of its chunks says how much of it is on the way.
//! * The reader has a thread of its own, so a latency contains the time it takes the system to wake it up.
//!   Where chunks are far apart, that is most of it.
//! * Noting a chunk costs the handler's side about 30 ns, most of it a look at the clock.
//!
//! Nothing of what lies between AWS's Runtime API and a client is in these figures.
//!
//! # In a benchmark
//!
//! With criterion, `iter_custom` asks for the time that so many iterations took:
//!
//! ```
//! use criterion::Criterion;
//! use lambda_stream::testing::Measure;
//! # use lambda_stream::{Error, LambdaEvent, Raw};
//! # async fn handler(_: LambdaEvent<()>) -> Result<Raw<tokio_stream::Once<Result<&'static str, Error>>>, Error> {
//! #     Ok(Raw(tokio_stream::once(Ok("chunk"))))
//! # }
//!
//! fn time_to_first_byte(criterion: &mut Criterion) {
//!     let tokio = tokio::runtime::Builder::new_current_thread()
//!         .enable_all()
//!         .build()
//!         .unwrap();
//!     criterion.bench_function("time to first byte", |bencher| {
//!         bencher.iter_custom(|invocations| {
//!             let measure = Measure::new(()).invocations(invocations);
//!             let report = tokio.block_on(measure.run(handler)).unwrap();
//!             report.time_to_first_byte().sum()
//!         });
//!     });
//! }
//! # let mut criterion = Criterion::default().without_plots().sample_size(10)
//! #     .warm_up_time(std::time::Duration::from_millis(1))
//! #     .measurement_time(std::time::Duration::from_millis(10));
//! # time_to_first_byte(&mut criterion);
//! ```

mod durations;
mod error;
mod histogram;
mod recorder;
mod report;
mod server;
mod units;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::durations::Durations;
pub use self::error::MeasureError;
use self::recorder::{Recorded, Recorder};
pub use self::report::Report;
use self::server::{Plan, Server};
use crate::body::writer::ResponseWriter;
use crate::error::{Error, Failure};
use crate::event::LambdaEvent;
use crate::runtime::{Handler, HandlerMut, NotShared, Reply, Runtime, Writing};
use lambda_stream_local::serve::LONGEST_TIMEOUT;

/// A measurement with its options; see the [module](self) for what is measured.
#[derive(Debug, Clone)]
#[must_use = "nothing is measured until it is run"]
pub struct Measure {
    /// The JSON, or why there is none.
    event: Result<Bytes, String>,
    invocations: u64,
    warm_up: u64,
    timeout: Duration,
}

impl Measure {
    /// Measures with this event, which every invocation gets as JSON.
    ///
    /// What has no JSON fails when it is run.
    pub fn new(event: impl Serialize) -> Self {
        Self {
            event: serde_json::to_vec(&event)
                .map(Bytes::from)
                .map_err(|error| error.to_string()),
            invocations: 100,
            warm_up: 10,
            timeout: LONGEST_TIMEOUT,
        }
    }

    /// Sets how many invocations are counted; 100 if it is not set. Of 0 invocations the report is empty.
    pub fn invocations(mut self, invocations: u64) -> Self {
        self.invocations = invocations;
        self
    }

    /// Sets how many invocations go before those that are counted; 10 if it is not set.
    ///
    /// The first one makes the connection, and the first few fill caches and pools.
    pub fn warm_up(mut self, invocations: u64) -> Self {
        self.warm_up = invocations;
        self
    }

    /// Sets the timeout of the function, which makes each invocation's deadline; 15 minutes if it is not
    /// set, and never more, as on AWS.
    ///
    /// The runtime ends an invocation shortly before its deadline, as it does on AWS, and the measurement
    /// fails with `Function.DeadlineExceeded`. A handler that blocks its thread cannot be ended.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Invokes the handler, one invocation after the other, and tells how long it took.
    ///
    /// The handler can be all that [`Runtime::run`] takes: functions, closures, tower services, and
    /// `http::App` for a web app, if the event is one of an HTTP front door. A response with a status such
    /// as 500 is a response like any other.
    ///
    /// # Errors
    ///
    /// When an invocation fails, be it a warm-up or not: the [failure](MeasureError::failure) is what the
    /// service would have got. When the event has no JSON, and when the system has no port or thread for
    /// the reader.
    ///
    /// # Panics
    ///
    /// When it is not polled inside a tokio runtime with I/O and time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops handler and stream at once, closes the connection and stops the reader's
    /// thread. What was measured until then is lost.
    pub async fn run<H, M>(self, handler: H) -> Result<Report, MeasureError>
    where
        H: Handler<M>,
    {
        let plan = Plan {
            event: self
                .event
                .map_err(|error| MeasureError::new("the event has no JSON", error))?,
            timeout: self.timeout,
            warm_up: self.warm_up,
            invocations: self.invocations,
        };
        let recorder = Arc::new(Recorder::default());
        let mut server = Server::start(plan, Arc::clone(&recorder))
            .map_err(|error| MeasureError::new("the reader cannot be started", error))?;
        let runtime = Runtime::new()
            .runtime_api(server.address.to_string())
            .max_concurrency(1);
        let mut runtime = pin!(runtime.run(Measured {
            handler,
            recorder: &recorder,
        }));
        poll_fn(|cx| {
            // The runtime first: nothing it has to send waits for a look at the outcome.
            let stopped = runtime.as_mut().poll(cx);
            if let Poll::Ready(Ok(outcome)) = Pin::new(&mut server.outcome).poll(cx) {
                return Poll::Ready(outcome);
            }
            stopped.map(|stopped| {
                let why =
                    stopped.map_or_else(|error| error.to_string(), |()| "no reason".to_owned());
                Err(MeasureError::new("the runtime stopped", why))
            })
        })
        .await
    }

    /// The same for a handler that writes its response, as [`Runtime::run_with_writer`] takes it.
    ///
    /// Small chunks that are written together count as one, from the moment they leave the handler: at most
    /// 50 µs after the first of them, see [`BodyWriter`](crate::body::writer::BodyWriter).
    ///
    /// What the handler does after the end of its response is done before the next invocation, and is in
    /// none of the figures.
    ///
    /// # Errors, panics, cancel safety
    ///
    /// As [`run`](Self::run). What a handler fails with after the end of its response is logged, and no
    /// error here.
    ///
    /// ```
    /// use lambda_stream::testing::Measure;
    /// use lambda_stream::body::writer::ResponseWriter;
    /// use lambda_stream::{Error, Head, LambdaEvent};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let report = Measure::new(3)
    ///     .run_with_writer(async |event: LambdaEvent<u32>, response: ResponseWriter| {
    ///         let mut body = response.send_head(Head::ok())?;
    ///         for row in 0..event.payload {
    ///             body.send_chunk(format!("row {row}\n")).await?;
    ///         }
    ///         body.finish().await?;
    ///         Ok::<_, Error>(())
    ///     })
    ///     .await?;
    /// assert_eq!(report.bytes(), 100 * 3 * 6);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_with_writer<F, T, E>(self, handler: F) -> Result<Report, MeasureError>
    where
        F: AsyncFn(LambdaEvent<T>, ResponseWriter) -> Result<(), E>,
        T: DeserializeOwned + 'static,
        E: Into<Error>,
    {
        self.run(Writing(handler)).await
    }
}

/// A handler whose chunks are noted.
struct Measured<'a, H> {
    handler: H,
    recorder: &'a Recorder,
}

impl<'a, H, M> Handler<(Recorder, M)> for Measured<'a, H>
where
    H: Handler<M>,
{
    type Worker = Measured<'a, H::Worker>;

    fn into_workers(self, count: usize) -> Result<Vec<Self::Worker>, NotShared> {
        let workers = self.handler.into_workers(count)?.into_iter();
        let measured = workers.map(|handler| Measured {
            handler,
            recorder: self.recorder,
        });
        Ok(measured.collect())
    }
}

impl<H, M> HandlerMut<(Recorder, M)> for Measured<'_, H>
where
    H: HandlerMut<M>,
{
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
        let Reply { response, after } = self.handler.call(event).await?;
        let recorder = self.recorder;
        Ok(Reply {
            response: response.map(|payload| Recorded::new(payload, recorder)),
            after,
        })
    }
}
