//! One process of a program.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::AsyncRead;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::id::request_id;
use crate::limits::PROCESS_END;
use crate::program::Program;

/// A running process; dropping it ends it and, where it leads a process group, every other process of
/// the group.
pub(super) struct Process {
    child: Child,
    own_group: bool,
    /// The group that it was started as the leader of.
    #[cfg(unix)]
    group: Option<Pid>,
}

impl Process {
    /// Starts a program whose Runtime API is at this address.
    pub(super) fn start(
        program: &Program,
        runtime_api: SocketAddr,
        concurrency: usize,
    ) -> io::Result<Self> {
        let mut command = Command::new(&program.executable);
        command
            .args(&program.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        set_variables(&mut command, program, concurrency);
        command
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .envs(program.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &program.directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        if program.own_group {
            command.process_group(0);
        }
        #[cfg_attr(not(unix), allow(unused_mut))]
        let mut process = Self {
            child: command.spawn()?,
            own_group: program.own_group,
            #[cfg(unix)]
            group: None,
        };
        #[cfg(unix)]
        if program.own_group {
            process.group = process.id();
        }
        Ok(process)
    }

    /// Returns what the process writes.
    pub(super) fn outputs(&mut self) -> Vec<Box<dyn AsyncRead + Unpin>> {
        let mut outputs: Vec<Box<dyn AsyncRead + Unpin>> = Vec::new();
        if let Some(stdout) = self.child.stdout.take() {
            outputs.push(Box::new(stdout));
        }
        if let Some(stderr) = self.child.stderr.take() {
            outputs.push(Box::new(stderr));
        }
        outputs
    }

    /// Waits for the end of the process, and returns how it ended.
    pub(super) async fn exited(&mut self) -> io::Result<String> {
        Ok(self.child.wait().await?.to_string())
    }

    /// Asks the process to end, and ends it where it does not.
    pub(super) async fn end(mut self) {
        self.terminate();
        if timeout(PROCESS_END, self.child.wait()).await.is_err() {
            self.kill();
            // An error leaves the rest to `drop`.
            let _ = self.child.wait().await;
        }
    }

    /// Asks the process to end.
    fn terminate(&self) {
        #[cfg(unix)]
        if let Some(id) = self.id() {
            let _ = if self.own_group {
                kill_process_group(id, Signal::TERM)
            } else {
                kill_process(id, Signal::TERM)
            };
        }
    }

    /// Ends the process, and every other one of its group.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // There may be none left.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.start_kill();
    }

    /// Returns its number; `None` once it has ended, as it may be another's then.
    #[cfg(unix)]
    fn id(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.terminate();
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > PROCESS_END {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Also where the process has ended: those that it has started may have not.
        self.kill();
        let _ = self.child.try_wait();
    }
}

/// Sets the variables that a function has on AWS (AWS, "Defined runtime environment variables").
fn set_variables(command: &mut Command, program: &Program, concurrency: usize) {
    let directory = program
        .directory
        .clone()
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default();
    command
        .env("_HANDLER", &program.handler)
        .env("LAMBDA_TASK_ROOT", &directory)
        .env("AWS_LAMBDA_FUNCTION_NAME", &program.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            program.memory_mb.to_string(),
        )
        .env(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", program.name),
        )
        .env(
            "AWS_LAMBDA_LOG_STREAM_NAME",
            format!("local/[$LATEST]{}", request_id()),
        );
    if concurrency > 1 {
        command
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
            .env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency.to_string());
    } else {
        command
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env_remove("AWS_LAMBDA_MAX_CONCURRENCY");
    }
    // The region of the developer's own configuration is the better one.
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if std::env::var_os(name).is_none() {
            command.env(name, "us-east-1");
        }
    }
}
