//! What a handler may reach, and what it knows of the request before it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::errors::Failure;
use super::fetch_session::SharedSessions;
use super::topic_settings::Resolved;
use crate::cluster::ShardHost;
use crate::coordinator::Coordinators;
use crate::log::Shard;
use crate::log::reads::Reads;
use crate::metadata::{self, Image, Metadata, Topic};
use crate::net::Permit;
use crate::protocol::{ErrorCode, batch};
use crate::runtime::clock::Instant;
use crate::runtime::{Complaints, Runtime};
use crate::settings::{BrokerLayers, TopicSettings};
use crate::types::{BrokerId, LeaderEpoch, Partition, ShardId};

/// Characters of a client's name that are logged.
pub(super) const LOGGED_CHARS: usize = 100;

/// What all requests of a broker share.
pub struct Broker {
    pub id: BrokerId,
    pub metadata: Metadata,
    pub shards: Arc<ShardHost>,
    pub options: Options,
    pub reads: Reads,
    pub coordinators: Arc<Coordinators>,
    pub sessions: SharedSessions,
    /// Names of clients that were told that there are no transactions.
    pub transactional: Complaints<String>,
    pub runtime: Runtime,
    topics: Resolved,
}

/// Settings of the APIs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Broker configs by their Kafka names, as the process was started with.
    pub configs: BTreeMap<&'static str, String>,
    /// Whether asking for the metadata of a topic creates it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many (`num.partitions`).
    pub default_partitions: u32,
    /// The most bytes of records in one Fetch response (`fetch.max.bytes`); its first batch may be larger.
    pub fetch_max_bytes: usize,
    /// The depth to which compressed batches are looked at before they are taken.
    pub batch_depth: batch::Depth,
    /// Where the data lies, as DescribeLogDirs names it.
    pub log_dir: String,
    /// The longest that a request waits to hear whether its write became durable.
    pub request_timeout: Duration,
}

/// One request on its way through its handler.
pub struct Context {
    pub broker: Arc<Broker>,
    pub version: i16,
    pub correlation_id: i32,
    pub client: Client,
    /// The request's share of the memory for requests.
    pub permit: Permit,
    /// The client's next request is probably on its way.
    pub more_to_come: bool,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// What the client calls itself; empty if it does not say.
    pub id: String,
    pub address: IpAddr,
}

impl Client {
    /// The address as Kafka tells it of members of groups.
    pub fn host(&self) -> String {
        format!("/{}", self.address)
    }

    /// The client's own name, cut to a length that a log takes.
    pub fn logged_id(&self) -> String {
        self.id.chars().take(LOGGED_CHARS).collect()
    }
}

/// A partition that this broker leads, ready to be used.
pub struct Led {
    pub partition: Partition,
    pub shard: Shard,
    pub epoch: LeaderEpoch,
}

impl Led {
    /// Refuses if there is no recent proof that this broker owns the shard: before answers on which clients move their
    /// positions.
    pub async fn must_still_own(&self, broker: &Broker) -> Result<(), Failure> {
        match broker.shards.still_owns(&self.shard, self.epoch).await {
            true => Ok(()),
            false => Err(ErrorCode::NotLeaderOrFollower.into()),
        }
    }
}

impl Context {
    pub fn image(&self) -> Arc<Image> {
        self.broker.shards.image()
    }

    /// The refusal of a transaction. Clients show it as a matter of permissions, so the log says what it is.
    pub fn no_transactions(&self) -> ErrorCode {
        let client_id = self.client.logged_id();
        if let Some(left_out) =
            self.broker.transactional.due(client_id.clone(), self.broker.runtime.clock.instant())
        {
            let address = self.client.address;
            tracing::warn!(client_id, %address, left_out, "transactions are not supported yet: a producer was refused");
        }
        ErrorCode::TransactionalIdAuthorizationFailed
    }

    /// When a request whose write is not durable yet is told that nobody knows its outcome. The request's own timeout
    /// is for waiting until replicas have the records, and here there are none to wait for.
    pub fn deadline(&self) -> Instant {
        self.broker.runtime.clock.instant() + self.broker.options.request_timeout
    }
}

