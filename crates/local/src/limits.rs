//! Every limit and waiting time of the local Lambda, with its reason.

use std::time::Duration;

/// Longest time a function may run (AWS, "Lambda quotas": 15 minutes). It is also the timeout
/// unless another one is set.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Maximum number of open connections on each port. Browsers open six for each host, and a load
/// test a few hundred; beyond this number the file descriptors of the process would run out first.
pub(crate) const CONNECTIONS: usize = 1024;

/// Maximum number of invocations that wait for a program.
pub(crate) const QUEUED_INVOCATIONS: usize = 1000;

/// Maximum number of bytes of all events that are being received, wait, or were handed out and are
/// not answered yet: ten of the largest events.
pub(crate) const EVENT_BYTES: usize = 64 * 1024 * 1024;

/// Maximum time between the first and the last byte of a request's head.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum time between two pieces of a request's body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take nothing of its response while others wait for its place.
pub(crate) const STALLED_CLIENT: Duration = Duration::from_secs(10);

/// How long a client must have taken nothing before a program that asks for work is taken for a new
/// one. What a program wrote before it died lies in the buffers of the system, and so does the end
/// of its connection.
pub(crate) const STALLED_RESPONSE: Duration = Duration::from_millis(50);

/// How long a program may go on with an invocation whose client left before the head. A program
/// that is about to answer does so undisturbed; after that its connection is closed, which is how
/// it learns that the client has left.
pub(crate) const ABANDONED_INVOCATION: Duration = Duration::from_secs(1);

/// How long the rest of a body is read that no client waits for.
pub(crate) const UNWANTED_REST: Duration = Duration::from_secs(1);

/// How long after the end of its request a client that has shut down its sending side may still be
/// one that only said that it has nothing more to send, although its response has begun.
pub(crate) const HALF_CLOSE_GRACE: Duration = Duration::from_millis(100);

/// How often a client that has shut down its sending side is looked at while it waits.
pub(crate) const HALF_CLOSE_CHECK: Duration = Duration::from_millis(100);

/// How often invocations are looked at for timeouts, while there are any.
pub(crate) const SWEEP: Duration = Duration::from_millis(50);

/// How long an invocation waits before the terminal says for whom.
pub(crate) const TOLD_WAIT: Duration = Duration::from_secs(2);

/// Maximum number of lines that wait for a slow terminal.
pub(crate) const TERMINAL_LINES: usize = 1024;

/// How long a server that stops waits for its terminal.
pub(crate) const TERMINAL_END: Duration = Duration::from_millis(200);

/// How long a started program may wait without an invocation before it is ended.
pub(crate) const IDLE_ENVIRONMENT: Duration = Duration::from_secs(5 * 60);

/// How long a program that is asked to end may take.
pub(crate) const PROCESS_END: Duration = Duration::from_millis(300);

/// Largest end of an invocation's log that a caller gets, in bytes (AWS, "Lambda API reference",
/// `Invoke`: 4 KB).
pub(crate) const LOG_TAIL: usize = 4 * 1024;

/// Number of invocations that the page shows, unless another one is set. With [`KEPT_BYTES`],
/// [`KEPT_MARKS`], heads and errors they take about 60 MB at the very most.
pub(crate) const KEPT_INVOCATIONS: usize = 100;

/// Number of bytes that are kept of one invocation's payload, and as many of its event and of its
/// log, unless another one is set.
pub(crate) const KEPT_BYTES: usize = 128 * 1024;

/// Maximum number of marks in the timeline of a response, an even number.
pub(crate) const KEPT_MARKS: usize = 1024;

/// How long a feed waits after an update before it sends the next one: a browser draws no faster,
/// and what comes meanwhile is sent in one piece.
pub(crate) const FEED_PAUSE: Duration = Duration::from_millis(50);

/// How long a feed sends nothing before it shows that it is there.
pub(crate) const FEED_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often watched files are looked at. A change counts once a file has stayed the same from one
/// look to the next.
pub(crate) const WATCH: Duration = Duration::from_millis(200);
