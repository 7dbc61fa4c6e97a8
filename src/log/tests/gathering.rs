//! Small commits wait for a moment for what is on its way; what nothing follows does not.

use std::time::Duration;

use super::{Broker, World, append, append_now, batch, partition, read_from};
use crate::log::{Append, Appended, Permit, Shard, Ticket};
use crate::store::RequestKind;

/// An append whose producer sends on without waiting for the answer.
fn append_of_many(shard: &Shard, value: &str) -> Ticket<Appended> {
    let batch = batch(&[value]);
    let append = Append {
        partition: partition(0),
        batch,
        permit: Permit::none(),
        more_to_come: true,
        after_refusal: false,
    };
    shard.append(append).expect("taken")
}

/// A shard with one loaded partition.
async fn open(world: &World) -> (Broker, Shard) {
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["first"])).await.expect("appended");
    (broker, shard)
}

/// Lets whatever can run now do so, without the clock moving.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_one_after_the_other_without_waiting_is_one_segment() {
    let world = World::new(1);
    let (broker, shard) = open(&world).await;
    let (puts, started) = (broker.store.metrics().requests(RequestKind::Put), world.runtime.clock.instant());
    let mut tickets = Vec::new();
    for value in ["a", "b", "c"] {
        tickets.push(append_of_many(&shard, value));
        settle().await;
    }
    // The last one says that nothing follows, so nothing is waited for.
    tickets.push(append(&shard, 0, batch(&["d"])).expect("taken"));
    for ticket in tickets {
        ticket.await.expect("appended");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(broker.store.metrics().requests(RequestKind::Put) - puts, 1);
    let values: Vec<_> = read_from(&shard, 0, 1).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_to_come_and_does_not_is_waited_for_a_moment_only() {
    let world = World::new(2);
    let (_broker, shard) = open(&world).await;
    let started = world.runtime.clock.instant();
    append_of_many(&shard, "a").await.expect("appended");
    assert!(started.elapsed() > Duration::ZERO, "it waits");
    assert!(started.elapsed() <= Duration::from_millis(2), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_hardly_ever_waited_for() {
    let world = World::new(5);
    let (_broker, shard) = open(&world).await;
    let started = world.runtime.clock.instant();
    for _ in 0..100 {
        append_of_many(&shard, "a").await.expect("appended");
    }
    assert!(started.elapsed() <= Duration::from_millis(20), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lone_record_waits_for_nobody() {
    let world = World::new(3);
    let (_broker, shard) = open(&world).await;
    let started = world.runtime.clock.instant();
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_not_small_waits_for_nobody() {
    let world = World::new(4);
    let (_broker, shard) = open(&world).await;
    let started = world.runtime.clock.instant();
    append_of_many(&shard, &"a".repeat(300_000)).await.expect("appended");
    assert_eq!(started.elapsed(), Duration::ZERO);
}
