//! One store in memory, and brokers on it one after the other or several at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use kafkaesque::log::fetch::{self, Isolation};
use kafkaesque::log::paths::ShardPaths;
use kafkaesque::log::{
    Append, AppendError, Appended, Limits, LogMetrics, OpenError, PartitionSettings, Permit, ReadLimits,
    Reads, Shard, ShardOptions, Shared, Standing, Ticket,
};
use kafkaesque::protocol::batch::{Batch, Builder, NewRecord, Records};
use kafkaesque::runtime::Runtime;
use kafkaesque::store::Store;
use kafkaesque::store::database::Databases;
use kafkaesque::store::faults::FaultPlan;
use kafkaesque::types::{LeaderEpoch, Partition, ShardId, TopicId};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use uuid::Uuid;

pub const SHARD: ShardId = ShardId(3);
pub const PARTITIONS: i32 = 2;

/// What outlives brokers.
pub struct World {
    pub runtime: Runtime,
    /// The plan of the store itself: what breaks its promises for everybody.
    pub flaws: FaultPlan,
    objects: Arc<dyn ObjectStore>,
    /// The broker that owns the shard, as the metadata says.
    owner: Arc<AtomicU64>,
    brokers: u64,
}

impl World {
    pub fn new(seed: u64) -> World {
        World::on(Arc::new(InMemory::new()), seed, 0)
    }

    /// On a store that `brokers` brokers have used before.
    pub fn on(objects: Arc<dyn ObjectStore>, seed: u64, brokers: u64) -> World {
        let runtime = Runtime::simulated(seed);
        let flaws = FaultPlan::new(&runtime);
        let objects = flaws.wrap(objects);
        World { runtime, flaws, objects, owner: Arc::default(), brokers }
    }

    pub fn broker(&mut self, limits: Limits) -> Broker {
        self.brokers += 1;
        let faults = FaultPlan::new(&self.runtime);
        let store = Store::untested(faults.wrap(Arc::clone(&self.objects)), Path::default(), &self.runtime);
        let shared = Shared {
            runtime: self.runtime.clone(),
            databases: Databases::new(&store, 1 << 20, &self.runtime),
            reads: Reads::new(&store, ReadLimits::default(), &self.runtime),
            metrics: LogMetrics::register(&self.runtime.metrics),
        };
        Broker { id: self.brokers, owner: Arc::clone(&self.owner), faults, store, shared, limits }
    }

    pub fn assign(&self, broker: &Broker) {
        self.owner.store(broker.id, Ordering::SeqCst);
    }

    pub fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.runtime.rng.below(100) < percent
    }

    pub async fn sleep(&self, duration: Duration) {
        self.runtime.clock.sleep(duration).await;
    }
}

/// One process: its view of the store, and its caches.
#[derive(Clone)]
pub struct Broker {
    pub id: u64,
    owner: Arc<AtomicU64>,
    pub faults: FaultPlan,
    store: Store,
    shared: Shared,
    pub limits: Limits,
}

impl Broker {
    /// Opens the shard if this broker is its owner, and tells it of its partitions.
    pub async fn open(&self) -> Result<Shard, OpenError> {
        let (id, owner) = (self.id, Arc::clone(&self.owner));
        let runtime = self.shared.runtime.clone();
        let confirm = move |_| {
            let (owner, runtime) = (Arc::clone(&owner), runtime.clone());
            Box::pin(async move {
                let owns = owner.load(Ordering::SeqCst) == id;
                // The answer is old when it arrives.
                runtime.clock.sleep(Duration::from_millis(runtime.rng.below(10))).await;
                Ok(Standing::of(owns))
            }) as BoxFuture<'static, _>
        };
        let options =
            ShardOptions { id: SHARD, confirm_owner: Arc::new(confirm), limits: self.limits, doubted: false };
        let shard = Shard::open(options, self.store.clone(), self.shared.clone()).await?;
        for index in 0..PARTITIONS {
            let leader_epoch = LeaderEpoch(i32::try_from(self.id).expect("few brokers"));
            shard.set_partition(partition(index), PartitionSettings::led(leader_epoch));
        }
        Ok(shard)
    }

    /// The stored id up to which a replay reads nothing.
    pub async fn replay_point(&self) -> u64 {
        let index = ShardPaths::new(&self.store, SHARD).index().clone();
        let manifest = self.shared.databases.stored_manifest(&index).await.expect("a manifest that reads");
        manifest.map_or(0, |manifest| manifest.replay_after_wal_id())
    }
}

pub fn partition(index: i32) -> Partition {
    Partition { topic: TopicId(Uuid::from_u128(0x1234_5678)), index }
}

/// A batch of one record of an idempotent producer.
pub fn batch_of(producer: i64, sequence: i32, value: &str) -> Batch {
    build(Builder::new().producer(producer, 0, sequence), value)
}

/// A batch of one record of a producer without an id.
pub fn plain_batch(value: &str) -> Batch {
    build(Builder::new(), value)
}

fn build(mut builder: Builder, value: &str) -> Batch {
    builder.push(&NewRecord { timestamp: 1_000, value: Some(value.as_bytes()), ..NewRecord::default() });
    builder.build().expect("a valid batch")
}

pub fn append(shard: &Shard, index: i32, batch: Batch) -> Result<Ticket<Appended>, AppendError> {
    shard.append(Append { partition: partition(index), batch, permit: Permit::none(), more_to_come: false })
}

/// A partition as one owner shows it.
pub struct Contents {
    pub log_start: i64,
    pub high_watermark: i64,
    /// Offsets with values, from the log start on.
    pub records: Vec<(i64, String)>,
}

/// All of a partition; `None` if the owner does not answer.
pub async fn read_all(shard: &Shard, index: i32) -> Option<Contents> {
    try_read_all(shard, index).await.ok()
}

/// All of a partition, or why the owner does not show it.
pub async fn try_read_all(shard: &Shard, index: i32) -> Result<Contents, String> {
    let log = shard.partition(partition(index)).await.map_err(|error| error.to_string())?;
    let (log_start, high_watermark) = (log.log_start(), log.high_watermark());
    let mut records = Vec::new();
    let mut offset = log_start;
    while offset < high_watermark {
        let fetched = fetch::read(&log, offset, 1 << 20, true, Isolation::ReadUncommitted).await;
        let fetched = fetched.map_err(|error| error.to_string())?;
        let mut bytes = Bytes::from(fetched.chunks.concat());
        while !bytes.is_empty() {
            let batch = Batch::parse(&bytes).map_err(|error| format!("a client sees: {error}"))?;
            bytes = bytes.slice(batch.len()..);
            for record in Records::new(&batch.header, &batch.payload) {
                let record = record.map_err(|error| format!("a client sees: {error}"))?;
                let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
                records.push((record.offset(&batch.header), value));
            }
        }
        assert!(fetched.next_offset > offset, "no progress at {offset}");
        offset = fetched.next_offset;
    }
    // The log may have grown meanwhile.
    records.retain(|(offset, _)| *offset < high_watermark);
    Ok(Contents { log_start, high_watermark, records })
}
