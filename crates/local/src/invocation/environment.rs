//! One execution environment: a program and the invocations that it works on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HeaderMap;
use tokio::sync::{Notify, oneshot};

use super::answer::Cut;
use super::in_flight::{InFlight, Lost};
use super::{Answer, Fault, Queue};
use crate::connection::Connection;
use crate::limits::SWEEP;
use crate::record::Recording;
use crate::terminal::Terminal;

/// Number of ended invocations whose late answers are recognized.
const REMEMBERED: usize = 64;

/// Why a call of the program is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such invocation is being worked on.
    UnknownId,
    /// Its answer has begun already.
    AlreadyAnswered,
    /// As many invocations are unanswered as the program may work on.
    Unanswered,
    /// The invocation ended before it was answered: by its timeout, or because its client left.
    Expired,
    /// A program that has asked for work cannot fail to be set up.
    AlreadyRunning,
}

/// An invocation as a program is handed it.
pub(crate) struct Handed {
    pub(crate) id: String,
    /// Names this attempt.
    pub(crate) nonce: String,
    pub(crate) event: Bytes,
    pub(crate) headers: HeaderMap,
}

/// Where an answer goes, and what makes room for the next invocation when it is dropped.
pub(crate) struct Begun {
    pub(crate) answer: oneshot::Sender<Answer>,
    pub(crate) cut: Cut,
    pub(crate) answering: Answering,
}

#[derive(Default)]
struct State {
    in_flight: Vec<InFlight>,
    /// Number of invocations that were handed out.
    handed: u64,
    /// Ids of invocations that ended unanswered, newest last.
    expired: VecDeque<String>,
    /// The record of the invocation that ended last, which the lines belong to that the program
    /// writes, or that are read, before the next.
    last: Option<Recording>,
}

impl State {
    fn remember(&mut self, id: String) {
        if self.expired.len() == REMEMBERED {
            self.expired.pop_front();
        }
        self.expired.push_back(id);
    }
}

/// What a program is called, and what it and its clients may take.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentOptions {
    /// The function's name, unless the caller gives another one.
    pub(crate) function: String,
    /// Maximum number of invocations that the program works on at once.
    pub(crate) concurrency: usize,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
    /// How long a client may take nothing of its response while others wait.
    pub(crate) client_timeout: Duration,
}

/// What is known of a started process.
#[derive(Default)]
struct ProcessState {
    /// Why the program could not be set up, as it told.
    init_fault: RefCell<Option<Fault>>,
    /// An invocation ran into its timeout.
    timed_out: Notify,
    /// Whether it is handed no more invocations, because a newer program is.
    retiring: Cell<bool>,
    /// It retires, or has answered what it worked on.
    retirement: Notify,
}

/// A program as the server sees it: it takes invocations and answers them.
pub(crate) struct Environment {
    queue: Rc<Queue>,
    terminal: Terminal,
    options: EnvironmentOptions,
    /// Set where the program is a process that this server has started.
    process: Option<ProcessState>,
    /// Whether the program has asked for an invocation.
    initialized: Cell<bool>,
    /// Number of calls that wait for an invocation.
    polling: Cell<usize>,
    state: RefCell<State>,
}

impl Environment {
    pub(crate) fn new(queue: Rc<Queue>, terminal: Terminal, options: EnvironmentOptions) -> Self {
        Self {
            queue,
            terminal,
            options,
            process: None,
            initialized: Cell::new(false),
            polling: Cell::new(0),
            state: RefCell::default(),
        }
    }

    /// Returns the environment of a process that this server starts.
    pub(crate) fn managed(
        queue: Rc<Queue>,
        terminal: Terminal,
        options: EnvironmentOptions,
    ) -> Self {
        Self {
            process: Some(ProcessState::default()),
            ..Self::new(queue, terminal, options)
        }
    }

    /// Returns how many invocations the program takes without delay, or will once it is set up.
    pub(crate) fn room(&self) -> usize {
        if self.is_retiring() {
            0
        } else if self.initialized.get() {
            self.polling.get()
        } else {
            self.options.concurrency
        }
    }

    /// Adds a line that the program wrote to the logs of what it works on.
    pub(crate) fn log(&self, line: &str) {
        let state = self.state.borrow();
        for it in &state.in_flight {
            it.invocation.recording.log(line);
            if let Some(log) = &it.invocation.log {
                log.push(line);
            }
        }
        if let Some(last) = state.last.as_ref().filter(|_| state.in_flight.is_empty()) {
            last.log(line);
        }
    }

