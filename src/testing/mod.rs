//! Tests and measurements of your own handler (cargo feature `testing`).
//!
//! | To | Use |
//! |---|---|
//! | look at one invocation: head, chunks and when they arrived, failure | [`Lambda::invoke`] |
//! | assert on *when* a chunk arrives | [`Lambda::invoke_streaming`] |
//! | send a request to a web app | `Lambda::http`, with the cargo feature `web` |
//! | measure many invocations: time to first byte, latency of the chunks | [`Measure`] |
//!
//! ```toml
//! [dev-dependencies]
//! lambda-stream = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! # Look at one invocation
//!
//! [`Lambda`] serves a handler with the same runtime as on AWS, in the task of the test: without
//! AWS, a port, a thread, or an environment variable to set. Tests run in parallel.
//!
//! ```
//! use bytes::Bytes;
//! use futures_core::Stream;
//! use lambda_stream::testing::Lambda;
//! use lambda_stream::{Error, Head, LambdaEvent};
//! use serde_json::{Value, json};
//!
//! async fn handler(
//!     event: LambdaEvent<Value>,
//! ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
//!     let rows = event.payload["rows"].as_u64().ok_or("`rows` is not a number")?;
//!     let rows = (0..rows).map(|n| Ok(Bytes::from(format!("row {n}\n"))));
//!     Ok((Head::ok().content_type("text/plain"), tokio_stream::iter(rows)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let mut lambda = Lambda::new(handler);
//!
//! let outcome = lambda.invoke(json!({"rows": 2})).await.into_result()?;
//! assert_eq!(outcome.head().unwrap().headers()["content-type"], "text/plain");
//! assert_eq!(outcome.chunks().len(), 2);
//! assert_eq!(outcome.text(), "row 0\nrow 1\n");
//!
//! let outcome = lambda.invoke(json!({})).await;
//! assert_eq!(outcome.failure().unwrap().to_string(), "`rows` is not a number");
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//!
//! Everything is in tokio's time, so `#[tokio::test(start_paused = true)]` makes a test of a
//! handler that waits an hour between two chunks take no time; [`Invocation`] has an example. Bytes
//! do not leave the process, so the paused clock stands still while they are on their way, and
//! neither a chunk's arrival nor the deadline of an invocation is off. That holds for a handler
//! whose waiting is tokio's: while it waits for a socket or another thread, paused time runs ahead,
//! as tokio documents.
//!
//! # Measure many invocations
//!
//! [`Measure`] runs a handler with the same runtime over a real TCP connection, against a Runtime
//! API on a thread of its own. That one hands out one event again and again, and reads the
//! responses.
//!
//! ```
//! use lambda_stream::testing::Measure;
//! use lambda_stream::{Error, Head, LambdaEvent};
//! # use bytes::Bytes;
//! # use futures_core::Stream;
//! # use serde_json::{Value, json};
//!
//! # async fn handler(
//! #     event: LambdaEvent<Value>,
//! # ) -> Result<(Head, impl Stream<Item = Result<Bytes, Error>>), Error> {
//! #     let rows = event.payload["rows"].as_u64().unwrap_or(0);
//! #     let rows = (0..rows).map(|n| Ok(Bytes::from(format!("row {n}\n"))));
//! #     Ok((Head::ok(), tokio_stream::iter(rows)))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let report = Measure::new(json!({"rows": 100}))
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
//! | | From | To |
//! |---|---|---|
//! | [time to first byte](Report::time_to_first_byte) | the event is handed out | the first byte of the payload, after the head, is read |
//! | [chunk latency](Report::chunk_latency) | the stream gives the chunk to the runtime | the last byte of the chunk is read |
//! | [elapsed](Report::elapsed) | the event is handed out | the last bytes of the response are read |
//!
//! * "Read" is the moment at which a read of the reader's socket brings that byte. Chunks are found
//!   by counting bytes, so it does not matter how they share frames, or how they are split.
//! * For a handler that [writes](crate::body::writer) its response, a chunk is given when the
//!   runtime takes it out of the writer. A buffered response is one chunk.
//! * A chunk that is ready after many others waits in the socket until the reader has read those.
//!   For a response that is ready at once, the latency of its chunks says how much of it is on the
//!   way.
//! * The reader has a thread of its own, so a latency contains the time that the system takes to
//!   wake it up. Where chunks are far apart, that is most of it.
//! * Noting a chunk costs the handler's side about 30 ns, most of it a look at the clock.
//! * Percentiles are exact to 0.1 % ([`hdrhistogram`](https://docs.rs/hdrhistogram)); minimum,
//!   maximum, mean and sum are exact.
//!
//! What lies between AWS's Runtime API and a client is not part of these figures.
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
#[cfg(feature = "web")]
mod function_url;
mod invocation;
mod lambda;
mod measure;
mod outcome;
mod plot;
mod reader;
mod recorder;
mod report;
mod runtime_api;
mod thread;
mod units;

pub use self::durations::Durations;
pub use self::error::MeasureError;
#[cfg(feature = "web")]
pub use self::function_url::function_url_event;
pub use self::invocation::Invocation;
pub use self::lambda::Lambda;
pub use self::measure::Measure;
pub use self::outcome::{Chunk, Outcome};
pub use self::report::Report;
