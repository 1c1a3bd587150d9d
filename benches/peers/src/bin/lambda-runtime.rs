//! `lambda_runtime`, as its documentation uses it.
//!
//! The arguments choose tokio's flavour (`mt` or `ct`), and whether `TCP_NODELAY` is switched on behind
//! its back (`nodelay`): its client has no option for that.

use std::sync::atomic::{AtomicU32, Ordering};

use lambda_runtime::streaming::Response;
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, service_fn};
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{HEADERS, chunks, on_this_thread, on_threads};
use lambda_stream_peers::source::Source;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// So many invocations look for a socket to set the option on, in case one connection is not the last;
/// they all belong to the time in which nothing is measured.
const LOOKING: u32 = 8;

fn main() -> Result<(), Error> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let looking = AtomicU32::new(if has("nodelay") { LOOKING } else { 0 });
    let run = lambda_runtime::run(service_fn(async |event: LambdaEvent<Plan>| {
        if looking.load(Ordering::Relaxed) > 0 {
            looking.fetch_sub(1, Ordering::Relaxed);
            force_nodelay()?;
        }
        Ok::<_, Error>(respond(event.payload))
    }));
    if has("mt") {
        on_threads(run)
    } else {
        on_this_thread(run)
    }
}

fn respond(plan: Plan) -> Response<Source> {
    let mut prelude = MetadataPrelude::default();
    for (name, value) in HEADERS {
        let value = http::HeaderValue::from_static(value);
        prelude.headers.insert(name, value);
    }
    Response {
        metadata_prelude: prelude,
        stream: chunks(plan),
    }
}

/// Switches `TCP_NODELAY` on for every TCP socket of this process.
///
/// The kernel makes a second descriptor of each of them: the option belongs to the socket, so it holds
/// for the client's descriptor too, and nothing stands between client and server afterwards.
fn force_nodelay() -> Result<(), Error> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut sockets = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // The descriptor that lists the directory is closed by now, and others are no sockets.
        if let Ok(descriptor) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) {
            sockets += u32::from(set_tcp_nodelay(&descriptor, true).is_ok());
        }
    }
    if sockets == 0 {
        return Err("no TCP socket was found".into());
    }
    Ok(())
}
