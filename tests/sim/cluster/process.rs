//! One life of a broker: the real metadata, controller, shard host, coordinators, API and connections, on a line and a store of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use kafkaesque::api;
use kafkaesque::auth::{Authenticator, UserSources, Users};
use kafkaesque::cluster::{Answering, Controller, Departures, GroupTopics, HostOptions, ShardHost, heart};
use kafkaesque::coordinator::Coordinators;
use kafkaesque::coordinator::group::{Classic, Consumer, MetadataSource, Settings};
use kafkaesque::log::{Limits, LogMetrics, ReadLimits, Reads, Shared};
use kafkaesque::metadata::{Image, Listener, Metadata, MetadataSettings, StartError, Timeouts, Voter};
use kafkaesque::net;
use kafkaesque::protocol::batch::Depth;
use kafkaesque::runtime::{Clock, Flaws, Runtime, TaskKind};
use kafkaesque::store::Store;
use kafkaesque::store::database::Databases;
use kafkaesque::store::faults::{Contact, FaultPlan};
use kafkaesque::types::BrokerId;
use object_store::ObjectStore;
use object_store::path::Path;

use super::asking::LISTENER;
use super::carrier::{Carrier, Carriers};
use super::host::{Condition, Host};
use super::network::Network;
use super::world::BEGIN_MS;

const SESSION: Duration = Duration::from_secs(3);
/// Ids that brokers may have, from 0 on.
pub const MOST_BROKERS: i32 = 6;

/// The same for all processes of a world.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Brokers from 0 on that form the cluster; others join it.
    pub founders: i32,
    pub shards: u32,
    pub flaws: Flaws,
    /// Calls go over streams of bytes, or else one by one.
    pub is_streamed: bool,
    /// Brokers look for records that have expired, again and again.
    pub expires: bool,
}

impl Setup {
    /// Brokers without flaws that call one by one, and keep all.
    pub fn plain(founders: i32, shards: u32) -> Setup {
        Setup { founders, shards, flaws: Flaws::default(), is_streamed: false, expires: false }
    }
}

/// The world that outlives processes, as one process needs it.
#[derive(Clone)]
pub struct Surroundings {
    pub objects: Arc<dyn ObjectStore>,
    pub network: Network,
    pub carriers: Carriers,
    pub setup: Setup,
    /// There was a cluster once.
    pub formed: Arc<AtomicBool>,
    /// Bytes of the metadata's log between two snapshots.
    pub snapshot_log_bytes: Arc<AtomicU64>,
}

impl Surroundings {
    fn is_formed(&self) -> bool {
        self.formed.load(Ordering::Relaxed)
    }
}

/// One life of a broker.
#[derive(Clone)]
pub struct Process {
    pub id: BrokerId,
    /// The newest level that it knows.
    pub level: u16,
    pub runtime: Runtime,
    pub condition: Condition,
    pub metadata: Metadata,
    pub shards: Arc<ShardHost>,
    pub departures: Departures,
    pub server: Arc<net::Server<api::Service>>,
    pub network: Network,
    carrier: Arc<Carrier>,
}

/// A process that may not have started yet.
#[derive(Clone)]
pub struct Body {
    pub id: BrokerId,
    /// The newest level that it knows.
    pub level: u16,
    pub runtime: Runtime,
    pub faults: FaultPlan,
    pub condition: Condition,
}

impl Body {
    /// A process whose wall clock is `skew_ms` ahead.
    pub fn new(id: BrokerId, seed: u64, skew_ms: i64, level: u16) -> Body {
        let clock = Clock::simulated(BEGIN_MS + skew_ms);
        let runtime = Runtime { clock, ..Runtime::simulated(seed) };
        let faults = FaultPlan::new(&runtime);
        Body { id, level, runtime, faults, condition: Condition::new() }
    }

    pub fn stand(&self, contact: Contact) {
        if !self.condition.is_gone() {
            self.condition.set(contact);
            self.faults.contact(contact);
        }
        if contact == Contact::Gone {
            self.runtime.shutdown.request();
        }
    }

