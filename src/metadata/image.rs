//! The image: everything the cluster agrees on, at one point of the Raft log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use super::declared::Declared;
use super::history::History;
use super::members::Members;
use super::users::Users;
use super::version::{self, LEVEL};
use crate::crc32c;
use crate::settings::{BrokerLayers, ClusterLayer};
use crate::types::{BrokerId, Incarnation, LeaderEpoch, Partition, ShardId, TopicId};

/// Number of slots that consumer groups and transactional ids hash to. Fixed at a cluster's birth.
pub const SLOTS: u16 = 1024;

/// As many shards as slots: more could not share the groups among them.
pub const MOST_SHARDS: u32 = SLOTS as u32;

/// The replication factor of every partition: its one replica is the owner of its shard, and the object store
/// does the rest.
pub const REPLICATION_FACTOR: i16 = 1;

/// The state that the cluster agrees on. Cheap to clone: a clone shares everything that is not changed afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Raft log index of the last entry applied.
    pub index: u64,
    /// Empty until the cluster is formed.
    pub cluster_id: Arc<str>,
    pub brokers: RedBlackTreeMapSync<BrokerId, Arc<Broker>>,
    pub topics: Topics,
    /// Deleted topics whose data is not removed yet.
    pub deleted: RedBlackTreeMapSync<TopicId, Arc<DeletedTopic>>,
    pub shards: RedBlackTreeMapSync<ShardId, Shard>,
    /// The shard of every slot.
    pub slots: Arc<[ShardId]>,
    pub configs: Configs,
    pub features: Features,
    pub counters: Counters,
    /// Stored behind the others: older snapshots have none.
    #[serde(skip)]
    pub history: History,
    /// Stored behind the others as well.
    #[serde(skip)]
    pub members: Members,
}

/// A broker as it registered last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    pub id: BrokerId,
    pub incarnation: Incarnation,
    /// The listeners at which clients reach it, the default one first.
    pub listeners: Vec<Listener>,
    pub rack: Option<String>,
    /// The newest commands it can apply. See [`super::Command::version`].
    pub command_version: u16,
}

impl Broker {
    /// The life that registered, as an owner of shards.
    pub fn life(&self) -> Owner {
        Owner { broker: self.id, incarnation: self.incarnation }
    }

    /// Its listener of this name.
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

/// An address that a broker gives to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// A topic. Its partitions are numbered from 0 in the order of `partitions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub id: TopicId,
    pub name: Arc<str>,
    pub partitions: Vec<PartitionState>,
    /// Overrides only; what is absent has its default.
    pub configs: BTreeMap<String, String>,
    /// Milliseconds since the Unix epoch, by the clock of the broker that asked.
    pub created_ms: i64,
}

/// One partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    pub shard: ShardId,
}

/// A topic that no client sees any more, kept until every shard with data of it has removed that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTopic {
    pub name: Arc<str>,
    /// Number of partitions it had.
    pub partitions: u32,
    /// Milliseconds since the Unix epoch.
    pub deleted_ms: i64,
    /// The shards that have not reported its data as removed.
    pub shards: BTreeSet<ShardId>,
}

/// The topics, found by id or by name.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    by_id: RedBlackTreeMapSync<TopicId, Arc<Topic>>,
    by_name: RedBlackTreeMapSync<Arc<str>, Arc<Topic>>,
    /// Names that contain a dot or an underscore, with every dot made an underscore.
    by_metric_name: RedBlackTreeMapSync<String, TopicId>,
}

/// The process that serves a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    pub broker: BrokerId,
    /// The process that was meant: a broker that came back owns nothing until it is assigned to again.
    pub incarnation: Incarnation,
}

/// A shard's assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub owner: Option<Owner>,
    /// Taken at the last assignment; -1 if there was none.
    pub epoch: LeaderEpoch,
}

