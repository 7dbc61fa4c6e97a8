//! Shards for new partitions: those that have fewest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::image::Image;
use crate::types::ShardId;

/// The numbers of partitions of all shards, with those that were placed since.
#[derive(Clone, Debug)]
pub struct Placing(BTreeMap<ShardId, u64>);

impl Placing {
    pub fn of(image: &Image) -> Placing {
        let mut counts: BTreeMap<ShardId, u64> = image.shards.keys().map(|shard| (*shard, 0)).collect();
        for (_, shard) in image.topics.iter().flat_map(|topic| topic.partitions()) {
            *counts.entry(shard).or_default() += 1;
        }
        Placing(counts)
    }

    /// Shards for `count` new partitions, the emptiest first; of those with as many, in turn, beginning after `skip` of them.
    /// Empty before the cluster is formed.
    pub fn place(&mut self, count: u32, skip: u64) -> Vec<ShardId> {
        let shards = self.0.len() as u64;
        if shards == 0 {
            return Vec::new();
        }
        let start = skip % shards;
        let ranked = (0..).zip(&self.0).map(|(place, (shard, count)): (u64, _)| {
            let rank = (place + shards - start) % shards;
            Reverse((*count, rank, *shard))
        });
        let mut emptiest: BinaryHeap<_> = ranked.collect();
        let mut placed = Vec::with_capacity(count as usize);
        while placed.len() < count as usize
            && let Some(mut least) = emptiest.peek_mut()
        {
            let Reverse((count, _, shard)) = &mut *least;
            *count += 1;
            placed.push(*shard);
            self.0.insert(*shard, *count);
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placing(counts: &[u64]) -> Placing {
        Placing((0..).map(ShardId).zip(counts.iter().copied()).collect())
    }

    fn placed(placing: &mut Placing, count: u32, skip: u64) -> Vec<u32> {
        placing.place(count, skip).into_iter().map(|shard| shard.0).collect()
    }

    #[test]
    fn shards_that_have_as_many_take_turns() {
        assert_eq!(placed(&mut placing(&[4, 4, 4]), 4, 2), [2, 0, 1, 2]);
        assert_eq!(placed(&mut placing(&[0]), 2, 9), [0, 0]);
        assert!(placed(&mut placing(&[]), 2, 9).is_empty());
    }

    #[test]
    fn the_emptiest_come_first_until_they_are_as_full() {
        let mut uneven = placing(&[3, 0, 2]);
        assert_eq!(placed(&mut uneven, 3, 0), [1, 1, 1]);
        assert_eq!(placed(&mut uneven, 2, 0), [2, 0], "what was placed counts");
    }
}