    /// A process that has joined. `opened` is called with its metadata before that.
    pub async fn start(
        &self,
        around: &Surroundings,
        opened: impl FnOnce(Host, Metadata),
    ) -> Result<Process, StartError> {
        let Body { id, level, mut runtime, faults, condition } = self.clone();
        runtime.flaws = around.setup.flaws;
        let store = Store::untested(faults.wrap(Arc::clone(&around.objects)), Path::from("data"), &runtime);
        let databases = Databases::new(&store, 1 << 20, &runtime);
        let settings = metadata_settings(id, level, around);
        let host = Host { id, condition: condition.clone() };
        let carrier = Arc::new(around.carriers.of(host.clone(), &settings.voters, &runtime));
        let transport = carrier.transport();
        let metadata =
            Metadata::open(&store, &databases, &settings, Arc::clone(&transport), &runtime).await?;
        opened(host.clone(), metadata.clone());
        let controller = Controller::new(metadata.clone(), SESSION, runtime.clone());
        let answers = Answering { metadata: metadata.clone(), controller: controller.clone() };
        carrier.serve(&metadata, answers);
        metadata.join().await?;
        let reads = Reads::new(&store, ReadLimits::default(), &runtime);
        let shared = Shared {
            runtime: runtime.clone(),
            databases,
            reads: reads.clone(),
            metrics: LogMetrics::register(&runtime.metrics),
        };
        let options = HostOptions {
            limits: limits(&runtime, &around.setup),
            session: SESSION,
            configs: BTreeMap::new(),
            store,
            shared,
        };
        let shards = ShardHost::new(metadata.clone(), options, runtime.clone());
        let coordinators = coordinators(&shards, &runtime);
        runtime.tasks.spawn(TaskKind::Controller, Arc::clone(&shards).run());
        runtime.tasks.spawn(TaskKind::Controller, controller.clone().run());
        let departures = Departures { controller: controller.clone(), transport: Arc::clone(&transport) };
        let beating =
            heart::beat(Arc::clone(&shards), controller, transport, metadata.clone(), runtime.clone());
        runtime.tasks.spawn(TaskKind::Controller, beating);
        let broker = api::Broker::new(
            departures.clone(),
            Arc::clone(&shards),
            reads,
            coordinators,
            api_options(),
            runtime.clone(),
        );
        let security = security(&metadata, &runtime);
        let service = Arc::new(api::Service::new(Arc::new(broker), security).expect("metrics of its own"));
        let server = Arc::new(net::Server::new(service, net::Limits::default(), &runtime));
        let network = around.network.clone();
        Ok(Process { id, level, runtime, condition, metadata, shards, departures, server, network, carrier })
    }
}

impl Process {
    /// Looks at every image that the process has, from the one that it has now on, until it is gone.
    pub async fn each_image(&self, mut look: impl FnMut(&Arc<Image>)) {
        let mut images = self.metadata.subscribe();
        while !self.condition.is_gone() {
            let image = images.borrow_and_update().clone();
            look(&image);
            if images.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends what would go on for ever.
    pub async fn close(&self) {
        self.metadata.close().await;
        self.carrier.close().await;
    }
}

fn metadata_settings(id: BrokerId, level: u16, around: &Surroundings) -> MetadataSettings {
    let address = |id: i32| format!("broker-{id}:9093");
    // Who joins, or comes back, may find others than the founders.
    let named = if around.is_formed() { 0..MOST_BROKERS } else { 0..around.setup.founders };
    let voters = named.map(|id| Voter { id: BrokerId(id), address: address(id) });
    MetadataSettings {
        broker_id: id,
        cluster_id: Some("sim".to_owned()),
        shards: around.setup.shards,
        voters: voters.collect(),
        address: address(id.0),
        listeners: vec![Listener { name: LISTENER.to_owned(), host: format!("broker-{id}"), port: 9092 }],
        rack: None,
        timeouts: Timeouts { proposal: Duration::from_secs(10), session: SESSION, ..Timeouts::local() },
        snapshot_log_bytes: around.snapshot_log_bytes.load(Ordering::Relaxed),
        agreed: Arc::new(BTreeMap::from([("SIMULATED".to_owned(), "true".to_owned())])),
        level,
        is_rebuilt: false,
    }
}

fn limits(runtime: &Runtime, setup: &Setup) -> Limits {
    let rng = &runtime.rng;
    let mut usual = Limits::default();
    if setup.expires {
        usual.retention_check_interval = Duration::from_millis(500 + rng.below(3_000));
    }
    Limits {
        window: 1 + rng.below(4) as u16,
        flush_every_segments: 3 + rng.below(20),
        commit_interval: Duration::from_millis(rng.below(2) * rng.below(8)),
        ..usual
    }
}

fn coordinators(shards: &Arc<ShardHost>, runtime: &Runtime) -> Arc<Coordinators> {
    let topics = Arc::clone(shards);
    let source = MetadataSource {
        topics: Box::new(move || Arc::new(GroupTopics::of(topics.image()))),
        group_settings: Box::new(|_, of_all| of_all),
    };
    let coordinators = Arc::new(Coordinators::new(group_settings(), source, runtime.clone()));
    let following = Arc::clone(&coordinators).run(shards.follow_shards());
    runtime.tasks.spawn(TaskKind::Coordinator, following.boxed());
    coordinators
}

/// Groups that do not wait long for members.
fn group_settings() -> Settings {
    let classic = Classic { initial_delay_ms: 300, ..Classic::default() };
    let consumer =
        Consumer { session_timeout_ms: 6_000, heartbeat_interval_ms: 1_000, ..Consumer::default() };
    Settings { classic, consumer, ..Settings::default() }
}

/// A listener without logins.
fn security(metadata: &Metadata, runtime: &Runtime) -> api::Security {
    let users = Arc::new(Users::open(&UserSources::default(), runtime).expect("no users"));
    let authenticator = Authenticator::new(users, Arc::new(metadata.clone()), None, runtime);
    api::Security {
        authenticator: Arc::new(authenticator),
        sasl: BTreeMap::new(),
        mapping: None,
        max_life: None,
        failed_delay: Duration::ZERO,
    }
}

fn api_options() -> api::Options {
    api::Options {
        configs: BTreeMap::new(),
        auto_create_topics: false,
        default_partitions: 1,
        fetch_max_bytes: 1 << 20,
        batch_depth: Depth::Full,
        log_dir: "sim".to_owned(),
        request_timeout: Duration::from_secs(10),
    }
}