/// Configs that are set while running, by what they are set on. Topic configs are with their topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configs {
    /// For all brokers.
    pub cluster: Arc<BTreeMap<String, String>>,
    pub brokers: RedBlackTreeMapSync<BrokerId, Arc<BTreeMap<String, String>>>,
    pub groups: RedBlackTreeMapSync<String, Arc<BTreeMap<String, String>>>,
    /// Stored behind the image, as older snapshots have none.
    #[serde(skip)]
    pub users: Users,
    /// Settings of processes that all brokers are to have alike. Stored behind the image as well.
    #[serde(skip)]
    pub declared: Declared,
}

impl Configs {
    /// The layers that stand behind what `broker` sets on a topic, where `fixed` is what its process was started with.
    pub fn with_layers<T>(
        &self,
        broker: BrokerId,
        fixed: &BTreeMap<String, String>,
        use_layers: impl FnOnce(&BrokerLayers<'_>) -> T,
    ) -> T {
        let own = self.brokers.get(&broker).cloned().unwrap_or_default();
        let cluster = ClusterLayer(self.cluster.as_ref());
        use_layers(&BrokerLayers { broker: own.as_ref(), cluster: &cluster, fixed })
    }
}

/// The finalised features.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// Grows with every change; 0 before the first. Clients keep the levels with the highest epoch.
    pub epoch: i64,
    pub levels: BTreeMap<String, i16>,
}

impl Features {
    /// True if the feature is finalised at this level or above.
    pub fn is_at_least(&self, name: &str, level: i16) -> bool {
        self.levels.get(name).copied().unwrap_or(0) >= level
    }
}

/// Numbers given out once each. None ever goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The epoch that the next assignment of a shard takes.
    pub next_leader_epoch: i32,
    /// The first producer id of the next block.
    pub next_producer_id: i64,
}

impl Topic {
    /// The shard of partition `index`, if there is such a partition.
    pub fn shard(&self, index: i32) -> Option<ShardId> {
        let partition = self.partitions.get(usize::try_from(index).ok()?)?;
        Some(partition.shard)
    }

    /// The partitions by their numbers.
    pub fn partitions(&self) -> impl Iterator<Item = (Partition, ShardId)> + '_ {
        let numbered = (0i32..).zip(&self.partitions);
        numbered.map(|(index, state)| (Partition { topic: self.id, index }, state.shard))
    }
}

impl Topics {
    pub fn get(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    /// All topics in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    /// The topics whose names come after `name`, in the order of their names.
    pub fn after<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<Topic>> {
        let range = (std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded);
        self.by_name.range::<str, _>(range).map(|(_, topic)| topic)
    }

    pub fn len(&self) -> usize {
        self.by_id.size()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// A topic whose name equals `name` when dots and underscores are taken for the same, as metrics do.
    pub(super) fn colliding(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_metric_name.get(&metric_name(name)?).and_then(|id| self.get(*id))
    }

    pub(super) fn put(&mut self, topic: Topic) {
        let topic = Arc::new(topic);
        if let Some(name) = metric_name(&topic.name) {
            self.by_metric_name.insert_mut(name, topic.id);
        }
        self.by_name.insert_mut(topic.name.clone(), topic.clone());
        self.by_id.insert_mut(topic.id, topic);
    }

    pub(super) fn remove(&mut self, id: TopicId) -> Option<Arc<Topic>> {
        let topic = self.by_id.get(&id)?.clone();
        self.by_id.remove_mut(&id);
        self.by_name.remove_mut(&topic.name);
        if let Some(name) = metric_name(&topic.name) {
            self.by_metric_name.remove_mut(&name);
        }
        Some(topic)
    }
}

/// The name as it appears in a metric, if that can equal another topic's.
fn metric_name(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

impl PartialEq for Topics {
    fn eq(&self, other: &Topics) -> bool {
        self.by_id == other.by_id
    }
}

/// Stored as the plain list of topics; the indexes are made again on reading.
impl Serialize for Topics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_id.values().map(|topic| topic.as_ref()))
    }
}

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Topics, D::Error> {
        let mut topics = Topics::default();
        for topic in Vec::<Topic>::deserialize(deserializer)? {
            topics.put(topic);
        }
        Ok(topics)
    }
}

