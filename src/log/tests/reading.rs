//! Appended records are read back, from memory or from the store, in any mix.

use object_store::{ObjectStoreExt as _, PutPayload};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{World, append, batch, broker_reading, partition};
use crate::log::read::fetch::{self, Isolation};
use crate::log::read::shared::ReadLimits;
use crate::log::read::source::ReadError;
use crate::log::stored::keys::Object;
use crate::log::stored::paths::ShardPaths;
use crate::log::{PartitionLog, Shard};
use crate::protocol::batch::{Batch, Builder, NewRecord};
use crate::store::RequestKind;

/// A batch as it should be read: its offsets and its bytes.
struct Stored {
    base_offset: i64,
    last_offset: i64,
    bytes: Vec<u8>,
}

fn random_batch(random: &mut StdRng) -> Batch {
    let largest = [20, 2_000, 40_000, 700_000][random.random_range(0..4)];
    let mut builder = Builder::new();
    for _ in 0..random.random_range(1..4) {
        let value: Vec<u8> = (0..random.random_range(0..largest)).map(|_| random.random()).collect();
        builder.push(&NewRecord { timestamp: 5, value: Some(&value), ..NewRecord::default() });
    }
    builder.build().expect("builds")
}

/// Appends batches to `partitions` partitions in a few rounds, each one commit or more. Gives what each should hold.
async fn fill(shard: &Shard, partitions: i32, rounds: usize, random: &mut StdRng) -> Vec<Vec<Stored>> {
    let mut stored: Vec<Vec<Stored>> = (0..partitions).map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        let mut tickets = Vec::new();
        for _ in 0..random.random_range(1..12) {
            let index = random.random_range(0..partitions);
            let batch = random_batch(random);
            tickets.push((index, batch.clone(), append(shard, index, batch).expect("taken")));
        }
        for (index, mut batch, ticket) in tickets {
            batch.assign(ticket.await.expect("durable").base_offset, 7);
            stored[index as usize].push(Stored {
                base_offset: batch.header.base_offset,
                last_offset: batch.header.last_offset(),
                bytes: batch.to_bytes().to_vec(),
            });
        }
    }
    stored
}

/// Reads once and compares with what is stored: whole batches in order, from the one of the offset on, within limits.
async fn check_read(
    log: &PartitionLog,
    stored: &[Stored],
    offset: i64,
    max_bytes: usize,
    min_one: bool,
) -> i64 {
    let fetched =
        fetch::read(log, offset, max_bytes, min_one, Isolation::ReadUncommitted).await.expect("reads");
    assert_eq!(fetched.high_watermark, stored.last().map_or(0, |last| last.last_offset + 1));
    let bytes = fetched.chunks.concat();
    assert_eq!(bytes.len(), fetched.bytes);
    let first = stored.partition_point(|batch| batch.last_offset < offset);
    let mut rest = &bytes[..];
    let mut next_offset = offset;
    for (index, batch) in stored[first..].iter().enumerate() {
        if rest.is_empty() {
            let fits = batch.bytes.len() <= max_bytes;
            assert!(index > 0 || (!min_one && !fits), "nothing at {offset} of at most {max_bytes} bytes");
            break;
        }
        assert!(rest.starts_with(&batch.bytes), "batch {}..{}", batch.base_offset, batch.last_offset);
        rest = &rest[batch.bytes.len()..];
        next_offset = batch.last_offset + 1;
        assert!(rest.is_empty() || bytes.len() <= max_bytes, "only a first batch may be larger");
    }
    assert!(rest.is_empty(), "there is more than what is stored");
    assert!(bytes.len() <= max_bytes || min_one);
    assert_eq!(fetched.next_offset, next_offset);
    next_offset
}

/// One consumer from the start to the end.
async fn consume(log: &PartitionLog, stored: &[Stored], max_bytes: usize) {
    let mut offset = 0;
    while offset < log.high_watermark() {
        let next = check_read(log, stored, offset, max_bytes, true).await;
        assert!(next > offset);
        offset = next;
    }
}

async fn check_partition(log: &PartitionLog, stored: &[Stored], random: &mut StdRng) {
    let end = log.high_watermark();
    for _ in 0..25 {
        let offset = random.random_range(0..=end);
        let max_bytes = [0, 100, 5_000, 100_000, 1 << 20, 64 << 20][random.random_range(0..6)];
        check_read(log, stored, offset, max_bytes, random.random_bool(0.7)).await;
    }
    for offset in [-1, end + 1, i64::MAX] {
        let refused = fetch::read(log, offset, 100, true, Isolation::ReadUncommitted).await;
        let Err(ReadError::OffsetOutOfRange { log_start, high_watermark }) = refused else {
            panic!("{offset} is out of range: {refused:?}")
        };
        assert_eq!((log_start, high_watermark), (0, end));
    }
    consume(log, stored, [1, 3_000, 200_000, 4 << 20][random.random_range(0..4)]).await;
}