    /// Completes once an invocation ran into its timeout, and the process has to end.
    pub(crate) async fn timed_out(&self) {
        match &self.process {
            Some(process) => process.timed_out.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Hands out no more invocations to a process that this server has started.
    pub(crate) fn retire(&self) {
        if let Some(process) = &self.process {
            process.retiring.set(true);
            process.retirement.notify_one();
        }
    }

    pub(crate) fn is_retiring(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| process.retiring.get())
    }

    /// Completes once the program is retiring and has nothing left to answer.
    pub(crate) async fn retired(&self) {
        let Some(process) = &self.process else {
            return std::future::pending().await;
        };
        while !process.retiring.get() || !self.state.borrow().in_flight.is_empty() {
            process.retirement.notified().await;
        }
    }

    /// Completes once the program has waited for this long.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let handed = self.state.borrow().handed;
            tokio::time::sleep(limit).await;
            let state = self.state.borrow();
            if state.handed == handed && state.in_flight.is_empty() {
                return;
            }
        }
    }

    /// The process ended: what it was working on has failed, or what it was started for.
    pub(crate) fn end(&self, fault: &Fault) {
        let mut borrowed = self.state.borrow_mut();
        let state = &mut *borrowed;
        let is_working = !state.in_flight.is_empty();
        for mut it in state.in_flight.drain(..) {
            it.fail(fault.clone());
            state.last = Some(it.invocation.recording);
        }
        drop(borrowed);
        if !self.initialized.get() && !is_working {
            let init_fault = self.process.as_ref().and_then(|it| it.init_fault.take());
            self.queue
                .fail_first(&init_fault.unwrap_or_else(|| fault.clone()));
        }
    }

    /// How long an invocation may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// The function's name.
    pub(crate) fn function(&self) -> &str {
        &self.options.function
    }

    /// Waits for an invocation for this connection.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken before the future is ready.
    pub(crate) async fn next(
        &self,
        connection: &Rc<Connection>,
        single_use: bool,
    ) -> Result<Handed, Refusal> {
        self.admit()?;
        connection.note_polled();
        self.initialized.set(true);
        let _polling = Polling::new(&self.polling);
        loop {
            // hyper asks for an answer before it looks whether the connection has ended. This lets
            // it look, with fresh news from the system, so that no event goes to a program that has
            // gone.
            tokio::task::yield_now().await;
            if let Some(handed) = self.take(connection, single_use) {
                return Ok(handed);
            }
            self.queue.ready().await;
        }
    }

    /// Decides whether the program may ask for work.
    fn admit(&self) -> Result<(), Refusal> {
        self.queue.recover();
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if state.in_flight.len() < self.options.concurrency {
            return Ok(());
        }
        // A program that asks for more than it may work on has given up what it cannot be working
        // on.
        let Some(at) = state.in_flight.iter().position(InFlight::is_given_up) else {
            return Err(Refusal::Unanswered);
        };
        let mut given_up = state.in_flight.remove(at);
        given_up.fail(Fault::exited());
        state.remember(given_up.invocation.id);
        Ok(())
    }

    fn take(&self, connection: &Rc<Connection>, single_use: bool) -> Option<Handed> {
        let mut state = self.state.borrow_mut();
        if state.in_flight.len() >= self.options.concurrency || self.is_retiring() {
            return None;
        }
        let waiting = self.queue.take()?;
        let taken = InFlight::new(waiting, connection, single_use, self.options.timeout);
        let handed = Handed {
            id: taken.invocation.id.clone(),
            nonce: taken.nonce.clone(),
            event: taken.event().bytes.clone(),
            headers: taken.invocation.headers.clone(),
        };
        connection.fill();
        taken.invocation.recording.taken(self.process.is_some());
        state.last = None;
        state.handed += 1;
        state.in_flight.push(taken);
        Some(handed)
    }

    /// Begins to answer an invocation on this connection. A program that echoes the name of the
    /// attempt has to echo the right one.
    pub(crate) fn begin_answer(
        self: &Rc<Self>,
        id: &str,
        nonce: Option<&[u8]>,
        connection: &Rc<Connection>,
    ) -> Result<Begun, Refusal> {
        let mut state = self.state.borrow_mut();
        let Some(in_flight) = state.in_flight.iter_mut().find(|it| it.invocation.id == id) else {
            return Err(if state.expired.iter().any(|expired| expired == id) {
                Refusal::Expired
            } else {
                Refusal::UnknownId
            });
        };
        if nonce.is_some_and(|nonce| nonce != in_flight.nonce.as_bytes()) {
            return Err(Refusal::Expired);
        }
        let (answer, cut) = in_flight
            .begin_answer(connection)
            .ok_or(Refusal::AlreadyAnswered)?;
        Ok(Begun {
            answer,
            cut,
            answering: Answering {
                environment: Rc::clone(self),
                id: id.to_owned(),
            },
        })
    }

    /// The program could not be set up: everything fails until a program asks for work.
    pub(crate) fn fail_init(&self, connection: &Connection, fault: &Fault) -> Result<(), Refusal> {
        let mut state = self.state.borrow_mut();
        let is_working = state.in_flight.iter().any(|it| !it.is_given_up());
        if is_working || self.polling.get() > 0 || connection.has_polled() {
            return Err(Refusal::AlreadyRunning);
        }
        for mut given_up in state.in_flight.drain(..) {
            given_up.fail(fault.clone());
        }
        match &self.process {
            // Its end decides what fails with it.
            Some(process) => *process.init_fault.borrow_mut() = Some(fault.clone()),
            None => self.queue.fail(fault),
        }
        Ok(())
    }

    /// Notes that a connection of the program has ended.
    pub(crate) fn lose(&self, connection: &Rc<Connection>) {
        let mut state = self.state.borrow_mut();
        let mut kept = Vec::with_capacity(state.in_flight.len());
        for mut it in state.in_flight.drain(..) {
            match it.lost(connection, self.process.is_some()) {
                Lost::Keep => kept.push(it),
                Lost::Remove => {}
                Lost::PutBack => {
                    if let Some(waiting) = it.into_waiting() {
                        self.queue.put_back(waiting);
                    }
                }
            }
        }
        // Another call waits, although the program may not work on more: it is a new program.
        if self.polling.get() > 0 && kept.len() >= self.options.concurrency {
            kept.retain_mut(|it| {
                if it.orphaned {
                    it.fail(Fault::exited());
                }
                !it.orphaned
            });
        }
        state.in_flight = kept;
        drop(state);
        self.queue.wake();
    }

    /// Watches over the time that invocations take, for ever.
    pub(crate) async fn watch(self: Rc<Self>) {
        loop {
            if self.queue.is_empty() && self.state.borrow().in_flight.is_empty() {
                self.queue.active().await;
            }
            tokio::time::sleep(SWEEP).await;
            self.sweep(Instant::now());
        }
    }

    fn sweep(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let mut at = 0;
        while let Some(it) = state.in_flight.get_mut(at) {
            let is_timed_out = it.is_timed_out(now, self.options.timeout);
            if let Some(process) = self.process.as_ref().filter(|_| is_timed_out) {
                process.timed_out.notify_one();
            }
            // A process works on to its timeout, as on AWS; others take its place meanwhile.
            if is_timed_out || (self.process.is_none() && it.is_left(now)) {
                let over = state.in_flight.remove(at);
                state.remember(over.invocation.id);
                state.last = Some(over.invocation.recording);
                self.queue.wake();
            } else {
                at += 1;
            }
        }
        if self.queue.is_empty() {
            return;
        }
        for it in &state.in_flight {
            it.drop_stalled_client(now, self.options.client_timeout);
        }
        for label in self.queue.long_waiting(now) {
            self.terminal.line(&waiting_line(&label, &state.in_flight));
        }
    }
}

/// Says who waits for whom.
fn waiting_line(label: &str, in_flight: &[InFlight]) -> String {
    if in_flight.is_empty() {
        return format!("{label} waits: no program has asked for an invocation");
    }
    let busy: Vec<&str> = in_flight.iter().map(|it| &*it.invocation.label).collect();
    format!("{label} waits for {}", busy.join(", "))
}

/// Counts a call that waits for an invocation.
struct Polling<'a>(&'a Cell<usize>);

impl<'a> Polling<'a> {
    fn new(polling: &'a Cell<usize>) -> Self {
        polling.set(polling.get() + 1);
        Self(polling)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// An invocation whose answer is under way; there is room for the next one when this is dropped.
pub(crate) struct Answering {
    environment: Rc<Environment>,
    id: String,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.environment.state.borrow_mut();
        let at = state
            .in_flight
            .iter()
            .position(|it| it.invocation.id == self.id);
        if let Some(at) = at {
            state.last = Some(state.in_flight.remove(at).invocation.recording);
        }
        drop(state);
        self.environment.queue.wake();
        if let Some(process) = &self.environment.process {
            process.retirement.notify_one();
        }
    }
}
