//! Brokers to test with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::metadata::{
    Broker, Command, IfExists, Listener, Metadata, MetadataSettings, NewTopic, SNAPSHOT_LOG_BYTES,
    StartError, Timeouts, Voter,
};
use crate::peer::{Alone, Service, Transport, Unreachable};
use crate::runtime::{Clock, Runtime};
use crate::store::Store;
use crate::store::database::Databases;
use crate::store::faults::FaultPlan;
use crate::types::{BrokerId, Incarnation, ShardId, TopicId};

/// Connects brokers in memory.
#[derive(Clone, Default)]
pub struct Switchboard(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    brokers: BTreeMap<BrokerId, Metadata>,
    cut: BTreeSet<BrokerId>,
    gone: BTreeSet<BrokerId>,
}

/// One broker's end of the switchboard.
struct Line {
    from: BrokerId,
    clock: Clock,
    switchboard: Switchboard,
}

impl Switchboard {
    /// Nothing reaches this broker any more, and it reaches nobody.
    pub fn cut(&self, broker: i32) {
        self.0.lock().cut.insert(BrokerId(broker));
    }

    /// The broker's process is gone: its machine refuses connections.
    pub fn hang_up(&self, broker: i32) {
        let mut lines = self.0.lock();
        lines.brokers.remove(&BrokerId(broker));
        lines.gone.insert(BrokerId(broker));
    }

    /// True if a process of this broker answers.
    pub fn has(&self, broker: i32) -> bool {
        self.0.lock().brokers.contains_key(&BrokerId(broker))
    }

    pub fn mend(&self, broker: i32) {
        self.0.lock().cut.remove(&BrokerId(broker));
    }
}

#[async_trait]
impl Transport for Line {
    async fn call(
        &self,
        peer: BrokerId,
        _service: Service,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        let (target, is_refused) = {
            let lines = self.switchboard.0.lock();
            let cut = [self.from, peer].iter().any(|end| lines.cut.contains(end) || lines.gone.contains(end));
            let target = if cut { None } else { lines.brokers.get(&peer).cloned() };
            (target, lines.gone.contains(&peer) && !lines.cut.contains(&self.from))
        };
        match target {
            Some(target) => Ok(target.receive(&request).await),
            // Nobody answers: a cut line says nothing.
            None if !is_refused => {
                self.clock.sleep(limit).await;
                let reason = "the line is cut".to_owned();
                Err(Unreachable { broker: peer, is_refused, reason })
            }
            None => {
                let reason = "connection refused".to_owned();
                Err(Unreachable { broker: peer, is_refused, reason })
            }
        }
    }
}

/// The world that survives every broker.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    /// Lives of brokers so far, so that each has its own random numbers.
    lives: Arc<AtomicU64>,
}

/// One life of a broker.
pub struct Process {
    pub metadata: Metadata,
    pub runtime: Runtime,
}

/// Settings of a broker that is told of `peers`.
pub fn member(id: i32, peers: &[i32]) -> MetadataSettings {
    let address = |id: i32| format!("broker-{id}:9093");
    let voters = peers.iter().map(|id| Voter { id: BrokerId(*id), address: address(*id) });
    MetadataSettings { voters: voters.collect(), address: address(id), shards: 4, ..settings(id) }
}

impl Bucket {
    pub fn new() -> Bucket {
        Bucket { objects: Arc::new(InMemory::new()), lives: Arc::default() }
    }

    pub fn objects(&self) -> &dyn ObjectStore {
        &*self.objects
    }

    /// The runtime of the next life of a broker.
    pub fn runtime(&self) -> Runtime {
        Runtime::simulated(self.lives.fetch_add(1, Ordering::Relaxed))
    }

    pub fn store(&self, runtime: &Runtime) -> (Store, Databases) {
        let store = Store::untested(self.objects.clone(), Path::from("data"), runtime);
        let databases = Databases::new(&store, 4 * 1024 * 1024, runtime);
        (store, databases)
    }

    /// The same bucket, reached through faults.
    pub fn behind(&self, plan: &FaultPlan) -> Bucket {
        Bucket { objects: plan.wrap(self.objects.clone()), lives: self.lives.clone() }
    }

    pub async fn try_start(&self, settings: &MetadataSettings) -> Result<Process, StartError> {
        self.start_in(self.runtime(), settings).await
    }

    pub async fn start_in(
        &self,
        runtime: Runtime,
        settings: &MetadataSettings,
    ) -> Result<Process, StartError> {
        let (store, databases) = self.store(&runtime);
        let metadata = Metadata::start(&store, &databases, settings, &runtime).await?;
        Ok(Process { metadata, runtime })
    }

    /// Starts brokers 0 to `count` - 1 as the voters of one cluster.
    pub async fn start_cluster(&self, count: i32, switchboard: &Switchboard) -> Vec<Process> {
        let brokers = (0..count).map(|id| self.start_voter(id, count, switchboard));
        futures::future::join_all(brokers).await
    }

