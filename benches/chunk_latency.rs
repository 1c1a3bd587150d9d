//! Latency of a chunk: from the moment its source returns it to the read that brings its last byte.

mod support;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use support::harness::Harness;
use support::plan::Plan;

fn paced_chunks(criterion: &mut Criterion) {
    let harness = Harness::start();
    let mut group = criterion.benchmark_group("chunk_latency");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(6));
    // One iteration is one chunk, and all chunks of a sample are one response.
    group.bench_function("64_B_every_2_ms", |bencher| {
        bencher.iter_custom(|chunks| {
            let chunks = u32::try_from(chunks).expect("fewer chunks than fit into a minute");
            harness.invoke(Plan::paced(chunks, 64, 2_000), 1).latency
        });
    });
    group.finish();
}

criterion_group!(benches, paced_chunks);
criterion_main!(benches);
