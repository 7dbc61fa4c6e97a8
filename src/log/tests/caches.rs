//! The tail cache and the set of waiting fetches, alone.

use bytes::Bytes;
use prometheus::Registry;

use super::partition;
use crate::log::read::metrics::CacheMetrics;
use crate::log::read::tail_cache::TailCache;
use crate::log::read::waiters::Waiters;

/// The cost of a batch of ten bytes.
const COST: u64 = 266;

fn cache(budget_bytes: u64) -> TailCache {
    TailCache::new(budget_bytes, CacheMetrics::register(&Registry::new(), "tail"))
}

fn insert(cache: &TailCache, index: i32, base: i64, last: i64) {
    cache.insert(partition(index), base, last, [Bytes::from(vec![0; 4]), Bytes::from(vec![1; 6])]);
}

fn next(cache: &TailCache, index: i32, offset: i64) -> Option<i64> {
    cache.read(partition(index), offset, i64::MAX, usize::MAX, true).map(|run| run.next_offset)
}

#[test]
fn the_oldest_batch_goes_first_whatever_its_partition() {
    let metrics = CacheMetrics::register(&Registry::new(), "tail");
    let cache = TailCache::new(3 * COST, metrics.clone());
    insert(&cache, 0, 0, 0);
    insert(&cache, 1, 0, 0);
    insert(&cache, 0, 1, 1);
    assert_eq!(cache.bytes(), 3 * COST);
    insert(&cache, 1, 1, 1);
    assert_eq!(cache.bytes(), 3 * COST);
    assert_eq!((next(&cache, 0, 0), next(&cache, 0, 1)), (None, Some(2)));
    assert_eq!(next(&cache, 1, 0), Some(2));
    insert(&cache, 2, 0, 0);
    assert_eq!((next(&cache, 1, 0), next(&cache, 1, 1)), (None, Some(2)));
    assert_eq!((metrics.hits.get(), metrics.misses.get()), (3, 2));
    assert_eq!(metrics.bytes.get(), 3 * COST as i64);
}

#[test]
fn what_was_there_at_two_looks_is_forgotten() {
    let metrics = CacheMetrics::register(&Registry::new(), "tail");
    let cache = TailCache::new(10_000 * COST, metrics.clone());
    (0..2_500).for_each(|base| insert(&cache, 0, base, base));
    cache.forget_old();
    assert_eq!(next(&cache, 0, 0), Some(2_500), "recent the first time");
    insert(&cache, 0, 2_500, 2_500);
    insert(&cache, 1, 0, 0);
    cache.forget_old();
    assert_eq!(
        (next(&cache, 0, 2_499), next(&cache, 0, 2_500), next(&cache, 1, 0)),
        (None, Some(2_501), Some(1))
    );
    assert_eq!((cache.bytes(), metrics.bytes.get()), (2 * COST, 2 * COST as i64));
    cache.forget_old();
    cache.forget_old();
    assert_eq!((cache.bytes(), metrics.bytes.get()), (0, 0));
}

#[test]
fn a_read_begins_with_the_batch_of_its_offset_and_keeps_its_limits() {
    let cache = cache(100 * COST);
    for base in [0, 5, 10] {
        insert(&cache, 0, base, base + 4);
    }
    let read =
        |offset, end, max, min_one| cache.read(partition(0), offset, end, max, min_one).expect("is there");
    let run = read(7, 15, 100, false);
    assert_eq!((run.bytes, run.next_offset, run.chunks.len(), run.stopped_by_size), (20, 15, 4, false));
    let run = read(0, 10, 100, false);
    assert_eq!((run.bytes, run.next_offset), (20, 10), "nothing at or above the end");
    let run = read(0, 15, 15, false);
    assert_eq!((run.bytes, run.next_offset, run.stopped_by_size), (10, 5, true));
    let run = read(0, 15, 9, false);
    assert_eq!((run.bytes, run.next_offset, run.stopped_by_size), (0, 0, true));
    let run = read(0, 15, 0, true);
    assert_eq!((run.bytes, run.next_offset, run.stopped_by_size), (10, 5, true));
}

#[test]
fn a_read_ends_before_a_gap() {
    let cache = cache(100 * COST);
    insert(&cache, 0, 0, 4);
    insert(&cache, 0, 10, 14);
    assert_eq!((next(&cache, 0, 0), next(&cache, 0, 5), next(&cache, 0, 12)), (Some(5), None, Some(15)));
    let at = |offset| cache.next_cached(partition(0), offset);
    assert_eq!((at(3), at(5), at(12), at(15)), (Some(3), Some(10), Some(12), None));
}

#[test]
fn what_is_too_large_or_known_is_not_taken() {
    let cache = cache(COST);
    insert(&cache, 0, 0, 0);
    insert(&cache, 0, 0, 0);
    cache.insert(partition(1), 0, 0, [Bytes::from(vec![0; 4]), Bytes::from(vec![1; 7])]);
    assert_eq!(cache.bytes(), COST);
    assert_eq!(next(&cache, 0, 0), Some(1));
    cache.remove(partition(0));
    assert_eq!((cache.bytes(), next(&cache, 0, 0)), (0, None));
    insert(&cache, 0, 3, 3);
    assert_eq!(next(&cache, 0, 3), Some(4));
}

#[tokio::test(start_paused = true)]
async fn only_who_waits_for_a_partition_is_woken() {
    let waiters = Waiters::new();
    let mut first = waiters.register();
    first.arm(0, partition(0));
    first.arm(1, partition(1));
    let mut second = waiters.register();
    second.arm(7, partition(1));
    assert_eq!(waiters.armed(), 3);

    waiters.wake(partition(0));
    waiters.wake(partition(9));
    assert_eq!(first.moved().await, [0]);
    assert!(futures::FutureExt::now_or_never(second.moved()).is_none());
    waiters.wake(partition(0));
    assert!(futures::FutureExt::now_or_never(first.moved()).is_none(), "one wake-up for one arming");

    waiters.wake(partition(1));
    assert_eq!((first.moved().await, second.moved().await), (vec![1], vec![7]));
    assert_eq!(waiters.armed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_before_the_wait_is_not_lost() {
    let waiters = Waiters::new();
    let mut waiting = waiters.register();
    waiting.arm(0, partition(0));
    waiting.arm(1, partition(1));
    waiters.wake(partition(1));
    waiters.wake(partition(0));
    assert_eq!(waiting.moved().await, [1, 0]);
    waiting.arm(1, partition(1));
    waiters.wake(partition(1));
    assert_eq!(waiting.moved().await, [1]);
}

#[test]
fn who_goes_away_waits_no_longer() {
    let waiters = Waiters::new();
    let mut waiting = waiters.register();
    waiting.arm(0, partition(0));
    waiting.arm(1, partition(1));
    waiting.arm(1, partition(1));
    waiters.wake(partition(0));
    assert_eq!(waiters.armed(), 1);
    drop(waiting);
    assert_eq!(waiters.armed(), 0);
}
