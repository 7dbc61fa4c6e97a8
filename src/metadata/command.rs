//! Commands: what can be proposed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::image::{Broker, Owner};
use super::outcome::Refused;
use super::version::{self, LEVEL};
use crate::auth::{SaltKey, Scram, ScramCredential};
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ShardId, TopicId, WriterEpoch};

/// One change of the metadata. It succeeds or fails alone, also when it travels with others.
///
/// Ids, placement and time are inside, so applying a command gives the same on every broker. The encoding is
/// postcard's: a variant is added at the end with a new [`Command::version`], and none is ever changed. A new field of what
/// a variant holds, and a new [`Refused`] or [`super::Applied`], is such a change too: it belongs to a new variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first command of a cluster. A second one is refused.
    FormCluster {
        cluster_id: String,
        shards: u32,
        slots: u16,
        features: BTreeMap<String, i16>,
    },
    /// A broker's process says where it is. A process with a lower incarnation is refused.
    RegisterBroker(Broker),
    /// Gives a shard to a broker, or to nobody, with a new epoch.
    AssignShard {
        shard: ShardId,
        owner: Option<Owner>,
    },
    CreateTopic(NewTopic),
    /// Moves the topic to the deleted list.
    DeleteTopic {
        id: TopicId,
        deleted_ms: i64,
    },
    /// The owner of `shard` has removed everything of a topic in the deleted list.
    TopicDataRemoved {
        id: TopicId,
        shard: ShardId,
    },
    /// More partitions: `placement` is for those from number `from` on, and `from` is what the proposer saw.
    CreatePartitions {
        id: TopicId,
        from: u32,
        placement: Vec<ShardId>,
    },
    /// Replaces all configs of a resource.
    AlterConfigs {
        resource: ConfigResource,
        configs: BTreeMap<String, String>,
    },
    /// Changes single configs of a resource, all or none.
    IncrementalAlterConfigs {
        resource: ConfigResource,
        changes: Vec<ConfigChange>,
    },
    /// Reserves the next block of producer ids for one life of a broker.
    AllocateProducerIds {
        broker: BrokerId,
        incarnation: Incarnation,
    },
    /// Finalises a feature at a level; level 0 removes it.
    SetFeature {
        name: String,
        level: i16,
    },
    /// A process of a broker has started. Doing so again with the same number changes nothing.
    BeginLife {
        /// Random.
        nonce: u128,
        /// The last entry before it, if nobody but the proposer can have written any since.
        after: Option<u64>,
    },
    /// A shard was opened with this writer epoch.
    ShardOpened {
        shard: ShardId,
        epoch: WriterEpoch,
    },
    /// After a repair: what the shards saw, up to this entry and in these lives, counts as this metadata's past, though it
    /// does not have it.
    AcceptPast {
        nonces: Vec<u128>,
        index: u64,
    },
    /// After a repair: nothing below is given out again.
    RaiseCounters {
        next_leader_epoch: i32,
        next_producer_id: i64,
    },
    /// As [`Command::RegisterBroker`], with where other brokers reach it. The broker is not fenced any more.
    Register {
        broker: Broker,
        address: String,
    },
    /// The controller counts on this life of a broker no more, or again.
    Fence {
        broker: BrokerId,
        incarnation: Incarnation,
        is_fenced: bool,
    },
    /// As [`Command::AssignShard`], if the assignment is still the one with epoch `replaces`.
    MoveShard {
        shard: ShardId,
        owner: Option<Owner>,
        replaces: LeaderEpoch,
    },
    /// Commands that a broker proposed together, under a number that grows with each proposal of its life. The same number
    /// again changes nothing, and has the outcomes of the first time.
    Numbered {
        from: Owner,
        number: u64,
        steps: Vec<Step>,
    },
    /// Sets a user's credential for one mechanism, or deletes it.
    AlterScram {
        user: Arc<str>,
        mechanism: Scram,
        credential: Option<ScramCredential>,
    },
    /// Gives the cluster its key for salts that are made up, unless it has one.
    MakeSaltKey(SaltKey),
    /// A broker is gone for good: this life of it was the last, until its id is used again.
    Unregister {
        broker: BrokerId,
        incarnation: Incarnation,
    },
    /// The cluster is at this level from here on: all of its brokers can do all of that, and no other may register.
    RaiseLevel {
        level: u16,
    },
    /// Settings of a broker's process that all brokers are to have alike.
    Declare {
        broker: BrokerId,
        incarnation: Incarnation,
        settings: Arc<BTreeMap<String, String>>,
    },
    /// The cluster has this many shards from here on; what is on those that it had stays there.
    AddShards {
        shards: u32,
    },
}

