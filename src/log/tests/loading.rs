//! Partitions that are loaded together: each is what it would be by itself.

use std::time::Duration;

use super::{Broker, World, append_now, batch, batch_of, partition, read_from};
use crate::store::faults::Faults;
use crate::types::Partition;

const PARTITIONS: i32 = 200;

fn all() -> Vec<Partition> {
    (0..PARTITIONS).map(partition).collect()
}

#[tokio::test(start_paused = true)]
async fn partitions_loaded_together_are_as_they_were() {
    let world = World::new(5);
    let mut broker = world.broker();
    broker.limits.flush_every_segments = 7;
    let shard = broker.open_with(PARTITIONS, 1).await;
    // Every third partition has records, of an idempotent producer too, and some of them a later start.
    for index in (0..PARTITIONS).step_by(3) {
        append_now(&shard, index, batch(&["a", "b"])).await.expect("appended");
        append_now(&shard, index, batch_of(i64::from(index), 0, 0, &["c"])).await.expect("appended");
        if index % 2 == 0 {
            shard.delete_records(partition(index), 1).await.expect("deleted");
        }
    }
    shard.close().await;

    let (one_by_one, together) = (world.broker(), world.broker());
    let shard = one_by_one.open_with(PARTITIONS, 2).await;
    let mut expected = Vec::new();
    for id in all() {
        let log = shard.partition(id).await.expect("loads");
        expected.push((
            log.log_start(),
            log.high_watermark(),
            log.log_bytes(),
            log.end_offset_for(log.leader_epoch()),
        ));
    }
    shard.close().await;

    let shard = together.open_with(PARTITIONS, 2).await;
    let mut shuffled = all();
    shuffled.reverse();
    shard.prepare(&shuffled).await;
    for (id, expected) in all().into_iter().zip(&expected) {
        let log = shard.partition(id).await.expect("loads");
        let found =
            (log.log_start(), log.high_watermark(), log.log_bytes(), log.end_offset_for(log.leader_epoch()));
        assert_eq!(found, *expected, "{id}");
    }
    for index in [3, 6] {
        let values = read_from(&shard, index, 1).await.into_iter().map(|(_, value)| value);
        assert_eq!(values.collect::<Vec<_>>(), ["a", "b", "c"], "whole batches");
    }
    // A producer goes on where it was.
    assert_eq!(append_now(&shard, 9, batch_of(9, 0, 1, &["d"])).await, Ok(3));
    shard.close().await;
}

/// The time of an opening with one append, where the store takes so long for each request and nothing else takes any.
async fn opening(broker: &Broker, epoch: i32, request: Duration) -> Duration {
    let clock = &broker.shared.runtime.clock;
    broker.faults.set(Faults { latency: request, ..Faults::default() });
    let begun = clock.instant();
    let shard = broker.open_with(PARTITIONS, epoch).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let took = clock.instant() - begun;
    shard.close().await;
    took
}

#[tokio::test(start_paused = true)]
async fn an_opening_waits_for_as_many_requests_on_an_empty_cache_as_on_a_full_one() {
    let request = Duration::from_millis(40);
    let world = World::new(5);
    let mut first = world.broker();
    first.limits.flush_every_segments = 7;
    let shard = first.open_with(PARTITIONS, 1).await;
    for index in 0..PARTITIONS {
        append_now(&shard, index, batch(&["a", "b"])).await.expect("appended");
    }
    shard.close().await;
    let broker = world.broker();
    let cold = opening(&broker, 2, request).await;
    let warm = opening(&broker, 3, request).await;
    let requests = |took: Duration| took.as_millis() / request.as_millis();
    println!("{} requests in a row, {} on a full cache", requests(cold), requests(warm));
    assert!(requests(cold) <= requests(warm), "{cold:?}, and {warm:?} on a full cache");
    assert!(requests(cold) <= 13, "{cold:?}");
}
