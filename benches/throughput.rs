//! Throughput of chunks that are ready at once: from an event to the end of its response.

mod support;

use std::time::Duration;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use support::harness::Harness;
use support::plan::Plan;

fn ready_chunks(criterion: &mut Criterion) {
    let harness = Harness::start();
    let mut group = criterion.benchmark_group("throughput");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    // One invocation takes milliseconds, so that a sample needs few of them.
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(30);
    for (name, plan) in [
        ("64_B", Plan::ready(16 * 1024, 64)),
        ("1_KiB", Plan::ready(8 * 1024, 1_024)),
        ("64_KiB", Plan::ready(256, 64 * 1024)),
        ("mixed", Plan::mixed(4 * 1024)),
    ] {
        group.throughput(Throughput::Bytes(plan.bytes()));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|invocations| harness.invoke(plan, invocations).end);
        });
    }
    group.finish();
}

criterion_group!(benches, ready_chunks);
criterion_main!(benches);
