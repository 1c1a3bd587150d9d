//! Options of the local Lambda.

use std::io::Write;
use std::time::Duration;

use crate::limits::{KEPT_BYTES, KEPT_INVOCATIONS, LONGEST_TIMEOUT, STALLED_CLIENT};
use crate::record::Bounds;
use crate::{
    ADDRESS_VARIABLE, ALLOWED_HOSTS_VARIABLE, DEFAULT_ADDRESS, KEEP_BYTES_VARIABLE,
    KEEP_INVOCATIONS_VARIABLE, LocalError, PUBLIC_VARIABLE, Program, Server, TIMEOUT_VARIABLE,
};

/// Options of a [`Server`], which [`start`](Self::start) starts.
///
/// ```
/// use std::time::Duration;
///
/// use lambda_stream_local::Server;
///
/// # fn main() -> Result<(), lambda_stream_local::LocalError> {
/// let server = Server::builder()
///     .address("127.0.0.1:0")
///     .timeout(Duration::from_secs(3))
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is started"]
pub struct ServerBuilder {
    pub(crate) address: String,
    pub(crate) output: Option<Box<dyn Write + Send>>,
    pub(crate) timeout: Duration,
    pub(crate) client_timeout: Duration,
    pub(crate) concurrency: usize,
    pub(crate) public: bool,
    pub(crate) allowed_hosts: Vec<String>,
    /// A program that is started, and how often.
    pub(crate) program: Option<(Program, usize)>,
    /// Whether a program that was started elsewhere uses the Runtime API as well.
    pub(crate) shares: bool,
    /// How much the page keeps.
    pub(crate) bounds: Bounds,
    /// A variable whose value is not a number.
    pub(crate) malformed: Option<(&'static str, String)>,
}

impl ServerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            address: DEFAULT_ADDRESS.to_owned(),
            output: None,
            timeout: LONGEST_TIMEOUT,
            client_timeout: STALLED_CLIENT,
            concurrency: 1,
            public: false,
            allowed_hosts: Vec::new(),
            program: None,
            shares: false,
            bounds: Bounds {
                invocations: KEPT_INVOCATIONS,
                bytes: KEPT_BYTES,
            },
            malformed: None,
        }
    }

    /// Takes the options that the environment sets: [`ADDRESS_VARIABLE`], [`PUBLIC_VARIABLE`] (`1`
    /// allows addresses that other machines can reach), [`ALLOWED_HOSTS_VARIABLE`] (names
    /// separated by commas), [`TIMEOUT_VARIABLE`], [`KEEP_INVOCATIONS_VARIABLE`] and
    /// [`KEEP_BYTES_VARIABLE`].
    pub fn from_env(mut self) -> Self {
        if let Some(address) = std::env::var_os(ADDRESS_VARIABLE) {
            self.address = address.to_string_lossy().into_owned();
        }
        if std::env::var_os(PUBLIC_VARIABLE).is_some_and(|value| value == "1") {
            self.public = true;
        }
        if let Ok(hosts) = std::env::var(ALLOWED_HOSTS_VARIABLE) {
            let hosts = hosts.split(',').map(str::trim);
            let named = hosts.filter(|host| !host.is_empty()).map(str::to_owned);
            self.allowed_hosts.extend(named);
        }
        if let Some(seconds) = self.number(TIMEOUT_VARIABLE) {
            // The least that AWS allows is a second.
            self = self.timeout(Duration::from_secs(seconds.max(1) as u64));
        }
        if let Some(invocations) = self.number(KEEP_INVOCATIONS_VARIABLE) {
            self.bounds.invocations = invocations;
        }
        if let Some(bytes) = self.number(KEEP_BYTES_VARIABLE) {
            self.bounds.bytes = bytes;
        }
        self
    }

    /// Returns the number that a variable has; one that is not a number fails the start.
    fn number(&mut self, variable: &'static str) -> Option<usize> {
        let value = std::env::var_os(variable)?.to_string_lossy().into_owned();
        let number = value.parse().ok();
        if number.is_none() {
            self.malformed = Some((variable, value));
        }
        number
    }

    /// Sets where clients are served, as `host:port`; port 0 takes any free port. The default is
    /// [`DEFAULT_ADDRESS`].
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Allows an address that other machines can reach, such as `0.0.0.0:7000`; without it only
    /// loopback addresses are taken.
    ///
    /// Whoever reaches the address can invoke the function. The terminal says so at the start.
    pub fn allow_public(mut self, allowed: bool) -> Self {
        self.public = allowed;
        self
    }

    /// Writes a line for each finished invocation and each refused request to stderr.
    pub fn terminal(self) -> Self {
        self.output(std::io::stderr())
    }

    /// Writes the same lines to this output, on a thread of its own. Lines are dropped, and
    /// counted, while the output blocks.
    pub fn output(mut self, output: impl Write + Send + 'static) -> Self {
        self.output = Some(Box::new(output));
        self
    }

    /// Sets how long the program may take to answer an invocation, to the end of its response. The
    /// default, and the most, is 15 minutes.
    ///
    /// At that time the client gets the error that AWS gives (`Sandbox.Timedout`) or, in the middle
    /// of a response, a broken transfer; and the connection of the program is closed. The program
    /// is told its deadline with each invocation.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// Sets how long a client may take nothing of its response while others wait; then its
    /// connection is closed, and the program goes on with the next invocation. The default is 10
    /// seconds.
    ///
    /// While no other client waits, it may take as long as it wants.
    pub fn client_timeout(mut self, timeout: Duration) -> Self {
        self.client_timeout = timeout;
        self
    }

    /// Sets how many invocations the program may work on at once. The default is 1, as on AWS: a
    /// program that asks for an invocation before it has answered the last is refused with 403.
    ///
    /// A program that asks on several connections at once, such as one that is made for Lambda
    /// Managed Instances, is handed one invocation on each of them, up to this number. 0 means 1.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Allows requests whose `Host` or `Origin` has this name, in addition to `localhost`,
    /// `*.localhost` and addresses of this machine.
    ///
    /// A name that others can point to this machine lets their web pages use the local Lambda.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Starts this program when an invocation finds none free, up to `maximum` processes at once.
    ///
    /// Each process has a Runtime API of its own, so [`Server::runtime_api`] is not served. A
    /// process that fails fails what it was working on, and the next invocation starts another one;
    /// at the [timeout](Self::timeout) it is killed, as on AWS. What it writes is shown with its
    /// number in front. Processes that wait for five minutes are ended, and all of them with the
    /// server.
    pub fn program(mut self, program: Program, maximum: usize) -> Self {
        self.program = Some((program, maximum.max(1)));
        self.shares = false;
        self
    }

    /// Starts this program when an invocation finds none free, in addition to the one that uses
    /// [`Server::runtime_api`], up to `maximum` further processes at once. 0 means none.
    ///
    /// For the rest, see [`program`](Self::program).
    pub fn further_processes(mut self, program: Program, maximum: usize) -> Self {
        self.program = (maximum > 0).then_some((program, maximum));
        self.shares = true;
        self
    }

    /// Sets how many invocations the page `/_lambda/` shows; 0 turns it off. The default is 100.
    ///
    /// When there are more, those that ended longest ago are forgotten first. See
    /// [`keep_bytes`](Self::keep_bytes) for what one of them takes.
    pub fn keep_invocations(mut self, maximum: usize) -> Self {
        self.bounds.invocations = maximum;
        self
    }

    /// Sets how many bytes of an invocation's payload the page `/_lambda/` shows, and how many of
    /// its event and of its log. The default is 128 KiB.
    ///
    /// Of a payload and an event the beginning is kept, of a log the end. An event that is not kept
    /// as a whole cannot be sent again. Besides these, an invocation takes at most 24 KiB for its
    /// timeline and what its head, its trailers and an error message of at most 16 KiB take.
    pub fn keep_bytes(mut self, maximum: usize) -> Self {
        self.bounds.bytes = maximum;
        self
    }

    /// The function's name.
    pub(crate) fn function_name(&self) -> &str {
        self.program
            .as_ref()
            .map_or("local", |(program, _)| &program.name)
    }

    /// Whether a program that was started elsewhere uses the Runtime API.
    pub(crate) fn serves_runtime_api(&self) -> bool {
        self.program.is_none() || self.shares
    }

    /// Starts the server. Both ports accept connections when this returns.
    ///
    /// # Errors
    ///
    /// When the address is malformed, taken or not one of this machine; the text says what to do.
    pub fn start(self) -> Result<Server, LocalError> {
        Server::start_with(self)
    }
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .field("client_timeout", &self.client_timeout)
            .field("concurrency", &self.concurrency)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("bounds", &self.bounds)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_without_a_number_fails_the_start() {
        let mut options = ServerBuilder::new().address("127.0.0.1:0");
        options.malformed = Some((KEEP_BYTES_VARIABLE, "many".to_owned()));
        assert_eq!(
            options.start().unwrap_err().to_string(),
            "LAMBDA_STREAM_LOCAL_KEEP_BYTES is \"many\", not a number from 0 on"
        );
    }
}
