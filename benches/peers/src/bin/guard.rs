//! Counts what this library does, and fails when a count is outside its band. CI runs it instead of
//! timings.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin guard`. Needs valgrind and
//! strace.

use std::process::ExitCode;

use lambda_stream_peers::counts::{self, Count};
use lambda_stream_peers::figure::Figure;
use lambda_stream_peers::programs;
use lambda_stream_peers::session::PEERS;
use lambda_stream_peers::source::Error;
use lambda_stream_peers::work::Work;

/// The bands of the counts, from and to.
const BANDS: [(Count, Work, [f64; 2]); 18] = [
    // Fifteen are hyper's, six the handler's head, two the prelude, one the path, one the context.
    (Count::Allocations, Work::Invocations, [24.5, 25.5]),
    // Shared frames use the memory of earlier ones.
    (Count::Allocations, Work::Ready64B, NONE),
    // The chunk is not copied.
    (Count::Allocations, Work::Ready64KiB, NONE),
    // A frame of its own takes no more than a shared one.
    (Count::Allocations, Work::Alone, NONE),
    // A chunk is handed over, not queued.
    (Count::Allocations, Work::Written64B, NONE),
    (Count::Instructions, Work::Invocations, near(58_300.0)),
    // The source, a look at the clock and a copy.
    (Count::Instructions, Work::Ready64B, near(144.0)),
    (Count::Instructions, Work::Ready1KiB, near(258.0)),
    // A frame and a write, and no copy, which would take eight thousand.
    (Count::Instructions, Work::Ready64KiB, near(2_770.0)),
    // A frame, a write and two polls of the connection.
    (Count::Instructions, Work::Alone, near(2_830.0)),
    // The same with a turn of the event loop, tokio's timer, and a chunk that the source allocates.
    (Count::Instructions, Work::Paced, near(7_030.0)),
    // The handler's state machine and the writer's lock are added.
    (Count::Instructions, Work::Written64B, near(608.0)),
    (Count::Instructions, Work::Written1KiB, near(733.0)),
    // A write, a wait and a read, for the event and again for the response.
    (Count::SystemCalls, Work::Invocations, [5.9, 6.1]),
    // A write for each 128 KiB, or each 50 µs; the tool slows the source down.
    (Count::SystemCalls, Work::Ready64B, [0.0, 0.004]),
    // A write each, and a wait when the socket is full.
    (Count::SystemCalls, Work::Ready64KiB, [0.98, 1.1]),
    // A write each, and a turn for others now and then.
    (Count::SystemCalls, Work::Alone, [1.0, 1.05]),
    // A write, a wait for the timer, and tokio's way to wake a task from it: a write to an eventfd
    // and a wait that finds it. A late machine saves some of them.
    (Count::SystemCalls, Work::Paced, [3.5, 4.2]),
];

/// No count, except for memory that grows once in a while.
const NONE: [f64; 2] = [0.0, 0.001];

/// A band for instructions, which another rustc or libc changes a little.
const fn near(value: f64) -> [f64; 2] {
    [value * 0.88, value * 1.12]
}

/// Number of times that a count outside its band is taken: batches are bounded by time, and end
/// earlier on a busy machine.
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
        let value = value.ok_or("this peer does not do this work")?;
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
