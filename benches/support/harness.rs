//! The library under test: the runtime on one thread, the server on another.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use lambda_stream::body::writer::ResponseWriter;
use lambda_stream::{Error, Head, LambdaEvent, Runtime};

use super::plan::Plan;
use super::server::Server;
use super::source::Source;
use super::writing::write;

/// A runtime that waits for invocations, and the server that makes them.
///
/// Both threads end with the process: one is blocked in a read, the other has nothing to wait for.
#[derive(Debug)]
pub struct Harness {
    orders: Sender<(Plan, u64)>,
    sums: Receiver<Sums>,
}

/// Sums over all invocations of one order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// From each event to the first byte of its payload.
    pub first_byte: Duration,
    /// From each event to the end of its response.
    pub end: Duration,
    /// From the source to the server, over all chunks that are produced at a pace.
    pub latency: Duration,
    /// From the first event until the runtime asks for the one after the last.
    pub whole: Duration,
}

impl Harness {
    /// Starts a handler that returns its response.
    pub fn start() -> Self {
        Self::start_with(|runtime| {
            block_on(async move { runtime.run(handler).await.map_err(Into::into) });
        })
    }

    /// Starts a handler that writes its response, chunk by chunk.
    #[allow(dead_code)]
    pub fn start_writing() -> Self {
        Self::start_with(|runtime| {
            block_on(async move {
                runtime
                    .run_with_writer(writing_handler)
                    .await
                    .map_err(Into::into)
            });
        })
    }

    fn start_with(run: fn(Runtime)) -> Self {
        let server = Server::bind();
        let address = server.address();
        let (orders, to_do) = mpsc::channel();
        let (done, sums) = mpsc::channel();
        thread::spawn(move || serve(server, &to_do, &done));
        thread::spawn(move || run(Runtime::new().runtime_api(address)));
        Self { orders, sums }
    }

    /// Makes this number of invocations, one after another.
    ///
    /// # Panics
    ///
    /// When a response was not correct; the server's thread has printed why.
    pub fn invoke(&self, plan: Plan, invocations: u64) -> Sums {
        let order = self.orders.send((plan, invocations));
        order.expect("a server that goes on");
        self.sums.recv().expect("correct responses")
    }
}

fn serve(mut server: Server, to_do: &Receiver<(Plan, u64)>, done: &Sender<Sums>) {
    // The first invocation connects, and is not measured.
    server.invoke(Plan::ready(1, 64), drop);
    for (plan, invocations) in to_do {
        let mut sums = Sums::default();
        server.asked();
        let began = Instant::now();
        for _ in 0..invocations {
            let taken = server.invoke(plan, |latency| sums.latency += latency);
            sums.first_byte += taken.first_byte;
            sums.end += taken.end;
        }
        sums.whole = server.asked() - began;
        if done.send(sums).is_err() {
            return;
        }
    }
}

fn block_on(run: impl Future<Output = Result<(), Error>>) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a tokio runtime");
    let ended = tokio.block_on(run);
    panic!("the runtime ended: {ended:?}");
}

/// Returns the response that its event describes.
async fn handler(event: LambdaEvent<Plan>) -> Result<(Head, Source), Error> {
    Ok((head(), Source::new(event.payload)))
}

/// Writes the response that its event describes.
async fn writing_handler(event: LambdaEvent<Plan>, response: ResponseWriter) -> Result<(), Error> {
    write(head(), Source::new(event.payload), response).await
}

fn head() -> Head {
    Head::ok()
        .content_type("text/event-stream")
        .header("cache-control", "no-cache")
        .header("x-served-by", "a bench")
}
