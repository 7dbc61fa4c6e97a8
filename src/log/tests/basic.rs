//! Appending, reading, closing and opening again.

use super::{World, append, append_now, batch, partition, read_from};
use crate::log::{AppendError, ShardState};

#[tokio::test(start_paused = true)]
async fn appends_come_back_at_their_offsets_also_after_reopening() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 7).await;
    assert_eq!(append_now(&shard, 0, batch(&["a", "b"])).await, Ok(0));
    assert_eq!(append_now(&shard, 0, batch(&["c"])).await, Ok(2));
    assert_eq!(append_now(&shard, 1, batch(&["x"])).await, Ok(0));
    let expected = vec![(0, "a".to_string()), (1, "b".to_string()), (2, "c".to_string())];
    assert_eq!(read_from(&shard, 0, 0).await, expected);
    shard.close().await;
    assert_eq!(shard.status().state, ShardState::Closed);

    let again = world.broker();
    let shard = again.open_with(2, 8).await;
    assert_eq!(read_from(&shard, 0, 0).await, expected);
    assert_eq!(append_now(&shard, 0, batch(&["d"])).await, Ok(3));
    assert_eq!(append_now(&shard, 1, batch(&["y"])).await, Ok(1));
    assert_eq!(read_from(&shard, 0, 2).await, vec![(2, "c".to_string()), (3, "d".to_string())]);
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(log.epoch_at(2).map(|epoch| epoch.0), Some(7));
    assert_eq!(log.epoch_at(3).map(|epoch| epoch.0), Some(8));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_together_is_one_segment() {
    let world = World::new(2);
    let broker = world.broker();
    let shard = broker.open_with(10, 1).await;
    for index in 0..10 {
        append_now(&shard, index, batch(&["first"])).await.expect("appended");
    }
    let before = broker.store.metrics().requests(crate::store::RequestKind::Put);
    let tickets: Vec<_> = (0..1_000).map(|i| append(&shard, i % 10, batch(&["v"])).expect("taken")).collect();
    for ticket in tickets {
        ticket.await.expect("durable");
    }
    assert_eq!(broker.store.metrics().requests(crate::store::RequestKind::Put) - before, 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_was_not_announced_is_refused() {
    let world = World::new(3);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    assert!(matches!(append(&shard, 5, batch(&["v"])), Err(AppendError::UnknownPartition)));
    shard.close().await;
}
