//! The metadata's own past, as far as shards can hold it against the metadata: an older copy of it knows less than they saw.
//!
//! Numbers alone do not tell: an older copy goes on and gives the same ones out again. So every start of a broker's process
//! draws a random number, and says which entry was the last before it.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use super::image::Image;
use crate::types::ShardId;

/// Lives that are remembered: shards that served under none of them are older than can be told.
const REMEMBERED: usize = 256;

/// A start of a broker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    pub nonce: u128,
    /// The last entry of the log before it.
    pub after: u64,
}

/// The lives of brokers, and how far shards are known to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Oldest first.
    lives: Arc<Vec<Life>>,
    /// Older ones were forgotten.
    is_cut: bool,
    /// The writer epoch of each shard's newest opening that was told.
    opened: RedBlackTreeMapSync<ShardId, u64>,
}

/// A point in the metadata's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub cluster_id: Arc<str>,
    /// The last entry that was applied.
    pub index: u64,
    /// The newest life by then.
    pub nonce: u128,
}

impl History {
    pub(super) fn begin(&mut self, life: Life) {
        if self.lives.iter().any(|known| known.nonce == life.nonce) {
            return;
        }
        let lives = Arc::make_mut(&mut self.lives);
        lives.push(life);
        if lives.len() > REMEMBERED {
            lives.remove(0);
            self.is_cut = true;
        }
    }

    /// Takes these lives, and everything up to this entry, into the past; the newest life stays the newest.
    pub(super) fn accept(&mut self, nonces: &[u128], index: u64) {
        let known: Vec<u128> = self.lives.iter().map(|life| life.nonce).collect();
        let lives = Arc::make_mut(&mut self.lives);
        let newest = lives.len().saturating_sub(1);
        let unknown = nonces.iter().filter(|nonce| !known.contains(nonce));
        let unknown: Vec<Life> = unknown.map(|nonce| Life { nonce: *nonce, after: index }).collect();
        lives.splice(newest..newest, unknown);
        for life in lives.iter_mut() {
            life.after = life.after.max(index);
        }
    }

    pub(super) fn opened(&mut self, shard: ShardId, epoch: u64) {
        if self.opened_epoch(shard) < epoch {
            self.opened.insert_mut(shard, epoch);
        }
    }

    /// The writer epoch of the shard's newest opening that was told; 0 if none was.
    pub fn opened_epoch(&self, shard: ShardId) -> u64 {
        self.opened.get(&shard).copied().unwrap_or(0)
    }

    /// The last entry up to which this past and the one of `moment` are the same for certain, if the moment lies behind it.
    fn departs(&self, moment: &Moment, newest: u64) -> Option<u64> {
        let known_to = match self.lives.iter().position(|life| life.nonce == moment.nonce) {
            Some(at) => self.lives.get(at + 1).map_or(newest, |next| next.after),
            None if self.is_cut => self.lives.first().map_or(newest, |oldest| oldest.after),
            None => 0,
        };
        (moment.index > known_to).then_some(known_to)
    }
}

impl Image {
    /// This point, for whoever wants to tell later that it was; none before the first life.
    pub fn moment(&self) -> Option<Moment> {
        let life = self.history.lives.last()?;
        Some(Moment { cluster_id: Arc::clone(&self.cluster_id), index: self.index, nonce: life.nonce })
    }

    /// Why `moment` is no part of this image's past, as the rest of a sentence; none if it is. Only an image that is up to
    /// date can be asked.
    pub fn contradicts(&self, moment: &Moment) -> Option<String> {
        if moment.cluster_id != self.cluster_id {
            return Some(format!(
                "is of cluster {}, and the shard of cluster {}",
                self.cluster_id, moment.cluster_id
            ));
        }
        let known_to = self.history.departs(moment, self.index)?;
        Some(format!(
            "is older than the shard saw it: that was at entry {}, and of what it saw then no more than {known_to} entries are \
             there",
            moment.index
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(index: u64, lives: &[(u128, u64)]) -> Image {
        let mut image = Image::empty();
        for (nonce, after) in lives {
            image.history.begin(Life { nonce: *nonce, after: *after });
        }
        image.index = index;
        image
    }

    fn is_damage(now: &Image, seen: &Image) -> bool {
        now.contradicts(&seen.moment().expect("a moment")).is_some()
    }

    #[test]
    fn what_was_seen_stays_part_of_the_past() {
        let seen = image(20, &[(1, 0), (2, 9)]);
        assert!(!is_damage(&seen, &seen));
        assert!(!is_damage(&image(21, &[(1, 0), (2, 9)]), &seen));
        assert!(!is_damage(&image(40, &[(1, 0), (2, 9), (3, 20), (4, 31)]), &seen));
    }

    #[test]
    fn an_older_copy_never_makes_up_for_what_it_lacks() {
        let seen = image(20, &[(1, 0), (2, 9)]);
        for (what, lives) in [
            ("one entry is gone", vec![(1, 0), (2, 9), (3, 19)]),
            ("the life is gone", vec![(1, 0), (3, 9)]),
            ("all is gone", vec![(3, 0)]),
        ] {
            // However long it goes on, and through how many lives.
            for index in [12, 20, 21, 4_000] {
                assert!(is_damage(&image(index, &lives), &seen), "{what}, {index}");
                let later = [lives.clone(), vec![(5, index)]].concat();
                assert!(is_damage(&image(index + 9, &later), &seen), "{what}, later, {index}");
            }
        }
    }

    #[test]
    fn another_cluster_is_another_past() {
        let seen = image(20, &[(1, 0)]);
        let other = Image { cluster_id: "other".into(), ..seen.clone() };
        assert!(is_damage(&other, &seen));
    }

    #[test]
    fn of_lives_that_are_forgotten_the_number_of_the_entry_tells() {
        let many: Vec<(u128, u64)> = (0..300u32).map(|n| (u128::from(n), u64::from(n) * 10)).collect();
        let now = image(9_000, &many);
        assert!(!is_damage(&now, &image(15, &[(0, 0), (1, 10)])));
        assert!(is_damage(&now, &image(8_000, &[(777, 0)])));
    }

    #[test]
    fn a_past_that_was_accepted_contradicts_nobody_and_what_comes_later_is_judged_as_ever() {
        let seen = [image(20, &[(1, 0), (2, 9)]), image(30, &[(7, 0)])];
        let mut now = image(12, &[(1, 0), (3, 9)]);
        now.history.accept(&[2, 7], 30);
        for moment in &seen {
            assert!(!is_damage(&now, moment));
        }
        let own = Image { index: 13, ..now.clone() };
        let mut later = own.clone();
        later.history.begin(Life { nonce: 4, after: 13 });
        assert!(!is_damage(&later, &own) && !is_damage(&later, &seen[1]));
        let lacks = Image { index: 12, ..now };
        assert!(is_damage(&lacks, &own));
    }

    #[test]
    fn a_shards_newest_opening_is_kept() {
        let mut history = History::default();
        for epoch in [3, 7, 5] {
            history.opened(ShardId(1), epoch);
        }
        assert_eq!(history.opened_epoch(ShardId(1)), 7);
        assert_eq!(history.opened_epoch(ShardId(2)), 0);
    }
}