    pub async fn start_voter(&self, id: i32, count: i32, switchboard: &Switchboard) -> Process {
        self.start_voter_in(self.runtime(), id, count, switchboard).await
    }

    pub async fn start_voter_in(
        &self,
        runtime: Runtime,
        id: i32,
        count: i32,
        switchboard: &Switchboard,
    ) -> Process {
        let peers: Vec<i32> = (0..count).collect();
        self.start_member(runtime, id, &peers, switchboard).await
    }

    /// A broker that is told of `peers`.
    pub async fn start_member(
        &self,
        runtime: Runtime,
        id: i32,
        peers: &[i32],
        switchboard: &Switchboard,
    ) -> Process {
        self.start_as(runtime, &member(id, peers), switchboard).await
    }

    /// A broker of these settings.
    pub async fn start_as(
        &self,
        runtime: Runtime,
        settings: &MetadataSettings,
        switchboard: &Switchboard,
    ) -> Process {
        let process = self.open_as(runtime, settings, switchboard).await;
        process.metadata.join().await.expect("the broker joins");
        process
    }

    /// A broker that is on its way into the group.
    pub async fn open_as(
        &self,
        runtime: Runtime,
        settings: &MetadataSettings,
        switchboard: &Switchboard,
    ) -> Process {
        let (store, databases) = self.store(&runtime);
        let (from, clock) = (settings.broker_id, runtime.clock.clone());
        let line = Arc::new(Line { from, clock, switchboard: switchboard.clone() });
        let opened = Metadata::open(&store, &databases, settings, line, &runtime).await;
        let metadata = opened.expect("the metadata opens");
        {
            let mut lines = switchboard.0.lock();
            lines.gone.remove(&from);
            lines.brokers.insert(from, metadata.clone());
        }
        Process { metadata, runtime }
    }

    /// Broker 0 in a cluster that a program which knew of no levels has formed, and a broker of which is registered.
    pub async fn start_beside(&self, old: BrokerId, command_version: u16) -> Process {
        let runtime = self.runtime();
        let (store, databases) = self.store(&runtime);
        let opened = Metadata::open(&store, &databases, &settings(0), Arc::new(Alone), &runtime).await;
        let metadata = opened.expect("the metadata opens");
        metadata.sync().await.expect("it leads");
        let features = BTreeMap::from([("metadata.version".to_owned(), 33)]);
        let form = Command::FormCluster { cluster_id: "test".to_owned(), shards: 1, slots: 4, features };
        for command in [form, register(old, command_version)] {
            metadata.propose(command).await.expect("an outcome").expect("done");
        }
        metadata.join().await.expect("the broker joins");
        Process { metadata, runtime }
    }

    pub async fn start(&self) -> Process {
        self.try_start(&settings(0)).await.expect("the metadata starts")
    }
}

impl Process {
    pub async fn create(&self, name: &str) -> TopicId {
        let topic = self.topic(name);
        let id = topic.id;
        let outcome = self.metadata.propose(Command::CreateTopic(topic)).await.expect("an outcome");
        outcome.expect("a topic");
        id
    }

    pub fn topic(&self, name: &str) -> NewTopic {
        NewTopic {
            id: TopicId(self.runtime.rng.uuid()),
            name: name.into(),
            placement: vec![ShardId(0), ShardId(0)],
            configs: BTreeMap::new(),
            created_ms: self.runtime.clock.now_ms(),
            if_exists: IfExists::Refuse,
        }
    }
}

/// The registration of a broker by a program that can do this much.
pub fn register(id: BrokerId, command_version: u16) -> Command {
    let incarnation = Incarnation(1);
    let broker = Broker { id, incarnation, listeners: Vec::new(), rack: None, command_version };
    Command::Register { broker, address: format!("broker-{id}:9093") }
}

pub fn settings(broker: i32) -> MetadataSettings {
    MetadataSettings {
        broker_id: BrokerId(broker),
        cluster_id: Some("test".to_owned()),
        shards: 1,
        voters: Vec::new(),
        address: String::new(),
        listeners: vec![Listener { name: "PLAINTEXT".to_owned(), host: "localhost".to_owned(), port: 9092 }],
        rack: None,
        timeouts: Timeouts::local(),
        snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
        agreed: Arc::default(),
        level: Command::LATEST,
        is_rebuilt: false,
    }
}

/// Waits until `found` finds what it looks for.
pub async fn eventually<T>(process: &Process, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let clock = &process.runtime.clock;
    let deadline = clock.instant() + Duration::from_secs(20);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(clock.instant() < deadline, "{what} took too long");
        clock.sleep(Duration::from_millis(20)).await;
    }
}

pub async fn close(processes: &[Process]) {
    futures::future::join_all(processes.iter().map(|process| process.metadata.close())).await;
}
