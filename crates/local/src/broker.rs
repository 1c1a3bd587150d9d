//! Who is next: the queue of invocations, and the one that is being answered.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http::header::HeaderValue;
use hyper::body::Incoming;
use tokio::sync::{Notify, oneshot};

use super::flush::Flush;
use super::terminal::Report;
use lambda_stream_wire::Failure;
use lambda_stream_wire::failure::kind;

/// What came of an invocation.
pub(super) enum Answer {
    Response(RuntimeResponse),
    Failed(Failure),
}

/// The program's `POST …/response`, handed over as it is: no channel and no task stands between its
/// socket and the client's.
pub(super) struct RuntimeResponse {
    /// The response mode was `streaming`.
    pub(super) streaming: bool,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Incoming,
    /// Tells the `POST` how it ended. Dropped without a word: nobody reads the rest.
    pub(super) done: oneshot::Sender<Done>,
}

/// How the delivery of a response ended.
pub(super) enum Done {
    /// The body was read to its end.
    Read,
    /// A buffered response was larger than Lambda takes.
    TooLarge,
    /// The client has its whole answer, and there may be more of the body.
    Rest(Incoming, Report),
}

/// Why a report of the program is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such invocation is being answered.
    UnknownId,
    /// Its response has begun already.
    AlreadyAnswered,
    /// The next invocation was asked for before the last was answered.
    Unanswered,
}

struct Invocation {
    id: String,
    event: Bytes,
    answer: oneshot::Sender<Answer>,
}

struct InFlight {
    id: String,
    event: Bytes,
    /// `None` once the response has begun.
    answer: Option<oneshot::Sender<Answer>>,
    /// Stands for the connection the event went to.
    connection: Rc<Flush>,
    /// That connection ends by plan, with this one event.
    single_use: bool,
    /// It has ended by plan.
    orphan: bool,
}

impl InFlight {
    fn fail(&mut self, failure: Failure) {
        if let Some(answer) = self.answer.take() {
            // A client that has left needs no answer.
            let _ = answer.send(Answer::Failed(failure));
        }
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Invocation>,
    in_flight: Option<InFlight>,
    init_error: Option<Failure>,
}

/// Hands invocations to the program, one at a time, and its answers to the clients.
///
/// Everything happens on the server's one thread, and no borrow of the state lives across an await.
#[derive(Default)]
pub(super) struct Broker {
    state: RefCell<State>,
    /// There may be something to take.
    ready: Notify,
}

impl Broker {
    /// Queues an invocation; dropping the ticket takes it out again.
    pub(super) fn submit(self: &Rc<Self>, id: String, event: Bytes) -> Ticket {
        let (sender, answer) = oneshot::channel();
        let ticket = Ticket {
            broker: Rc::clone(self),
            id: id.clone(),
            answer,
        };
        let mut state = self.state.borrow_mut();
        if let Some(failure) = &state.init_error {
            let _ = sender.send(Answer::Failed(failure.clone()));
        } else {
            state.queue.push_back(Invocation {
                id,
                event,
                answer: sender,
            });
            self.ready.notify_one();
        }
        drop(state);
        ticket
    }

    /// Waits for an invocation for this connection.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken before the future is ready.
    pub(super) async fn next(
        &self,
        connection: &Rc<Flush>,
        single_use: bool,
    ) -> Result<(String, Bytes), Refusal> {
        self.begin_next()?;
        loop {
            // hyper asks for an answer before it looks whether the connection has ended. This lets it look,
            // with fresh news from the system, so that no event goes to a program that has gone.
            tokio::task::yield_now().await;
            if let Some(taken) = self.take(connection, single_use) {
                return Ok(taken);
            }
            self.ready.notified().await;
        }
    }

    fn begin_next(&self) -> Result<(), Refusal> {
        let mut state = self.state.borrow_mut();
        // A program that asks for work has been set up.
        state.init_error = None;
        match &mut state.in_flight {
            // Its connection ended by plan, so nobody could tell that it had crashed; now it is plain.
            Some(orphan) if orphan.orphan => orphan.fail(exited()),
            Some(_) => return Err(Refusal::Unanswered),
            None => {}
        }
        state.in_flight = None;
        Ok(())
    }

