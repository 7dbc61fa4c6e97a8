//! Balance between brokers that live: of the number of their shards, then of what those carry. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::load::Load;
use super::placement::{Move, Spread, Standings};
use crate::metadata::{Image, Owner};
use crate::types::{BrokerId, LeaderEpoch, ShardId};

/// A broker that carries less is left alone, in bytes per second.
const FLOOR: u128 = 1 << 20;
/// The least by which a move has to lower the load of the broker that carries most, in hundredths of what brokers carry on average:
/// a shard that moves costs its clients a moment, and may be worth it only if the load stays.
const GAIN_PERCENT: u128 = 20;

/// A shard that is served, and bytes that it carries per second.
#[derive(Clone, Copy)]
struct Burden {
    owner: Owner,
    shard: ShardId,
    epoch: LeaderEpoch,
    load: u128,
}

impl Burden {
    fn to(self, to: BrokerId) -> Move {
        Move { from: self.owner, shard: self.shard, epoch: self.epoch, to }
    }
}

/// The move that brings the brokers closer together in their numbers of shards, if they differ by two or more.
pub fn by_count(image: &Image, standings: &Standings) -> Option<Move> {
    let spread = Spread::of(image, standings, |owner| image.counts_on(owner));
    let (from, to) = (spread.most()?, spread.least()?);
    if spread.shards[&from] < spread.shards[&to] + 2 {
        return None;
    }
    image.shards.iter().find_map(|(id, shard)| {
        let from = shard.owner.filter(|owner| owner.broker == from)?;
        Some(Move { from, shard: *id, epoch: shard.epoch, to })
    })
}

