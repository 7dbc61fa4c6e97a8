//! Three brokers, without sockets.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::api::context::{Broker, Client, Context, Options};
use crate::api::handler::{Handler, Reply};
use crate::api::handlers::init_producer_id::InitProducerId;
use crate::api::refusals::Refusals;
use crate::api::session::Session;
use crate::cluster::{Controller, Departures, GroupTopics, HostOptions, ShardHost};
use crate::coordinator::Coordinators;
use crate::coordinator::group::{MetadataSource, Settings};
use crate::log::{Limits, LogMetrics, ReadLimits, Reads, Shared};
use crate::metadata::tests::support::{Bucket, Process, Switchboard};
use crate::metadata::{Applied, Command, IfExists, Metadata, NewTopic, Owner};
use crate::net::{Closer, Permit};
use crate::peer::Alone;
use crate::protocol::batch::{Builder, Depth, NewRecord};
use crate::protocol::codec::{Records, Request};
use crate::protocol::messages::{fetch, init_producer_id, produce};
use crate::runtime::{Runtime, TaskKind};
use crate::store::faults::FaultPlan;
use crate::types::{BrokerId, LeaderEpoch, ShardId, TopicId};

/// The response to a request that a handler takes.
pub type ResponseOf<H> = <<H as Handler>::Request as Request>::Response;

/// The listener that all clients come to.
const LISTENER: &str = "PLAINTEXT";

pub struct Cluster {
    pub brokers: Vec<Node>,
    pub switchboard: Switchboard,
}

/// One broker.
pub struct Node {
    pub metadata: Metadata,
    pub host: Arc<ShardHost>,
    pub broker: Arc<Broker>,
    pub runtime: Runtime,
    /// Of its way to the shards.
    pub faults: FaultPlan,
}

impl Cluster {
    /// Brokers 0 to 2 and shards 0 to 3. Nobody owns one yet.
    pub async fn new() -> Cluster {
        Cluster::new_in(|_| Runtime::system()).await
    }

    pub async fn new_in(runtime: impl Fn(u64) -> Runtime) -> Cluster {
        let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
        let start = |id| bucket.start_voter_in(runtime(id as u64), id, 3, &switchboard);
        let processes = futures::future::join_all((0..3).map(start)).await;
        let brokers = processes.into_iter().map(|process| Node::new(process, &bucket)).collect();
        Cluster { brokers, switchboard }
    }

    /// The same, where broker 0 owns shard 0, and so on; broker 2 owns shard 3 too. Topic `t` has a partition on each.
    pub async fn settled() -> Cluster {
        Cluster::new().await.settle().await
    }

    /// The same, each with a clock that follows tokio's.
    pub async fn simulated() -> Cluster {
        Cluster::new_in(Runtime::simulated).await.settle().await
    }

    async fn settle(self) -> Cluster {
        for (shard, broker) in [(0, 0), (1, 1), (2, 2), (3, 2)] {
            self.assign(shard, broker).await;
        }
        self.create("t", &[0, 1, 2, 3]).await;
        self.opened().await;
        self
    }

    /// Has broker 0 propose a command, and returns once all brokers serve what it did.
    pub async fn propose(&self, command: Command) -> Applied {
        let metadata = &self.brokers[0].metadata;
        let applied = metadata.propose(command).await.expect("an outcome").expect("done");
        self.serves(metadata.image().index).await;
        applied
    }

    pub async fn serves(&self, index: u64) {
        for node in &self.brokers {
            node.host.caught_up(index).await;
        }
    }

    /// Gives a shard to the broker as it is now.
    pub async fn assign(&self, shard: u32, broker: usize) -> LeaderEpoch {
        let owner = Some(self.brokers[broker].metadata.owner());
        match self.propose(Command::AssignShard { shard: ShardId(shard), owner }).await {
            Applied::Assigned { epoch } => epoch,
            other => panic!("not assigned: {other:?}"),
        }
    }

    /// Fences a broker, or counts on it again.
    pub async fn fence(&self, broker: usize, is_fenced: bool) {
        let Owner { broker, incarnation } = self.brokers[broker].metadata.owner();
        self.propose(Command::Fence { broker, incarnation, is_fenced }).await;
    }

    /// Creates a topic with a partition on each of these shards.
    pub async fn create(&self, name: &str, shards: &[u32]) -> TopicId {
        let node = &self.brokers[0];
        let id = TopicId(node.runtime.rng.uuid());
        let new = NewTopic {
            id,
            name: name.into(),
            placement: shards.iter().copied().map(ShardId).collect(),
            configs: BTreeMap::new(),
            created_ms: node.runtime.clock.now_ms(),
            if_exists: IfExists::Refuse,
        };
        self.propose(Command::CreateTopic(new)).await;
        id
    }

    /// Waits until all shards are open that have an owner.
    pub async fn opened(&self) {
        for node in &self.brokers {
            let image = node.host.image();
            for (id, shard) in image.shards_of(node.metadata.owner()) {
                let opened = node.host.shard_soon(id, shard.epoch, Duration::from_secs(60)).await;
                assert!(opened.is_some(), "{id} is not open");
            }
        }
    }

    pub fn epoch(&self, shard: u32) -> i32 {
        self.brokers[0].host.image().shard(ShardId(shard)).expect("a shard").epoch.0
    }

    /// The broker that leads the metadata.
    pub fn leader(&self) -> usize {
        self.brokers.iter().position(|node| node.metadata.leads()).expect("a leader")
    }

