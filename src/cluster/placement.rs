//! Which broker gets which shard. Pure: the image and the brokers' standing in, assignments and releases out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::liveness::Standing;
use crate::metadata::{Broker, Command, Image, Owner};
use crate::types::{BrokerId, LeaderEpoch, ShardId};

/// The brokers of the image, as the controller takes them.
pub type Standings = BTreeMap<BrokerId, Standing>;

/// The next steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub commands: Vec<Command>,
    /// Shards that their owners are to close first.
    pub release: Vec<(Owner, ShardId, LeaderEpoch)>,
}

/// A shard on its way from an owner that lives to another broker: released first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub from: Owner,
    pub shard: ShardId,
    pub epoch: LeaderEpoch,
    pub to: BrokerId,
}

/// Numbers of shards by the broker that has them, or will.
pub(super) struct Spread<'a> {
    image: &'a Image,
    pub shards: BTreeMap<BrokerId, usize>,
}

impl<'a> Spread<'a> {
    /// Of the brokers that may get shards: those that `count`, and are not about to leave.
    pub fn of(image: &'a Image, standings: &Standings, counts: impl Fn(Owner) -> bool) -> Spread<'a> {
        let is_taking = |broker: &&Arc<Broker>| {
            standings.get(&broker.id) == Some(&Standing::Live) && counts(broker.life())
        };
        let taking = image.brokers.values().filter(is_taking);
        let mut shards: BTreeMap<BrokerId, usize> = taking.map(|broker| (broker.id, 0)).collect();
        for owner in image.shards.values().filter_map(|shard| shard.owner) {
            if let Some(count) = shards.get_mut(&owner.broker).filter(|_| counts(owner)) {
                *count += 1;
            }
        }
        Spread { image, shards }
    }

    /// The broker with the fewest shards, of those the one in the rack with the fewest.
    pub fn least(&self) -> Option<BrokerId> {
        let mut racks: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let rack = |id: BrokerId| self.image.broker(id).and_then(|broker| broker.rack.as_deref());
        for (id, count) in &self.shards {
            *racks.entry(rack(*id)).or_default() += count;
        }
        self.shards.keys().copied().min_by_key(|id| (self.shards[id], racks[&rack(*id)], *id))
    }

    pub fn most(&self) -> Option<BrokerId> {
        self.shards.keys().copied().max_by_key(|id| (self.shards[id], *id))
    }

    /// The life of the broker that gets one more.
    fn give(&mut self, id: BrokerId) -> Option<Owner> {
        *self.shards.entry(id).or_default() += 1;
        self.image.broker(id).map(|broker| broker.life())
    }
}

/// Fences brokers that are dead, counts again on those that are not, and gives their shards to others: those without an owner
/// at once, those whose owner leaves after it has released them. Shards that are `moving` for balance go where they are to.
///
/// `is_back` says of a live broker that its image is up to date; `has_released` that an owner has closed a shard.
pub fn plan(
    image: &Image,
    standings: &Standings,
    moving: &[Move],
    is_back: impl Fn(Owner) -> bool,
    has_released: impl Fn(Owner, ShardId, LeaderEpoch) -> bool,
) -> Plan {
    let mut plan = Plan::default();
    let mut fences = Vec::new();
    for broker in image.brokers.values() {
        let owner = broker.life();
        let standing = standings.get(&broker.id);
        let has_left = standing == Some(&Standing::Leaving) && image.shards_of(owner).next().is_none();
        let is_dead = standing == Some(&Standing::Dead) || has_left;
        let is_back = standing == Some(&Standing::Live) && is_back(owner);
        let is_live = image.is_live(broker.id);
        if (is_live && is_dead) || (!is_live && is_back) {
            fences.push((broker.id, owner));
        }
    }
    let changes: BTreeSet<BrokerId> = fences.iter().map(|(broker, _)| *broker).collect();
    let counts = |owner: Owner| {
        let is_newest = image.broker(owner.broker).is_some_and(|broker| broker.life() == owner);
        is_newest && image.is_live(owner.broker) != changes.contains(&owner.broker)
    };
    let fence = |(broker, owner): (BrokerId, Owner)| Command::Fence {
        broker,
        incarnation: owner.incarnation,
        is_fenced: image.is_live(broker),
    };
    plan.commands = fences.into_iter().map(fence).collect();
    let mut spread = Spread::of(image, standings, counts);
    for (id, shard) in image.shards.iter() {
        let needs_owner = match shard.owner.filter(|owner| counts(*owner)) {
            None => true,
            Some(owner) => {
                let is_leaving = standings.get(&owner.broker) == Some(&Standing::Leaving);
                let is_released = has_released(owner, *id, shard.epoch);
                // One at a time, while the others are served.
                let first = !plan.release.iter().any(|(releasing, _, _)| *releasing == owner);
                if is_leaving && !is_released && first && spread.least().is_some() {
                    plan.release.push((owner, *id, shard.epoch));
                }
                if is_released && let Some(count) = spread.shards.get_mut(&owner.broker) {
                    *count -= 1;
                }
                is_released
            }
        };
        let is_wanted = |step: &&Move| (step.shard, step.epoch) == (*id, shard.epoch);
        let wanted = moving.iter().find(is_wanted).map(|step| step.to);
        let to = wanted.filter(|to| spread.shards.contains_key(to)).or_else(|| spread.least());
        if needs_owner && let Some(owner) = to.and_then(|to| spread.give(to)) {
            let owner = Some(owner);
            plan.commands.push(Command::MoveShard { shard: *id, owner, replaces: shard.epoch });
        }
    }
    plan
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::metadata::Shard;
    use crate::types::Incarnation;

    const LIVE: Standing = Standing::Live;
    const DEAD: Standing = Standing::Dead;
    const LEAVING: Standing = Standing::Leaving;
    const UNKNOWN: Standing = Standing::Unknown;

    fn broker(id: i32, incarnation: u64, rack: Option<&str>) -> Arc<Broker> {
        Arc::new(Broker {
            id: BrokerId(id),
            incarnation: Incarnation(incarnation),
            listeners: Vec::new(),
            rack: rack.map(str::to_owned),
            command_version: Command::LATEST,
        })
    }

    pub fn image(brokers: &[(i32, u64)], owners: &[Option<(i32, u64)>]) -> Image {
        let mut image = Image::empty();
        for &(id, incarnation) in brokers {
            image.brokers.insert_mut(BrokerId(id), broker(id, incarnation, None));
        }
        for (shard, owner) in (0..).zip(owners) {
            let owner = owner.map(|(id, inc)| Owner { broker: BrokerId(id), incarnation: Incarnation(inc) });
            image.shards.insert_mut(ShardId(shard), Shard { owner, epoch: LeaderEpoch(0) });
        }
        image
    }

    pub fn standings(standings: &[(i32, Standing)]) -> Standings {
        standings.iter().map(|(id, standing)| (BrokerId(*id), *standing)).collect()
    }

    /// Each command in short: `f1` and `u1` fence broker 1, and count on it again; `0>1` gives it shard 0; `r0` releases that.
    fn planned(image: &Image, of: &[(i32, Standing)], released: &[u32]) -> Vec<String> {
        planned_amid(image, of, released, &[])
    }

    fn planned_amid(image: &Image, of: &[(i32, Standing)], released: &[u32], moving: &[Move]) -> Vec<String> {
        let has_released = |_, shard: ShardId, _| released.contains(&shard.0);
        let plan = plan(image, &standings(of), moving, |_| true, has_released);
        let short = |command: &Command| match command {
            Command::Fence { broker, is_fenced, .. } => {
                format!("{}{broker}", if *is_fenced { 'f' } else { 'u' })
            }
            Command::MoveShard { shard, owner: Some(owner), replaces } => {
                assert_eq!(*replaces, LeaderEpoch(0));
                assert_eq!(image.broker(owner.broker).map(|b| b.incarnation), Some(owner.incarnation));
                format!("{shard}>{}", owner.broker)
            }
            other => panic!("the controller never plans {other:?}"),
        };
        let release = plan.release.iter().map(|(_, shard, _)| format!("r{shard}"));
        plan.commands.iter().map(short).chain(release).collect()
    }

    #[test]
    fn shards_without_an_owner_are_spread_evenly() {
        let image = image(&[(1, 5), (2, 7)], &[None, None, None, None]);
        assert_eq!(planned(&image, &[(1, LIVE), (2, LIVE)], &[]), ["0>1", "1>2", "2>1", "3>2"]);
        assert_eq!(planned(&image, &[(1, LIVE), (2, UNKNOWN)], &[]), ["0>1", "1>1", "2>1", "3>1"]);
        assert!(planned(&image, &[(1, UNKNOWN), (2, UNKNOWN)], &[]).is_empty());
    }

    #[test]
    fn an_owner_that_lives_keeps_its_shards() {
        let all = [Some((1, 5)), Some((1, 5))];
        assert!(planned(&image(&[(1, 5)], &all), &[(1, LIVE)], &[]).is_empty());
        assert!(planned(&image(&[(1, 5), (2, 7)], &all), &[(1, UNKNOWN), (2, LIVE)], &[]).is_empty());
        let one = image(&[(1, 5), (2, 7)], &[Some((1, 5)), None, Some((1, 5))]);
        assert_eq!(planned(&one, &[(1, LIVE), (2, LIVE)], &[]), ["1>2"]);
    }

    #[test]
    fn a_broker_that_came_back_is_assigned_to_anew() {
        assert_eq!(planned(&image(&[(1, 6)], &[Some((1, 5))]), &[(1, LIVE)], &[]), ["0>1"]);
        assert_eq!(planned(&image(&[(2, 1)], &[Some((1, 5))]), &[(2, LIVE)], &[]), ["0>2"]);
    }

    #[test]
    fn the_shards_of_a_dead_broker_go_to_the_others() {
        let owned = image(&[(1, 1), (2, 1), (3, 1)], &[Some((1, 1)), Some((1, 1)), Some((2, 1))]);
        let found = planned(&owned, &[(1, DEAD), (2, LIVE), (3, LIVE)], &[]);
        assert_eq!(found, ["f1", "0>3", "1>2"]);
        assert_eq!(planned(&owned, &[(1, DEAD), (2, DEAD), (3, DEAD)], &[]), ["f1", "f2", "f3"]);
    }

    #[test]
    fn a_broker_that_leaves_releases_one_shard_at_a_time_first() {
        let owned = image(&[(1, 1), (2, 1)], &[Some((1, 1)), Some((1, 1)), Some((2, 1))]);
        let of = [(1, LEAVING), (2, LIVE)];
        assert_eq!(planned(&owned, &of, &[]), ["r0"]);
        assert_eq!(planned(&owned, &of, &[0]), ["0>2", "r1"]);
        let alone = image(&[(1, 1)], &[Some((1, 1))]);
        assert!(planned(&alone, &[(1, LEAVING)], &[]).is_empty(), "nobody could take it");
        let left = image(&[(1, 1), (2, 1)], &[Some((2, 1))]);
        assert_eq!(planned(&left, &of, &[]), ["f1"]);
    }

    #[test]
    fn racks_share_the_shards() {
        let mut image = image(&[(1, 1), (2, 1)], &[Some((1, 1)), Some((2, 1)), None]);
        for (id, rack) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            image.brokers.insert_mut(BrokerId(id), broker(id, 1, Some(rack)));
        }
        image.shards.insert_mut(ShardId(0), Shard { owner: None, epoch: LeaderEpoch(0) });
        let found = planned(&image, &[(1, LIVE), (2, LIVE), (3, LIVE), (4, LIVE)], &[]);
        assert_eq!(found, ["0>1", "2>3"], "rack b has one already");
    }

