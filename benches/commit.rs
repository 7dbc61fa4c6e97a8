//! From a queue of batches to durable ones: laying out a segment, its index rows, and a PUT into a store in memory.

mod support;

use divan::{Bencher, counter::BytesCount};
use kafkaesque::log::ReadLimits;
use support::World;

fn main() {
    divan::main();
}

/// Batches of 1 KiB, each to a partition of its own: the index rows are most of it.
#[divan::bench(args = [1, 10, 100, 1000], sample_count = 50, sample_size = 1)]
fn partitions(bencher: Bencher<'_, '_>, count: i32) {
    commit(bencher, count, 1, 1024);
}

/// Batches of 1 MB, eight at a time.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn large(bencher: Bencher<'_, '_>) {
    commit(bencher, 8, 1024, 1000);
}

fn commit(bencher: Bencher<'_, '_>, count: i32, records: usize, record_bytes: usize) {
    let world = World::open(count, ReadLimits::default());
    let batch = support::batch(records, record_bytes);
    // Loads the partitions.
    world.append(count, &batch);
    bencher
        .counter(BytesCount::new(batch.len() * count as usize))
        .bench_local(|| world.append(count, &batch));
}
