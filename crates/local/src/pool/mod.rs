//! Starts programs for invocations that find none free, as AWS starts execution environments.

mod output;
mod process;
mod watch;

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;

use tokio::task::JoinSet;
use tokio::time::sleep;

use self::output::pass_on;
use self::process::Process;
use self::watch::Watch;
use crate::guard::Guard;
use crate::invocation::{Environment, EnvironmentOptions, Fault, Queue};
use crate::limits::{IDLE_ENVIRONMENT, SWEEP};
use crate::listen::serve_program;
use crate::program::Program;
use crate::runtime_api::RuntimeApi;
use crate::serve::listener;
use crate::terminal::Terminal;
use lambda_stream_wire::failure::kind;

/// The environments of one program.
pub(crate) struct Pool {
    queue: Rc<Queue>,
    terminal: Terminal,
    guard: Guard,
    options: EnvironmentOptions,
    program: Program,
    /// Maximum number of environments that are started.
    maximum: usize,
    /// Environments that exist; the first may be one that was not started here.
    environments: RefCell<Vec<Rc<Environment>>>,
}

/// Why a program is no longer needed.
enum Ended {
    Exited(String),
    /// An invocation ran into its timeout.
    TimedOut,
    /// It has waited for long, or has been replaced.
    Unneeded,
}

impl Pool {
    pub(crate) fn new(
        queue: Rc<Queue>,
        terminal: Terminal,
        guard: Guard,
        options: EnvironmentOptions,
        program: Program,
        maximum: usize,
        existing: Option<Rc<Environment>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            queue,
            terminal,
            guard,
            options,
            program,
            maximum: maximum + usize::from(existing.is_some()),
            environments: RefCell::new(existing.into_iter().collect()),
        })
    }

    /// Starts environments as they are needed, and replaces them when the program has changed, for
    /// ever.
    pub(crate) async fn run(self: Rc<Self>) {
        let mut watch = Watch::new(self.program.watched.clone());
        tokio::join!(self.start_as_needed(), async {
            loop {
                watch.changed().await;
                self.replace();
            }
        });
    }

    /// Ends all environments as soon as they have answered what they work on; new invocations go to
    /// new ones.
    fn replace(&self) {
        self.terminal
            .line("the program has changed: new invocations go to the new one");
        for environment in self.environments.borrow().iter() {
            environment.retire();
        }
    }

    async fn start_as_needed(self: &Rc<Self>) {
        let mut number = self.environments.borrow().len();
        loop {
            if self.queue.is_empty() {
                self.queue.active().await;
            }
            // A program that has just answered asks for its next invocation within this time.
            sleep(SWEEP).await;
            while self.needs_another() {
                number += 1;
                self.start(number);
            }
        }
    }

    /// Returns whether more invocations wait than there are programs to take them.
    fn needs_another(&self) -> bool {
        let environments = self.environments.borrow();
        let free: usize = environments.iter().map(|it| it.room()).sum();
        // One that is about to end makes room for its successor.
        let staying = environments.iter().filter(|it| !it.is_retiring()).count();
        staying < self.maximum && self.queue.len() > free
    }

    fn start(self: &Rc<Self>, number: usize) {
        let environment = Environment::managed(
            Rc::clone(&self.queue),
            self.terminal.clone(),
            self.options.clone(),
        );
        let environment = Rc::new(environment);
        self.environments.borrow_mut().push(Rc::clone(&environment));
        let pool = Rc::clone(self);
        tokio::task::spawn_local(async move {
            if let Err(error) = pool.serve(&environment, number).await {
                let program = pool.program.executable.to_string_lossy();
                let message = format!("the program `{program}` cannot be started: {error}");
                environment.end(&Fault::new(kind::EXIT_ERROR, message));
            }
            let mut environments = pool.environments.borrow_mut();
            environments.retain(|it| !Rc::ptr_eq(it, &environment));
            drop(environments);
            pool.queue.wake();
        });
    }

    /// Runs one program to its end.
    async fn serve(&self, environment: &Rc<Environment>, number: usize) -> io::Result<()> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let api = Rc::new(RuntimeApi::new(
            Rc::clone(environment),
            self.guard.clone(),
            self.terminal.clone(),
        ));
        // Dropped, and with that ended, when this returns.
        let mut tasks = JoinSet::new();
        tasks.spawn_local(serve_program(listener(socket)?, api, self.terminal.clone()));
        tasks.spawn_local(Rc::clone(environment).watch());
        let mut process = Process::start(&self.program, address, self.options.concurrency)?;
        for output in process.outputs() {
            let (terminal, environment) = (self.terminal.clone(), Rc::clone(environment));
            // Not among the tasks: what the program wrote last is shown after its end.
            tokio::task::spawn_local(pass_on(output, move |line| {
                environment.log(line);
                terminal.output(&format!("[{number}] {line}"));
            }));
        }
        let ended = tokio::select! {
            status = process.exited() => Ended::Exited(status?),
            () = environment.timed_out() => Ended::TimedOut,
            () = environment.retired() => Ended::Unneeded,
            () = environment.idle(IDLE_ENVIRONMENT) => Ended::Unneeded,
        };
        process.end().await;
        match ended {
            Ended::Exited(status) => {
                let message = format!("Runtime exited with {status}");
                self.terminal
                    .line(&format!("[{number}] the program ended: {status}"));
                environment.end(&Fault::new(kind::EXIT_ERROR, message));
            }
            Ended::TimedOut => {
                self.terminal
                    .line(&format!("[{number}] the program was ended at the timeout"));
                environment.end(&Fault::exited());
            }
            Ended::Unneeded => {}
        }
        Ok(())
    }
}