    pub async fn end(self) {
        for node in &self.brokers {
            node.faults.hold_puts(false);
        }
        futures::future::join_all(self.brokers.iter().map(|node| node.host.close())).await;
        futures::future::join_all(self.brokers.iter().map(|node| node.metadata.close())).await;
        self.brokers.iter().for_each(|node| node.runtime.shutdown.request());
    }
}

impl Node {
    fn new(process: Process, bucket: &Bucket) -> Node {
        let Process { metadata, runtime } = process;
        let faults = FaultPlan::new(&runtime);
        let (store, databases) = bucket.behind(&faults).store(&runtime);
        let reads = Reads::new(&store, ReadLimits::default(), &runtime);
        let metrics = LogMetrics::register(&runtime.metrics);
        let shared = Shared { runtime: runtime.clone(), databases, reads: reads.clone(), metrics };
        let options = HostOptions {
            limits: Limits::default(),
            session: Duration::from_secs(3),
            configs: BTreeMap::new(),
            store,
            shared,
        };
        let host = ShardHost::new(metadata.clone(), options, runtime.clone());
        runtime.tasks.spawn(TaskKind::Controller, Arc::clone(&host).run());
        let topics = Arc::clone(&host);
        let source = MetadataSource {
            topics: Box::new(move || Arc::new(GroupTopics::of(topics.image()))),
            group_settings: Box::new(|_, of_all| of_all),
        };
        let coordinators = Arc::new(Coordinators::new(Settings::default(), source, runtime.clone()));
        runtime.tasks.spawn(TaskKind::Coordinator, Arc::clone(&coordinators).run(host.follow_shards()));
        let options = Options {
            configs: BTreeMap::new(),
            auto_create_topics: true,
            default_partitions: 1,
            fetch_max_bytes: 1 << 20,
            batch_depth: Depth::Full,
            log_dir: "memory".to_owned(),
            request_timeout: Duration::from_secs(30),
        };
        let controller = Controller::new(metadata.clone(), Duration::from_secs(3), runtime.clone());
        let departures = Departures { controller, transport: Arc::new(Alone) };
        let broker = Broker::new(departures, host.clone(), reads, coordinators, options, runtime.clone());
        Node { metadata, host, broker: Arc::new(broker), runtime, faults }
    }

    pub fn id(&self) -> BrokerId {
        self.broker.id
    }

    /// A request on a connection of its own.
    pub fn context(&self, version: i16) -> Context {
        Context {
            broker: Arc::clone(&self.broker),
            version,
            correlation_id: 1,
            client: Client {
                id: "test".to_owned(),
                session: Session::anonymous(LISTENER.into(), Ipv4Addr::LOCALHOST.into(), false).into(),
            },
            permit: Permit::none(),
            more_to_come: false,
            closer: Closer::new(),
            refusals: Refusals::default(),
        }
    }

    pub async fn ask<H: Handler>(&self, version: i16, request: H::Request) -> ResponseOf<H> {
        answer::<H>(self.context(version), request).await
    }
}

/// The response that a handler gives.
pub async fn answer<H: Handler>(context: Context, request: H::Request) -> ResponseOf<H> {
    match H::admit(context, request).await.await.into() {
        Reply::Send(response) | Reply::SendLarge(response, _) | Reply::SendAndClose(response) => response,
        Reply::Silent | Reply::Close => panic!("there is no response"),
    }
}

/// True if nothing comes of `future` for a while.
pub async fn is_waiting<F: Future + Unpin>(node: &Node, future: &mut F) -> bool {
    node.runtime.clock.timeout(Duration::from_millis(200), future).await.is_err()
}

/// Asks for the id of an idempotent producer: the error, and the id.
pub async fn allocate_id(node: &Node) -> (i16, i64) {
    let request = init_producer_id::Request { transactional_id: None, ..Default::default() };
    let response = node.ask::<InitProducerId>(4, request).await;
    (response.error_code, response.producer_id)
}

/// A request to produce one record to partition `index` of topic `t`.
pub fn produce_one(index: i32) -> produce::Request {
    produce_batch(index, Builder::new())
}

/// The same of a batch that is begun.
pub fn produce_batch(index: i32, mut builder: Builder) -> produce::Request {
    builder.push(&NewRecord { timestamp: 1_000, value: Some(b"v"), ..NewRecord::default() });
    let batch = builder.build().expect("a valid batch");
    let records = Records::from(batch.to_bytes());
    let partition = produce::PartitionProduceData { index, records: Some(records) };
    let topic = produce::TopicProduceData {
        name: "t".to_owned(),
        partition_data: vec![partition],
        ..produce::TopicProduceData::default()
    };
    produce::Request { acks: -1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() }
}

/// A request to fetch partition `index` of the topic from its beginning on.
pub fn fetch_one(topic: TopicId, index: i32, epoch: i32, max_wait_ms: i32) -> fetch::Request {
    let partition = fetch::FetchPartition {
        partition: index,
        current_leader_epoch: epoch,
        partition_max_bytes: 1 << 20,
        ..fetch::FetchPartition::default()
    };
    let topic = fetch::FetchTopic { topic: "t".to_owned(), topic_id: topic.0, partitions: vec![partition] };
    fetch::Request {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![topic],
        session_epoch: -1,
        ..fetch::Request::default()
    }
}
