//! Topics as several APIs see them: their names, leaders and creation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::{Broker, Context};
use super::errors::Failure;
use crate::metadata::{self, Applied, Command, IfExists, Image, MOST_PARTITIONS, NewTopic, Placing, Topic};
use crate::protocol::ErrorCode;
use crate::types::{BrokerId, ShardId, TopicId};

/// Topics that Kafka keeps for itself (`Topic.isInternal`).
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// Names that no client can make a topic of, and no record can be sent to: what a Kafka keeps there, ours keeps elsewhere.
pub fn is_reserved(name: &str) -> bool {
    is_internal(name) || name == "__cluster_metadata"
}

/// No broker, where one is named.
pub const NOBODY: i32 = -1;

/// The leader and the replicas of a partition: the owner of its shard is both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    pub error: ErrorCode,
    /// [`NOBODY`] while the owner is not there.
    pub leader: i32,
    pub epoch: i32,
    pub replicas: Vec<i32>,
    /// Those of the replicas that are not there.
    pub offline: Vec<i32>,
}

impl Leadership {
    pub fn of(image: &Image, shard: ShardId) -> Leadership {
        let shard = image.shard(shard);
        let mut leadership = Leadership {
            error: ErrorCode::LeaderNotAvailable,
            leader: NOBODY,
            epoch: shard.map_or(-1, |shard| shard.epoch.0),
            replicas: Vec::new(),
            offline: Vec::new(),
        };
        let Some(owner) = shard.and_then(|shard| shard.owner) else { return leadership };
        let broker = owner.broker;
        leadership.replicas.push(broker.0);
        if image.counts_on(owner) {
            leadership.leader = broker.0;
            leadership.error = ErrorCode::None;
        } else if !image.is_live(broker) {
            leadership.offline.push(broker.0);
        }
        leadership
    }

    /// The same as clients of a listener see it: a broker that has none of its name is not there for them
    /// (`KRaftMetadataCache.getPartitionMetadata`).
    pub fn seen_at(mut self, image: &Image, listener: &str) -> Leadership {
        let is_there =
            |id: i32| image.broker(BrokerId(id)).is_some_and(|broker| broker.listener(listener).is_some());
        let hidden = self.replicas.iter().filter(|id| !self.offline.contains(id) && !is_there(**id));
        let hidden: Vec<i32> = hidden.copied().collect();
        if hidden.contains(&self.leader) {
            self.leader = NOBODY;
            self.error = ErrorCode::ListenerNotFound;
        }
        self.offline.extend(hidden);
        self
    }
}

/// A topic to be made.
pub struct Creation {
    pub name: String,
    pub partitions: u32,
    pub configs: BTreeMap<String, String>,
    pub if_exists: IfExists,
}

impl Creation {
    /// The topic, with its id, placement and time drawn here.
    pub fn topic(self, broker: &Broker, placing: &mut Placing) -> NewTopic {
        NewTopic {
            id: TopicId(broker.runtime.rng.uuid()),
            name: Arc::from(self.name),
            placement: placing.place(self.partitions, broker.runtime.rng.below(u64::from(u32::MAX))),
            configs: self.configs,
            created_ms: broker.runtime.clock.now_ms(),
            if_exists: self.if_exists,
        }
    }
}

/// Creates topics that somebody asked about, with the broker's defaults, unless another does so at the same time. The
/// outcomes are in the order of the names.
pub async fn create_automatically(context: &Context, names: &[&str]) -> Vec<Result<Arc<Topic>, Failure>> {
    let broker = &context.broker;
    let image = context.image();
    let creation = |name: &&str| Creation {
        name: (*name).to_owned(),
        partitions: broker.options.default_partitions,
        configs: BTreeMap::new(),
        if_exists: IfExists::Accept,
    };
    let mut placing = Placing::of(&image);
    let commands = names.iter().map(|name| Command::CreateTopic(creation(name).topic(broker, &mut placing)));
    let outcomes = context.change(commands.collect()).await;
    let image = context.image();
    let found = outcomes.into_iter().map(|outcome| match outcome? {
        Applied::Topic { id, .. } => {
            image.topic(id).cloned().ok_or(ErrorCode::UnknownTopicOrPartition.into())
        }
        Applied::Done | Applied::Assigned { .. } | Applied::ProducerIds { .. } | Applied::Each(_) => {
            Err(ErrorCode::UnknownServerError.into())
        }
    });
    found.collect()
}

