//! Warm invocations, one after another: from an event until the runtime asks for the next one.

mod support;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use support::harness::Harness;
use support::plan::Plan;

fn one_after_another(criterion: &mut Criterion) {
    let harness = Harness::start();
    let mut group = criterion.benchmark_group("invocations");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(1));
    for (name, plan) in [
        ("empty", Plan::ready(0, 64)),
        ("one_chunk", Plan::ready(1, 64)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|invocations| harness.invoke(plan, invocations).whole);
        });
    }
    group.finish();
}

criterion_group!(benches, one_after_another);
criterion_main!(benches);
