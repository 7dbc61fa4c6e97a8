//! The controller's plan: pure, from image to commands.

use std::sync::Arc;

use super::controller::plan;
use crate::metadata::{Broker, Command, Image, Incarnation, Owner, Shard};
use crate::types::{BrokerId, LeaderEpoch, ShardId};

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
