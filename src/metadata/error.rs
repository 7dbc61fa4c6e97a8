//! Why the metadata does not start, and why a proposal has no outcome.

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::store::database::Harm;
use crate::types::BrokerId;

/// Why the metadata could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data belongs to a cluster with another id.
    #[error("CLUSTER_ID is {configured}, but the data at this place belongs to cluster {stored}")]
    OtherCluster { configured: String, stored: String },
    /// The cluster was formed by other brokers, and none of them is named.
    #[error(
        "BROKER_ID is {broker}, but the cluster at this place was formed by the brokers {voters}: to have it \
         join them, name them, and itself, in RAFT_PEERS"
    )]
    NotAMember { broker: BrokerId, voters: String },
    /// The cluster has gone on without programs like this one.
    #[error(
        "the cluster at this place is at level {level}, and this program knows levels up to {latest}: \
         it needs a newer program; nothing was changed"
    )]
    TooOld { level: u16, latest: u16 },
    /// The peers are not those of the cluster.
    #[error(
        "RAFT_PEERS names the brokers {named}, but the cluster at this place has the brokers {stored}: name \
         those, with their addresses"
    )]
    OtherVoters { named: String, stored: String },
    /// A setting that cannot be: its name and why.
    #[error("{setting}: {reason}")]
    Setting { setting: &'static str, reason: String },
    /// `cluster.json` is there but not what this version writes.
    #[error(
        "the cluster description {path} cannot be read: {reason}: put back what the store held before, or \
         delete it: beside the metadata it is made anew as it was"
    )]
    ClusterFile { path: String, reason: String },
    /// There are shards, so there was metadata; topics made anew would have other ids, and none of the records.
    #[error(
        "the metadata in {path} is gone or empty, although the store has shards: put back what it held \
         before (older versions of its objects, a backup), or have it made anew from the shards: `kafkaesque \
         storage repair --metadata`; nothing was changed"
    )]
    Gone { path: String },
    /// Stored objects of it are not as they were written.
    #[error(
        "the metadata in {path} was damaged, and no shard is served: {problem}: put back what the store held \
         before, as it was (all of {path}, from a backup or older versions of its objects), and start the \
         broker again; or see `kafkaesque storage repair --metadata`"
    )]
    Damaged { path: String, problem: String },
    /// The object store did not answer.
    #[error("the object store failed while {doing}")]
    Store { doing: &'static str, source: object_store::Error },
    /// The Raft database did not open, or failed.
    #[error("the Raft database failed while {doing}: {source}")]
    Database { doing: &'static str, source: slatedb::Error },
    /// Rows of the Raft database could not be read.
    #[error("the metadata cannot be read: {0}")]
    Rows(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The Raft group did not come up.
    #[error("the Raft group did not start: {0}")]
    Raft(String),
    /// The object store did not let the start finish.
    #[error("{doing} took longer than {seconds} s")]
    TooSlow { doing: &'static str, seconds: u64 },
    /// The broker was removed for good at the same time.
    #[error("broker {broker} was removed while it started: its next start is that of a new broker")]
    Removed { broker: BrokerId },
    /// A command of the start itself was refused.
    #[error("the cluster refused this broker: {0}")]
    Refused(#[from] super::outcome::Refused),
    /// A command of the start itself had no outcome.
    #[error("the cluster did not answer this broker: {0}")]
    Propose(#[from] ProposeError),
}

impl StartError {
    /// The same, or that what is stored in `path` was damaged, if that is why.
    pub(super) fn of_damage(self, path: &Path) -> StartError {
        let cause: &(dyn std::error::Error + 'static) = match &self {
            StartError::Database { source, .. } => source,
            StartError::Rows(error) => &**error,
            _ => return self,
        };
        match Harm::find(cause) {
            Some(harm) => StartError::Damaged { path: path.to_string(), problem: harm.to_string() },
            None => self,
        }
    }
}

/// Why a proposal has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ProposeError {
    /// Nothing was done. Try again at the leader, if it is known.
    #[error("this broker does not lead the metadata")]
    NotLeader { leader: Option<BrokerId> },
    /// It may still be applied, or never.
    #[error("the metadata did not answer in time; the outcome is unknown")]
    Timeout,
    /// Too many proposals wait already. Nothing was done.
    #[error("too many changes of the metadata wait already")]
    Overloaded,
    /// Larger than an entry of the log may be. Nothing was done.
    #[error("the change takes {bytes} bytes, and at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    /// A registered broker is too old to apply it. Nothing was done.
    #[error("the change needs all brokers to know commands of version {needed}, and one knows only {known}")]
    NotSupported { needed: u16, known: u16 },
    /// The metadata has stopped, or is stopping. The outcome is unknown.
    #[error("the metadata has stopped")]
    Stopped,
}
