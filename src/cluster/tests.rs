//! News of outages: pure, from looks to news.

use std::time::Duration;

use super::outage::{News, Outage, in_words};
use crate::log::{Cause, Unable};
use crate::runtime::Runtime;
use crate::types::ShardId;

fn stalled(id: u32, since: crate::runtime::clock::Instant) -> (ShardId, Unable) {
    (ShardId(id), Unable { since, cause: Cause::Stalled("no space".into()) })
}

#[test]
fn an_outage_is_told_when_it_begins_once_a_minute_and_when_it_is_over() {
    let start = Runtime::system().clock.instant();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut outage = Outage::default();
    let mut told = Vec::new();
    for second in 0..400 {
        let unable = if (3..200).contains(&second) { vec![stalled(0, at(3))] } else { Vec::new() };
        told.extend(outage.look(at(second), &unable).map(|news| (second, news)));
    }
    let length = |seconds| Duration::from_secs(seconds);
    let expected = [
        (8, News::Began),
        (68, News::GoesOn(length(65))),
        (128, News::GoesOn(length(125))),
        (188, News::GoesOn(length(185))),
        (200, News::Over(length(197))),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_outage_lasts_until_the_last_shard_serves_and_a_hiccup_is_none() {
    let start = Runtime::system().clock.instant();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut outage = Outage::default();
    assert_eq!(outage.look(at(4), &[stalled(0, at(0))]), None, "a hiccup");
    assert_eq!(outage.look(at(5), &[]), None);
    assert_eq!(outage.look(at(10), &[stalled(0, at(0)), stalled(1, at(2))]), Some(News::Began));
    assert_eq!(outage.look(at(11), &[stalled(1, at(2))]), None);
    assert_eq!(outage.look(at(12), &[]), Some(News::Over(Duration::from_secs(12))));
}

#[test]
fn a_full_disk_is_told_at_once() {
    let now = Runtime::system().clock.instant();
    let full = (ShardId(0), Unable { since: now, cause: Cause::Full });
    assert_eq!(Outage::default().look(now, &[full]), Some(News::Began));
}

#[test]
fn shards_with_one_cause_are_named_together() {
    let now = Runtime::system().clock.instant();
    let closed = (ShardId(4), Unable { since: now, cause: Cause::Closed });
    assert_eq!(
        in_words(&[stalled(2, now)]),
        "shard 2 cannot serve: nothing that it takes is stored: no space"
    );
    assert_eq!(
        in_words(&[stalled(0, now), stalled(1, now), closed]),
        "shard 4 cannot serve: it is closed; \
         shards 0, 1 cannot serve, each because nothing that it takes is stored: no space"
    );
}
