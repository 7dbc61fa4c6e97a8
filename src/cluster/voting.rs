//! Voters of the metadata's group, as they are to be. Pure: members in, voters out.
//!
//! The number of voters is odd, since one more would have to agree and no more could fail: it grows by two at once, and whoever
//! leaves is replaced, or takes another along.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::types::BrokerId;

/// The group, as the controller sees it.
#[derive(Clone, Debug)]
pub struct Group {
    pub leader: BrokerId,
    pub voters: BTreeSet<BrokerId>,
    /// Learners that live and have what the leader has, the longest live first.
    pub ready: Vec<BrokerId>,
    /// Brokers that live.
    pub live: BTreeSet<BrokerId>,
}

/// Why a voter cannot leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stays {
    LastVoter,
    /// Of those that would vote without it, no majority lives.
    NoMajority,
}

/// Why a broker cannot vote yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// It is not there, or has not caught up.
    NotReady,
    /// The number of voters would be even, or too large.
    Alone,
}

impl Group {
    /// The voters of a group that grows to `wanted`; none if it cannot yet, or has grown.
    pub fn grown(&self, wanted: usize) -> Option<BTreeSet<BrokerId>> {
        let missing = if self.voters.len().is_multiple_of(2) { 1 } else { 2 };
        if self.voters.len() + missing > wanted || self.ready.len() < missing {
            return None;
        }
        Some(self.voters.iter().chain(&self.ready[..missing]).copied().collect())
    }

    /// The voters once `joining` votes too, `most` of them at most: with another, if their number would be even.
    pub fn with(&self, joining: BrokerId, most: usize) -> Result<BTreeSet<BrokerId>, Waits> {
        if !self.ready.contains(&joining) {
            return Err(Waits::NotReady);
        }
        let mut voters = self.voters.clone();
        voters.insert(joining);
        if voters.len().is_multiple_of(2) {
            voters.extend(self.ready.iter().find(|id| **id != joining).copied());
        }
        match voters.len().is_multiple_of(2) || voters.len() > most {
            true => Err(Waits::Alone),
            false => Ok(voters),
        }
    }

    /// The voters once `leaving` votes no more.
    pub fn without(&self, leaving: BrokerId) -> Result<BTreeSet<BrokerId>, Stays> {
        let mut voters = self.voters.clone();
        if !voters.remove(&leaving) {
            return Ok(voters);
        }
        let next = self.ready.iter().find(|id| **id != leaving);
        voters.extend(next.copied());
        if voters.is_empty() {
            return Err(Stays::LastVoter);
        }
        if voters.len().is_multiple_of(2) {
            // Of the others, the one that is dead goes first, and the leader last.
            let order = |id: &&BrokerId| (self.live.contains(id), **id == self.leader, **id);
            if let Some(along) = voters.iter().min_by_key(order).copied() {
                voters.remove(&along);
            }
        }
        let lives = |id: &&BrokerId| self.live.contains(id);
        if voters.iter().filter(lives).count() <= voters.len() / 2 {
            return Err(Stays::NoMajority);
        }
        Ok(voters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i32]) -> BTreeSet<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    fn group(voters: &[i32], ready: &[i32], live: &[i32]) -> Group {
        let ready = ready.iter().copied().map(BrokerId).collect();
        Group { leader: BrokerId(0), voters: ids(voters), ready, live: ids(live) }
    }

    #[test]
    fn a_group_grows_by_two_of_those_that_have_lived_for_longest() {
        let grown = |voters: &[i32], ready: &[i32], wanted| group(voters, ready, &[]).grown(wanted);
        assert_eq!(grown(&[0], &[4], 3), None, "two voters would be no better than one");
        assert_eq!(grown(&[0], &[4, 2, 1], 3), Some(ids(&[0, 2, 4])));
        assert_eq!(grown(&[0, 2, 4], &[1, 3], 3), None);
        assert_eq!(grown(&[0, 2, 4], &[1, 3], 5), Some(ids(&[0, 1, 2, 3, 4])));
        assert_eq!(grown(&[0, 2], &[1, 3], 3), Some(ids(&[0, 1, 2])), "an even group is put right");
    }

    #[test]
    fn whoever_is_to_vote_takes_another_along() {
        let with =
            |voters: &[i32], ready: &[i32], joining| group(voters, ready, &[]).with(BrokerId(joining), 5);
        assert_eq!(with(&[0], &[3, 1, 2], 2), Ok(ids(&[0, 2, 3])));
        assert_eq!(with(&[0, 2], &[3, 1], 1), Ok(ids(&[0, 1, 2])));
        assert_eq!(with(&[0], &[3], 3), Err(Waits::Alone));
        assert_eq!(with(&[0, 1, 2, 3, 4], &[5, 6], 5), Err(Waits::Alone), "seven are too many");
        assert_eq!(with(&[0], &[1, 2], 3), Err(Waits::NotReady));
    }

    #[test]
    fn a_voter_that_leaves_is_replaced_or_takes_another_along() {
        let without = |voters: &[i32], ready: &[i32], live: &[i32], leaving| {
            group(voters, ready, live).without(BrokerId(leaving))
        };
        assert_eq!(without(&[0, 1, 2], &[3], &[0, 1, 3], 2), Ok(ids(&[0, 1, 3])));
        assert_eq!(without(&[0, 1, 2], &[2, 3], &[0, 1, 3], 2), Ok(ids(&[0, 1, 3])));
        assert_eq!(without(&[0, 1, 2], &[], &[0, 1], 2), Ok(ids(&[0])));
        assert_eq!(without(&[0, 1, 2], &[], &[0, 1, 2], 0), Ok(ids(&[2])), "the leader itself");
        assert_eq!(without(&[0, 1, 2, 3, 4], &[], &[0, 1, 2, 4], 1), Ok(ids(&[0, 2, 4])), "3 is dead");
        assert_eq!(without(&[0, 1, 2], &[3], &[0, 3], 5), Ok(ids(&[0, 1, 2])), "it does not vote");
        assert_eq!(without(&[0], &[], &[0], 0), Err(Stays::LastVoter));
        assert_eq!(without(&[0, 1, 2, 3, 4], &[], &[0], 4), Err(Stays::NoMajority));
        assert_eq!(without(&[0], &[3], &[0, 3], 0), Ok(ids(&[3])));
    }
}
