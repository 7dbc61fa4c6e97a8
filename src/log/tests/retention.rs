//! Records, rows and objects that go: by time, by size, on demand, with their topic.

use std::time::Duration;

use futures::TryStreamExt as _;

use super::{Broker, World, append, append_now, batch_at, broker_reading, partition, read_from};
use crate::log::partition::loading;
use crate::log::read::source::ReadError;
use crate::log::{PartitionSettings, Shard, fetch};
use crate::settings::Retention;
use crate::store::faults::Last;
use crate::types::{LeaderEpoch, Partition};

/// Ids and lengths of all segments that are stored.
pub async fn segments(broker: &Broker) -> Vec<(u64, u64)> {
    let paths = crate::log::stored::paths::ShardPaths::new(&broker.store, super::SHARD);
    let objects = broker.store.object_store();
    let listed: Vec<_> = objects.list(Some(paths.log())).try_collect().await.expect("listed");
    let mut found: Vec<(u64, u64)> = listed
        .iter()
        .filter_map(|meta| {
            Some((crate::log::stored::paths::ShardPaths::segment_id(&meta.location)?, meta.size))
        })
        .collect();
    found.sort_unstable();
    found
}

fn keep(shard: &Shard, index: i32, ms: Option<u64>, bytes: Option<u64>) {
    let retention = Retention { ms, bytes };
    shard.set_partition(partition(index), PartitionSettings { leader_epoch: LeaderEpoch(1), retention });
}

async fn log_start(shard: &Shard, index: i32) -> i64 {
    shard.partition(partition(index)).await.expect("loads").log_start()
}

async fn rows(shard: &Shard, partition: Partition) -> usize {
    let open = shard.opened().expect("open");
    loading::some_rows(open.index(), partition, 1_000_000).await.expect("reads").keys.len()
}

