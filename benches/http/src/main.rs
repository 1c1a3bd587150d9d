//! A `GET` of a JSON route: lambda-stream's web layer, lambda_http and bare hyper, on one loopback server.
//!
//! `cargo run --release` prints a table. Each peer is a process of its own, started by this program; the
//! rounds are interleaved, and the median counts.

mod peers;
mod server;

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::server::Server;

type Error = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_millis(500);
/// A round ends by time, because a peer that waits for acknowledgements serves 25 invocations a second.
const ROUND: Duration = Duration::from_secs(2);

/// Cost of one invocation.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if let Some(peer) = std::env::args().nth(1) {
        return peers::run(&peer).await;
    }
    let mut costs = vec![Vec::new(); peers::NAMES.len()];
    for _ in 0..ROUNDS {
        for (peer, costs) in peers::NAMES.iter().zip(&mut costs) {
            costs.push(measure(peer).await?);
        }
    }
    let medians: Vec<Cost> = costs.iter_mut().map(|costs| median(costs)).collect();
    println!("| Peer | µs an invocation | ratio | µs of the peer's processor | ratio |");
    println!("|---|---|---|---|---|");
    let base = medians[0];
    for (peer, cost) in peers::NAMES.iter().zip(&medians) {
        println!(
            "| {peer} | {:.1} | {:.2} | {:.1} | {:.2} |",
            micros(cost.wall),
            micros(cost.wall) / micros(base.wall),
            micros(cost.processor),
            micros(cost.processor) / micros(base.processor),
        );
    }
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(costs: &mut [Cost]) -> Cost {
    let middle = costs.len() / 2;
    costs.sort_by_key(|cost| cost.processor);
    let processor = costs[middle].processor;
    costs.sort_by_key(|cost| cost.wall);
    Cost {
        wall: costs[middle].wall,
        processor,
    }
}

/// Runs one peer in a process of its own.
async fn measure(peer: &str) -> Result<Cost, Error> {
    let server = Server::bind().await?;
    let mut process = Command::new(std::env::current_exe()?)
        .arg(peer)
        .env("AWS_LAMBDA_RUNTIME_API", server.address()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .stdout(Stdio::null())
        // A killed peer logs that its connection was lost.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let id = process.id().ok_or("it ended at once")?;
    let cost = server.measure(id).await?;
    process.kill().await?;
    Ok(cost)
}

/// Returns user and system time of a process, from ticks of 10 ms (proc(5), `utime` and `stime`).
fn processor_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
