//! Runs one peer under callgrind, and writes the profile to a file.
//!
//! `cargo run --release --bin profile -- PEER WORK FILE`, where PEER is a program of this package and
//! WORK is one of `invocations`, `ready`, `ready-1k`, `large`, `alone`, `paced`, `written` and
//! `written-1k`. Names need `CARGO_PROFILE_RELEASE_DEBUG=1 CARGO_PROFILE_RELEASE_STRIP=none`. Read the
//! file with `callgrind_annotate FILE`.

use std::env;

use lambda_stream_peers::programs;
use lambda_stream_peers::session::{PEERS, Session};
use lambda_stream_peers::source::Error;
use lambda_stream_peers::work::Work;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [peer, work, file] = &arguments[..] else {
        return Err("usage: profile PEER WORK FILE".into());
    };
    let peer = PEERS.iter().find(|candidate| candidate.program == peer);
    let peer = peer.ok_or("unknown peer")?;
    let work = Work::ALL.into_iter().find(|known| known.word() == work);
    let work = work.ok_or("unknown work")?;
    let peer = work.done_by(peer).ok_or("it has no writer")?;
    let directory = programs::build(vec![peer.program])?;
    let file = format!("--callgrind-out-file={file}");
    let under = ["valgrind", "--tool=callgrind", "--quiet", &file];
    let mut session = Session::start(&peer, &directory, &under)?;
    // Enough that start and end are negligible.
    let (invocations, plan) = work.of(4 * work.units(&peer));
    for _ in 0..invocations {
        session.server.invoke(plan, drop);
    }
    session.end()
}
