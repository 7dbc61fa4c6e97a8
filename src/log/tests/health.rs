//! The health of a shard, as an operator is told.

use std::time::Duration;

use super::{Setup, World, append, append_now, batch, partition, read_from};
use crate::log::{AppendError, Cause, Limits, Shard};
use crate::store::Room;
use crate::store::faults::{Faults, PutFault, Timeouts};

fn cause(shard: &Shard) -> Option<Cause> {
    shard.unable().map(|unable| unable.cause)
}

async fn pass(world: &World, seconds: u64) {
    world.runtime.clock.sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_whose_appends_do_not_become_durable_cannot_serve() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    // As a full disk: it is read on, so the store does answer.
    broker.faults.set(Faults { put_errors: 1.0, only: Some("/log/".into()), ..Faults::default() });
    let began = world.runtime.clock.instant();
    let ticket = append(&shard, 0, batch(&["b"])).expect("taken");
    pass(&world, 9).await;
    assert_eq!(cause(&shard), None, "not yet");
    pass(&world, 2).await;
    let unable = shard.unable().expect("it cannot serve");
    assert_eq!(unable.cause, Cause::Stalled("failed by plan".into()));
    assert!(unable.since - began < Duration::from_secs(1), "the outage began with the append");
    broker.faults.set(Faults::default());
    ticket.await.expect("it is appended in the end");
    assert_eq!(cause(&shard), None);
    shard.close().await;
    assert_eq!(cause(&shard), Some(Cause::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_stalls_a_shard_too() {
    let world = World::new(2);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    let hour = Duration::from_secs(3600);
    broker.faults.set(Faults { timeouts: Timeouts { rate: 1.0, after: hour }, ..Faults::default() });
    let _ticket = append(&shard, 0, batch(&["a"])).expect("taken");
    pass(&world, 11).await;
    let Some(Cause::Stalled(reason)) = cause(&shard) else { panic!("it is stalled") };
    assert!(reason.contains("answer"), "{reason}");
    broker.faults.set(Faults::default());
    pass(&world, 120).await;
    assert_eq!(cause(&shard), None);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_shard_learns_of_a_dead_store_from_the_requests_that_it_makes_anyway() {
    let world = World::new(3);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    pass(&world, 600).await;
    assert_eq!(cause(&shard), None, "there is nothing to commit");
    broker.faults.outage(true);
    pass(&world, 40).await;
    assert!(matches!(cause(&shard), Some(Cause::StoreFails(_))), "{:?}", cause(&shard));
    broker.faults.outage(false);
    pass(&world, 40).await;
    assert_eq!(cause(&shard), None);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn appends_that_wait_for_their_commit_are_no_outage() {
    let world = World::new(4);
    let mut broker = world.broker();
    broker.limits = Limits { commit_interval: Duration::from_secs(10), ..Limits::default() };
    let shard = broker.open_with(1, 1).await;
    for _ in 0..10 {
        let ticket = append(&shard, 0, batch(&["a"])).expect("taken");
        for _ in 0..100 {
            assert_eq!(cause(&shard), None);
            world.runtime.clock.sleep(Duration::from_millis(101)).await;
        }
        ticket.await.expect("appended");
    }
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_shard_that_commits_slowly_serves() {
    let world = World::new(5);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    broker.faults.set(Faults { latency: Duration::from_secs(8), ..Faults::default() });
    let tickets: Vec<_> =
        (0..8).map(|_| append(&shard, 0, batch(&[&"x".repeat(9 << 20)])).expect("taken")).collect();
    for ticket in tickets {
        ticket.await.expect("appended");
        assert_eq!(cause(&shard), None);
    }
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_appends_and_takes_deletions() {
    let world = World::new(6);
    let folder = tempfile::tempdir().expect("a folder");
    let room = Room::keep(folder.path(), 4096, &world.runtime.clock).expect("kept");
    let broker = world.broker_of(Setup { room, ..Setup::default() });
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 0, batch(&["a", "b"])).await.expect("appended");
    broker.faults.set(Faults { only: Some("/log/".into()), ..Faults::default() });
    broker.faults.script([PutFault::NoSpace]);
    append_now(&shard, 0, batch(&["c"])).await.expect("what was under way fits into the reserve");
    assert_eq!(cause(&shard), Some(Cause::Full));
    assert_eq!(append_now(&shard, 0, batch(&["d"])).await, Err(AppendError::Full));
    assert_eq!(shard.delete_records(partition(0), 1).await, Ok(1));
    shard.remove_partitions(&[partition(1)]).await.expect("removed");
    assert_eq!(cause(&shard), Some(Cause::Full));
    // The real disk has room all the while, as is found at the next look.
    pass(&world, 2).await;
    assert_eq!(cause(&shard), None);
    assert_eq!(append_now(&shard, 0, batch(&["d"])).await, Ok(3));
    let kept = [(2, "c".to_owned()), (3, "d".to_owned())];
    assert_eq!(read_from(&shard, 0, 2).await, kept);
    shard.close().await;
}
