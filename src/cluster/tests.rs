//! The controller's plan, and what is told of outages: pure, from an image to commands, and from looks to news.

use std::sync::Arc;
use std::time::Duration;

use super::controller::plan;
use super::outage::{News, Outage, in_words};
use crate::log::{Cause, Unable};
use crate::metadata::{Broker, Command, Image, Owner, Shard};
use crate::runtime::Runtime;
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ShardId};

fn broker(id: i32, incarnation: u64) -> Arc<Broker> {
    Arc::new(Broker {
        id: BrokerId(id),
        incarnation: Incarnation(incarnation),
        listeners: Vec::new(),
        rack: None,
        command_version: Command::LATEST,
    })
}

fn image(brokers: &[(i32, u64)], owners: &[Option<(i32, u64)>]) -> Image {
    let mut image = Image::empty();
    for &(id, incarnation) in brokers {
        image.brokers.insert_mut(BrokerId(id), broker(id, incarnation));
    }
    for (shard, owner) in (0..).zip(owners) {
        let owner = owner.map(|(id, inc)| Owner { broker: BrokerId(id), incarnation: Incarnation(inc) });
        image.shards.insert_mut(ShardId(shard), Shard { owner, epoch: LeaderEpoch(0) });
    }
    image
}

/// The shards that are placed, each with the broker and incarnation that it goes to.
fn placed(image: &Image) -> Vec<(u32, i32, u64)> {
    let commands = plan(image).into_iter().map(|command| match command {
        Command::AssignShard { shard, owner: Some(owner) } => (shard.0, owner.broker.0, owner.incarnation.0),
        other => panic!("the controller only assigns: {other:?}"),
    });
    commands.collect()
}

#[test]
fn shards_without_an_owner_are_spread_evenly() {
    let found = placed(&image(&[(1, 5), (2, 7)], &[None, None, None, None]));
    assert_eq!(found.iter().filter(|(_, broker, _)| *broker == 1).count(), 2);
    assert_eq!(found.iter().filter(|(_, broker, _)| *broker == 2).count(), 2);
    assert_eq!(found.iter().map(|(shard, ..)| *shard).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn an_owner_that_lives_keeps_its_shards() {
    assert_eq!(placed(&image(&[(1, 5)], &[Some((1, 5)), Some((1, 5))])), []);
    let found = placed(&image(&[(1, 5), (2, 7)], &[Some((1, 5)), None, Some((1, 5))]));
    assert_eq!(found, [(1, 2, 7)], "the broker with fewer shards gets the homeless one");
}

#[test]
fn a_broker_that_came_back_is_assigned_to_anew() {
    assert_eq!(placed(&image(&[(1, 6)], &[Some((1, 5))])), [(0, 1, 6)]);
    assert_eq!(placed(&image(&[(2, 1)], &[Some((1, 5))])), [(0, 2, 1)]);
}

#[test]
fn without_brokers_nothing_is_planned() {
    assert_eq!(placed(&image(&[], &[None])), []);
}

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