    fn take(&self, connection: &Rc<Flush>, single_use: bool) -> Option<(String, Bytes)> {
        let mut state = self.state.borrow_mut();
        if state.in_flight.is_some() {
            return None;
        }
        let invocation = state.queue.pop_front()?;
        let taken = (invocation.id.clone(), invocation.event.clone());
        connection.fill();
        state.in_flight = Some(InFlight {
            id: invocation.id,
            event: invocation.event,
            answer: Some(invocation.answer),
            connection: Rc::clone(connection),
            single_use,
            orphan: false,
        });
        Some(taken)
    }

    /// Begins to answer an invocation: where the answer goes, and what makes room for the next one when it
    /// is dropped.
    pub(super) fn begin_answer(
        self: &Rc<Self>,
        id: &str,
    ) -> Result<(oneshot::Sender<Answer>, Answering), Refusal> {
        let mut state = self.state.borrow_mut();
        let in_flight = state
            .in_flight
            .as_mut()
            .filter(|in_flight| in_flight.id == id)
            .ok_or(Refusal::UnknownId)?;
        let answer = in_flight.answer.take().ok_or(Refusal::AlreadyAnswered)?;
        let answering = Answering {
            broker: Rc::clone(self),
            id: id.to_owned(),
        };
        Ok((answer, answering))
    }

    /// The program could not be set up: everything fails until a program asks for work.
    pub(super) fn fail_all(&self, failure: &Failure) {
        let mut state = self.state.borrow_mut();
        state.init_error = Some(failure.clone());
        // A response that has begun clears its own place when it ends.
        if let Some(mut waiting) = state.in_flight.take_if(|it| it.answer.is_some()) {
            waiting.fail(failure.clone());
        }
        for invocation in state.queue.drain(..) {
            let _ = invocation.answer.send(Answer::Failed(failure.clone()));
        }
    }

    /// A connection of the program has ended.
    pub(super) fn lost(&self, connection: &Rc<Flush>) {
        // It may have been the one that was woken for what waits now.
        self.ready.notify_one();
        let mut state = self.state.borrow_mut();
        let State {
            queue, in_flight, ..
        } = &mut *state;
        let Some(lost) = in_flight.as_mut().filter(|in_flight| {
            Rc::ptr_eq(&in_flight.connection, connection) && in_flight.answer.is_some()
        }) else {
            return;
        };
        if connection.is_clean() && lost.single_use {
            lost.orphan = true;
            return;
        }
        if connection.is_clean() {
            lost.fail(exited());
        }
        // What never left this process as a whole is an event nobody has seen.
        if let Some(InFlight {
            id,
            event,
            answer: Some(answer),
            ..
        }) = in_flight.take()
        {
            if !answer.is_closed() {
                queue.push_front(Invocation { id, event, answer });
            }
        }
    }
}

fn exited() -> Failure {
    Failure::new(
        kind::EXIT_ERROR,
        "the program closed its connection to the Runtime API before it answered",
    )
}

/// A client's place in the queue.
pub(super) struct Ticket {
    broker: Rc<Broker>,
    id: String,
    answer: oneshot::Receiver<Answer>,
}

impl Ticket {
    /// Waits for the program's answer.
    pub(super) async fn answer(mut self) -> Answer {
        (&mut self.answer)
            .await
            .unwrap_or_else(|_| Answer::Failed(exited()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.broker.state.borrow_mut();
        state.queue.retain(|waiting| waiting.id != self.id);
    }
}

/// An invocation whose answer is under way; the next one is handed out when this is dropped.
pub(super) struct Answering {
    broker: Rc<Broker>,
    id: String,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.broker.state.borrow_mut();
        if state
            .in_flight
            .as_ref()
            .is_some_and(|in_flight| in_flight.id == self.id)
        {
            state.in_flight = None;
            self.broker.ready.notify_one();
        }
    }
}