impl Image {
    /// The image before the first command.
    pub fn empty() -> Image {
        Image {
            index: 0,
            cluster_id: Arc::from(""),
            brokers: RedBlackTreeMapSync::default(),
            topics: Topics::default(),
            deleted: RedBlackTreeMapSync::default(),
            shards: RedBlackTreeMapSync::default(),
            slots: Arc::from([]),
            configs: Configs::default(),
            features: Features::default(),
            counters: Counters::default(),
            history: History::default(),
            members: Members::default(),
        }
    }

    /// True if the cluster has been formed: until then there are no shards.
    pub fn is_formed(&self) -> bool {
        !self.shards.is_empty()
    }

    pub fn topic(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.get(id)
    }

    pub fn topic_by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.by_name(name)
    }

    pub fn broker(&self, id: BrokerId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// True if clients and shards may be sent to a broker: it is registered and not fenced.
    pub fn is_live(&self, id: BrokerId) -> bool {
        self.brokers.contains_key(&id) && !self.members.get(id).is_some_and(|member| member.is_fenced)
    }

    /// The brokers that are not fenced, in the order of their ids.
    pub fn live_brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values().filter(|broker| self.is_live(broker.id))
    }

    /// True if this life of a broker is its newest, and not fenced.
    pub fn counts_on(&self, owner: Owner) -> bool {
        let is_newest = |broker: &Arc<Broker>| broker.incarnation == owner.incarnation;
        self.broker(owner.broker).is_some_and(is_newest) && self.is_live(owner.broker)
    }

    pub fn shard(&self, id: ShardId) -> Option<Shard> {
        self.shards.get(&id).copied()
    }

    /// The shard of a partition with its assignment, if the partition exists.
    pub fn partition(&self, partition: Partition) -> Option<(ShardId, Shard)> {
        let id = self.topic(partition.topic)?.shard(partition.index)?;
        Some((id, self.shard(id)?))
    }

    /// The shards that this life of a broker owns.
    pub fn shards_of(&self, owner: Owner) -> impl Iterator<Item = (ShardId, Shard)> + '_ {
        let all = self.shards.iter().map(|(id, shard)| (*id, *shard));
        all.filter(move |(_, shard)| shard.owner == Some(owner))
    }

    /// The slot of a consumer group or transactional id.
    pub fn slot(name: &str) -> u16 {
        (crc32c::checksum(name.as_bytes()) % u32::from(SLOTS)) as u16
    }

    /// The shard whose owner coordinates a consumer group or transactional id.
    pub fn coordinator(&self, name: &str) -> Option<ShardId> {
        self.slots.get(usize::from(Image::slot(name))).copied()
    }

    /// The version of the newest commands that may be proposed: the cluster's level, or, as long as older programs know of
    /// none, what every registered broker can apply. None before any is.
    pub fn level(&self) -> Option<u16> {
        self.level_without(None)
    }

    /// The same, once this broker is gone.
    pub(super) fn level_without(&self, gone: Option<BrokerId>) -> Option<u16> {
        let others = self.brokers.values().filter(|broker| Some(broker.id) != gone);
        let known = others.map(|broker| broker.command_version.min(version::BEFORE_LEVELS)).min();
        self.finalized_level().or(known)
    }

    /// The level, unless it is only implied by who is registered.
    pub fn finalized_level(&self) -> Option<u16> {
        self.features.levels.get(LEVEL).and_then(|level| u16::try_from(*level).ok())
    }

    /// The level to which the cluster can rise now: what all registered brokers can do, if that is more.
    pub fn next_level(&self) -> Option<u16> {
        let known = self.brokers.values().map(|broker| broker.command_version).min()?;
        (known > self.finalized_level().unwrap_or(version::BEFORE_LEVELS)).then_some(known)
    }
}
