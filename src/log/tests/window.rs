//! Several segments of a shard in flight at once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{FutureExt as _, TryStreamExt as _};
use object_store::path::Path;

use super::{Broker, SHARD, World, append, append_now, batch, partition, read_from};
use crate::log::stored::paths::ShardPaths;
use crate::log::{AppendError, Appended, Shard, Ticket};
use crate::store::faults::{Faults, PutFault};

fn broker_with(world: &World, window: u16) -> Broker {
    let mut broker = world.broker();
    broker.limits.window = window;
    broker
}

fn only(path: String) -> Faults {
    Faults { only: Some(path), ..Faults::default() }
}

/// Appends that each get a commit of their own, as far as the window allows.
async fn append_apart(world: &World, shard: &Shard, values: &[&str]) -> Vec<Ticket<Appended>> {
    let mut tickets = Vec::new();
    for value in values {
        tickets.push(append(shard, 0, batch(&[value])).expect("taken"));
        world.runtime.clock.sleep(Duration::from_millis(2)).await;
    }
    tickets
}

/// The ids in the log.
async fn ids(world: &World, broker: &Broker) -> BTreeSet<u64> {
    let paths = ShardPaths::new(&broker.store, SHARD);
    let log: Path = paths.log().clone();
    let objects: Vec<_> = world.objects.list(Some(&log)).try_collect().await.expect("lists");
    objects.iter().filter_map(|meta| ShardPaths::segment_id(&meta.location)).collect()
}

async fn values(shard: &Shard) -> Vec<String> {
    read_from(shard, 0, 0).await.into_iter().map(|(_, value)| value).collect()
}

