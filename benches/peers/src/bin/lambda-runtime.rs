//! `lambda_runtime`, as its documentation uses it.
//!
//! The arguments choose tokio's flavour (`mt` or `ct`), and whether `TCP_NODELAY` is switched on
//! from outside (`nodelay`): its client has no option for that.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use lambda_runtime::streaming::Response;
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, service_fn};
use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::serve::{HEADERS, chunks, on_this_thread, on_threads};
use lambda_stream_peers::source::Source;
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Highest number of a descriptor of this process.
const DESCRIPTORS: i32 = 24;

fn main() -> Result<(), Error> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let force = match has("nodelay") {
        true => Some(Force::new()?),
        false => None,
    };
    let force: &'static Option<Force> = Box::leak(Box::new(force));
    let run = lambda_runtime::run(service_fn(async |event: LambdaEvent<Plan>| {
        Ok::<_, Error>(respond(event.payload, force.as_ref()))
    }));
    if has("mt") {
        on_threads(run)
    } else {
        on_this_thread(run)
    }
}

fn respond(plan: Plan, force: Option<&'static Force>) -> Response<Chunks> {
    let mut prelude = MetadataPrelude::default();
    for (name, value) in HEADERS {
        let value = http::HeaderValue::from_static(value);
        prelude.headers.insert(name, value);
    }
    Response {
        metadata_prelude: prelude,
        stream: Chunks {
            source: chunks(plan),
            force,
        },
    }
}

/// Chunks that switch `TCP_NODELAY` on when the first of them is asked for.
///
/// Not earlier: the multi-thread flavour makes a new connection for every few dozen responses. By then
/// the prelude has been taken, so the connection is the one that the response leaves on, and bytes that
/// it holds back leave as soon as the option is set.
struct Chunks {
    source: Source,
    force: Option<&'static Force>,
}

impl Stream for Chunks {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(force) = this.force.take() {
            force.nodelay();
        }
        Pin::new(&mut this.source).poll_next(cx)
    }
}

/// Switches `TCP_NODELAY` on for every socket of this process.
///
/// The kernel makes a second descriptor of each of them: the option belongs to the socket, so it holds
/// for the client's descriptor too, and nothing stands between client and server afterwards.
struct Force {
    this: OwnedFd,
    /// Descriptors that are not sockets, one bit each.
    others: AtomicU64,
}

impl Force {
    fn new() -> Result<Self, Error> {
        Ok(Self {
            this: pidfd_open(getpid(), PidfdFlags::empty())?,
            others: AtomicU64::new(0),
        })
    }

    fn nodelay(&self) {
        let others = self.others.load(Ordering::Relaxed);
        for number in (0..DESCRIPTORS).filter(|number| others & 1 << number == 0) {
            let Ok(descriptor) = pidfd_getfd(&self.this, number, PidfdGetfdFlags::empty()) else {
                continue;
            };
            if set_tcp_nodelay(&descriptor, true).is_err() {
                self.others.fetch_or(1 << number, Ordering::Relaxed);
            }
        }
    }
}
