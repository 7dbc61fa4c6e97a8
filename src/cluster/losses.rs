//! Brokers that the controller gives up, and how long their shards are without a living owner. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::liveness::{Cause, Standing};
use super::placement::Standings;
use crate::metadata::{Image, Owner};
use crate::runtime::clock::Instant;
use crate::types::ShardId;

/// Losses that a controller has seen, in its term.
#[derive(Debug, Default)]
pub struct Losses {
    dead: BTreeSet<Owner>,
    living: BTreeSet<Owner>,
    /// Shards that have lost their owner, and since when.
    orphans: BTreeMap<ShardId, Instant>,
}

/// Since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Why sessions of brokers ended, and after which silence, where that was waited for.
    pub ended: Vec<(Cause, Option<Duration>)>,
    /// From the end of an owner's session until somebody who lives had the shard.
    pub assigned: Vec<Duration>,
    /// Shards without a living owner, now.
    pub orphaned: usize,
}

impl Losses {
    /// True of a broker that was dead at the last look.
    pub fn has_given_up(&self, owner: Owner) -> bool {
        self.dead.contains(&owner)
    }

    /// Compares with the look before. `ending` tells of a broker that is dead, if that is news.
    pub fn look(
        &mut self,
        image: &Image,
        standings: &Standings,
        now: Instant,
        ending: impl Fn(Owner) -> Option<(Cause, Duration)>,
    ) -> Lost {
        let owners = image.brokers.values().map(|broker| broker.life());
        let is_dead = |owner: &Owner| standings.get(&owner.broker) == Some(&Standing::Dead);
        let (dead, living): (BTreeSet<Owner>, BTreeSet<Owner>) = owners.partition(is_dead);
        let given_up = dead.difference(&self.dead).filter_map(|owner| ending(*owner));
        let mut ended: Vec<_> = given_up.map(|(cause, silence)| (cause, Some(silence))).collect();
        let is_replaced = |before: &&Owner| {
            image.brokers.get(&before.broker).is_some_and(|broker| broker.incarnation > before.incarnation)
        };
        ended.extend(self.living.iter().filter(is_replaced).map(|_| (Cause::Replaced, None)));
        let (mut assigned, mut orphans, mut orphaned) = (Vec::new(), BTreeMap::new(), 0);
        for (id, shard) in image.shards.iter() {
            let since = self.orphans.get(id).copied();
            if !shard.owner.is_some_and(|owner| living.contains(&owner)) {
                orphaned += 1;
                // One that never had an owner has lost none.
                if shard.epoch.0 >= 0 {
                    orphans.insert(*id, since.unwrap_or(now));
                }
            } else if let Some(since) = since {
                assigned.push(now.saturating_duration_since(since));
            }
        }
        *self = Losses { dead, living, orphans };
        Lost { ended, assigned, orphaned }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metadata::{Broker, Shard};
    use crate::runtime::Clock;
    use crate::types::{BrokerId, Incarnation, LeaderEpoch};

    fn owner(broker: i32, incarnation: u64) -> Owner {
        Owner { broker: BrokerId(broker), incarnation: Incarnation(incarnation) }
    }

    /// Brokers, and the owners of shards.
    fn image(brokers: &[Owner], owners: &[Option<Owner>]) -> Image {
        let mut image = Image::empty();
        for Owner { broker: id, incarnation } in brokers.iter().copied() {
            let broker = Broker { id, incarnation, listeners: Vec::new(), rack: None, command_version: 1 };
            image.brokers.insert_mut(id, Arc::new(broker));
        }
        for (shard, owner) in (0..).zip(owners) {
            image.shards.insert_mut(ShardId(shard), Shard { owner: *owner, epoch: LeaderEpoch(0) });
        }
        image
    }

    fn standings(dead: &[i32]) -> Standings {
        let of = |id| if dead.contains(&id) { Standing::Dead } else { Standing::Live };
        [1, 2].map(|id| (BrokerId(id), of(id))).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_once_and_its_shards_are_orphans_until_somebody_has_them() {
        let start = Clock::simulated(0).instant();
        let at = |millis| start + Duration::from_millis(millis);
        let ending = |_| Some((Cause::Silent, Duration::from_secs(3)));
        let brokers = [owner(1, 1), owner(2, 1)];
        let before = image(&brokers, &[Some(owner(1, 1)), Some(owner(2, 1)), Some(owner(1, 1))]);
        let mut losses = Losses::default();
        assert_eq!(losses.look(&before, &standings(&[]), at(0), ending), Lost::default());
        let lost = losses.look(&before, &standings(&[1]), at(100), ending);
        let ended = vec![(Cause::Silent, Some(Duration::from_secs(3)))];
        assert_eq!(lost, Lost { ended, assigned: Vec::new(), orphaned: 2 });
        let lost = losses.look(&before, &standings(&[1]), at(200), ending);
        assert_eq!(lost, Lost { orphaned: 2, ..Lost::default() }, "it ended once");
        let half = image(&brokers, &[Some(owner(2, 1)), Some(owner(2, 1)), Some(owner(1, 1))]);
        let lost = losses.look(&half, &standings(&[1]), at(350), ending);
        assert_eq!(lost.assigned, [Duration::from_millis(250)]);
        assert_eq!(lost.orphaned, 1);
        let after = image(&brokers, &[Some(owner(2, 1)); 3]);
        assert_eq!(losses.look(&after, &standings(&[1]), at(400), ending).orphaned, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_came_back_owns_nothing_of_before() {
        let start = Clock::simulated(0).instant();
        let at = |millis| start + Duration::from_millis(millis);
        let mut losses = Losses::default();
        let owners = [Some(owner(1, 1)), None];
        let before = image(&[owner(1, 1), owner(2, 1)], &owners);
        let lost = losses.look(&before, &standings(&[]), at(0), |_| None);
        assert_eq!(lost, Lost { orphaned: 1, ..Lost::default() });
        let came_back = image(&[owner(1, 2), owner(2, 1)], &owners);
        let lost = losses.look(&came_back, &standings(&[]), at(10), |_| None);
        assert_eq!(lost, Lost { ended: vec![(Cause::Replaced, None)], orphaned: 2, ..Lost::default() });
        let assigned = image(&[owner(1, 2), owner(2, 1)], &[Some(owner(1, 2)), Some(owner(2, 1))]);
        let lost = losses.look(&assigned, &standings(&[]), at(40), |_| None);
        let took = [Duration::from_millis(30), Duration::from_millis(40)];
        assert_eq!(lost, Lost { assigned: took.into(), ..Lost::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn shards_of_a_new_cluster_have_lost_nobody() {
        let now = Clock::simulated(0).instant();
        let mut losses = Losses::default();
        let mut born = image(&[owner(1, 1)], &[]);
        born.shards.insert_mut(ShardId(0), Shard { owner: None, epoch: LeaderEpoch(-1) });
        assert_eq!(losses.look(&born, &standings(&[]), now, |_| None).orphaned, 1);
        let assigned = image(&[owner(1, 1)], &[Some(owner(1, 1))]);
        assert_eq!(losses.look(&assigned, &standings(&[]), now, |_| None), Lost::default());
    }
}
