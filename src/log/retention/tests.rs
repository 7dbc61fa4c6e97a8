use super::policy::{Policy, expires_ms};
use super::survey::Surveyed;
use super::watch::{Seen, is_due};
use crate::log::partition::View;
use crate::log::stored::keys::{Extent, LogStart, Object, Offsets};
use crate::settings::Retention;
use crate::types::LeaderEpoch;

fn extent(length: u32, max_timestamp: i64) -> Extent {
    Extent {
        base_offset: 0,
        last_offset: 9,
        object: Object::Log(1),
        offsets: Offsets::Written,
        position: 0,
        length,
        leader_epoch: LeaderEpoch(0),
        max_timestamp,
        appended_ms: 5_000,
        producers: Vec::new(),
    }
}

fn taken(retention: Retention, now_ms: i64, extents: &[Extent]) -> usize {
    let bytes = extents.iter().map(|extent| u64::from(extent.length)).sum();
    let mut policy = Policy::new(retention, now_ms, bytes);
    extents.iter().take_while(|extent| policy.takes(extent)).count()
}

#[test]
fn time_counts_from_the_greatest_timestamp_or_from_arrival_without_one() {
    let keep = Retention { ms: Some(1_000), bytes: None };
    let extents = [extent(10, 4_000), extent(10, -1), extent(10, 9_000), extent(10, 1)];
    assert_eq!(taken(keep, 5_000, &extents), 0, "not older than retention.ms, as old");
    assert_eq!(taken(keep, 5_001, &extents), 1);
    assert_eq!(taken(keep, 6_001, &extents), 2);
    assert_eq!(taken(keep, 10_000, &extents), 2, "nothing goes past one that stays");
    assert_eq!(taken(keep, 10_001, &extents), 4, "the newest goes too");
    assert_eq!(expires_ms(keep, &extents[0]), 5_001);
    assert_eq!(taken(Retention { ms: Some(0), bytes: None }, 4_000, &extents), 0);
    assert_eq!(expires_ms(Retention { ms: Some(u64::MAX), bytes: None }, &extents[0]), i64::MAX);
    let future = [extent(10, 100_000)];
    assert_eq!(taken(keep, 50_000, &future), 0);
}

#[test]
fn size_leaves_at_least_what_is_to_be_kept() {
    let keep = |bytes| Retention { ms: None, bytes: Some(bytes) };
    let extents = [extent(30, 1), extent(30, 1), extent(30, 1)];
    assert_eq!(taken(keep(91), 1 << 40, &extents), 0);
    assert_eq!(taken(keep(61), 1 << 40, &extents), 0);
    assert_eq!(taken(keep(60), 1 << 40, &extents), 1);
    assert_eq!(taken(keep(30), 1 << 40, &extents), 2);
    assert_eq!(taken(keep(0), 1 << 40, &extents), 3);
    assert_eq!(taken(Retention::UNLIMITED, 1 << 40, &extents), 0);
    let mut short = Policy::new(keep(10), 0, 5);
    assert!(!short.takes(&extents[0]), "more than there seems to be is not taken on account of size");
}

#[test]
fn a_partition_is_looked_at_when_something_can_have_changed() {
    let keep = Retention { ms: Some(1_000), bytes: Some(100) };
    let seen = Seen { retention: keep, expires_ms: 500, empty_at: None, removed_to: 10 };
    let view = View { log_start: 10, high_watermark: 20, log_bytes: 100 };
    assert!(is_due(None, keep, None, 0));
    assert!(!is_due(Some(&seen), keep, None, 499));
    assert!(is_due(Some(&seen), keep, None, 500));
    assert!(is_due(Some(&seen), Retention { ms: None, ..keep }, None, 0));
    assert!(!is_due(Some(&seen), keep, Some(view), 0));
    assert!(is_due(Some(&seen), keep, Some(View { log_bytes: 101, ..view }), 0));
    assert!(is_due(Some(&seen), keep, Some(View { log_start: 11, ..view }), 0), "rows are to be removed");
    let empty = Seen { empty_at: Some(20), ..seen };
    assert!(!is_due(Some(&empty), keep, Some(view), 0));
    assert!(is_due(Some(&empty), keep, Some(View { high_watermark: 21, ..view }), 0));
}

#[test]
fn a_survey_sees_a_partition_unless_something_of_it_must_go() {
    let keep = Retention { ms: Some(1_000), bytes: Some(100) };
    let start = LogStart { offset: 10, removed_to: 10, removed_bytes: 7 };
    let found = Surveyed { start, oldest: Some(extent(30, 4_000)), bytes: 100 };
    let seen = Seen { retention: keep, expires_ms: 5_001, empty_at: None, removed_to: 10 };
    assert_eq!(found.seen(keep), Some(seen));
    assert_eq!(Surveyed { bytes: 101, ..found.clone() }.seen(keep), None);
    assert_eq!(Surveyed { start: LogStart { removed_to: 9, ..start }, ..found.clone() }.seen(keep), None);
    let empty = Surveyed { oldest: None, bytes: 0, ..found };
    assert_eq!(empty.seen(keep), Some(Seen { expires_ms: i64::MAX, empty_at: Some(10), ..seen }));
    let untouched = Seen { expires_ms: i64::MAX, empty_at: Some(0), removed_to: 0, ..seen };
    assert_eq!(Surveyed::default().seen(keep), Some(untouched));
}