impl Broker {
    pub fn new(
        metadata: Metadata,
        shards: Arc<ShardHost>,
        reads: Reads,
        coordinators: Arc<Coordinators>,
        options: Options,
        runtime: Runtime,
    ) -> Broker {
        let sessions = SharedSessions::new(&runtime);
        let (id, transactional, topics) = (metadata.broker_id(), Complaints::default(), Resolved::default());
        Broker {
            id,
            metadata,
            shards,
            options,
            reads,
            coordinators,
            sessions,
            transactional,
            runtime,
            topics,
        }
    }

    /// The layers that stand behind a topic's own configs.
    pub fn with_layers<T>(&self, image: &Image, use_layers: impl FnOnce(&BrokerLayers<'_>) -> T) -> T {
        image.configs.with_layers(self.id, &self.options.configs, use_layers)
    }

    /// Settings of a topic that its log obeys.
    pub fn topic_settings(&self, image: &Image, topic: &Topic) -> TopicSettings {
        let resolve = |layers: &BrokerLayers<'_>| TopicSettings::effective(&topic.configs, layers);
        self.topics.get(image.index, topic.id, || self.with_layers(image, resolve))
    }

    /// This broker's own life, as the owner of shards.
    pub fn is_owner(&self, shard: &metadata::Shard) -> bool {
        shard.owner == Some(self.metadata.owner())
    }

    /// Has the shards load the partitions that a request is about to use, as far as they are here.
    pub fn prepare<'a>(
        &self,
        image: &Image,
        asked: impl Iterator<Item = (&'a Topic, i32)>,
    ) -> BoxFuture<'static, ()> {
        let mut wanted: HashMap<ShardId, Vec<Partition>> = HashMap::new();
        for (topic, index) in asked {
            if let Some(shard) = topic.shard(index) {
                wanted.entry(shard).or_default().push(Partition { topic: topic.id, index });
            }
        }
        let open = wanted.into_iter().filter_map(|(id, partitions)| {
            let (shard, _) = self.open_shard(image, id).ok()?;
            Some((shard, partitions))
        });
        let open: Vec<(Shard, Vec<Partition>)> = open.collect();
        Box::pin(async move {
            for (shard, partitions) in open {
                shard.prepare(&partitions).await;
            }
        })
    }

    /// The same of partitions by the names of their topics.
    pub fn prepare_named<'a>(
        &self,
        image: &Image,
        asked: impl Iterator<Item = (&'a str, i32)>,
    ) -> BoxFuture<'static, ()> {
        let known = asked.filter_map(|(name, index)| Some((&**image.topic_by_name(name)?, index)));
        self.prepare(image, known)
    }

    /// Finds partition `index` of `topic`, which must be led here.
    ///
    /// `client_epoch` is the leader epoch that the client knows, -1 for none (KIP-320).
    pub fn lead(&self, image: &Image, topic: &Topic, index: i32, client_epoch: i32) -> Result<Led, Failure> {
        let Some(id) = topic.shard(index) else {
            return Err(ErrorCode::UnknownTopicOrPartition.into());
        };
        let (shard, epoch) = self.open_shard(image, id)?;
        check_epoch(client_epoch, epoch)?;
        Ok(Led { partition: Partition { topic: topic.id, index }, shard, epoch })
    }

    /// A shard that is open here, with the epoch that it is assigned with.
    pub fn open_shard(&self, image: &Image, id: ShardId) -> Result<(Shard, LeaderEpoch), Failure> {
        let assigned = image.shard(id).filter(|shard| self.is_owner(shard));
        let epoch = assigned.ok_or(ErrorCode::NotLeaderOrFollower)?.epoch;
        if let Some(damage) = self.shards.damage(id, epoch) {
            return Err(damage.into());
        }
        let opened = self.shards.shard(id, epoch).ok_or(ErrorCode::NotLeaderOrFollower)?;
        Ok((opened, epoch))
    }
}

/// A client with an older epoch than ours must refresh its metadata; with a newer one, we must (KIP-320).
fn check_epoch(client: i32, ours: LeaderEpoch) -> Result<(), Failure> {
    match client {
        -1 => Ok(()),
        epoch if epoch < ours.0 => Err(ErrorCode::FencedLeaderEpoch.into()),
        epoch if epoch > ours.0 => Err(ErrorCode::UnknownLeaderEpoch.into()),
        _ => Ok(()),
    }
}
