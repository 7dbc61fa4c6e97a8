//! A shard whose store was damaged is refused, unchanged, and opens once it is as it was.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;

use super::{SHARD, World, append_now, batch, partition, read_from};
use crate::log::read::fetch;
use crate::log::stored::keys::{self, Extent, Object, Offsets, Tag};
use crate::log::stored::paths::ShardPaths;
use crate::log::{AppendError, OpenError};
use crate::types::{ShardId, WriterEpoch};

async fn everything(world: &World) -> Vec<(String, u64)> {
    let listed: Vec<_> = world.objects.list(None).try_collect().await.expect("lists");
    let mut all: Vec<_> = listed.iter().map(|meta| (meta.location.to_string(), meta.size)).collect();
    all.sort_unstable();
    all
}

#[tokio::test(start_paused = true)]
async fn a_log_with_a_hole_is_refused_untouched_and_opens_when_the_object_is_back() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    for value in ["a", "b", "c"] {
        append_now(&shard, 0, batch(&[value])).await.expect("appended");
    }
    broker.faults.outage(true);
    let lost = ShardPaths::new(&broker.store, SHARD).segment(3);
    let object = world.objects.get(&lost).await.expect("is there").bytes().await.expect("reads");
    world.objects.delete(&lost).await.expect("deleted");
    let before = everything(&world).await;
    for _ in 0..3 {
        match world.broker().open().await.err() {
            Some(OpenError::Damaged(damage)) => assert_eq!(damage.object, lost.to_string()),
            outcome => panic!("opened, or failed otherwise: {outcome:?}"),
        }
    }
    assert_eq!(everything(&world).await, before, "nothing is written to a log that was damaged");
    world.objects.put(&lost, object.into()).await.expect("put back");
    let shard = world.broker().open_with(1, 2).await;
    let values: Vec<String> = read_from(&shard, 0, 0).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c"]);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_gone_is_no_new_shard() {
    let world = World::new(2);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    shard.close().await;
    let index = ShardPaths::new(&broker.store, SHARD).index().to_string();
    for (path, _) in everything(&world).await.into_iter().filter(|(path, _)| path.starts_with(&index)) {
        world.objects.delete(&path.into()).await.expect("deleted");
    }
    let before = everything(&world).await;
    let refused = world.broker().open().await.err();
    assert!(matches!(refused, Some(OpenError::Damaged(damage)) if damage.object == index));
    assert_eq!(everything(&world).await, before);
}

