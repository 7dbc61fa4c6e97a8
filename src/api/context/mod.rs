//! A request on its way through its handler, and all that a handler may reach.
//! Handlers must never reach the metadata, the hosted shards or the coordinators but through what is here.
//! Entry point: [`Context`].
//! Invariant: all that a request sees of the metadata is in the image that the hosted shards serve.

mod changes;
mod groups;
mod newest;
mod partitions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::api::errors::{Failure, no_producer_id};
use crate::api::fetch_session::SharedSessions;
use crate::api::refusals::Refusals;
use crate::api::session::Session;
use crate::api::topic_settings::Resolved;
use crate::cluster::{Ballot, Departures, Removal, Removed, ShardHost, Stuck, Unchanged};
use crate::coordinator::Coordinators;
use crate::log::Reads;
use crate::metadata::{Image, Metadata, Quorum, Topic};
use crate::net::{Closer, Permit};
use crate::protocol::{ErrorCode, batch};
use crate::runtime::clock::Instant;
use crate::runtime::{Complaints, Runtime};
use crate::settings::{BrokerLayers, TopicSettings};
use crate::types::{BrokerId, ProducerId};
pub use groups::Coordinating;
pub use partitions::Led;

/// Characters of a client's name that are logged.
pub(super) const LOGGED_CHARS: usize = 100;

/// The broker as its handlers see it.
pub struct Broker {
    pub id: BrokerId,
    pub options: Options,
    pub reads: Reads,
    pub sessions: SharedSessions,
    pub runtime: Runtime,
    departures: Departures,
    shards: Arc<ShardHost>,
    coordinators: Arc<Coordinators>,
    topics: Resolved,
    /// Names of clients that were told that there are no transactions.
    transactional: Complaints<String>,
    /// When the leader was asked last for the sake of what may not exist.
    looked: Mutex<Option<Instant>>,
}

/// Settings of the APIs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Broker configs by their Kafka names, as the process was started with.
    pub configs: BTreeMap<String, String>,
    /// Asking for the metadata of a topic creates it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many (`num.partitions`).
    pub default_partitions: u32,
    /// The most bytes of records in one Fetch response (`fetch.max.bytes`); its first batch may be larger.
    pub fetch_max_bytes: usize,
    /// The depth to which compressed batches are looked at before they are taken.
    pub batch_depth: batch::Depth,
    /// The place of the data, as DescribeLogDirs names it.
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
    /// Of the request's connection: what comes behind its reason to close is not taken any more.
    pub closer: Closer,
    /// Of batches, on the request's connection.
    pub refusals: Refusals,
}

/// The client that asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// The name that the client has given itself; empty if it does not say.
    pub id: String,
    pub session: Arc<Session>,
}

impl Client {
    /// The address as Kafka tells it of members of groups.
    pub fn host(&self) -> String {
        format!("/{}", self.session.address)
    }

    /// The client's own name, cut to a length that a log takes.
    pub fn logged_id(&self) -> String {
        self.id.chars().take(LOGGED_CHARS).collect()
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
            let address = self.client.session.address;
            tracing::warn!(
                client_id,
                %address,
                left_out,
                "transactions are not supported yet: a producer was refused"
            );
        }
        ErrorCode::TransactionalIdAuthorizationFailed
    }

    /// The refusal of delegation tokens, of which there are none: of who has not proved who it is, as such
    /// (`KafkaApis.allowTokenRequests`).
    pub fn no_delegation_tokens(&self) -> ErrorCode {
        match self.client.session.is_authenticated() {
            true => ErrorCode::DelegationTokenAuthDisabled,
            false => ErrorCode::DelegationTokenRequestNotAllowed,
        }
    }

    /// The time at which a request whose write is not durable yet is told that nobody knows its outcome. The request's own timeout
    /// is for waiting until replicas have the records, and here there are none to wait for.
    pub fn deadline(&self) -> Instant {
        self.broker.runtime.clock.instant() + self.broker.options.request_timeout
    }
}

impl Broker {
    pub fn new(
        departures: Departures,
        shards: Arc<ShardHost>,
        reads: Reads,
        coordinators: Arc<Coordinators>,
        options: Options,
        runtime: Runtime,
    ) -> Broker {
        Broker {
            id: departures.metadata().broker_id(),
            options,
            reads,
            sessions: SharedSessions::new(&runtime),
            runtime,
            departures,
            shards,
            coordinators,
            topics: Resolved::default(),
            transactional: Complaints::default(),
            looked: Mutex::default(),
        }
    }

    fn metadata(&self) -> &Metadata {
        self.departures.metadata()
    }

    /// Takes the next step of a broker's way out of the cluster.
    pub async fn remove(&self, removal: Removal) -> Result<Removed, Stuck> {
        self.departures.remove(removal).await
    }

    /// Has a broker vote on the metadata, or vote no more.
    pub async fn vote(&self, ballot: Ballot) -> Result<(), Unchanged> {
        self.departures.vote(ballot).await
    }

    /// An id for a producer, never given out before.
    pub async fn allocate_producer_id(&self) -> Result<ProducerId, Failure> {
        self.metadata().allocate_producer_id().await.map_err(no_producer_id)
    }

    /// The Raft group that agrees on the metadata, as its leader sees it if that answers.
    pub async fn quorum(&self) -> Quorum {
        self.metadata().quorum_of_leader().await
    }

    /// True of a broker that clients are told of.
    pub fn is_told_of(&self, image: &Image, broker: BrokerId) -> bool {
        self.shards.is_told_of(image, broker)
    }

    /// The broker that clients are told is the controller: the metadata's leader, or any other that is there.
    pub fn controller(&self, image: &Image) -> Option<BrokerId> {
        let known = [self.metadata().leader(), Some(self.id)].into_iter().flatten();
        let mut all = known.chain(image.live_brokers().map(|broker| broker.id));
        all.find(|id| image.is_live(*id))
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
}
