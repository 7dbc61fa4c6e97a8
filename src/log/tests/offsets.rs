//! Offsets by time.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{World, append_now, broker_reading, partition};
use crate::log::read::fetch::Isolation;
use crate::log::read::list_offsets::{Found, Lookup, lookup};
use crate::log::read::shared::ReadLimits;
use crate::log::{PartitionLog, Shard};
use crate::protocol::batch::{Batch, Builder, Codec, Compression, NewRecord};
use crate::types::LeaderEpoch;

fn batch_at(timestamps: &[i64], codec: Codec) -> Batch {
    let mut builder = Builder::new().compression(Compression::new(codec));
    for &timestamp in timestamps {
        builder.push(&NewRecord { timestamp, value: Some(b"v"), ..NewRecord::default() });
    }
    builder.build().expect("builds")
}

async fn find(log: &PartitionLog, what: Lookup) -> Option<(i64, i64)> {
    let found = lookup(log, what, Isolation::ReadUncommitted).await.expect("looks up");
    found.map(|found| (found.offset, found.timestamp))
}

async fn with(world: &World, batches: &[&[i64]]) -> (super::Broker, Shard) {
    let broker = world.broker();
    let shard = broker.open_with(1, 7).await;
    for timestamps in batches {
        append_now(&shard, 0, batch_at(timestamps, Codec::None)).await.expect("durable");
    }
    (broker, shard)
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_a_partition() {
    let world = World::new(1);
    let (_broker, shard) = with(&world, &[&[10, 11], &[12]]).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let epoch = Some(LeaderEpoch(7));
    let earliest = lookup(&log, Lookup::Earliest, Isolation::ReadUncommitted).await.expect("looks up");
    assert_eq!(earliest, Some(Found { timestamp: -1, offset: 0, leader_epoch: epoch }));
    let latest = lookup(&log, Lookup::Latest, Isolation::ReadCommitted).await.expect("looks up");
    assert_eq!(latest, Some(Found { timestamp: -1, offset: 3, leader_epoch: epoch }));
    assert_eq!(find(&log, Lookup::Tiered).await, None);
    shard.delete_records(partition(0), 2).await.expect("removed");
    assert_eq!(find(&log, Lookup::Earliest).await, Some((2, -1)));
    assert_eq!(find(&log, Lookup::Timestamp(0)).await, Some((2, 12)), "nothing below the log start is found");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_partition_has_ends_and_no_records() {
    let world = World::new(1);
    let (_broker, shard) = with(&world, &[]).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(find(&log, Lookup::Earliest).await, Some((0, -1)));
    assert_eq!(find(&log, Lookup::Latest).await, Some((0, -1)));
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, None);
    assert_eq!(find(&log, Lookup::Timestamp(0)).await, None);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_record_of_a_timestamp_or_later_in_offset_order() {
    let world = World::new(1);
    let (_broker, shard) = with(&world, &[&[10, 30, 20], &[5], &[40, 15, 40]]).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    for (timestamp, expected) in
        [(0, Some((0, 10))), (11, Some((1, 30))), (30, Some((1, 30))), (31, Some((4, 40))), (41, None)]
    {
        assert_eq!(find(&log, Lookup::Timestamp(timestamp)).await, expected, "{timestamp}");
    }
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((4, 40)), "the first that has it");
    append_now(&shard, 0, batch_at(&[50], Codec::None)).await.expect("durable");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((7, 50)));
    assert_eq!(find(&log, Lookup::Timestamp(41)).await, Some((7, 50)));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_greatest_timestamp_may_be_removed() {
    let world = World::new(1);
    let (_broker, shard) = with(&world, &[&[90, 80, 70], &[60], &[65]]).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((0, 90)));
    for (log_start, expected) in [(1, Some((1, 80))), (2, Some((2, 70))), (3, Some((4, 65))), (5, None)] {
        shard.delete_records(partition(0), log_start).await.expect("removed");
        assert_eq!(find(&log, Lookup::MaxTimestamp).await, expected, "from {log_start}");
    }
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn records_without_timestamps_have_the_greatest_of_none() {
    let world = World::new(1);
    let (_broker, shard) = with(&world, &[&[-1, -1], &[-1]]).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((0, -1)));
    assert_eq!(find(&log, Lookup::Timestamp(0)).await, None);
    shard.delete_records(partition(0), 1).await.expect("removed");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((1, -1)));
    append_now(&shard, 0, batch_at(&[0], Codec::None)).await.expect("durable");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((3, 0)));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn records_are_found_in_a_batch_that_unfolds_to_very_much() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 7).await;
    let value = vec![b'a'; 50 << 20];
    let mut builder = Builder::new().compression(Compression::new(Codec::Zstd));
    for timestamp in [10, 30, 20] {
        builder.push(&NewRecord { timestamp, value: Some(&value), ..NewRecord::default() });
    }
    append_now(&shard, 0, builder.build().expect("builds")).await.expect("durable");
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(find(&log, Lookup::Timestamp(11)).await, Some((1, 30)));
    let lookups = (0..8).map(|_| find(&log, Lookup::MaxTimestamp));
    assert_eq!(futures::future::join_all(lookups).await, [Some((1, 30)); 8]);
    shard.delete_records(partition(0), 2).await.expect("removed");
    assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((2, 20)));
    shard.close().await;
}

#[test]
fn special_timestamps_have_names() {
    let names = [
        (-1, Some(Lookup::Latest)),
        (-2, Some(Lookup::Earliest)),
        (-3, Some(Lookup::MaxTimestamp)),
        (-4, Some(Lookup::Earliest)),
        (-5, Some(Lookup::Tiered)),
        (-6, Some(Lookup::Tiered)),
        (-7, None),
        (7, Some(Lookup::Timestamp(7))),
    ];
    for (timestamp, lookup) in names {
        assert_eq!(Lookup::from_timestamp(timestamp), lookup, "{timestamp}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_timestamp_is_found_where_a_walk_over_all_records_finds_it() {
    for seed in 0..10 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new(seed);
        let broker = broker_reading(&world, ReadLimits { tail_cache_bytes: 2_000, ..ReadLimits::default() });
        let shard = broker.open_with(1, 7).await;
        let mut timestamps: Vec<i64> = Vec::new();
        for round in 0..30 {
            let mut batch = Vec::new();
            for _ in 0..random.random_range(1..4) {
                batch.push(round * 10 + random.random_range(0..60));
            }
            let codec = [Codec::None, Codec::Gzip, Codec::Lz4][random.random_range(0..3)];
            append_now(&shard, 0, batch_at(&batch, codec)).await.expect("durable");
            timestamps.extend(batch);
            let log = shard.partition(partition(0)).await.expect("loads");
            let wanted = random.random_range(0..400);
            let first = timestamps.iter().position(|&t| t >= wanted);
            let expected = first.map(|at| (at as i64, timestamps[at]));
            assert_eq!(find(&log, Lookup::Timestamp(wanted)).await, expected, "seed {seed}, {wanted}");
            let greatest = timestamps.iter().max().copied().expect("not empty");
            let first = timestamps.iter().position(|&t| t == greatest).expect("is there");
            assert_eq!(find(&log, Lookup::MaxTimestamp).await, Some((first as i64, greatest)));
        }
        shard.close().await;
    }
}
