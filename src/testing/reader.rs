//! The reader's side of a measurement, on a thread of its own.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::io::InspectReader;

use super::error::MeasureError;
use super::recorder::Recorder;
use super::report::Report;
use super::runtime_api::{End, Event, Observer, RuntimeApi, Start};
use super::thread::Thread;
use crate::error::Failure;

/// What to ask for.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) event: Event,
    pub(super) warm_up: u64,
    pub(super) invocations: u64,
}

/// A Runtime API that reads what it is sent as fast as it can; dropping it stops it.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) address: SocketAddr,
    /// The report once everything has been read, or why there is none.
    pub(super) result: oneshot::Receiver<Result<Report, MeasureError>>,
    _thread: Thread,
}

impl Reader {
    pub(super) fn start(plan: Plan, recorder: Arc<Recorder>) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(socket)?
        };
        let (done, result) = oneshot::channel();
        let thread = Thread::start(runtime, move || async move {
            let received = Rc::new(Cell::new(Instant::now()));
            let meter = Meter {
                plan,
                recorder,
                received: Rc::clone(&received),
                tally: RefCell::default(),
                done: Cell::new(Some(done)),
            };
            accept(&listener, &RuntimeApi::new(meter), &received).await;
        })?;
        Ok(Self {
            address,
            result,
            _thread: thread,
        })
    }
}

/// Serves one connection after the other: the runtime has no more than one at a time.
async fn accept(listener: &TcpListener, runtime_api: &RuntimeApi<Meter>, received: &Cell<Instant>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Where the option is refused, events come later.
                let _ = stream.set_nodelay(true);
                let stream = InspectReader::new(stream, |_: &[u8]| received.set(Instant::now()));
                runtime_api.serve(TokioIo::new(stream)).await;
            }
            // Without a pause the loop would spin while the system is out of file descriptors.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Counts what the Runtime API sees.
struct Meter {
    plan: Plan,
    recorder: Arc<Recorder>,
    /// When the socket was last read. That is earlier than now: what was read has been decoded
    /// since.
    received: Rc<Cell<Instant>>,
    /// Everything happens on one thread, and no borrow of this lives across an await.
    tally: RefCell<Tally>,
    done: Cell<Option<oneshot::Sender<Result<Report, MeasureError>>>>,
}

#[derive(Default)]
struct Tally {
    /// Number of events that were handed out.
    handed_out: u64,
    /// When the last one was.
    handed_out_at: Option<Instant>,
    /// Bytes of payload in the current response.
    bytes: u64,
    report: Report,
}

impl Tally {
    fn since_handed_out(&self, at: Instant) -> Duration {
        self.handed_out_at
            .map_or(Duration::ZERO, |from| at.saturating_duration_since(from))
    }
}

impl Meter {
    /// Counts an event, unless all of them have been handed out.
    fn begin(&self) -> bool {
        let tally = &mut *self.tally.borrow_mut();
        if tally.handed_out == self.plan.warm_up.saturating_add(self.plan.invocations) {
            let mut report = std::mem::take(&mut tally.report);
            report.invocations = self.plan.invocations;
            self.finish(Ok(report));
            return false;
        }
        self.recorder.begin();
        tally.handed_out += 1;
        tally.bytes = 0;
        tally.handed_out_at = Some(Instant::now());
        true
    }

    fn fail(&self, failure: Failure) {
        let handed_out = self.tally.borrow().handed_out;
        let invocation = match handed_out.checked_sub(self.plan.warm_up) {
            Some(number) if number > 0 => format!("invocation {number}"),
            _ => format!("warm-up invocation {handed_out}"),
        };
        self.finish(Err(MeasureError::failed(&invocation, failure)));
    }

    fn finish(&self, result: Result<Report, MeasureError>) {
        if let Some(done) = self.done.take() {
            // Nobody waits if the measurement has been dropped.
            let _ = done.send(result);
        }
    }
}

impl Observer for Meter {
    async fn next(&self) -> Event {
        if self.begin() {
            return self.plan.event.clone();
        }
        // The runtime is dropped while it waits for this.
        pending().await
    }

    async fn start(&self, _: Start) {}

    async fn payload(&self, data: Bytes) {
        let now = self.received.get();
        let tally = &mut *self.tally.borrow_mut();
        let first = tally.bytes == 0;
        tally.bytes += data.len() as u64;
        let counted = tally.handed_out > self.plan.warm_up;
        if counted && first {
            let since = tally.since_handed_out(now);
            tally.report.time_to_first_byte.record(since);
        }
        self.recorder.complete(tally.bytes, |_, given| {
            if counted {
                let latency = now.saturating_duration_since(given);
                tally.report.chunk_latency.record(latency);
            }
        });
    }

    async fn end(&self, end: End) {
        if let Some(failure) = end.failure {
            return self.fail(failure);
        }
        let tally = &mut *self.tally.borrow_mut();
        if tally.handed_out > self.plan.warm_up {
            tally.report.bytes += tally.bytes;
            tally.report.elapsed += tally.since_handed_out(self.received.get());
        }
    }
}
