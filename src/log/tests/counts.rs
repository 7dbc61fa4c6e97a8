//! Counts of partitions, without loading them.

use std::time::Duration;

use super::{World, append_now, batch, partition, read_from};
use crate::log::Shard;

/// End, records, and bytes appended and fetched, of each of the first partitions.
fn counts(shard: &Shard, partitions: i32) -> Vec<(Option<i64>, u64, bool, bool)> {
    let mut found = vec![(None, 0, false, false); partitions as usize];
    shard.each_count(|at, counts| {
        found[at.index as usize] = (
            counts.end(),
            counts.appended_records(),
            counts.appended_bytes() > 0,
            counts.fetched_bytes() > 0,
        );
    });
    found
}

async fn find_ends(world: &World, shard: &Shard) {
    let deadline = world.runtime.clock.instant() + Duration::from_secs(1);
    shard.find_ends(deadline).await.expect("the index reads");
}

#[tokio::test(start_paused = true)]
async fn appends_and_fetches_are_counted_by_partition() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 0, batch(&["a", "b"])).await.expect("appended");
    append_now(&shard, 0, batch(&["c"])).await.expect("appended");
    assert_eq!(counts(&shard, 2), [(Some(3), 3, true, false), (None, 0, false, false)]);
    read_from(&shard, 0, 0).await;
    assert_eq!(counts(&shard, 2)[0], (Some(3), 3, true, true));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn ends_are_found_after_an_opening_though_nobody_loads_the_partitions() {
    let world = World::new(2);
    let broker = world.broker();
    let shard = broker.open_with(4, 1).await;
    append_now(&shard, 0, batch(&["a", "b"])).await.expect("appended");
    append_now(&shard, 1, batch(&["x", "y", "z"])).await.expect("appended");
    // All of it is removed: only the log start says where the partition ended.
    append_now(&shard, 2, batch(&["gone"])).await.expect("appended");
    shard.delete_records(partition(2), -1).await.expect("deleted");
    shard.run_retention().await.expect("a pass");
    shard.close().await;

    let again = world.broker();
    let shard = again.open_with(4, 2).await;
    assert!(counts(&shard, 4).iter().all(|(end, ..)| end.is_none()));
    find_ends(&world, &shard).await;
    let ends: Vec<_> = counts(&shard, 4).iter().map(|(end, ..)| *end).collect();
    assert_eq!(ends, [Some(2), Some(3), Some(1), Some(0)]);
    append_now(&shard, 1, batch(&["more"])).await.expect("appended");
    assert_eq!(counts(&shard, 4)[1], (Some(4), 1, true, false));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_removed_is_counted_no_more() {
    let world = World::new(3);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 1, batch(&["a"])).await.expect("appended");
    shard.remove_partitions(&[partition(1)]).await.expect("removed");
    let mut seen = Vec::new();
    shard.each_count(|at, _| seen.push(at.index));
    assert_eq!(seen, [0]);
    shard.close().await;
}