/// The move, or two that change places, by which the broker that carries most and the other one come to carry markedly less at
/// most. Numbers of shards stay within one of each other.
pub fn by_load(image: &Image, standings: &Standings, loads: &BTreeMap<ShardId, Load>) -> Vec<Move> {
    let spread = Spread::of(image, standings, |owner| image.counts_on(owner));
    let mut carried: BTreeMap<BrokerId, u128> = spread.shards.keys().map(|id| (*id, 0)).collect();
    let mut burdens = Vec::new();
    for (id, shard) in image.shards.iter() {
        if let (Some(owner), Some(load)) = (shard.owner, loads.get(id))
            && image.counts_on(owner)
            && let Some(sum) = carried.get_mut(&owner.broker)
        {
            let load = u128::from(load.total());
            *sum += load;
            burdens.push(Burden { owner, shard: *id, epoch: shard.epoch, load });
        }
    }
    let peak = carried.iter().max_by_key(|(id, load)| (**load, Reverse(**id)));
    let Some((&most, &peak)) = peak.filter(|(_, peak)| **peak >= FLOOR) else { return Vec::new() };
    let gain = carried.values().sum::<u128>() * GAIN_PERCENT / (100 * carried.len() as u128);
    let of = |broker: BrokerId| burdens.iter().copied().filter(move |burden| burden.owner.broker == broker);
    let mut best: Option<(u128, Vec<Move>)> = None;
    for (&other, &beside) in carried.iter().filter(|(id, _)| **id != most) {
        for burden in of(most) {
            let gives_one = spread.shards[&other] < spread.shards[&most];
            let alone = gives_one.then_some((0, None));
            for (back, partner) in alone.into_iter().chain(of(other).map(|back| (back.load, Some(back)))) {
                let Some(moved) = burden.load.checked_sub(back) else { continue };
                let after = (peak - moved).max(beside + moved);
                if after + gain < peak && best.as_ref().is_none_or(|(least, _)| after < *least) {
                    let moves = [Some(burden.to(other)), partner.map(|back| back.to(most))];
                    best = Some((after, moves.into_iter().flatten().collect()));
                }
            }
        }
    }
    best.map_or_else(Vec::new, |(_, moves)| moves)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::liveness::Standing;
    use crate::cluster::placement::tests::{image, standings};
    use crate::metadata::Shard;

    const MIB: u64 = 1 << 20;

    /// An image of these brokers' shards, numbered in order, that carry so many MiB per second.
    fn carrying(brokers: &[&[u64]]) -> (Image, Standings, BTreeMap<ShardId, Load>) {
        let ids: Vec<(i32, u64)> = (1..).zip(brokers).map(|(id, _)| (id, 1)).collect();
        let owners = ids.iter().zip(brokers).flat_map(|(id, loads)| loads.iter().map(|_| Some(*id)));
        let loads = brokers.iter().copied().flatten().map(|mib| Load { bytes_in: mib * MIB, bytes_out: 0 });
        let live: Vec<_> = ids.iter().map(|(id, _)| (*id, Standing::Live)).collect();
        let image = image(&ids, &owners.collect::<Vec<_>>());
        (image, standings(&live), (0..).map(ShardId).zip(loads).collect())
    }

    /// Moves in short: `0>2` gives shard 0 to broker 2.
    fn told(moves: impl IntoIterator<Item = Move>) -> Vec<String> {
        moves.into_iter().map(|step| format!("{}>{}", step.shard, step.to)).collect()
    }

    fn moved(brokers: &[&[u64]]) -> Vec<String> {
        let (image, standings, loads) = carrying(brokers);
        told(by_load(&image, &standings, &loads))
    }

    #[test]
    fn a_shard_moves_where_brokers_differ_by_two() {
        let live = standings(&[(1, Standing::Live), (2, Standing::Live)]);
        let moved = |owners| told(by_count(&image(&[(1, 1), (2, 1)], owners), &live));
        assert!(moved(&[Some((1, 1)), Some((1, 1)), Some((2, 1))]).is_empty());
        assert_eq!(moved(&[Some((2, 1)), Some((1, 1)), Some((1, 1)), Some((1, 1))]), ["1>2"]);
    }

    #[test]
    fn shards_change_places_where_one_broker_carries_more() {
        assert_eq!(moved(&[&[10, 10], &[1, 1]]), ["0>2", "2>1"]);
        assert_eq!(moved(&[&[10, 9], &[1, 0], &[4, 4]]), ["0>2", "2>1"]);
        assert!(moved(&[&[10, 0], &[1, 1]]).is_empty(), "the other would carry as much");
        assert!(moved(&[&[6, 5], &[5, 4]]).is_empty(), "too little is gained");
        assert!(moved(&[&[20]]).is_empty());
        assert!(moved(&[]).is_empty());
    }

    #[test]
    fn a_shard_moves_alone_where_its_owner_has_one_more() {
        assert_eq!(moved(&[&[5, 5, 5], &[2, 2]]), ["0>2"]);
        assert_eq!(moved(&[&[5, 5], &[9, 8, 2]]), ["2>1", "0>2"], "to and fro where that is better");
    }

    #[test]
    fn little_is_left_alone_and_so_are_shards_that_are_not_served() {
        let (image, live, mut loads) = carrying(&[&[10, 10], &[1, 1]]);
        for load in loads.values_mut() {
            *load = Load { bytes_in: load.bytes_in / 40, bytes_out: load.bytes_out / 40 };
        }
        assert!(by_load(&image, &live, &loads).is_empty());
        let (image, mut live, mut loads) = carrying(&[&[10, 10], &[1, 0], &[1, 1]]);
        loads.remove(&ShardId(3));
        live.insert(BrokerId(3), Standing::Leaving);
        assert_eq!(told(by_load(&image, &live, &loads)), ["0>2", "2>1"]);
    }

    /// The most that a broker carries.
    fn peak(image: &Image, loads: &BTreeMap<ShardId, Load>) -> u64 {
        let of = |broker: &BrokerId| {
            let is_its = |shard: &Shard| shard.owner.is_some_and(|owner| owner.broker == *broker);
            let shards = image.shards.iter().filter(|(_, shard)| is_its(shard));
            shards.map(|(id, _)| loads[id].total()).sum()
        };
        image.brokers.keys().map(of).max().unwrap_or(0)
    }

    /// Loads of which few are far above the others.
    fn uneven() -> impl Strategy<Value = Vec<u64>> {
        let load = (0..100u64).prop_map(|load| if load > 90 { load * 10 } else { load });
        proptest::collection::vec(load, 0..40)
    }

    proptest! {
        #[test]
        fn steady_loads_come_to_rest_after_few_moves(brokers in 1..7usize, carried in uneven()) {
            let mut placed: Vec<Vec<u64>> = vec![Vec::new(); brokers];
            carried.iter().enumerate().for_each(|(n, load)| placed[n % brokers].push(*load));
            let (mut image, live, loads) = carrying(&placed.iter().map(|of| &of[..]).collect::<Vec<_>>());
            let mut rounds = 0;
            loop {
                let (moves, before) = (by_load(&image, &live, &loads), peak(&image, &loads));
                if moves.is_empty() {
                    break;
                }
                for step in moves {
                    let mut shard = image.shard(step.shard).expect("is there");
                    prop_assert_eq!(shard.owner, Some(step.from));
                    shard.owner = image.broker(step.to).map(|broker| broker.life());
                    image.shards.insert_mut(step.shard, shard);
                }
                rounds += 1;
                prop_assert!(peak(&image, &loads) <= before);
                prop_assert_eq!(by_count(&image, &live), None);
                prop_assert!(rounds <= 2 * brokers, "{} rounds", rounds);
            }
        }
    }
}
