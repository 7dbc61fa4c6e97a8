//! Moments in the past of an image.

use std::sync::Arc;

use super::history::Moment;
use super::image::Image;

impl Image {
    /// This point, for whoever wants to tell later that it was; none before the first life.
    pub fn moment(&self) -> Option<Moment> {
        let life = self.history.newest()?;
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
            "is older than the shard saw it: that was at entry {}, and of what it saw then no more than \
             {known_to} entries are there",
            moment.index
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::history::{History, Life};
    use crate::types::{ShardId, WriterEpoch};

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
            history.opened(ShardId(1), WriterEpoch(epoch));
        }
        assert_eq!(history.opened_epoch(ShardId(1)), WriterEpoch(7));
        assert_eq!(history.opened_epoch(ShardId(2)), WriterEpoch::NONE);
    }
}
