//! Written responses compared with returned ones: the same chunks, all ready at once.
//!
//! Prints how many heap allocations a written chunk takes in addition to its own.

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
        println!("allocations per {name} chunk, in addition to the chunk itself: {per_chunk:.3}");
    }
    let mut group = criterion.benchmark_group("writer");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(30);
    for (size, bytes) in [("64_B", 64), ("1_KiB", 1024)] {
        let plan = Plan::ready(CHUNKS, bytes);
        group.throughput(Throughput::Bytes(plan.bytes()));
        for (name, harness) in [("returned", &returned), ("written", &written)] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter_custom(|invocations| harness.invoke(plan, invocations).end);
            });
        }
    }
    group.finish();
}

/// Returns the heap allocations of an invocation; its chunks are slices of a static array.
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
