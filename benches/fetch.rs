//! From an offset to record batches: out of the tail cache, out of the block cache, and out of a store in memory.

mod support;

use divan::{Bencher, counter::BytesCount};
use kafkaesque::log::ReadLimits;
use kafkaesque::log::fetch::{self, Isolation};
use support::World;

fn main() {
    divan::main();
}

/// What one fetch asks for.
const WANTED: usize = 1 << 20;

#[divan::bench]
fn tail_cache(bencher: Bencher<'_, '_>) {
    read(bencher, ReadLimits::default());
}

/// Index rows are looked up, too.
#[divan::bench]
fn block_cache(bencher: Bencher<'_, '_>) {
    read(bencher, ReadLimits { tail_cache_bytes: 0, ..ReadLimits::default() });
}

/// Every checksum is checked again.
#[divan::bench]
fn store(bencher: Bencher<'_, '_>) {
    read(bencher, ReadLimits { tail_cache_bytes: 0, block_cache_bytes: 0, ..ReadLimits::default() });
}

/// A topic of eight partitions was written batch by batch; one of them is read from its start.
fn read(bencher: Bencher<'_, '_>, limits: ReadLimits) {
    let world = World::open(8, limits);
    let batch = support::batch(64, 1024);
    for _ in 0..32 {
        world.append(8, &batch);
    }
    let log = world
        .tokio
        .block_on(world.shard.partition(support::engine::partition(3)))
        .expect("the partition loads");
    bencher.counter(BytesCount::new(WANTED / batch.len() * batch.len())).bench_local(|| {
        let fetched = fetch::read(&log, 0, WANTED, true, Isolation::ReadUncommitted);
        world.tokio.block_on(fetched).expect("is read")
    });
}