/// A command of a numbered proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Do(Command),
    /// The leader refused it: kept, since the outcomes are those of all commands.
    Refuse(Refused),
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopic {
    /// Drawn by the proposer. Proposing the same id and name again is a success.
    pub id: TopicId,
    pub name: Arc<str>,
    /// A shard per partition. See [`super::Placing`].
    pub placement: Vec<ShardId>,
    pub configs: BTreeMap<String, String>,
    /// Milliseconds since the Unix epoch.
    pub created_ms: i64,
    pub if_exists: IfExists,
}

/// The way with a name that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfExists {
    Refuse,
    /// Answer with the topic that has the name: automatic creation on two brokers at once.
    Accept,
}

/// The resource that a config is set on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConfigResource {
    Topic(TopicId),
    Broker(BrokerId),
    /// All brokers.
    Cluster,
    Group(String),
}

/// A change of one config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigChange {
    pub name: String,
    pub op: ConfigOp,
}

/// The change of a config (KIP-339).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigOp {
    Set(String),
    /// Back to the default.
    Delete,
    /// Adds elements to a list, separated by commas.
    Append(String),
    /// Takes elements out of a list.
    Subtract(String),
}

impl Command {
    /// The newest version there is: what this program can apply.
    pub const LATEST: u16 = version::LATEST;

    /// Finalises a feature at a level.
    pub fn finalize(name: &str, level: i16) -> Command {
        match (name, u16::try_from(level)) {
            (LEVEL, Ok(level)) => Command::RaiseLevel { level },
            _ => Command::SetFeature { name: name.to_owned(), level },
        }
    }

    /// The version of the program's commands in which this one appeared. It is not proposed before every
    /// registered broker can apply it: see [`super::Image::level`].
    pub fn version(&self) -> u16 {
        match self {
            Command::FormCluster { features, .. } => {
                features.get(LEVEL).map_or(1, |level| u16::try_from(*level).unwrap_or(u16::MAX))
            }
            Command::RegisterBroker(_)
            | Command::AssignShard { .. }
            | Command::CreateTopic(_)
            | Command::DeleteTopic { .. }
            | Command::TopicDataRemoved { .. }
            | Command::CreatePartitions { .. }
            | Command::AlterConfigs { .. }
            | Command::IncrementalAlterConfigs { .. }
            | Command::AllocateProducerIds { .. }
            | Command::SetFeature { .. } => 1,
            Command::BeginLife { .. }
            | Command::AcceptPast { .. }
            | Command::RaiseCounters { .. }
            | Command::ShardOpened { .. } => 2,
            Command::Register { .. }
            | Command::Fence { .. }
            | Command::MoveShard { .. }
            | Command::Numbered { .. } => version::OF_CLUSTERS,
            Command::AlterScram { .. } | Command::MakeSaltKey(_) => 4,
            Command::Unregister { .. } => version::BEFORE_LEVELS,
            Command::RaiseLevel { level } => *level,
            Command::Declare { .. } | Command::AddShards { .. } => version::OF_LEVELS,
        }
    }

    /// The same, of what is inside too.
    pub(super) fn newest_version(&self) -> u16 {
        let Command::Numbered { steps, .. } = self else { return self.version() };
        let inside = steps.iter().map(|step| match step {
            Step::Do(command) => command.newest_version(),
            Step::Refuse(refused) => refused.version(),
        });
        inside.max().unwrap_or_default().max(self.version())
    }
}
