//! A store that fails under an open shard.

use std::time::Duration;

use super::{World, append, append_now, batch, lead, partition, read_from};
use crate::log::{AppendError, OpenError, ShardState};
use crate::store::faults::{Faults, PutFault, Timeouts};

fn segments() -> Faults {
    Faults { only: Some("/log/".into()), ..Faults::default() }
}

#[tokio::test(start_paused = true)]
async fn an_outage_delays_and_loses_nothing() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    broker.faults.outage(true);
    let ticket = append(&shard, 0, batch(&["b"])).expect("taken");
    let clock = &world.runtime.clock;
    let Err(_) = clock.timeout(Duration::from_secs(120), async { std::future::pending::<()>().await }).await
    else {
        unreachable!("nothing ends it")
    };
    assert_eq!(shard.status().state, ShardState::Open, "an outage closes nothing");
    assert_eq!(read_from(&shard, 0, 0).await.len(), 1, "and what is in memory is readable");
    broker.faults.outage(false);
    assert_eq!(ticket.await.map(|appended| appended.base_offset), Ok(1));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn puts_that_hang_are_sent_again_and_appends_are_answered_soon_after_healing() {
    let world = World::new(4);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let hour = Duration::from_secs(3600);
    broker.faults.set(Faults { timeouts: Timeouts { rate: 1.0, after: hour }, ..segments() });
    let ticket = append(&shard, 0, batch(&["b"])).expect("taken");
    world.runtime.clock.sleep(Duration::from_secs(30)).await;
    broker.faults.set(Faults::default());
    let soon = world.runtime.clock.timeout(Duration::from_secs(6), ticket).await.expect("soon");
    assert_eq!(soon.map(|appended| appended.base_offset), Ok(1));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn puts_that_are_slow_land_without_being_sent_for_ever() {
    let world = World::new(5);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    let slow = Duration::from_secs(20);
    broker.faults.set(Faults { latency: slow, ..segments() });
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let clock = &world.runtime.clock;
    let started = clock.instant();
    append_now(&shard, 0, batch(&["b"])).await.expect("appended");
    assert!(started.elapsed() < slow * 3 / 2, "what is usual is known then: {:?}", started.elapsed());
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_is_recognised_as_ones_own() {
    let world = World::new(2);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    broker.faults.set(segments());
    broker.faults.script([
        PutFault::LostResponse,
        PutFault::Error,
        PutFault::Late(Duration::from_millis(40)),
    ]);
    for (offset, value) in [(1, "b"), (2, "c"), (3, "d")] {
        assert_eq!(append_now(&shard, 0, batch(&[value])).await, Ok(offset));
    }
    world.runtime.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(append_now(&shard, 0, batch(&["e"])).await, Ok(4));
    shard.close().await;
    let shard = world.broker().open_with(1, 2).await;
    let values: Vec<String> = read_from(&shard, 0, 0).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c", "d", "e"]);
    shard.close().await;
}

/// Every request of the log hangs, and fails only long after anybody's patience.
fn hanging(rate: f64) -> Faults {
    Faults { timeouts: Timeouts { rate, after: Duration::from_secs(3_600) }, ..segments() }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_hangs_is_made_again_and_one_that_landed_unanswered_is_found() {
    let world = World::new(7);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    broker.faults.set(segments());
    for (offset, fault) in [PutFault::Hang, PutFault::Unanswered].into_iter().enumerate() {
        broker.faults.script([fault]);
        let started = world.runtime.clock.instant();
        assert_eq!(append_now(&shard, 0, batch(&["a"])).await, Ok(offset as i64));
        assert!(started.elapsed() < Duration::from_secs(2), "{fault:?}: {:?}", started.elapsed());
    }
    // Of those that hang one after the other, none holds the shard for longer.
    broker.faults.script([PutFault::Hang; 3]);
    let started = world.runtime.clock.instant();
    assert_eq!(append_now(&shard, 0, batch(&["b"])).await, Ok(2));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    shard.close().await;
    let shard = world.broker().open_with(1, 2).await;
    assert_eq!(read_from(&shard, 0, 0).await.len(), 3);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn service_is_back_soon_after_an_outage_in_which_every_request_hung_and_nothing_stormed() {
    let world = World::new(8);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    for seconds in 20..30 {
        broker.faults.set(hanging(1.0));
        let before = broker.faults.requests();
        let ticket = append(&shard, 0, batch(&[&"x".repeat(100_000)])).expect("taken");
        world.runtime.clock.sleep(Duration::from_millis(seconds * 1_137)).await;
        assert!(broker.faults.requests() - before < 60, "{} requests", broker.faults.requests() - before);
        broker.faults.set(segments());
        let healed = world.runtime.clock.instant();
        assert!(ticket.await.is_ok());
        assert!(healed.elapsed() < Duration::from_secs(4), "{:?} after healing", healed.elapsed());
    }
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_gets_through_a_link_slower_than_the_patience_for_it() {
    let world = World::new(9);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    broker.faults.set(Faults { per_mib: Duration::from_secs(50), ..segments() });
    let before = broker.faults.requests();
    let started = world.runtime.clock.instant();
    assert_eq!(append_now(&shard, 0, batch(&[&"x".repeat(500_000)])).await, Ok(1));
    assert!(
        started.elapsed() < Duration::from_secs(25),
        "the first attempt went on: {:?}",
        started.elapsed()
    );
    let asked = broker.faults.requests() - before;
    assert!(asked < 25, "{asked} requests");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn opening_does_not_wait_for_a_request_that_hangs() {
    for seed in 10..20 {
        let world = World::new(seed);
        let broker = world.broker();
        let shard = broker.open_with(1, 1).await;
        for _ in 0..5 {
            append_now(&shard, 0, batch(&["a"])).await.expect("appended");
        }
        let broker = world.broker();
        broker.faults.set(hanging(0.25));
        let started = world.runtime.clock.instant();
        let next = broker.open_with(1, 2).await;
        assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
        assert_eq!(read_from(&next, 0, 0).await.len(), 5);
        next.close().await;
        shard.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fenced_owner_fails_its_waiting_appends_and_stays_closed_when_told_so() {
    let world = World::new(3);
    let broker = world.broker();
    let old = broker.open_with(1, 1).await;
    append_now(&old, 0, batch(&["a"])).await.expect("appended");
    let log = old.partition(partition(0)).await.expect("loads");
    assert!(old.recently_confirmed(Duration::from_secs(3)));
    world.runtime.clock.sleep(Duration::from_secs(5)).await;
    assert!(!old.recently_confirmed(Duration::from_secs(3)), "silence proves nothing");

    let new_broker = world.broker();
    let new = new_broker.open_with(1, 2).await;
    assert_eq!(append_now(&old, 0, batch(&["lost"])).await, Err(AppendError::IncarnationEnded));
    world.runtime.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(old.status().state, ShardState::Failed);
    assert!(log.has_ended());
    assert!(matches!(append(&old, 0, batch(&["x"])), Err(AppendError::NotOpen(_))));
    assert_eq!(append_now(&new, 0, batch(&["b"])).await, Ok(1));
    assert_eq!(read_from(&new, 0, 0).await, vec![(0, "a".to_string()), (1, "b".to_string())]);
    new.close().await;
    old.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_fenced_owner_opens_again_when_it_is_the_owner_still() {
    let world = World::new(4);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    let intruder = world.broker();
    let other = intruder.open_with(1, 1).await;
    world.assign(&broker);
    assert_eq!(append_now(&shard, 0, batch(&["unknown"])).await, Err(AppendError::IncarnationEnded));
    world.runtime.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(shard.status().state, ShardState::Open);
    assert_eq!(append_now(&shard, 0, batch(&["b"])).await, Ok(1));
    assert!(append_now(&other, 0, batch(&["c"])).await.is_err(), "and the intruder is fenced in turn");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn opening_ends_when_the_store_does_not_answer() {
    let world = World::new(5);
    let broker = world.broker();
    broker.faults.outage(true);
    assert!(matches!(broker.open().await, Err(OpenError::TimedOut(_) | OpenError::Store(_))));
}

#[tokio::test(start_paused = true)]
async fn an_opening_on_a_slow_store_gets_more_time_after_one_that_ran_out_of_it() {
    let world = World::new(7);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["a"])).await.expect("appended");
    shard.close().await;
    let first = broker.opening_time.limit();
    broker.faults.set(Faults { latency: Duration::from_secs(4), ..Faults::default() });
    assert!(matches!(broker.open().await, Err(OpenError::TimedOut(limit)) if limit == first));
    let mut tries = 1;
    let shard = loop {
        assert!(tries < 5, "an opening takes no longer than that");
        match broker.open().await {
            Ok(shard) => break shard,
            Err(_) => tries += 1,
        }
    };
    assert_eq!(broker.opening_time.limit(), first, "and the next one begins as the first did");
    broker.faults.set(Faults::default());
    lead(&shard, 1, 1);
    assert_eq!(append_now(&shard, 0, batch(&["b"])).await, Ok(1));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_the_owner_fences_nobody() {
    let world = World::new(6);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    let stranger = world.broker();
    let refused = stranger.open_if_owner().await;
    assert!(matches!(refused, Err(OpenError::NotOwner)));
    assert_eq!(append_now(&shard, 0, batch(&["a"])).await, Ok(0));
    shard.close().await;
}
