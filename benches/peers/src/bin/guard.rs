//! Counts what this library does, and fails when a count is outside its band: CI runs it in place of timings.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin guard`. Needs valgrind and strace.

use std::process::ExitCode;

use lambda_stream_peers::counts::{self, Count};
use lambda_stream_peers::figure::Figure;
use lambda_stream_peers::programs;
use lambda_stream_peers::session::PEERS;
use lambda_stream_peers::source::Error;
use lambda_stream_peers::work::Work;

/// What a count may be, from and to.
const BANDS: [(Count, Work, [f64; 2]); 18] = [
    // What one invocation keeps; the rest is the buffer of reads, which is new once heads have used it up.
    (Count::Allocations, Work::Invocations, [9.0, 9.5]),
    // Shared frames are built in memory that is kept.
    (Count::Allocations, Work::Ready64B, NONE),
    // The chunk goes as it is.
    (Count::Allocations, Work::Ready64KiB, NONE),
    // A frame of its own does not take more than a shared one.
    (Count::Allocations, Work::Alone, NONE),
    // A chunk passes from hand to hand, not through a queue.
    (Count::Allocations, Work::Written64B, NONE),
    // What hyper's client takes more has to stay away.
    (Count::Instructions, Work::Invocations, near(26_190.0)),
    // With the source's part, as in all that follow, and an eighth of a look at the clock.
    (Count::Instructions, Work::Ready64B, near(116.0)),
    // One copy more than with 64 B, of a vector register at a time.
    (Count::Instructions, Work::Ready1KiB, near(243.0)),
    // A frame each, and no copy: that would be eight thousand. How many leave in one write, and so share what
    // it takes, depends on time.
    (Count::Instructions, Work::Ready64KiB, [400.0, 800.0]),
    // A frame and a write each, and no turn of the event loop.
    (Count::Instructions, Work::Alone, near(1_107.0)),
    // The same with a turn of the event loop, tokio's timer, and a chunk that the source allocates and stamps.
    (Count::Instructions, Work::Paced, near(4_050.0)),
    // The handler's state and the writer's lock come on top of what a returned chunk takes.
    (Count::Instructions, Work::Written64B, near(166.0)),
    (Count::Instructions, Work::Written1KiB, near(298.0)),
    // A write, a wait and a read, for the event and again for the response: head and first chunk are one write.
    (Count::SystemCalls, Work::Invocations, [5.9, 6.1]),
    // A write for each 512 KiB, or each 50 µs.
    (Count::SystemCalls, Work::Ready64B, [0.0, 0.002]),
    // A write for eight of them, and a wait now and then when the socket is full.
    (Count::SystemCalls, Work::Ready64KiB, [0.12, 0.3]),
    // The write, and a turn for others now and then.
    (Count::SystemCalls, Work::Alone, [1.0, 1.05]),
    // The write, a wait for the timer, and tokio's way to wake a task from it: a write to an eventfd and a wait
    // that finds it. A machine that is late saves some of them.
    (Count::SystemCalls, Work::Paced, [3.5, 4.1]),
];

/// Nothing, but for what grows once in a while.
const NONE: [f64; 2] = [0.0, 0.001];

/// Another rustc or libc makes other instructions of the same code, so a count of them may be an eighth off.
const fn near(value: f64) -> [f64; 2] {
    [value * 0.88, value * 1.12]
}

/// What is bounded by time ends earlier on a busy machine, so a count outside its band is made again.
const TRIES: usize = 3;

fn main() -> Result<ExitCode, Error> {
    let peer = &PEERS[0];
    counts::have_tools()?;
    let directory = programs::build(vec![peer.program, "written"])?;

    let mut complaints = Vec::new();
    println!("| | is | from | to |\n|---|---:|---:|---:|");
    for (count, work, [from, to]) in BANDS {
        let mut value = count.of(work, peer, &directory)?;
        for _ in 1..TRIES {
            if value.is_some_and(|value| (from..=to).contains(&value)) {
                break;
            }
            value = count.of(work, peer, &directory)?;
        }
        let value = value.ok_or("it does not do this work")?;
        let figure = Figure::Counted(count, work);
        let name = figure.name();
        let [is, least, most] = [value, from, to].map(|value| figure.show(value));
        println!("| {name} | {is} | {least} | {most} |");
        let what = if value > to {
            "it has grown"
        } else if value < from {
            "it has shrunk: tighten the band in guard.rs"
        } else {
            continue;
        };
        complaints.push(format!("{name}: {is} is outside {least} to {most}: {what}"));
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