fn random_limits(random: &mut StdRng) -> ReadLimits {
    ReadLimits {
        tail_cache_bytes: [0, 50_000, 2_000_000, 1 << 30][random.random_range(0..4)],
        block_cache_bytes: [0, 600_000, 1 << 30][random.random_range(0..3)],
        read_ahead_bytes: [0, 1 << 20, 8 << 20][random.random_range(0..3)],
        read_ahead_total_bytes: [0, 1 << 20, 64 << 20][random.random_range(0..3)],
        answer_bytes: 1 << 20,
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_durable_is_read_back() {
    for seed in 0..25 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new(seed);
        let mut broker = broker_reading(&world, random_limits(&mut random));
        broker.limits.segment_max_bytes = [3 << 20, 8 << 20][random.random_range(0..2)];
        let partitions = random.random_range(1..4);
        let rounds = random.random_range(1..9);
        let shard = broker.open_with(partitions, 7).await;
        let stored = fill(&shard, partitions, rounds, &mut random).await;
        for (index, stored) in (0..).zip(&stored) {
            let log = shard.partition(partition(index)).await.expect("loads");
            check_partition(&log, stored, &mut random).await;
        }
        shard.close().await;

        // Another process, with nothing in memory; all partitions at once.
        let again = broker_reading(&world, random_limits(&mut random));
        let shard = again.open_with(partitions, 8).await;
        let readers = (0..).zip(&stored).map(async |(index, stored)| {
            let mut random = StdRng::seed_from_u64(seed * 100 + index as u64);
            let log = shard.partition(partition(index)).await.expect("loads");
            check_partition(&log, stored, &mut random).await;
        });
        futures::future::join_all(readers).await;
        shard.close().await;
    }
}

/// Opens a shard of one partition with `count` batches of `bytes` bytes in as many segments, and nothing in memory.
async fn cold(world: &World, count: usize, bytes: usize, reads: ReadLimits) -> (super::Broker, Shard) {
    let first = world.broker();
    let shard = first.open_with(1, 7).await;
    let value = "v".repeat(bytes);
    for _ in 0..count {
        append(&shard, 0, batch(&[&value])).expect("taken").await.expect("durable");
    }
    shard.close().await;
    let broker = broker_reading(world, ReadLimits { tail_cache_bytes: 0, ..reads });
    let shard = broker.open_with(1, 8).await;
    (broker, shard)
}

#[tokio::test(start_paused = true)]
async fn a_consumer_in_order_finds_its_bytes_read_ahead() {
    let world = World::new(1);
    let (broker, shard) = cold(&world, 12, 200_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let gets = || broker.store.metrics().requests(RequestKind::Get);
    let mut offset = 0;
    let mut waited = Vec::new();
    while offset < log.high_watermark() {
        let before = gets();
        let fetched =
            fetch::read(&log, offset, 210_000, true, Isolation::ReadUncommitted).await.expect("reads");
        waited.push(gets() - before);
        offset = fetched.next_offset;
        // Bytes that are read ahead arrive meanwhile.
        broker.shared.runtime.clock.sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(waited.len(), 12);
    assert!(waited[0] > 0);
    assert_eq!(waited[2..].iter().sum::<u64>(), 0, "{waited:?}");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn readers_of_the_same_bytes_share_requests() {
    let world = World::new(1);
    let (broker, shard) = cold(&world, 4, 200_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let before = broker.store.metrics().requests(RequestKind::Get);
    let readers = (0..20).map(|_| fetch::read(&log, 0, 64 << 20, true, Isolation::ReadUncommitted));
    for fetched in futures::future::join_all(readers).await {
        assert_eq!(fetched.expect("reads").next_offset, 4);
    }
    // One for each segment; the rest is the index.
    let gets = broker.store.metrics().requests(RequestKind::Get) - before;
    assert!(gets <= 8, "{gets} requests");
    let warm = broker.store.metrics().requests(RequestKind::Get);
    fetch::read(&log, 0, 64 << 20, true, Isolation::ReadUncommitted).await.expect("reads");
    assert_eq!(broker.store.metrics().requests(RequestKind::Get), warm, "everything is cached");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn blocks_that_nobody_reads_are_forgotten() {
    let world = World::new(1);
    let (broker, shard) = cold(&world, 3, 200_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let blocks = broker.shared.reads.blocks();
    fetch::read(&log, 0, 64 << 20, true, Isolation::ReadUncommitted).await.expect("reads");
    blocks.forget_unused();
    let all = blocks.bytes();
    assert!(all > 600_000, "just read, they stay: {all}");
    fetch::read(&log, 1, 1_000, true, Isolation::ReadUncommitted).await.expect("reads");
    blocks.forget_unused();
    let one = blocks.bytes();
    assert!(one > 200_000 && one < all / 2, "the one that was read again stays: {one} of {all}");
    blocks.forget_unused();
    assert_eq!(blocks.bytes(), 0);
    let fetched = fetch::read(&log, 0, 64 << 20, true, Isolation::ReadUncommitted).await.expect("reads");
    assert_eq!(fetched.next_offset, 3);
    shard.close().await;
}

/// The path of the segment that holds `offset`, and where its batch begins.
async fn place(broker: &super::Broker, log: &PartitionLog, offset: i64) -> (object_store::path::Path, usize) {
    let extents = log.source().extents(partition(0), offset, log.high_watermark(), 1).await.expect("indexed");
    let Object::Log(id) = extents[0].object else { panic!("not a segment") };
    (ShardPaths::new(&broker.store, super::SHARD).segment(id), extents[0].position as usize)
}

#[tokio::test(start_paused = true)]
async fn a_damaged_batch_is_not_served() {
    let world = World::new(1);
    let (broker, shard) = cold(&world, 3, 1_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let (path, position) = place(&broker, &log, 1).await;
    let mut bytes = world.objects.get(&path).await.expect("is there").bytes().await.expect("reads").to_vec();
    bytes[position + 200] ^= 1;
    world.objects.put(&path, PutPayload::from(bytes)).await.expect("writes");
    let fetched = fetch::read(&log, 2, 100, true, Isolation::ReadUncommitted).await;
    assert_eq!(fetched.expect("another segment").next_offset, 3);
    let fetched = fetch::read(&log, 1, 10_000, true, Isolation::ReadUncommitted).await;
    assert!(matches!(fetched, Err(ReadError::Corrupt { .. })), "{fetched:?}");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_lies_before_a_damaged_batch_is_served() {
    let world = World::new(1);
    let first = world.broker();
    let shard = first.open_with(1, 7).await;
    // Two segments: of one batch, and of as many as wait meanwhile.
    let value = "v".repeat(100_000);
    let waiting: Vec<_> = (0..8).map(|_| append(&shard, 0, batch(&[&value])).expect("taken")).collect();
    for ticket in waiting {
        ticket.await.expect("durable");
    }
    shard.close().await;
    let broker = broker_reading(&world, ReadLimits { tail_cache_bytes: 0, ..ReadLimits::default() });
    let shard = broker.open_with(1, 8).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let (path, position) = place(&broker, &log, 5).await;
    let mut bytes = world.objects.get(&path).await.expect("is there").bytes().await.expect("reads").to_vec();
    let extent =
        log.source().extents(partition(0), 5, log.high_watermark(), 1).await.expect("indexed")[0].clone();
    let batch_bytes = extent.length as usize / (extent.last_offset + 1 - extent.base_offset) as usize;
    bytes[position + batch_bytes * (5 - extent.base_offset) as usize + 200] ^= 1;
    world.objects.put(&path, PutPayload::from(bytes)).await.expect("writes");
    let fetched =
        fetch::read(&log, 0, 64 << 20, true, Isolation::ReadUncommitted).await.expect("what is before");
    assert_eq!((fetched.next_offset, fetched.bytes), (5, 5 * batch_bytes));
    assert_eq!(fetched.chunks.concat().len(), fetched.bytes);
    let fetched = fetch::read(&log, 5, 64 << 20, true, Isolation::ReadUncommitted).await;
    assert!(matches!(fetched, Err(ReadError::Corrupt { .. })), "{fetched:?}");
    let fetched =
        fetch::read(&log, 6, 64 << 20, true, Isolation::ReadUncommitted).await.expect("what is behind");
    assert_eq!(fetched.next_offset, 8);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_object_is_told() {
    let world = World::new(1);
    let (broker, shard) = cold(&world, 3, 1_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    let (path, _) = place(&broker, &log, 1).await;
    world.objects.delete(&path).await.expect("deletes");
    let fetched = fetch::read(&log, 1, 10_000, true, Isolation::ReadUncommitted).await;
    assert!(matches!(fetched, Err(ReadError::Object(_))), "{fetched:?}");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn removed_records_are_out_of_range() {
    let world = World::new(1);
    let (_broker, shard) = cold(&world, 5, 1_000, ReadLimits::default()).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(shard.delete_records(partition(0), 3).await, Ok(3));
    let below = fetch::read(&log, 2, 10_000, true, Isolation::ReadUncommitted).await;
    assert!(matches!(below, Err(ReadError::OffsetOutOfRange { log_start: 3, high_watermark: 5 })));
    let rest = fetch::read(&log, 3, 10_000, true, Isolation::ReadUncommitted).await.expect("reads");
    assert_eq!((rest.next_offset, rest.log_start_offset), (5, 3));
    shard.close().await;
}
