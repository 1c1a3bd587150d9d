//! Time to first byte: from an event to the first byte of its response's payload, on a warm connection.

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use support::harness::Harness;
use support::plan::Plan;

fn first_byte(criterion: &mut Criterion) {
    let harness = Harness::start();
    let mut group = criterion.benchmark_group("ttfb");
    group.warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    for (name, plan) in [
        // All of the response is ready with its head: it can leave in one write.
        ("one_chunk", Plan::ready(1, 64)),
        // The rest of the response is still to come when the first byte is read.
        ("first_of_1000_chunks", Plan::ready(1_000, 1_024)),
    ] {
        group.bench_function(name, |bencher| {
            bencher
                .iter_custom(|invocations| black_box(harness.invoke(plan, invocations)).first_byte);
        });
    }
    group.finish();
}

criterion_group!(benches, first_byte);
criterion_main!(benches);