#[tokio::test(start_paused = true)]
async fn an_index_of_an_earlier_owner_is_not_climbed_over_by_trying_again() {
    let world = World::new(3);
    let shard = world.broker().open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    shard.close().await;
    let paths = ShardPaths::new(&world.broker().store, SHARD);
    let mut earlier: Vec<(String, Bytes)> = Vec::new();
    for (path, _) in everything(&world).await {
        if path.starts_with(paths.index().as_ref()) {
            let object = world.objects.get(&path.as_str().into()).await.expect("is there");
            earlier.push((path, object.bytes().await.expect("reads")));
        }
    }
    for epoch in 2..5 {
        let shard = world.broker().open_with(1, epoch).await;
        append_now(&shard, 0, batch(&["b"])).await.expect("appended");
        shard.close().await;
    }
    for (path, _) in everything(&world).await.into_iter().filter(|(path, _)| path.contains("/index/")) {
        if !earlier.iter().any(|(kept, _)| *kept == path) {
            world.objects.delete(&path.into()).await.expect("deleted");
        }
    }
    for _ in 0..8 {
        assert!(matches!(world.broker().open().await.err(), Some(OpenError::Damaged(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_idle_shard_wrote_last_is_indexed_within_a_minute_and_then_nothing_is_written() {
    let world = World::new(4);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    let row =
        (keys::key(Tag::ClassicGroup, &"g".to_owned()), Some(Bytes::from_static(b"\x01not of a partition")));
    shard.opened().expect("open").write_rows(vec![row]).expect("taken").await.expect("durable");
    let written = super::retention::segments(&broker).await.len() as u64;
    world.runtime.clock.sleep(Duration::from_secs(62)).await;
    let paths = ShardPaths::new(&broker.store, SHARD);
    let manifest =
        broker.shared.databases.stored_manifest(paths.index()).await.expect("reads").expect("is there");
    assert!(manifest.replay_after_wal_id() >= written, "{} of {written}", manifest.replay_after_wal_id());
    let segments = super::retention::segments(&broker).await;
    world.runtime.clock.sleep(Duration::from_secs(3_600)).await;
    assert_eq!(super::retention::segments(&broker).await, segments);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_another_segment_is_neither_served_nor_deleted() {
    let world = World::new(5);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    append_now(&shard, 1, batch(&["b"])).await.expect("appended");
    shard.close().await;
    let paths = ShardPaths::new(&broker.store, SHARD);
    let other = world.objects.get(&paths.segment(3)).await.expect("is there").bytes().await.expect("reads");
    let own = world.objects.get(&paths.segment(2)).await.expect("is there").bytes().await.expect("reads");
    assert_eq!(own.len(), other.len(), "alike but for whose they are");
    world.objects.put(&paths.segment(2), other.into()).await.expect("put");

    let shard = world.broker().open_with(2, 2).await;
    let log = shard.partition(super::partition(0)).await.expect("loads");
    let read = fetch::read(&log, 0, 1 << 20, true, fetch::Isolation::ReadUncommitted).await;
    let error = read.expect_err("is refused").to_string();
    assert_eq!(error, format!("{} is a copy of another object", paths.segment(2)));
    assert_eq!(read_from(&shard, 1, 0).await, [(0, "b".to_owned())]);
    shard.delete_records(super::partition(0), -1).await.expect("deleted");
    shard.run_retention().await.expect("a pass");
    shard.run_retention().await.expect("a pass");
    world.objects.head(&paths.segment(2)).await.expect("it may be the last copy");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_extent_of_a_form_that_is_not_served_keeps_its_partition_from_being_read_and_loses_nothing() {
    let of_shard = Object::OfShard { shard: ShardId(3), epoch: WriterEpoch(9), ulid: 0xabc };
    let forms = [
        (
            of_shard,
            Offsets::Written,
            "extent in shards/3/packed/00000000000000000009-",
            "another shard wrote",
        ),
        (Object::Log(9), Offsets::OnReading, "extent in log/00000000000000000009.seg", "offsets on reading"),
    ];
    for (object, offsets, name, form) in forms {
        let world = World::new(12);
        let shard = world.broker().open_with(2, 1).await;
        append_now(&shard, 0, batch(&["a"])).await.expect("appended");
        append_now(&shard, 1, batch(&["b"])).await.expect("appended");
        // A level that none is.
        shard.set_level(u16::MAX);
        let open = shard.opened().expect("open");
        let log = shard.partition(partition(0)).await.expect("loads");
        let extents = log.source().extents(partition(0), 0, 1, 1).await.expect("indexed");
        let planted = Extent { base_offset: 1, last_offset: 1, object, offsets, ..extents[0].clone() };
        let key = Extent::key(partition(0), planted.last_offset);
        let row = (key.clone(), Some(planted.value()));
        open.write_rows(vec![row]).expect("taken").await.expect("durable");
        shard.close().await;
        let shard = world.broker().open_with(2, 2).await;
        let error = shard.partition(partition(0)).await.expect_err("it is refused").to_string();
        assert!(error.starts_with(name) && error.contains(form), "{error}");
        assert_eq!(append_now(&shard, 0, batch(&["c"])).await, Err(AppendError::Malformed));
        assert_eq!(read_from(&shard, 1, 0).await, [(0, "b".to_owned())]);
        world.runtime.clock.sleep(Duration::from_secs(3600)).await;
        let row = (key, None);
        shard.opened().expect("open").write_rows(vec![row]).expect("taken").await.expect("durable");
        assert_eq!(read_from(&shard, 0, 0).await, [(0, "a".to_owned())]);
        shard.close().await;
    }
}
