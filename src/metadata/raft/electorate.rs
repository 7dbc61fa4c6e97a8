//! Majorities of voters: of one list of them or, while the voters change, of two (joint consensus, section 4.3 of Ongaro's
//! dissertation).

use std::collections::BTreeSet;

use crate::types::BrokerId;

/// The voters, as one of them, or a learner, sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metadata) struct Electorate {
    me: BrokerId,
    lists: Vec<BTreeSet<BrokerId>>,
}

impl Electorate {
    pub fn new(me: BrokerId, lists: Vec<BTreeSet<BrokerId>>) -> Electorate {
        Electorate { me, lists }
    }

    /// All who vote.
    pub fn voters(&self) -> BTreeSet<BrokerId> {
        self.lists.iter().flatten().copied().collect()
    }

    /// The voters of a change that has begun, and waits to be ended.
    pub fn unfinished(&self) -> Option<BTreeSet<BrokerId>> {
        if self.lists.len() > 1 { self.lists.last().cloned() } else { None }
    }

    /// True if this broker votes.
    pub fn has_me(&self) -> bool {
        self.lists.iter().any(|list| list.contains(&self.me))
    }

    /// True if nobody else votes.
    pub fn is_only_me(&self) -> bool {
        self.has_me() && self.voters().len() == 1
    }

    /// True if a majority of each list consents. This broker does.
    pub fn consents(&self, others: &BTreeSet<BrokerId>) -> bool {
        let consents = |id: &BrokerId| *id == self.me || others.contains(id);
        self.lists.iter().all(|list| list.iter().filter(|id| consents(id)).count() > list.len() / 2)
    }

    /// The latest moment by which a majority of each list had agreed, this broker now.
    pub fn agreed<T: Copy + Ord>(&self, now: T, agreed: impl Fn(BrokerId) -> Option<T>) -> Option<T> {
        let of = |id: &BrokerId| if *id == self.me { Some(now) } else { agreed(*id) };
        let by_majority = |list: &BTreeSet<BrokerId>| {
            let mut moments: Vec<T> = list.iter().filter_map(of).collect();
            moments.sort_by(|a, b| b.cmp(a));
            moments.get(list.len() / 2).copied()
        };
        self.lists.iter().map(by_majority).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn electorate(lists: &[&[i32]]) -> Electorate {
        let list = |ids: &&[i32]| ids.iter().copied().map(BrokerId).collect();
        Electorate::new(BrokerId(0), lists.iter().map(list).collect())
    }

    fn ids(ids: &[i32]) -> BTreeSet<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    #[test]
    fn a_majority_of_each_list_has_to_consent() {
        let three = electorate(&[&[0, 1, 2]]);
        assert!(!three.consents(&ids(&[])) && three.consents(&ids(&[2])));
        let growing = electorate(&[&[0], &[0, 1, 2]]);
        assert!(!growing.consents(&ids(&[])) && growing.consents(&ids(&[1])));
        let leaving = electorate(&[&[0, 1, 2], &[1, 2, 3]]);
        assert!(!leaving.consents(&ids(&[1])), "one of the three that stay");
        assert!(leaving.consents(&ids(&[1, 3])));
        assert!(!leaving.consents(&ids(&[3, 4])));
        assert!(electorate(&[&[0]]).consents(&ids(&[])));
    }

    #[test]
    fn a_majority_has_agreed_when_the_last_of_it_did() {
        let at = |moments: &'static [(i32, u32)]| {
            move |id: BrokerId| moments.iter().find(|(broker, _)| BrokerId(*broker) == id).map(|(_, at)| *at)
        };
        assert_eq!(electorate(&[&[0]]).agreed(9, at(&[])), Some(9));
        let five = electorate(&[&[0, 1, 2, 3, 4]]);
        assert_eq!(five.agreed(9, at(&[(1, 5)])), None, "itself and one of five");
        assert_eq!(five.agreed(9, at(&[(1, 5), (2, 7)])), Some(5));
        assert_eq!(five.agreed(9, at(&[(1, 5), (2, 7), (3, 6)])), Some(6));
        let leaving = electorate(&[&[0, 1, 2], &[1, 2, 3]]);
        assert_eq!(leaving.agreed(9, at(&[(1, 5), (3, 2)])), Some(2), "the slower list decides");
        assert_eq!(leaving.agreed(9, at(&[(1, 5)])), None);
        assert_eq!(electorate(&[&[1, 2, 3]]).agreed(9, at(&[(1, 5), (3, 2)])), Some(2), "it does not vote");
    }
}
