//! Metadata: one Raft group that agrees on brokers, topics, shards and configs, and publishes them as one image.
//! It must never know the data path: no produce, fetch, join or commit waits for it, and no wire code appears here.
//! Entry point: [`Metadata`], started once per process: read its image, change it by proposing commands.
//! Invariant: the image is what applying the committed commands in order gives, on every broker the same.

mod apply;
mod bootstrap;
mod command;
mod credentials;
mod declared;
mod error;
mod features;
mod gathering;
mod handle;
mod history;
mod home;
mod image;
mod joining;
mod keeping;
mod leading;
mod level;
mod members;
mod metrics;
mod outcome;
mod past;
mod placing;
mod producer_ids;
mod proposals;
mod quorum;
mod raft;
mod settings;
mod snapshot;
mod users;
mod version;

#[cfg(test)]
pub(crate) mod tests;

pub use apply::{MOST_PARTITIONS, check_topic_name};
pub use bootstrap::stored_cluster_id;
pub use command::{Command, ConfigChange, ConfigOp, ConfigResource, IfExists, NewTopic, Step};
pub use declared::Difference;
pub use error::{ProposeError, StartError};
pub use features::{FEATURES, Feature, GROUP_VERSION};
pub use handle::Metadata;
pub use history::{History, Life, Moment};
pub use home::RaftHome;
pub use image::{
    Broker, Configs, Counters, DeletedTopic, Features, Image, Listener, Owner, PartitionState,
    REPLICATION_FACTOR, SLOTS, Shard, Topic, Topics,
};
pub use joining::{ForgetError, MOST_VOTERS};
pub use members::{Member, Members, Proposed};
pub use outcome::{Applied, Outcome, Refused};
pub use placing::Placing;
pub use quorum::{Quorum, Replica, VoterLists};
pub use settings::{DEFAULT_CLUSTER_ID, MetadataSettings, SNAPSHOT_LOG_BYTES, Timeouts, Voter};
pub use users::{ScramCredentials, Users};
pub use version::LEVEL;
