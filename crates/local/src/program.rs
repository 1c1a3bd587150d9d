//! A program that the local Lambda starts by itself.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// A program that answers invocations, in any language, which the local Lambda starts, watches and
/// ends.
///
/// It is started with the environment variables of a function on AWS, and speaks the Runtime API at
/// `AWS_LAMBDA_RUNTIME_API`. See [`ServerBuilder::program`](crate::ServerBuilder::program).
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) executable: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) handler: String,
    pub(crate) memory_mb: u32,
    pub(crate) own_group: bool,
    pub(crate) watched: Vec<PathBuf>,
}

impl Program {
    /// Returns a program that is started as this executable, without arguments.
    pub fn new(executable: impl Into<OsString>) -> Self {
        Self {
            executable: executable.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            name: "local".to_owned(),
            handler: "bootstrap".to_owned(),
            memory_mb: 128,
            own_group: true,
            watched: Vec::new(),
        }
    }

    /// Returns the current program with its arguments, for further copies of it.
    ///
    /// Copies belong to the process group of the current program, so that Ctrl-C ends all of them.
    ///
    /// # Errors
    ///
    /// When the system does not tell the path of the executable.
    pub fn current() -> io::Result<Self> {
        let mut program = Self::new(std::env::current_exe()?);
        program.arguments = std::env::args_os().skip(1).collect();
        program.own_group = false;
        Ok(program)
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable; the others are those of this process.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Sets the directory that it is started in, which is also `LAMBDA_TASK_ROOT`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the function's name, `AWS_LAMBDA_FUNCTION_NAME`; the default is `local`.
    #[must_use]
    pub fn function_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the function's handler, `_HANDLER`; the default is `bootstrap`.
    #[must_use]
    pub fn handler(mut self, handler: impl Into<String>) -> Self {
        self.handler = handler.into();
        self
    }

    /// Sets `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB; the default is 128. It is not enforced.
    #[must_use]
    pub fn memory(mut self, mb: u32) -> Self {
        self.memory_mb = mb;
        self
    }

    /// Starts the program anew when this file changes, such as its executable or its source:
    /// running processes answer what they work on, and new invocations go to new ones.
    #[must_use]
    pub fn watch(mut self, file: impl Into<PathBuf>) -> Self {
        self.watched.push(file.into());
        self
    }
}