    #[test]
    fn a_shard_that_moves_goes_where_it_is_to_unless_nothing_does_there() {
        let owned = image(&[(1, 1), (2, 1), (3, 1)], &[Some((1, 1)), Some((2, 1)), Some((3, 1))]);
        let owner = |id| Owner { broker: BrokerId(id), incarnation: Incarnation(1) };
        let step = |from, shard, to| Move {
            from: owner(from),
            shard: ShardId(shard),
            epoch: LeaderEpoch(0),
            to: BrokerId(to),
        };
        let moving = [step(1, 0, 3), step(3, 2, 1)];
        let live = [(1, LIVE), (2, LIVE), (3, LIVE)];
        assert!(planned_amid(&owned, &live, &[], &moving).is_empty(), "not before they are released");
        assert_eq!(planned_amid(&owned, &live, &[0, 2], &moving), ["0>3", "2>1"]);
        assert_eq!(planned_amid(&owned, &live, &[2], &moving), ["2>1"]);
        assert_eq!(
            planned_amid(&owned, &[(1, LIVE), (2, LIVE), (3, DEAD)], &[0], &moving),
            ["f3", "0>1", "2>1"]
        );
        let earlier = Move { epoch: LeaderEpoch(-1), ..step(1, 0, 3) };
        assert_eq!(planned_amid(&owned, &live, &[0], &[earlier]), ["0>1"], "it is another assignment's");
    }
}
