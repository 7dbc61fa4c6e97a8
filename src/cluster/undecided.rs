//! Proposals to take shards away, as long as it is not known what becomes of them. Pure: time and the log are arguments.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::metadata::Owner;
use crate::runtime::clock::Instant;

/// The owners that proposals take something from. One that failed may still be in the log, and be done later: whoever it takes
/// shards from must have no proof by then, though he is heard of again.
#[derive(Debug, Default)]
pub struct Undecided {
    owners: BTreeSet<Owner>,
    is_under_way: bool,
    /// When the last one without an outcome failed.
    failed: Option<Instant>,
    /// The entry with which all are decided.
    last_entry: Option<u64>,
}

/// The log of the leader: its last entry, and the last one that is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    pub last_entry: u64,
    pub applied: u64,
}

impl Undecided {
    pub fn propose(&mut self, owners: impl IntoIterator<Item = Owner>) {
        self.owners.extend(owners);
        (self.is_under_way, self.last_entry) = (true, None);
    }

    /// The last proposal was applied, and those before it are too by then, or never will be.
    fn decide(&mut self) {
        *self = Undecided::default();
    }

    /// The last proposal has outcomes. One that was refused as a whole was not written, and says nothing of those before it.
    pub fn end(&mut self, is_applied: bool) {
        self.is_under_way = false;
        if is_applied || self.failed.is_none() {
            self.decide();
        }
    }

    pub fn fail(&mut self, now: Instant) {
        (self.is_under_way, self.failed) = (false, Some(now));
    }

    /// True of an owner that may yet lose something. A failed proposal enters the log within `patience`, if at all.
    pub fn has(&mut self, owner: Owner, now: Instant, patience: Duration, log: Log) -> bool {
        let is_over = self.failed.is_some_and(|at| now.saturating_duration_since(at) >= patience);
        if is_over && !self.is_under_way {
            // Entries beyond the end of a log that is shorter now are gone.
            let last = self.last_entry.map_or(log.last_entry, |known| known.min(log.last_entry));
            self.last_entry = Some(last);
            if log.applied >= last {
                self.decide();
            }
        }
        self.owners.contains(&owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;
    use crate::types::{BrokerId, Incarnation};

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_undecided_until_the_log_says() {
        let start = Clock::simulated(0).instant();
        let owner = |broker| Owner { broker: BrokerId(broker), incarnation: Incarnation(1) };
        let mut undecided = Undecided::default();
        let has = |undecided: &mut Undecided, broker, millis, last_entry, applied| {
            let now = start + Duration::from_millis(millis);
            undecided.has(owner(broker), now, Duration::from_secs(3), Log { last_entry, applied })
        };
        undecided.propose([owner(1)]);
        assert!(has(&mut undecided, 1, 9_000, 7, 7), "it is under way");
        assert!(!has(&mut undecided, 2, 9_000, 7, 7));
        undecided.end(false);
        assert!(!has(&mut undecided, 1, 9_000, 7, 7), "it was refused");

        undecided.propose([owner(1)]);
        undecided.fail(start);
        assert!(has(&mut undecided, 1, 2_999, 7, 7), "it may be about to be written");
        assert!(has(&mut undecided, 1, 3_000, 9, 7), "it may be one of two that are not done yet");
        assert!(has(&mut undecided, 1, 3_100, 10, 8));
        assert!(!has(&mut undecided, 1, 3_200, 10, 9));
        undecided.propose([owner(1)]);
        undecided.fail(start);
        assert!(has(&mut undecided, 1, 3_000, 9, 7));
        undecided.propose([owner(2)]);
        assert!(has(&mut undecided, 1, 6_000, 9, 9), "another is under way");
        undecided.end(false);
        assert!(has(&mut undecided, 1, 3_000, 9, 7), "it was refused, and the other may be done yet");
        assert!(!has(&mut undecided, 2, 3_100, 8, 8), "another leader has put others in their places");
        undecided.propose([owner(1)]);
        undecided.fail(start);
        undecided.propose([owner(2)]);
        undecided.end(true);
        assert!(!has(&mut undecided, 1, 0, 9, 9), "entries are applied in turn");
    }
}
