//! What several APIs say of topics: names, leaders, and the creation of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Broker;
use super::errors::Failure;
use crate::metadata::{self, Applied, Command, IfExists, Image, NewTopic, Topic, check_topic_name};
use crate::protocol::ErrorCode;
use crate::types::{BrokerId, ShardId, TopicId};

/// Topics that Kafka keeps for itself (`Topic.isInternal`).
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// Who leads a partition, and who holds it: the owner of its shard.
pub struct Leadership {
    pub error: ErrorCode,
    pub leader: i32,
    pub epoch: i32,
    pub replicas: Vec<i32>,
}

impl Leadership {
    pub fn of(image: &Image, shard: ShardId) -> Leadership {
        let shard = image.shard(shard);
        match shard.and_then(|shard| Some((shard.owner?.broker.0, shard.epoch.0))) {
            Some((leader, epoch)) => {
                Leadership { error: ErrorCode::None, leader, epoch, replicas: vec![leader] }
            }
            None => Leadership {
                error: ErrorCode::LeaderNotAvailable,
                leader: -1,
                epoch: shard.map_or(-1, |shard| shard.epoch.0),
                replicas: Vec::new(),
            },
        }
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
    /// The command that makes it, with its id, placement and time drawn here.
    pub fn command(self, broker: &Broker, image: &Image) -> Command {
        Command::CreateTopic(NewTopic {
            id: TopicId(broker.runtime.rng.uuid()),
            name: Arc::from(self.name),
            placement: image.place(self.partitions, broker.runtime.rng.below(u64::from(u32::MAX))),
            configs: self.configs,
            created_ms: broker.runtime.clock.now_ms(),
            if_exists: self.if_exists,
        })
    }

    /// Makes it. Gives the id of the topic that has the name now.
    pub async fn propose(self, broker: &Broker, image: &Image) -> Result<TopicId, Failure> {
        match broker.propose(self.command(broker, image)).await? {
            Applied::Topic { id, .. } => Ok(id),
            Applied::Done | Applied::Assigned { .. } | Applied::ProducerIds { .. } => {
                Err(ErrorCode::UnknownServerError.into())
            }
        }
    }
}

/// Creates a topic that somebody asked about, with the broker's defaults, unless another does so at the same time.
pub async fn create_automatically(broker: &Broker, name: &str) -> Result<Arc<Topic>, Failure> {
    check_topic_name(name)?;
    let image = broker.shards.image();
    let creation = Creation {
        name: name.to_owned(),
        partitions: broker.options.default_partitions,
        configs: BTreeMap::new(),
        if_exists: IfExists::Accept,
    };
    let id = creation.propose(broker, &image).await?;
    broker.shards.image().topic(id).cloned().ok_or(ErrorCode::UnknownTopicOrPartition.into())
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
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
             with previous partitions, which have {replicas} replica(s).",
            brokers.len()
        )),
        _ => Ok(()),
    }
}

/// Where the brokers are. Each message spells the same struct anew.
pub fn endpoints<E: From<Endpoint>>(image: &Image) -> Vec<E> {
    image.brokers.values().filter_map(|broker| Endpoint::of(broker)).map(E::from).collect()
}

/// Where one broker is.
pub fn endpoint(image: &Image, id: BrokerId) -> Option<Endpoint> {
    Endpoint::of(image.broker(id)?)
}

/// A broker's address.
pub struct Endpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    rack: Option<String>,
}

impl Endpoint {
    fn of(broker: &metadata::Broker) -> Option<Endpoint> {
        let listener = broker.listeners.first()?;
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
