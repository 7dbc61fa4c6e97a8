//! The Raft group as one broker sees it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::types::BrokerId;

/// The state of the Raft group, as one broker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    pub leader: Option<BrokerId>,
    pub term: u64,
    /// The last entry that is committed and applied there.
    pub index: u64,
    pub voters: Vec<Replica>,
    pub learners: Vec<Replica>,
}

impl Quorum {
    /// A broker as a member, if it is one.
    pub fn member(&self, broker: BrokerId) -> Option<&Replica> {
        self.voters.iter().chain(&self.learners).find(|replica| replica.id == broker)
    }

    /// True if the broker is a member.
    pub fn has(&self, broker: BrokerId) -> bool {
        self.member(broker).is_some()
    }
}

/// A member of the Raft group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    pub id: BrokerId,
    /// The last entry that it is known to have. Only the leader knows that of others.
    pub log_index: Option<u64>,
    /// The last time at which it is known to have agreed that the leader is one, in milliseconds since the Unix epoch. Only
    /// the leader knows that too.
    pub last_heard_ms: Option<i64>,
}

/// The voters: two lists of them while they change, and one otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VoterLists {
    /// The entry that says so; none before the group is formed.
    pub since: Option<EntryId>,
    pub lists: Vec<BTreeSet<BrokerId>>,
}

/// An entry of the metadata's log, compared as Raft compares the ends of two logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    /// The term in which it was written; 0 if that is not known.
    pub term: u64,
    /// Its writer: the Raft library tells two leaders of one term apart.
    pub leader: u64,
    pub index: u64,
}

impl EntryId {
    /// True if a log that ends with `last` has this entry, which is committed.
    pub fn is_in(&self, last: Option<EntryId>) -> bool {
        last.is_some_and(|last| if self.term == 0 { last.index >= self.index } else { last >= *self })
    }
}
