//! Runs one peer under callgrind, and leaves the profile where it says.
//!
//! `cargo run --release --bin profile -- PEER WORK FILE`, where PEER is a program of this package and WORK
//! is `invocations`, `ready` (chunks that are ready together) or `alone`. Build with
//! `CARGO_PROFILE_RELEASE_DEBUG=1 CARGO_PROFILE_RELEASE_STRIP=none`, or there are no names in it; read it
//! with `callgrind_annotate FILE`.

use std::env;

use lambda_stream_peers::plan::Plan;
use lambda_stream_peers::session::{PEERS, Session};
use lambda_stream_peers::source::Error;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [peer, work, file] = &arguments[..] else {
        return Err("which peer, which work, and where to?".into());
    };
    let peer = PEERS.iter().find(|candidate| candidate.program == peer);
    let peer = peer.ok_or("no such peer")?;
    let (invocations, plan) = match work.as_str() {
        "invocations" => (2_000, Plan::ready(1, 64)),
        "ready" => (1, Plan::ready(100_000, 64)),
        "alone" => (1, Plan::alone(20_000, 64)),
        _ => return Err("no such work".into()),
    };
    let program = env::current_exe()?;
    let directory = program.parent().ok_or("a program without a directory")?;
    let file = format!("--callgrind-out-file={file}");
    let under = ["valgrind", "--tool=callgrind", "--quiet", &file];
    let mut session = Session::start(peer, directory, &under)?;
    for _ in 0..invocations {
        session.server.invoke(plan, drop);
    }
    session.end()
}