/// Finds the things that a request names more than once.
pub fn find_repeated<T: Ord + Clone>(named: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    named.filter(|one| !seen.insert(one.clone())).collect()
}

/// Refuses a request that asks for more partitions, all topics together, than one may
/// (`ReplicationControlManager.validateTotalNumberOfPartitions`).
pub fn must_fit_one_request(what: &str, counts: impl Iterator<Item = usize>) -> Result<(), Failure> {
    if counts.fold(0, usize::saturating_add) <= MOST_PARTITIONS {
        return Ok(());
    }
    let message = format!("Excessively large number of {what} per request.");
    Err(Failure::new(ErrorCode::PolicyViolation, message))
}

/// Checks a list of brokers that a partition should be on (`validateManualPartitionAssignment`).
pub fn validate_assignment(image: &Image, brokers: &[i32], replicas: Option<usize>) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message));
    if brokers.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".to_owned());
    }
    let mut sorted = brokers.to_vec();
    sorted.sort_unstable();
    for (position, id) in sorted.iter().enumerate() {
        if image.broker(BrokerId(*id)).is_none() {
            return refuse(format!(
                "The manual partition assignment includes broker {id}, but no such broker is registered."
            ));
        }
        if position > 0 && sorted[position - 1] == *id {
            return refuse(format!(
                "The manual partition assignment includes the broker {id} more than once."
            ));
        }
    }
    match replicas {
        Some(replicas) if replicas != brokers.len() => refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not \
             consistent with previous partitions, which have {replicas} replica(s).",
            brokers.len()
        )),
        _ => Ok(()),
    }
}

/// Addresses of the brokers that clients of a listener are told of. Each message spells the same struct anew.
pub fn endpoints<E: From<Endpoint>>(broker: &Broker, image: &Image, listener: &str) -> Vec<E> {
    let told = image.brokers.values().filter(|one| broker.is_told_of(image, one.id));
    told.filter_map(|one| Endpoint::of(one, listener)).map(E::from).collect()
}

/// Addresses of those that an answer names as leaders, each once (KIP-951).
pub fn leader_endpoints<E: From<Endpoint>>(
    image: &Image,
    listener: &str,
    leaders: impl Iterator<Item = i32>,
) -> Vec<E> {
    let leaders: BTreeSet<i32> = leaders.filter(|leader| *leader != NOBODY).collect();
    let known = leaders.into_iter().filter_map(|id| image.broker(BrokerId(id)));
    known.filter_map(|broker| Endpoint::of(broker, listener)).map(E::from).collect()
}

/// A broker's address on one of its listeners.
pub struct Endpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    rack: Option<String>,
}

impl Endpoint {
    /// None if the broker has no listener of this name.
    pub fn of(broker: &metadata::Broker, listener: &str) -> Option<Endpoint> {
        let listener = broker.listener(listener)?;
        Some(Endpoint {
            node_id: broker.id.0,
            host: listener.host.clone(),
            port: listener.port.into(),
            rack: broker.rack.clone(),
        })
    }
}

macro_rules! endpoint_of {
    ($($message:ident::$name:ident),*) => { $(
        impl From<Endpoint> for crate::protocol::messages::$message::$name {
            fn from(Endpoint { node_id, host, port, rack }: Endpoint) -> Self {
                Self { node_id, host, port, rack }
            }
        }
    )* };
}
endpoint_of!(produce::NodeEndpoint, fetch::NodeEndpoint, metadata::MetadataResponseBroker);

impl From<Endpoint> for crate::protocol::messages::describe_cluster::DescribeClusterBroker {
    fn from(Endpoint { node_id, host, port, rack }: Endpoint) -> Self {
        Self { broker_id: node_id, host, port, rack, ..Self::default() }
    }
}
