//! Fetches of many partitions: budgets, waiting, and what ends it.

use std::future::{pending, ready};
use std::time::Duration;

use super::{Broker, World, append, append_now, batch, broker_reading, partition};
use crate::log::read::fetch::{Fetch, Fetched, Isolation, Wanted};
use crate::log::read::source::ReadError;
use crate::log::{ReadLimits, Shard};

async fn wanted(shard: &Shard, places: &[(i32, i64)], max_bytes: usize) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for &(index, offset) in places {
        let log = shard.partition(partition(index)).await.expect("loads");
        wanted.push(Wanted { log, offset, max_bytes });
    }
    wanted
}

fn fetch(partitions: Vec<Wanted>, max_bytes: usize, min_bytes: usize, wait_ms: u64) -> Fetch {
    let max_wait = Duration::from_millis(wait_ms);
    Fetch { partitions, max_bytes, min_bytes, max_wait, isolation: Isolation::ReadUncommitted }
}

async fn run(broker: &Broker, fetch: Fetch) -> (Vec<Result<Fetched, ReadError>>, Duration) {
    let clock = &broker.shared.runtime.clock;
    let start = clock.instant();
    let (answers, _, _) = fetch.run(&broker.shared.reads, pending::<()>()).await;
    assert_eq!(broker.shared.reads.waiters().armed(), 0, "nothing is left behind");
    (answers, clock.instant() - start)
}

fn next_offsets(answers: &[Result<Fetched, ReadError>]) -> Vec<i64> {
    answers.iter().map(|answer| answer.as_ref().expect("no error").next_offset).collect()
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_until_there_is_enough() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(3, 1).await;
    let one = batch(&["0123456789"]).len();
    let fetch = fetch(wanted(&shard, &[(0, 0), (1, 0), (2, 0)], 1 << 20).await, 1 << 20, 2 * one, 60_000);
    let clock = broker.shared.runtime.clock.clone();
    let appends = async {
        for index in [1, 2] {
            clock.sleep(Duration::from_millis(500)).await;
            append_now(&shard, index, batch(&["0123456789"])).await.expect("durable");
        }
    };
    let ((answers, waited), ()) = futures::join!(run(&broker, fetch), appends);
    assert_eq!(next_offsets(&answers), [0, 1, 1]);
    assert!(waited >= Duration::from_secs(1) && waited < Duration::from_secs(2), "{waited:?}");
    assert_eq!(answers[1].as_ref().expect("no error").high_watermark, 1);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_no_longer_than_it_may() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 0, batch(&["v"])).await.expect("durable");
    let places = [(0, 0), (1, 0)];
    let (answers, waited) =
        run(&broker, fetch(wanted(&shard, &places, 1 << 20).await, 1 << 20, 5_000, 700)).await;
    assert_eq!(next_offsets(&answers), [1, 0]);
    assert_eq!(waited, Duration::from_millis(700));
    let (_, waited) = run(&broker, fetch(wanted(&shard, &places, 1 << 20).await, 1 << 20, 1, 700)).await;
    assert_eq!(waited, Duration::ZERO, "there is enough");
    let (_, waited) = run(&broker, fetch(wanted(&shard, &places, 1 << 20).await, 1 << 20, 5_000, 0)).await;
    assert_eq!(waited, Duration::ZERO);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn more_comes_behind_what_was_read_before_the_wait() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    append_now(&shard, 0, batch(&["first"])).await.expect("durable");
    let fetch = fetch(wanted(&shard, &[(0, 0)], 1 << 20).await, 1 << 20, 100_000, 2_000);
    let appends = async {
        for _ in 0..3 {
            append_now(&shard, 0, batch(&["a", "b"])).await.expect("durable");
        }
    };
    let ((answers, waited), ()) = futures::join!(run(&broker, fetch), appends);
    let fetched = answers[0].as_ref().expect("no error");
    assert_eq!((fetched.next_offset, fetched.high_watermark), (7, 7));
    assert_eq!(fetched.bytes, fetched.chunks.concat().len());
    assert_eq!(fetched.bytes, batch(&["first"]).len() + 3 * batch(&["a", "b"]).len());
    assert_eq!(waited, Duration::from_secs(2));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_at_once() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    let fetch = fetch(wanted(&shard, &[(0, 0), (1, 5)], 1 << 20).await, 1 << 20, 1, 60_000);
    let (answers, waited) = run(&broker, fetch).await;
    assert!(matches!(answers[1], Err(ReadError::OffsetOutOfRange { log_start: 0, high_watermark: 0 })));
    assert_eq!(waited, Duration::ZERO);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_shard_ends_the_wait() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(1, 1).await;
    let fetch = fetch(wanted(&shard, &[(0, 0)], 1 << 20).await, 1 << 20, 1, 60_000);
    let clock = broker.shared.runtime.clock.clone();
    let end = async {
        clock.sleep(Duration::from_secs(1)).await;
        shard.close().await;
    };
    let ((answers, waited), ()) = futures::join!(run(&broker, fetch), end);
    assert!(matches!(answers[0], Err(ReadError::NotOpen(_))), "{answers:?}");
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_closing_lets_nobody_wait_until_its_last_commits_are_stored() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    let fetch = fetch(wanted(&shard, &[(0, 0)], 1 << 20).await, 1 << 20, 1, 60_000);
    broker.faults.hold_puts(true);
    let last = append(&shard, 1, batch(&["last"])).expect("taken");
    let clock = broker.shared.runtime.clock.clone();
    let close = async {
        clock.sleep(Duration::from_secs(1)).await;
        shard.close().await;
    };
    let store = async {
        clock.sleep(Duration::from_secs(4)).await;
        broker.faults.hold_puts(false);
    };
    let ((answers, waited), (), ()) = futures::join!(run(&broker, fetch), close, store);
    assert!(matches!(answers[0], Err(ReadError::NotOpen(_))), "{answers:?}");
    assert_eq!(waited, Duration::from_secs(1));
    assert_eq!(last.await.expect("stored").base_offset, 0, "what was taken is finished");
}

