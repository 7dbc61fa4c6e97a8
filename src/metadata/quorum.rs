//! The Raft group as one broker sees it.

use crate::types::BrokerId;

/// The state of the Raft group, as this broker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    pub leader: Option<BrokerId>,
    pub term: u64,
    /// The last entry that is committed and applied here.
    pub index: u64,
    pub voters: Vec<Replica>,
    pub learners: Vec<Replica>,
}

/// A member of the Raft group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    pub id: BrokerId,
    /// The last entry that it is known to have. Only the leader knows that of others.
    pub log_index: Option<u64>,
}
