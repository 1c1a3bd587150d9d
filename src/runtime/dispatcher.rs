//! Sends a response: the one owner of its frames, connection, timer and answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::connection::{Connection, Lost};
use super::timer::Timer;
use crate::error::{DeadlineExceeded, Failure, contain};
use crate::response::Frames;

/// How long the rest of an early refusal is waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Number of frames that are sent before other tasks have their turn.
const TURN_FRAMES: u32 = 64;

/// What the Runtime API answered to a response.
pub(super) struct Answered {
    pub(super) answer: Response<Bytes>,
    /// Whether the connection can be used again.
    pub(super) reusable: bool,
}

/// How a response begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// Number of frames that go before the payload; they leave in one write with a first chunk
    /// that is ready.
    pub(super) head_frames: usize,
    /// The payload follows this long after the write of the head, which is one of its own then.
    pub(super) head_first: Option<Duration>,
}

/// A response that is being sent.
///
/// The source is polled only once the socket has taken what it gave before. At the deadline the
/// response ends with trailers. A refusal that comes early ends the response at once; a success
/// that comes early does not complete it.
pub(super) struct Dispatcher<'a, S, R> {
    connection: &'a mut Connection,
    frames: Pin<&'a mut Frames<S>>,
    timer: Pin<&'a mut Timer>,
    reply: Pin<&'a mut R>,
    answer: Option<Response<Incoming>>,
    ended: bool,
    /// The time between the write of the head and the payload, until it is over.
    head_first: Option<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// Sends a response whose [`Frames::start`] has succeeded, and reads the answer. Returns what the
/// response failed with, too, be it an error of its stream or a panic in a destructor.
pub(super) async fn dispatch<S>(
    connection: &mut Connection,
    request: Request<()>,
    mut frames: Pin<&mut Option<Frames<S>>>,
    timer: Pin<&mut Timer>,
    opening: Opening,
) -> (Result<Answered, Lost>, Option<Failure>)
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    let sent = send(connection, request, frames.as_mut(), timer, opening).await;
    let failure = frames
        .as_ref()
        .get_ref()
        .as_ref()
        .and_then(Frames::failure)
        .cloned();
    // What the stream holds is released before the rest of the answer is waited for.
    let dropped = contain(|| frames.set(None));
    let answered = match sent {
        Ok((answer, ended)) => read_answer(connection, answer, ended).await,
        Err(lost) => Err(lost),
    };
    (answered, failure.or(dropped.err()))
}

/// Sends a response until it is answered; returns the answer's head, and whether everything was
/// sent.
async fn send<S>(
    connection: &mut Connection,
    request: Request<()>,
    frames: Pin<&mut Option<Frames<S>>>,
    timer: Pin<&mut Timer>,
    opening: Opening,
) -> Result<(Response<Incoming>, bool), Lost>
where
    S: Stream<Item = Result<Bytes, Failure>>,
{
    let Some(frames) = frames.as_pin_mut() else {
        return Err(Lost::closed());
    };
    connection.begin_body();
    let reply = connection.send(request).await?;
    let head_first = opening.head_first.filter(|_| opening.head_frames > 0);
    let mut dispatcher = Dispatcher {
        connection,
        frames,
        timer,
        reply: std::pin::pin!(reply),
        answer: None,
        ended: false,
        head_first,
        pause: None,
    };
    // The frames are there before the connection is polled, so that they leave with the request.
    let count = opening.head_frames + usize::from(head_first.is_none());
    let _ = poll_fn(|cx| Poll::Ready(dispatcher.fill(cx, count))).await;
    poll_fn(|cx| dispatcher.poll(cx)).await?;
    let ended = dispatcher.ended;
    let answer = dispatcher.answer.take().ok_or_else(Lost::closed)?;
    Ok((answer, ended))
}

/// Reads the body of an answer. Only a success that has been read to its end leaves the connection
/// as it has to be for the next request.
async fn read_answer(
    connection: &mut Connection,
    answer: Response<Incoming>,
    ended: bool,
) -> Result<Answered, Lost> {
    if answer.status().is_success() {
        return Ok(Answered {
            answer: connection.read(answer).await?,
            reusable: true,
        });
    }
    let mut empty = Response::new(Bytes::new());
    *empty.status_mut() = answer.status();
    let sent = ended && connection.is_flushed();
    let read = tokio::time::timeout(REFUSAL_TIME, connection.read(answer)).await;
    let (answer, whole) = match read {
        Ok(Ok(answer)) => (answer, true),
        _ => (empty, false),
    };
    Ok(Answered {
        answer,
        reusable: whole && sent,
    })
}

impl<S, R> Dispatcher<'_, S, R>
where
    S: Stream<Item = Result<Bytes, Failure>>,
    R: Future<Output = Result<Response<Incoming>, Lost>>,
{
    /// Completes when everything has been sent and answered, and when the response was refused.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        for _ in 0..TURN_FRAMES {
            let open = self.connection.poll(cx);
            if self.answer.is_none() {
                if let Poll::Ready(answer) = self.reply.as_mut().poll(cx) {
                    self.answer = Some(answer?);
                }
            }
            let flushed = self.connection.is_flushed();
            match &self.answer {
                Some(answer) if !answer.status().is_success() => return Poll::Ready(Ok(())),
                Some(_) if self.ended && flushed => return Poll::Ready(Ok(())),
                _ => open?,
            }
            if !self.ended && self.timer.as_mut().poll_elapsed(cx) {
                self.frames.as_mut().fail(DeadlineExceeded::new().into());
                self.head_first = None;
            }
            if self.ended || !flushed {
                return Poll::Pending;
            }
            if let Some(time) = self.head_first {
                ready!(self.wait_after_head(cx, time));
            }
            ready!(self.fill(cx, 1));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits for the payload's time, which begins once the head has been written.
    fn wait_after_head(&mut self, cx: &mut Context<'_>, time: Duration) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(pause.as_mut().poll(cx));
        self.head_first = None;
        Poll::Ready(())
    }

    /// Queues the next frames, up to this many; pending if one is not there.
    fn fill(&mut self, cx: &mut Context<'_>, count: usize) -> Poll<()> {
        for _ in 0..count {
            if let Some(Ok(frame)) = ready!(self.frames.as_mut().poll_frame(cx)) {
                self.connection.push(frame);
            }
            if self.frames.is_end_stream() {
                self.connection.end_body();
                self.ended = true;
                break;
            }
        }
        Poll::Ready(())
    }
}