#[tokio::test(start_paused = true)]
async fn the_budget_goes_to_the_first_partitions() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(4, 1).await;
    let one = batch(&["0123456789"]).len();
    for index in [0, 1, 2, 2, 2, 3] {
        append(&shard, index, batch(&["0123456789"])).expect("taken").await.expect("durable");
    }
    let places = [(2, 0), (0, 0), (1, 0), (3, 0)];
    let (answers, _) = run(&broker, fetch(wanted(&shard, &places, 2 * one).await, 3 * one, 1, 0)).await;
    assert_eq!(next_offsets(&answers), [2, 1, 0, 0], "two of the first, its own limit; one of the second");
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_reads_from_the_store_leave_goes_to_those_behind_them() {
    let world = World::new(1);
    let first = world.broker();
    let shard = first.open_with(4, 1).await;
    for index in 0..4 {
        append_now(&shard, index, batch(&["0123456789"])).await.expect("durable");
    }
    shard.close().await;
    let broker = broker_reading(&world, ReadLimits { tail_cache_bytes: 0, ..ReadLimits::default() });
    let shard = broker.open_with(4, 2).await;
    let places = [(0, 0), (1, 0), (2, 0), (3, 0)];
    let one = batch(&["0123456789"]).len();
    let (answers, _) = run(&broker, fetch(wanted(&shard, &places, 10 * one).await, 10 * one, 1, 0)).await;
    assert_eq!(next_offsets(&answers), [1, 1, 1, 1], "the first may take all, and takes a tenth");
    let (answers, _) = run(&broker, fetch(wanted(&shard, &places, 10 * one).await, one, 1, 0)).await;
    assert_eq!(next_offsets(&answers), [1, 0, 0, 0]);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_batch_of_an_answer_is_given_whatever_its_size() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(3, 1).await;
    let long = "x".repeat(10_000);
    append_now(&shard, 1, batch(&[&long])).await.expect("durable");
    append_now(&shard, 2, batch(&["short"])).await.expect("durable");
    // The first partition has nothing, so the second one's batch is the first of the answer.
    let places = [(0, 0), (1, 0), (2, 0)];
    let (answers, waited) = run(&broker, fetch(wanted(&shard, &places, 100).await, 100, 1, 60_000)).await;
    assert_eq!(next_offsets(&answers)[..2], [0, 1]);
    assert_eq!(waited, Duration::ZERO);
    // One that came during the wait, too.
    let fetch = fetch(wanted(&shard, &[(0, 0)], 100).await, 100, 1, 60_000);
    let late = append_now(&shard, 0, batch(&[&long]));
    let ((answers, _), late) = futures::join!(run(&broker, fetch), late);
    assert_eq!((next_offsets(&answers), late), (vec![1], Ok(0)));
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_waits_in_vain_answers_with_what_it_has() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    append_now(&shard, 0, batch(&["v"])).await.expect("durable");
    let clock = &broker.shared.runtime.clock;
    let begun = clock.instant();
    let asked = fetch(wanted(&shard, &[(0, 0), (1, 0)], 1000).await, 1000, 1000, 60_000);
    let in_vain = async {
        clock.sleep(Duration::from_secs(2)).await;
        "nobody knows"
    };
    let (answers, _, why) = asked.run(&broker.shared.reads, in_vain).await;
    assert_eq!((next_offsets(&answers), why), (vec![1, 0], Some("nobody knows")));
    assert_eq!(clock.instant() - begun, Duration::from_secs(2));
    let enough = fetch(wanted(&shard, &[(0, 0)], 1000).await, 1000, 1, 60_000);
    let (_, _, why) = enough.run(&broker.shared.reads, ready(())).await;
    assert_eq!(why, None, "it has not waited");
    assert_eq!(broker.shared.reads.waiters().armed(), 0);
    shard.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_dropped_leaves_nothing_behind() {
    let world = World::new(1);
    let broker = world.broker();
    let shard = broker.open_with(2, 1).await;
    let fetch = fetch(wanted(&shard, &[(0, 0), (1, 0)], 100).await, 100, 1, 60_000);
    let clock = &broker.shared.runtime.clock;
    let gone = clock.timeout(Duration::from_secs(1), fetch.run(&broker.shared.reads, pending::<()>())).await;
    assert!(gone.is_err());
    assert_eq!(broker.shared.reads.waiters().armed(), 0);
    shard.close().await;
}