fn unanswered(tickets: &mut [Ticket<Appended>]) -> usize {
    tickets.iter_mut().filter_map(|ticket| ticket.now_or_never()).count()
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_lands_early_is_neither_acknowledged_nor_read_before_those_in_front_of_it() {
    let world = World::new(1);
    let broker = broker_with(&world, 3);
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let before = ids(&world, &broker).await;
    let next = before.last().expect("a segment") + 1;
    // The first of three fails for as long as this lasts; the others land.
    broker.faults.set(Faults { put_errors: 1.0, ..only(format!("{next:020}")) });
    let mut tickets = append_apart(&world, &shard, &["b", "c", "d"]).await;
    world.runtime.clock.sleep(Duration::from_secs(1)).await;
    let landed: Vec<u64> = ids(&world, &broker).await.difference(&before).copied().collect();
    assert_eq!(landed, [next + 1, next + 2], "the later ones are in the store");
    assert_eq!(unanswered(&mut tickets), 0, "and nobody was told");
    assert_eq!(shard.partition(partition(0)).await.expect("loads").high_watermark(), 1);
    assert_eq!(values(&shard).await, ["a"]);

    broker.faults.set(Faults::default());
    let mut offsets = Vec::new();
    for ticket in tickets {
        offsets.push(ticket.await.expect("acknowledged").base_offset);
    }
    assert_eq!(offsets, [1, 2, 3]);
    assert_eq!(values(&shard).await, ["a", "b", "c", "d"]);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_come_in_order_when_puts_land_out_of_order() {
    let world = World::new(2);
    let broker = broker_with(&world, 4);
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["0"])).await.expect("appended");
    broker.faults.set(only("/log/".into()));
    // The first lands last, the last one first.
    let late = |ms| PutFault::Late(Duration::from_millis(ms));
    broker.faults.script([late(40), late(30), late(20), PutFault::None]);
    let mut order = Vec::new();
    let tickets = append_apart(&world, &shard, &["1", "2", "3", "4"]).await;
    let mut waiting: Vec<(i64, Ticket<Appended>)> = (1..).zip(tickets).collect();
    while !waiting.is_empty() {
        world.runtime.clock.sleep(Duration::from_millis(1)).await;
        waiting.retain_mut(|(expected, ticket)| match ticket.now_or_never() {
            Some(appended) => {
                assert_eq!(appended.map(|appended| appended.base_offset), Ok(*expected));
                order.push(*expected);
                false
            }
            None => {
                // Whoever is behind one that waits, waits.
                true
            }
        });
        let first = waiting.first().map_or(i64::MAX, |(expected, _)| *expected);
        assert!(order.iter().all(|answered| *answered < first), "{order:?} were answered before {first}");
    }
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_put_that_meets_a_fence_ends_all_behind_it_also_those_that_landed() {
    let world = World::new(3);
    let broker = broker_with(&world, 3);
    let old = broker.open_with(1, 1).await;
    assert_eq!(append_now(&old, 0, batch(&["a"])).await, Ok(0));
    let next = ids(&world, &broker).await.last().expect("a segment") + 1;
    broker.faults.set(Faults { put_errors: 1.0, ..only(format!("{next:020}")) });
    let tickets = append_apart(&world, &old, &["b", "c", "d"]).await;
    assert!(ids(&world, &broker).await.contains(&(next + 1)), "the second of them has landed");

    let successor = broker_with(&world, 2);
    let new = successor.open_with(1, 2).await;
    broker.faults.set(Faults::default());
    for ticket in tickets {
        assert_eq!(ticket.await, Err(AppendError::IncarnationEnded));
    }
    assert_eq!(values(&new).await, ["a"], "what landed behind the fence is not part of the log");
    assert_eq!(append_now(&new, 0, batch(&["e"])).await, Ok(1));
    new.close().await;

    // The dead segments stay dead for whoever replays the same ids later.
    let third = broker_with(&world, 1).open_with(1, 3).await;
    assert_eq!(values(&third).await, ["a", "e"]);
    third.close().await;
    old.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_with_a_gap_ends_at_the_gap() {
    let world = World::new(4);
    let broker = broker_with(&world, 4);
    let shard = broker.open_with(1, 1).await;
    assert_eq!(append_now(&shard, 0, batch(&["a"])).await, Ok(0));
    let next = ids(&world, &broker).await.last().expect("a segment") + 1;
    broker.faults.set(Faults { put_errors: 1.0, ..only(format!("{:020}", next + 1)) });
    let mut tickets = append_apart(&world, &shard, &["b", "c", "d", "e"]).await;
    assert_eq!(unanswered(&mut tickets), 1, "the one in front of the gap is acknowledged");
    let there = ids(&world, &broker).await;
    assert!(!there.contains(&(next + 1)) && there.contains(&(next + 2)) && there.contains(&(next + 3)));

    // As after a crash: the first process does nothing any more.
    broker.faults.outage(true);
    for (epoch, fresh) in [(2, "x"), (3, "y"), (4, "z")] {
        let opened = broker_with(&world, 4).open_with(1, epoch).await;
        assert_eq!(values(&opened).await[..2], ["a", "b"]);
        append_now(&opened, 0, batch(&[fresh])).await.expect("appended");
        opened.close().await;
    }
    let last = broker_with(&world, 1).open_with(1, 5).await;
    assert_eq!(values(&last).await, ["a", "b", "x", "y", "z"]);
    last.close().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_puts_are_in_flight_than_the_window_allows() {
    for window in [1, 2, 5] {
        let world = World::new(5);
        let broker = broker_with(&world, window);
        let shard = broker.open_with(1, 1).await;
        append_now(&shard, 0, batch(&["a"])).await.expect("appended");
        broker.faults.set(only("/log/".into()));
        broker.faults.hold_puts(true);
        let before = broker.faults.requests();
        let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let values: Vec<&str> = names.iter().map(String::as_str).collect();
        let tickets = append_apart(&world, &shard, &values).await;
        assert_eq!(broker.faults.requests() - before, u64::from(window), "window {window}");
        broker.faults.hold_puts(false);
        for (ticket, offset) in tickets.into_iter().zip(1..) {
            assert_eq!(ticket.await.map(|appended| appended.base_offset), Ok(offset));
        }
        shard.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_everything_in_flight() {
    let world = World::new(6);
    let broker = broker_with(&world, 4);
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    broker.faults.set(Faults { latency: Duration::from_millis(40), ..only("/log/".into()) });
    let tickets = append_apart(&world, &shard, &["b", "c", "d"]).await;
    shard.close().await;
    for (ticket, offset) in tickets.into_iter().zip(1..) {
        let outcome = ticket.now_or_never().expect("answered by then");
        assert_eq!(outcome.map(|appended| appended.base_offset), Ok(offset));
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_producers_of_one_record_make_one_segment() {
    let world = World::new(7);
    let broker = broker_with(&world, 8);
    let shard = broker.open_with(100, 1).await;
    for index in 0..100 {
        append_now(&shard, index, batch(&["first"])).await.expect("appended");
    }
    let before = ids(&world, &broker).await.len();
    let tickets: Vec<_> =
        (0..1_000).map(|number| append(&shard, number % 100, batch(&["v"])).expect("taken")).collect();
    for ticket in tickets {
        ticket.await.expect("acknowledged");
    }
    assert_eq!(ids(&world, &broker).await.len() - before, 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_segment_does_not_wait_for_the_interval() {
    let world = World::new(8);
    let mut broker = broker_with(&world, 4);
    broker.limits.commit_interval = Duration::from_secs(10);
    broker.limits.segment_max_bytes = 1_000;
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let started = world.runtime.clock.instant();
    let large = "x".repeat(600);
    let full: Vec<_> = (0..2).map(|_| append(&shard, 0, batch(&[&large])).expect("taken")).collect();
    let mut full = full.into_iter();
    full.next().expect("two").await.expect("acknowledged");
    assert!(started.elapsed() < Duration::from_secs(1), "a full segment was kept waiting");
    full.next().expect("two").await.expect("acknowledged");
    assert!(started.elapsed() >= Duration::from_secs(10), "what is left waits for the interval");
    shard.close().await;
}
