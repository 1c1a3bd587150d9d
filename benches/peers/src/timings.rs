//! Timings: the medians of one round.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::figure::{Figure, Figures, percentile};
use crate::plan::Plan;
use crate::server::Server;
use crate::session::{PEERS, Session};
use crate::source::Error;

const ONE_CHUNK: Plan = Plan::ready(1, 64);

/// Measuring begins after this number of invocations, or this time.
const WARM_UP: (u32, Duration) = (300, Duration::from_secs(1));

/// Number of invocations whose first bytes make one round, and the longest time for them.
const FIRST_BYTES: (u32, Duration) = (3_000, Duration::from_secs(2));

/// The responses whose throughput is measured.
const RATES: [(Figure, Plan); 4] = [
    (Figure::Rate64B, Plan::ready(64 * 1024, 64)),
    (Figure::Rate1KiB, Plan::ready(16 * 1024, 1024)),
    (Figure::Rate64KiB, Plan::ready(1024, 64 * 1024)),
    (Figure::RateMixed, Plan::mixed(16 * 1024)),
];

/// Number of responses in one round, and the longest time for them. On two cores, one response may be
/// much faster than the next, depending on where the system runs both sides.
const RESPONSES: (u32, Duration) = (60, Duration::from_millis(700));

/// A response of about a second and a half, and how many of them make one round.
const PACED: (Plan, usize) = (Plan::paced(700, 64, 2_000), 3);

/// Number of processes of each peer that are started in one round.
const STARTS: usize = 40;

/// Measures how long each peer takes to start.
///
/// They take turns after each start: load on the machine lasts longer than a start does.
///
/// # Errors
///
/// When a process cannot be started or exits with an error.
pub fn starts(figures: &mut Figures, peers: &[usize], directory: &Path) -> Result<(), Error> {
    let mut starts = vec![Vec::new(); peers.len()];
    for _ in 0..STARTS {
        for (peer, starts) in peers.iter().zip(&mut starts) {
            let session = on_one_core(|| Session::start(&PEERS[*peer], directory, &[]))??;
            starts.push(ms(session.start));
            session.end()?;
        }
    }
    for (peer, starts) in peers.iter().zip(&mut starts) {
        figures.add(Figure::Start, *peer, percentile(starts, 50));
    }
    Ok(())
}

/// Measures one peer once.
///
/// # Errors
///
/// When its process cannot be started or exits with an error.
pub fn round(figures: &mut Figures, peer: usize, directory: &Path) -> Result<(), Error> {
    let start = || Session::start(&PEERS[peer], directory, &[]);
    let mut session = on_one_core(start)??;
    on_one_core(|| {
        one_after_another(figures, peer, &mut session.server);
        paced(figures, peer, &mut session.server);
    })?;
    session.end()?;

    let mut session = start()?;
    let server = &mut session.server;
    repeat(WARM_UP, || server.invoke(ONE_CHUNK, drop));
    for (figure, plan) in RATES {
        let mut rates = Vec::new();
        repeat(RESPONSES, || {
            let taken = server.invoke(plan, drop).end;
            rates.push(plan.bytes() as f64 / taken.as_secs_f64() / 1e6);
        });
        figures.add(figure, peer, percentile(&mut rates, 50));
    }
    session.end()
}

fn one_after_another(figures: &mut Figures, peer: usize, server: &mut Server) {
    repeat(WARM_UP, || server.invoke(ONE_CHUNK, drop));
    let began = server.asked();
    let mut first_bytes = Vec::new();
    repeat(FIRST_BYTES, || {
        first_bytes.push(us(server.invoke(ONE_CHUNK, drop).first_byte));
    });
    let whole = server.asked() - began;
    let rate = first_bytes.len() as f64 / whole.as_secs_f64();
    figures.add(Figure::Invocations, peer, rate);
    figures.add(Figure::FirstByteP50, peer, percentile(&mut first_bytes, 50));
    figures.add(Figure::FirstByteP99, peer, percentile(&mut first_bytes, 99));
}

fn paced(figures: &mut Figures, peer: usize, server: &mut Server) {
    let (plan, times) = PACED;
    let mut latencies = Vec::new();
    for _ in 0..times {
        server.invoke(plan, |latency| latencies.push(us(latency)));
    }
    figures.add(Figure::LatencyP50, peer, percentile(&mut latencies, 50));
    figures.add(Figure::LatencyP99, peer, percentile(&mut latencies, 99));
}

fn repeat<T>((times, longest): (u32, Duration), mut what: impl FnMut() -> T) {
    let began = Instant::now();
    for _ in 0..times {
        what();
        if began.elapsed() > longest {
            return;
        }
    }
}

/// Runs this on one core, together with the processes that it starts.
///
/// Waking another core takes longer than what is measured, and is not always necessary.
fn on_one_core<T>(what: impl FnOnce() -> T) -> Result<T, Error> {
    let all = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|core| all.is_set(*core));
    let mut one = CpuSet::new();
    one.set(last.ok_or("no core")?);
    sched_setaffinity(None, &one)?;
    let done = what();
    sched_setaffinity(None, &all)?;
    Ok(done)
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