#[tokio::test(start_paused = true)]
async fn records_expire_by_their_own_time_and_their_objects_go() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    keep(&shard, 0, Some(10_000), None);
    let now = world.runtime.clock.now_ms();
    for age in [20_000, 15_000, 5_000] {
        append_now(&shard, 0, batch_at(now - age, "v")).await.expect("appended");
    }
    let before = segments(&broker).await;
    let pass = shard.run_retention().await.expect("passes");
    assert_eq!((pass.removed_rows, log_start(&shard, 0).await), (2, 2));
    let deleted = pass.collected.expect("collects").deleted_objects;
    let after = segments(&broker).await;
    assert!(
        deleted >= 2 && !after.contains(&before[1]) && after.contains(&before[0]),
        "{before:?} {after:?}"
    );
    assert_eq!(read_from(&shard, 0, 2).await, vec![(2, "v".to_string())]);
    world.runtime.clock.sleep(Duration::from_secs(60)).await;
    shard.run_retention().await.expect("passes");
    assert_eq!(log_start(&shard, 0).await, 3);
    assert_eq!(append_now(&shard, 0, batch_at(now, "w")).await, Ok(3));
    shard.close().await;
    let shard = world.broker().open_with(1, 2).await;
    let log = shard.partition(partition(0)).await.expect("loads");
    assert_eq!((log.log_start(), log.high_watermark()), (3, 4));
    assert_eq!(read_from(&shard, 0, 3).await.len(), 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_keeps_its_bytes_and_what_it_counts_survives_a_crash() {
    for crash_after in 0..6 {
        let world = World::new(2);
        let mut broker = world.broker();
        broker.limits.flush_every_segments = 3;
        let shard = broker.open_with(1, 1).await;
        let one = {
            append_now(&shard, 0, batch_at(1_000, "first")).await.expect("appended");
            shard.partition(partition(0)).await.expect("loads").log_bytes()
        };
        keep(&shard, 0, None, Some(4 * one));
        for n in 0..20 {
            append_now(&shard, 0, batch_at(1_000, "again")).await.expect("appended");
            if n % 4 == crash_after % 4 {
                shard.run_retention().await.expect("passes");
            }
        }
        shard.run_retention().await.expect("passes");
        assert_eq!(log_start(&shard, 0).await, 17);
        for _ in 0..crash_after {
            append_now(&shard, 0, batch_at(1_000, "after")).await.expect("appended");
        }
        broker.faults.outage(true);
        let broker = world.broker();
        let shard = broker.open_with(1, 2).await;
        let log = shard.partition(partition(0)).await.expect("loads");
        assert_eq!(log.log_bytes(), (4 + crash_after) * one, "crash after {crash_after}");
        keep(&shard, 0, None, Some(4 * one));
        shard.run_retention().await.expect("passes");
        assert_eq!((log.log_bytes(), log.log_start()), (4 * one, 17 + crash_after.cast_signed()));
        assert_eq!(read_from(&shard, 0, log.log_start()).await.len(), 4);
        shard.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn idle_partitions_expire_unasked_and_leave_the_memory() {
    let world = World::new(3);
    let broker = world.broker();
    let shard = broker.open_with(50, 1).await;
    let now = world.runtime.clock.now_ms();
    for index in 0..50 {
        append_now(&shard, index, batch_at(now, "v")).await.expect("appended");
    }
    shard.close().await;
    let broker = world.broker();
    let shard = broker.open_with(50, 1).await;
    for index in 0..50 {
        keep(&shard, index, (index < 20).then_some(600_000), None);
    }
    let loaded = || broker.shared.metrics.retention().shard(super::SHARD).loaded_partitions.get();
    world.runtime.clock.sleep(Duration::from_secs(340)).await;
    assert_eq!(loaded(), 0, "a pass loads nothing that keeps everything");
    world.runtime.clock.sleep(Duration::from_secs(300)).await;
    assert_eq!(loaded(), 20, "those that expired");
    assert_eq!((rows(&shard, partition(3)).await, rows(&shard, partition(30)).await), (3, 3));
    world.runtime.clock.sleep(Duration::from_secs(900)).await;
    assert_eq!(loaded(), 0);
    assert_eq!((log_start(&shard, 19).await, log_start(&shard, 20).await), (1, 0));
    assert_eq!(append_now(&shard, 19, batch_at(now, "w")).await, Ok(1));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_after_an_opening_reads_the_index_once_for_all_partitions() {
    let world = World::new(5);
    let broker = world.broker();
    let shard = broker.open_with(200, 1).await;
    let now = world.runtime.clock.now_ms();
    for index in 0..190 {
        append_now(&shard, index, batch_at(now, "v")).await.expect("appended");
    }
    shard.close().await;
    let broker = world.broker();
    let shard = broker.open_with(200, 2).await;
    for index in 0..200 {
        keep(&shard, index, (index == 7).then_some(0), None);
    }
    world.runtime.clock.sleep(Duration::from_millis(10)).await;
    let before = broker.faults.requests();
    let pass = shard.run_retention().await.expect("passes");
    assert_eq!((pass.removed_rows, pass.collected.expect("collects").extents), (1, 189));
    let requests = broker.faults.requests() - before;
    assert!(requests < 60, "{requests} requests for 200 partitions");
    // Records that are written later still expire.
    keep(&shard, 195, Some(1_000), None);
    shard.run_retention().await.expect("passes");
    append_now(&shard, 195, batch_at(now, "w")).await.expect("appended");
    world.runtime.clock.sleep(Duration::from_secs(2)).await;
    shard.run_retention().await.expect("passes");
    assert_eq!(
        (log_start(&shard, 195).await, log_start(&shard, 7).await, log_start(&shard, 8).await),
        (1, 1, 0)
    );
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_records_and_topics_free_their_objects() {
    let world = World::new(4);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    let fat = "x".repeat(10_000);
    for n in 0..30 {
        append_now(&shard, n % 2, batch_at(1_000, &fat)).await.expect("appended");
    }
    let bytes = async || segments(&broker).await.iter().map(|(_, bytes)| bytes).sum::<u64>();
    assert!(bytes().await > 300_000);
    shard.delete_records(partition(0), 10).await.expect("deleted");
    let pass = shard.run_retention().await.expect("passes");
    assert_eq!((pass.removed_rows, pass.collected.expect("collects").deleted_objects >= 10), (10, true));
    assert!((200_000..210_000).contains(&bytes().await));
    shard.remove_partitions(&[partition(1)]).await.expect("removed");
    shard.run_retention().await.expect("passes");
    assert!((50_000..60_000).contains(&bytes().await), "{}", bytes().await);
    assert_eq!(read_from(&shard, 0, 10).await.len(), 5);
    shard.close().await;
    let shard = world.broker().open_with(1, 2).await;
    assert_eq!(read_from(&shard, 0, 10).await.len(), 5);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_on_demand_makes_nothing_else_too_much() {
    let world = World::new(8);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    for _ in 0..10 {
        append_now(&shard, 0, batch_at(1_000, "v")).await.expect("appended");
    }
    let one = shard.partition(partition(0)).await.expect("loads").log_bytes() / 10;
    keep(&shard, 0, None, Some(8 * one));
    shard.delete_records(partition(0), 4).await.expect("deleted");
    shard.run_retention().await.expect("passes");
    assert_eq!((log_start(&shard, 0).await, rows(&shard, partition(0)).await), (4, 9));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_requests_of_a_pass_loses_nothing_that_is_kept() {
    for last in [Last::Vanishes, Last::Lands] {
        let mut ended_early = 0;
        for number in 1.. {
            let world = World::new(9);
            let broker = world.broker();
            let shard = broker.open_with(2, 1).await;
            for n in 0..12 {
                append_now(&shard, n % 2, batch_at(1_000, "v")).await.expect("appended");
            }
            let log = shard.partition(partition(0)).await.expect("loads");
            keep(&shard, 0, None, Some(log.log_bytes() / 3));
            shard.delete_records(partition(1), 1).await.expect("deleted");
            broker.faults.gone_at(broker.faults.requests() + number, last);
            let passed = world.runtime.clock.timeout(Duration::from_secs(60), shard.run_retention()).await;
            let seen = log.log_start();

            let broker = world.broker();
            let shard = broker.open_with(2, 2).await;
            let start = log_start(&shard, 0).await;
            assert!((seen..=4).contains(&start), "request {number}: {start}, readers saw {seen}");
            assert_eq!(read_from(&shard, 0, start).await.len() as i64, 6 - start);
            assert_eq!(read_from(&shard, 1, 1).await.len(), 5);
            shard.delete_records(partition(0), -1).await.expect("deleted");
            shard.delete_records(partition(1), -1).await.expect("deleted");
            shard.run_retention().await.expect("passes");
            let left = segments(&broker).await;
            assert!(left.len() <= 5, "request {number}: {left:?}");
            assert_eq!(append_now(&shard, 0, batch_at(1_000, "w")).await, Ok(6));
            shard.close().await;
            if passed.is_ok() {
                break;
            }
            ended_early += 1;
        }
        assert!(ended_early >= 10, "only {ended_early} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_is_swept_by_the_next_owner_and_fences_stay() {
    let world = World::new(5);
    let mut fences = Vec::new();
    for epoch in 1..=6 {
        let mut broker = world.broker();
        broker.limits.flush_every_segments = 2;
        let shard = broker.open_with(1, epoch).await;
        fences.push(segments(&broker).await.last().expect("a fence").0);
        for _ in 0..5 {
            append_now(&shard, 0, batch_at(1_000, "v")).await.expect("appended");
        }
        let end = shard.partition(partition(0)).await.expect("loads").high_watermark();
        shard.delete_records(partition(0), end - 1).await.expect("deleted");
        if epoch == 3 {
            // Rows are gone, and their objects are not.
            broker.faults.set(crate::store::faults::Faults { delete_errors: 1.0, ..Default::default() });
            assert!(shard.run_retention().await.is_none());
        }
        world.runtime.clock.sleep(Duration::from_secs(2)).await;
        broker.faults.outage(true);
    }
    let broker = world.broker();
    let shard = broker.open_with(1, 7).await;
    shard.run_retention().await.expect("passes");
    append_now(&shard, 0, batch_at(1_000, "v")).await.expect("appended");
    shard.delete_records(partition(0), 30).await.expect("deleted");
    shard.run_retention().await.expect("passes");
    let left: Vec<u64> = segments(&broker).await.into_iter().map(|(id, _)| id).collect();
    assert!(fences.iter().all(|fence| left.contains(fence)), "{fences:?} {left:?}");
    assert!(left.len() <= fences.len() + 5, "{left:?}");
    assert_eq!(read_from(&shard, 0, 30).await.len(), 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_below_the_log_start_is_told_so_whatever_it_had_found() {
    let world = World::new(6);
    // Nothing is cached: every read goes to the store, slowly.
    let reads = crate::log::read::shared::ReadLimits {
        tail_cache_bytes: 0,
        block_cache_bytes: 0,
        ..Default::default()
    };
    let broker = broker_reading(&world, reads);
    let shard = broker.open_with(1, 1).await;
    for _ in 0..40 {
        append_now(&shard, 0, batch_at(1_000, "v")).await.expect("appended");
    }
    let log = shard.partition(partition(0)).await.expect("loads");
    let latency = Duration::from_millis(700);
    broker.faults.set(crate::store::faults::Faults { latency, ..Default::default() });
    let read = |offset| {
        let log = log.clone();
        async move { fetch::read(&log, offset, 1 << 20, true, fetch::Isolation::ReadUncommitted).await }
    };
    let lagging = read(3);
    let deletion = async {
        shard.delete_records(partition(0), 20).await.expect("deleted");
        broker.faults.set(crate::store::faults::Faults::default());
        shard.run_retention().await.expect("passes")
    };
    let (lagging, deletion) = futures::join!(lagging, deletion);
    assert!(deletion.collected.expect("collects").deleted_objects > 10);
    assert!(matches!(lagging, Err(ReadError::OffsetOutOfRange { log_start: 20, .. })), "{lagging:?}");
    assert!(matches!(read(19).await, Err(ReadError::OffsetOutOfRange { .. })));
    assert!(read(20).await.is_ok_and(|fetched| fetched.next_offset > 20));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_append_that_waits_survives_the_unloading_of_its_partition() {
    let world = World::new(7);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch_at(1_000, "a")).await.expect("appended");
    shard.run_retention().await.expect("passes");
    world.runtime.clock.sleep(Duration::from_secs(61)).await;
    let (first, pass, second) = (
        append(&shard, 0, batch_at(1_000, "b")).expect("taken"),
        shard.run_retention(),
        append(&shard, 0, batch_at(1_000, "c")).expect("taken"),
    );
    let (first, _, second) = futures::join!(first, pass, second);
    assert_eq!((first.expect("durable").base_offset, second.expect("durable").base_offset), (1, 2));
    world.runtime.clock.sleep(Duration::from_secs(61)).await;
    shard.run_retention().await.expect("passes");
    world.runtime.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(append_now(&shard, 0, batch_at(1_000, "d")).await, Ok(3));
    assert_eq!(read_from(&shard, 0, 0).await.len(), 4);
    shard.close().await;
}
