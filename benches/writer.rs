//! A response that is written against one that is returned: the same chunks of 1 KiB, ready at once.
//!
//! Prints how many heap allocations a written chunk takes beyond its own.

mod support;

use std::time::Duration;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use support::harness::Harness;
use support::plan::Plan;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const CHUNKS: u32 = 8 * 1024;

fn written_and_returned(criterion: &mut Criterion) {
    let (returned, written) = (Harness::start(), Harness::start_writing());
    for (name, harness) in [("returned", &returned), ("written", &written)] {
        let more = allocations(harness, 2 * CHUNKS).saturating_sub(allocations(harness, CHUNKS));
        let per_chunk = more as f64 / f64::from(CHUNKS);
        println!("allocations per {name} chunk, beyond the chunk itself: {per_chunk:.3}");
    }
    let plan = Plan::ready(CHUNKS, 1024);
    let mut group = criterion.benchmark_group("writer");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(30);
    group.throughput(Throughput::Bytes(plan.bytes()));
    for (name, harness) in [("returned", &returned), ("written", &written)] {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|invocations| harness.invoke(plan, invocations).end);
        });
    }
    group.finish();
}

/// The heap allocations of an invocation with so many chunks; the chunks are slices of a static array.
fn allocations(harness: &Harness, chunks: u32) -> u64 {
    harness.invoke(Plan::ready(chunks, 1024), 4);
    let profiler = dhat::Profiler::builder().testing().build();
    harness.invoke(Plan::ready(chunks, 1024), 1);
    let blocks = dhat::HeapStats::get().total_blocks;
    drop(profiler);
    blocks
}

criterion_group!(benches, written_and_returned);
criterion_main!(benches);
