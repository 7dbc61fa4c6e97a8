//! The types that the group is made of.

use std::io::Cursor;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metadata::command::Command;
use crate::metadata::outcome::Outcome;
use crate::metadata::quorum::EntryId;
use crate::types::BrokerId;

/// Encoded size of the commands of one entry, in bytes, at most.
pub(in crate::metadata) const ENTRY_LIMIT: usize = 1024 * 1024;

openraft::declare_raft_types!(
    /// The metadata's Raft group.
    pub(super) Group:
        D = Batch,
        R = Outcomes,
        NodeId = u64,
        Node = openraft::BasicNode,
        Entry = openraft::Entry<Group>,
        SnapshotData = Cursor<Vec<u8>>,
        Responder = openraft::impls::OneshotResponder<Group>,
        AsyncRuntime = openraft::TokioRuntime,
);

pub(super) type Entry = openraft::Entry<Group>;
pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Vote = openraft::Vote<u64>;
pub(super) type Membership = openraft::StoredMembership<u64, openraft::BasicNode>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<u64, openraft::BasicNode>;
pub(super) type StorageError = openraft::StorageError<u64>;
pub(super) type StorageIOError = openraft::StorageIOError<u64>;

impl From<LogId> for EntryId {
    fn from(id: LogId) -> EntryId {
        EntryId { term: id.leader_id.term, leader: id.leader_id.node_id, index: id.index }
    }
}

/// The contents of one entry of the log. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Batch(pub Arc<[Command]>);

/// The outcomes of a batch, one for each command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcomes(pub Vec<Outcome>);

/// A broker's id is never negative.
pub(super) fn node_id(broker: BrokerId) -> u64 {
    u64::try_from(broker.0).unwrap_or_default()
}

pub(super) fn broker_id(node: u64) -> BrokerId {
    BrokerId(i32::try_from(node).unwrap_or(i32::MAX))
}
