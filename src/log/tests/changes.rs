//! Deleting records, removing partitions, flushing the index, producers after reopening.

use std::time::Duration;

use super::{World, append_now, batch, batch_of, partition, read_from};
use crate::log::partition::loading;
use crate::log::stored::keys::Extent;
use crate::log::{AppendError, PartitionError};
use crate::types::LeaderEpoch;

#[tokio::test(start_paused = true)]
async fn the_log_start_is_durable_and_never_goes_back() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    for value in ["a", "b", "c"] {
        append_now(&shard, 0, batch(&[value])).await.expect("appended");
    }
    assert_eq!(shard.delete_records(partition(0), 2).await, Ok(2));
    assert_eq!(shard.delete_records(partition(0), 1).await, Ok(2));
    assert_eq!(shard.delete_records(partition(0), 9).await, Err(AppendError::OffsetOutOfRange));
    assert_eq!(shard.partition(partition(0)).await.expect("loads").log_start(), 2);
    broker.faults.outage(true);

    let broker = world.broker();
    let shard = broker.open_with(1, 2).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!((log.log_start(), log.high_watermark()), (2, 3));
    assert_eq!(shard.delete_records(partition(0), -1).await, Ok(3));
    assert_eq!(append_now(&shard, 0, batch(&["d"])).await, Ok(3));
    assert_eq!(read_from(&shard, 0, 3).await, vec![(3, "d".to_string())]);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_epoch_of_the_first_record_survives_deletion() {
    let world = World::new(2);
    for epoch in 1..=4 {
        let shard = world.broker().open_with(1, epoch).await;
        append_now(&shard, 0, batch(&["x", "y"])).await.expect("appended");
        shard.close().await;
    }
    let shard = world.broker().open_with(1, 5).await;
    shard.delete_records(partition(0), 5).await.expect("deleted");
    shard.close().await;
    let shard = world.broker().open_with(1, 6).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!(log.epoch_at(5), Some(LeaderEpoch(3)));
    assert_eq!(log.epoch_at(6), Some(LeaderEpoch(4)));
    let end = log.end_offset_for(LeaderEpoch(3)).expect("known");
    assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(3), 6));
    let end = log.end_offset_for(LeaderEpoch(5)).expect("an epoch without a batch");
    assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(4), 8));
    let end = log.end_offset_for(LeaderEpoch(6)).expect("our own");
    assert_eq!((end.epoch, end.end_offset), (LeaderEpoch(6), 8));
    assert_eq!(log.end_offset_for(LeaderEpoch(7)), None);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_partition_leaves_no_row() {
    let world = World::new(3);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    for _ in 0..50 {
        append_now(&shard, 0, batch(&["gone"])).await.expect("appended");
    }
    append_now(&shard, 1, batch(&["stays"])).await.expect("appended");
    let log = shard.partition(partition(0)).await.expect("loads");
    shard.remove_partitions(&[partition(0)]).await.expect("removed");
    assert!(log.has_ended());
    assert_eq!(append_now(&shard, 0, batch(&["late"])).await, Err(AppendError::UnknownPartition));
    assert!(matches!(shard.partition(partition(0)).await, Err(PartitionError::Unknown(_))));
    let open = shard.opened().expect("open");
    let left = loading::some_rows(open.index(), partition(0), 10).await.expect("reads");
    assert_eq!(left.keys, Vec::<bytes::Bytes>::new());
    assert_eq!(read_from(&shard, 1, 0).await.len(), 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn producers_are_known_after_a_crash_whatever_was_flushed() {
    for flush_every in [1, 2, 3, 100] {
        let world = World::new(4);
        let mut broker = world.broker();
        broker.limits.flush_every_segments = flush_every;
        let shard = broker.open_with(1, 1).await;
        for sequence in 0..7 {
            append_now(&shard, 0, batch_of(9, 3, sequence, &["v"])).await.expect("appended");
        }
        broker.faults.outage(true);
        let shard = world.broker().open_with(1, 2).await;
        assert_eq!(append_now(&shard, 0, batch_of(9, 3, 4, &["v"])).await, Ok(4), "a duplicate");
        let refused = append_now(&shard, 0, batch_of(9, 3, 9, &["v"])).await;
        assert_eq!(refused, Err(AppendError::OutOfOrderSequence), "a gap, flushed every {flush_every}");
        let refused = append_now(&shard, 0, batch_of(9, 2, 0, &["v"])).await;
        assert_eq!(refused, Err(AppendError::InvalidProducerEpoch));
        assert_eq!(append_now(&shard, 0, batch_of(9, 3, 7, &["v"])).await, Ok(7));
        assert_eq!(read_from(&shard, 0, 0).await.len(), 8);
        shard.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_was_silent_for_long_is_forgotten() {
    let world = World::new(5);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch_of(9, 3, 0, &["v"])).await.expect("appended");
    shard.close().await;
    world.runtime.clock.sleep(Duration::from_secs(25 * 3600)).await;
    let shard = world.broker().open_with(1, 2).await;
    assert_eq!(append_now(&shard, 0, batch_of(9, 3, 55, &["v"])).await, Ok(1));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_replay_is_bounded_by_index_flushes() {
    let world = World::new(6);
    let mut broker = world.broker();
    broker.limits.flush_every_segments = 10;
    let shard = broker.open_with(1, 1).await;
    for _ in 0..95 {
        append_now(&shard, 0, batch(&["v"])).await.expect("appended");
    }
    world.runtime.clock.sleep(Duration::from_secs(1)).await;
    broker.faults.outage(true);
    let broker = world.broker();
    let shard = broker.open_with(1, 2).await;
    let replayed = broker.shared.metrics.shard(super::SHARD).replayed_segments.get();
    assert!((5..=21).contains(&replayed), "{replayed} segments replayed");
    assert_eq!(read_from(&shard, 0, 0).await.len(), 95);
    shard.close().await;
    let broker = world.broker();
    let shard = broker.open_with(1, 3).await;
    let replayed = broker.shared.metrics.shard(super::SHARD).replayed_segments.get();
    assert!(replayed <= 1, "{replayed} segments replayed after a clean close");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_tells_how_long_its_phases_took() {
    let world = World::new(11);
    let broker = world.broker();
    let latency = Duration::from_millis(40);
    broker.faults.set(crate::store::faults::Faults { latency, ..Default::default() });
    let shard = broker.open_with(1, 1).await;
    let metrics = broker.shared.metrics.shard(super::SHARD);
    let (fenced, both) = (metrics.fence_seconds.get(), metrics.replay_seconds.get());
    assert!((0.04..1.0).contains(&fenced) && fenced <= both, "fenced in {fenced} s, replayed in {both} s");
    assert_eq!(metrics.first_append_seconds.get(), 0.0);
    world.runtime.clock.sleep(Duration::from_secs(2)).await;
    append_now(&shard, 0, batch(&["v"])).await.expect("appended");
    let first = metrics.first_append_seconds.get();
    assert!((2.0..3.0).contains(&first), "the first records were durable after {first} s");
    append_now(&shard, 0, batch(&["v"])).await.expect("appended");
    assert_eq!(metrics.first_append_seconds.get(), first, "later ones are not the first");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_shard_flushes_once_and_then_writes_nothing() {
    let world = World::new(7);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["v"])).await.expect("appended");
    world.runtime.clock.sleep(Duration::from_secs(300)).await;
    let puts = || broker.store.metrics().requests(crate::store::RequestKind::Put);
    let before = puts();
    world.runtime.clock.sleep(Duration::from_secs(3600)).await;
    assert_eq!(puts(), before);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_commit_once_all_is_committed() {
    let world = World::new(17);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    for _ in 0..3 {
        append_now(&shard, 0, batch(&["v"])).await.expect("appended");
        shard.flush_index().await.expect("flushed");
    }
    assert_eq!(broker.shared.metrics.shard(super::SHARD).queued_bytes.get(), 0);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn gauges_tell_of_what_is_open_here() {
    let world = World::new(18);
    let broker = world.broker();
    let metrics = broker.shared.metrics.shard(super::SHARD);
    let retention = broker.shared.metrics.retention().shard(super::SHARD);
    for epoch in 1..=3 {
        let shard = broker.open_with(1, epoch).await;
        append_now(&shard, 0, batch(&["v"])).await.expect("appended");
        shard.flush_index().await.expect("flushed");
        assert_eq!(metrics.high_watermark.get(), i64::from(epoch), "of incarnation {epoch}");
        world.runtime.clock.sleep(Duration::from_secs(1200)).await;
        assert!(retention.log_objects.get() > 0 && retention.retained_bytes.get() > 0, "looked at");
        shard.close().await;
        assert_eq!((metrics.high_watermark.get(), metrics.queued_bytes.get()), (0, 0), "after {epoch}");
        assert_eq!((retention.log_objects.get(), retention.retained_bytes.get()), (0, 0), "after {epoch}");
    }
    assert_eq!(metrics.appended_records.get(), 3, "counters count on");
}

#[tokio::test(start_paused = true)]
async fn extents_hold_what_a_commit_took_together() {
    let world = World::new(8);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["first"])).await.expect("appended");
    let tickets: Vec<_> = (0..10)
        .map(|n| super::append(&shard, 0, batch_of(9, 0, n, &["a", "b"][..1])).expect("taken"))
        .collect();
    for ticket in tickets {
        ticket.await.expect("durable");
    }
    let open = shard.opened().expect("open");
    let from = Extent::key(partition(0), 1);
    let row = open.index().scan(from..).await.expect("scans").next().await.expect("reads").expect("a row");
    let (_, extent) = Extent::decode(&row.key, &row.value).expect("decodes");
    assert_eq!((extent.base_offset, extent.last_offset), (1, 10));
    assert_eq!(extent.producers.iter().map(|run| run.first_sequence).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn opening_on_a_distant_store_takes_about_a_second() {
    let world = World::new(9);
    let broker = world.broker();
    let shard = broker.open_with(20, 1).await;
    for n in 0..500 {
        append_now(&shard, n % 20, batch(&["v"])).await.expect("appended");
    }
    broker.faults.outage(true);
    let broker = world.broker();
    let latency = Duration::from_millis(40);
    broker.faults.set(crate::store::faults::Faults { latency, ..Default::default() });
    let started = world.runtime.clock.instant();
    let shard = broker.open_with(20, 2).await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert_eq!(read_from(&shard, 3, 0).await.len(), 25);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_others_are_durable_and_bound_the_replay_too() {
    let world = World::new(10);
    let mut broker = world.broker();
    broker.limits.flush_every_segments = 10;
    let shard = broker.open_with(1, 1).await;
    let key = bytes::Bytes::from_static(b"\x06group");
    let open = shard.opened().expect("open");
    for n in 0..60u8 {
        let row = (key.clone(), Some(bytes::Bytes::from(vec![1, n])));
        open.write_rows(vec![row]).expect("taken").await.expect("durable");
    }
    world.runtime.clock.sleep(Duration::from_secs(300)).await;
    broker.faults.outage(true);
    let broker = world.broker();
    let shard = broker.open_with(1, 2).await;
    let replayed = broker.shared.metrics.shard(super::SHARD).replayed_segments.get();
    assert!((1..=21).contains(&replayed), "{replayed} segments replayed");
    let open = shard.opened().expect("open");
    let stored = open.index().get(&key).await.expect("reads");
    assert_eq!(stored.as_deref(), Some(&[1u8, 59][..]));
    open.write_rows(vec![(key.clone(), None)]).expect("taken").await.expect("durable");
    assert_eq!(open.index().get(&key).await.expect("reads"), None);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn silent_producers_are_forgotten_as_the_expiration_of_now_says() {
    for (expiration, again) in [(Duration::from_secs(60), 1), (Duration::from_secs(3600), 0)] {
        let world = World::new(7);
        let broker = world.broker();
        let shard = broker.open_with(1, 1).await;
        assert_eq!(append_now(&shard, 0, batch_of(5, 0, 0, &["a"])).await, Ok(0));
        world.runtime.clock.sleep(Duration::from_secs(600)).await;
        shard.set_producer_expiration(expiration);
        shard.close().await;
        let shard = world.broker().open_with(1, 2).await;
        shard.set_producer_expiration(expiration);
        let repeated = append_now(&shard, 0, batch_of(5, 0, 0, &["a"])).await;
        assert_eq!(repeated, Ok(again), "with {expiration:?}");
        shard.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_another_broker_could_not_read_is_not_written() {
    let world = World::new(11);
    let shard = world.broker().open_with(1, 1).await;
    shard.set_level(6);
    let open = shard.opened().expect("open");
    let key = bytes::Bytes::from_static(b"\x06group");
    let write =
        |version: u8| open.write_rows(vec![(key.clone(), Some(bytes::Bytes::from(vec![version, 7])))]);
    assert_eq!(write(2).err(), Some(AppendError::NotAtLevel));
    assert_eq!(open.index().get(&key).await.expect("reads"), None);
    write(1).expect("taken").await.expect("durable");
    assert_eq!(append_now(&shard, 0, batch(&["a"])).await, Ok(0), "the shard serves as before");
    assert_eq!(open.index().get(&key).await.expect("reads").as_deref(), Some(&[1u8, 7][..]));
    shard.close().await;
}
