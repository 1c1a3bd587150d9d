//! Measurements of a handler over many invocations.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::MeasureError;
use super::reader::{Plan, Reader};
use super::recorder::{Recorder, Recording};
use super::report::Report;
use super::runtime_api::{Event, LONGEST_TIMEOUT};
use crate::body::writer::ResponseWriter;
use crate::error::Error;
use crate::event::LambdaEvent;
use crate::runtime::{Handler, Runtime, Writing};

/// A measurement with its options; see the [module](super) for what is measured.
#[derive(Debug, Clone)]
#[must_use = "nothing is measured until it is run"]
pub struct Measure {
    /// The event as JSON, or why it cannot be serialized.
    event: Result<Bytes, String>,
    invocations: u64,
    warm_up: u64,
    timeout: Duration,
}

impl Measure {
    /// Measures with this event, which every invocation gets as JSON.
    ///
    /// An event that cannot be serialized fails when it is run.
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

    /// Sets how many invocations are counted; 100 if it is not set. Of 0 invocations the report is
    /// empty.
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

    /// Sets the timeout of the function, which makes each invocation's deadline; 15 minutes if it
    /// is not set, and never more, as on AWS.
    ///
    /// The runtime ends an invocation shortly before its deadline, as it does on AWS, and the
    /// measurement fails with `Function.DeadlineExceeded`. A handler that blocks its thread
    /// cannot be ended.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Invokes the handler, one invocation after the other, and reports how long it took.
    ///
    /// The handler can be all that [`Runtime::run`] takes: functions, closures, tower services, and
    /// `web::App` for a web app, if the event is one of an HTTP front door. A response with a
    /// status such as 500 is a response like any other.
    ///
    /// # Errors
    ///
    /// When an invocation fails, be it a warm-up or not: the [failure](MeasureError::failure) is
    /// what the service would have got. When the event cannot be serialized, and when the
    /// system has no port or thread for the reader.
    ///
    /// # Panics
    ///
    /// When it is not polled inside a tokio runtime with I/O and time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops handler and stream at once, closes the connection and stops the
    /// reader's thread. What was measured until then is lost.
    pub async fn run<H, M>(self, handler: H) -> Result<Report, MeasureError>
    where
        H: Handler<M>,
    {
        let json = self
            .event
            .map_err(|error| MeasureError::new("the event cannot be serialized", error))?;
        let plan = Plan {
            event: Event {
                json,
                timeout: self.timeout,
            },
            warm_up: self.warm_up,
            invocations: self.invocations,
        };
        let recorder = Arc::new(Recorder::default());
        let mut reader = Reader::start(plan, Arc::clone(&recorder))
            .map_err(|error| MeasureError::new("the reader cannot be started", error))?;
        let runtime = Runtime::new()
            .runtime_api(reader.address.to_string())
            .max_concurrency(1);
        let mut runtime = pin!(runtime.run(Recording::new(handler, recorder)));
        poll_fn(|cx| {
            // The runtime first: nothing it has to send waits for a look at the outcome.
            let stopped = runtime.as_mut().poll(cx);
            if let Poll::Ready(Ok(result)) = Pin::new(&mut reader.result).poll(cx) {
                return Poll::Ready(result);
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
    /// Small chunks that are written together count as one, from the moment they leave the handler:
    /// at most 50 µs after the first of them, see
    /// [`BodyWriter`](crate::body::writer::BodyWriter).
    ///
    /// What the handler does after the end of its response is done before the next invocation, and
    /// is in none of the figures.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). What a handler fails with after the end of its response is logged,
    /// and is not an error here.
    ///
    /// Panics and cancel safety are those of [`run`](Self::run), too.
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
