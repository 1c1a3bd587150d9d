//! One accepted connection, as the code that answers its requests sees it.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Where the exchange on a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A request is being received.
    Receiving,
    /// The request is complete and nothing of its response has been written.
    Waiting,
    /// The response is being written, or was.
    Sending,
}

/// The state of one connection, shared by its [`Socket`](crate::socket::Socket) and by whoever
/// answers its requests.
pub(crate) struct Connection {
    /// Borrowed only within a poll, and closed with the socket: this value may live longer.
    stream: RefCell<Option<TcpStream>>,
    local: Option<SocketAddr>,
    is_client: bool,
    phase: Cell<Phase>,
    /// When the request that is being answered was complete.
    received: Cell<Option<Instant>>,
    /// Whether the current request's version is HTTP/1.1.
    is_http_11: Cell<bool>,
    /// Whether the client had shut down its sending side before its response began.
    half_closed: Cell<bool>,
    /// Whether the program asked for an invocation on it.
    polled: Cell<bool>,
    /// Number of request heads that were received.
    heads: Cell<u64>,
    /// Whether something was handed to hyper that is not in the socket yet.
    dirty: Cell<bool>,
    /// When the socket last took something.
    progress: Cell<Instant>,
    flush_waker: RefCell<Option<Waker>>,
    request_waker: RefCell<Option<Waker>>,
    aborted: Cell<bool>,
    abort: Notify,
}

impl Connection {
    /// Returns the connection of a client, which may shut down its sending side and wait.
    pub(crate) fn with_client(stream: TcpStream) -> Rc<Self> {
        Self::new(stream, true)
    }

    /// Returns a connection of a program.
    pub(crate) fn with_program(stream: TcpStream) -> Rc<Self> {
        Self::new(stream, false)
    }

    fn new(stream: TcpStream, is_client: bool) -> Rc<Self> {
        Rc::new(Self {
            is_client,
            local: stream.local_addr().ok(),
            stream: RefCell::new(Some(stream)),
            phase: Cell::new(Phase::Receiving),
            received: Cell::new(None),
            is_http_11: Cell::new(false),
            half_closed: Cell::new(false),
            polled: Cell::new(false),
            heads: Cell::new(0),
            dirty: Cell::new(false),
            progress: Cell::new(Instant::now()),
            flush_waker: RefCell::new(None),
            request_waker: RefCell::new(None),
            aborted: Cell::new(false),
            abort: Notify::new(),
        })
    }

    /// The address that the other side connected to.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Calls a function with the open stream; only its socket does.
    pub(crate) fn with_stream<T>(
        &self,
        call: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut *self.stream.borrow_mut() {
            Some(stream) => call(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Closes the stream.
    pub(crate) fn close(&self) {
        self.stream.take();
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Notes that the head of a request was received.
    pub(crate) fn begin_request(&self, version: http::Version) {
        self.phase.set(Phase::Receiving);
        self.is_http_11.set(version >= http::Version::HTTP_11);
        self.heads.set(self.heads.get() + 1);
    }

    /// Number of request heads that were received.
    pub(crate) fn heads(&self) -> u64 {
        self.heads.get()
    }

    /// Notes that the program asked for an invocation on this connection.
    pub(crate) fn note_polled(&self) {
        self.polled.set(true);
    }

    pub(crate) fn has_polled(&self) -> bool {
        self.polled.get()
    }

    /// Notes that the request was received to its end, and waits for its response.
    pub(crate) fn end_request(&self) {
        self.phase.set(Phase::Waiting);
        self.received.set(Some(Instant::now()));
        let waiting = self.request_waker.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Wakes the socket once the request was received to its end.
    pub(crate) fn wake_at_request_end(&self, cx: &Context<'_>) {
        *self.request_waker.borrow_mut() = Some(cx.waker().clone());
    }

    pub(crate) fn is_client(&self) -> bool {
        self.is_client
    }

    /// Notes that the socket is about to be written.
    pub(crate) fn begin_write(&self) {
        self.phase.set(Phase::Sending);
    }

    /// Notes that the socket took something.
    pub(crate) fn note_progress(&self) {
        self.progress.set(Instant::now());
    }

    /// Notes that something is being handed to hyper within the current poll.
    ///
    /// hyper flushes the socket only when its own buffer is empty, and drops what is left in the
    /// buffer when a body fails. Handing over an event and failing a response both depend on the
    /// moment when everything is in the socket.
    pub(crate) fn fill(&self) {
        if !self.dirty.replace(true) {
            self.note_progress();
        }
    }

    /// Notes that everything is in the socket.
    pub(crate) fn note_flushed(&self) {
        self.dirty.set(false);
        let waiting = self.flush_waker.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Returns whether everything that was handed to hyper is in the socket.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.dirty.get()
    }

    /// Completes once everything is in the socket.
    pub(crate) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_flushed() {
            return Poll::Ready(());
        }
        *self.flush_waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Returns how long the other side has taken nothing of what waits for it.
    pub(crate) fn stalled_for(&self, now: Instant) -> Option<Duration> {
        self.dirty
            .get()
            .then(|| now.saturating_duration_since(self.progress.get()))
    }

    /// Ends the connection, whatever is under way on it.
    pub(crate) fn abort(&self) {
        self.aborted.set(true);
        self.abort.notify_one();
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.get()
    }

    /// Completes once the connection is to be ended.
    pub(crate) async fn aborted(&self) {
        self.abort.notified().await;
    }

    /// Marks the response as failed for a client that takes the end of the connection for the end
    /// of the body (HTTP/1.0): the connection ends in a reset instead of a regular end.
    pub(crate) fn fail_response(&self) {
        if self.is_http_11.get() {
            // HTTP/1.1 has the last chunk to tell, and a reset could overtake what is under way.
            return;
        }
        if let Some(stream) = &*self.stream.borrow() {
            // Where the option is refused, the end is a regular one.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Returns whether the other side has shut down its sending side, although there may be
    /// something left to read.
    pub(crate) fn is_read_closed(&self) -> bool {
        let stream = self.stream.borrow();
        let Some(stream) = &*stream else {
            return true;
        };
        let ready = std::pin::pin!(stream.ready(Interest::READABLE));
        let mut cx = Context::from_waker(Waker::noop());
        match ready.poll(&mut cx) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    /// Finds out whether a client that has shut down its sending side still reads.
    ///
    /// A client that is gone looks the same as one that has only said that its request is complete,
    /// until something is written: then its system answers with a reset. What is written is an
    /// interim response, which every HTTP/1.1 client skips (RFC 9110, section 15.2).
    pub(crate) fn probe(&self) -> io::Result<()> {
        const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        self.half_closed.set(true);
        if let Some(stream) = &*self.stream.borrow() {
            if self.is_http_11.get() {
                stream.try_write(INTERIM)?;
            }
        }
        self.check_reset()
    }

    /// Returns whether the client had shut down its sending side before its response began, and was
    /// not gone.
    pub(crate) fn is_half_closed(&self) -> bool {
        self.half_closed.get()
    }

    /// Fails if the other side has reset the connection.
    pub(crate) fn check_reset(&self) -> io::Result<()> {
        // Reading would go on to tell the end that came before the reset.
        let error = match &*self.stream.borrow() {
            Some(stream) => stream.take_error()?,
            None => None,
        };
        error.map_or(Ok(()), Err)
    }

    /// Returns how long ago the request that is being answered was complete.
    pub(crate) fn since_request(&self) -> Duration {
        self.received
            .get()
            .map_or(Duration::MAX, |received| received.elapsed())
    }
}
