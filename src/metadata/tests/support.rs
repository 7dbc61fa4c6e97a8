//! Brokers to test with.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;

use crate::metadata::{
    Command, IfExists, Listener, Metadata, MetadataSettings, NewTopic, SNAPSHOT_LOG_BYTES, StartError,
    Timeouts,
};
use crate::runtime::Runtime;
use crate::store::Store;
use crate::store::database::Databases;
use crate::types::{BrokerId, ShardId, TopicId};

/// What survives every broker.
#[derive(Clone)]
pub struct Bucket(Arc<InMemory>);

/// One life of a broker.
pub struct Process {
    pub metadata: Metadata,
    pub runtime: Runtime,
}

impl Bucket {
    pub fn new() -> Bucket {
        Bucket(Arc::new(InMemory::new()))
    }

    pub fn store(&self, runtime: &Runtime) -> (Store, Databases) {
        let store = Store::untested(self.0.clone(), Path::from("data"), runtime);
        let databases = Databases::new(&store, 4 * 1024 * 1024, runtime);
        (store, databases)
    }

    pub async fn try_start(&self, settings: &MetadataSettings) -> Result<Process, StartError> {
        let runtime = Runtime::system();
        let (store, databases) = self.store(&runtime);
        let metadata = Metadata::start(&store, &databases, settings, &runtime).await?;
        Ok(Process { metadata, runtime })
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

pub fn settings(broker: i32) -> MetadataSettings {
    MetadataSettings {
        broker_id: BrokerId(broker),
        cluster_id: Some("test".to_owned()),
        shards: 1,
        voters: Vec::new(),
        listeners: vec![Listener { name: "PLAINTEXT".to_owned(), host: "localhost".to_owned(), port: 9092 }],
        rack: None,
        timeouts: Timeouts::local(),
        snapshot_log_bytes: SNAPSHOT_LOG_BYTES,
    }
}
