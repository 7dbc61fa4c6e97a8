//! The engine on a store in memory that can be made to misbehave: for its own tests, for simulations and for benchmarks.
//! It knows only what the log shows to everybody: no socket, no metadata, no test.
//! Entry point: [`World`], the store and what survives a broker; [`Broker`], one process on it.
//! Invariant: all that is random comes from the world's generator, so a seed names one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use kafkaesque::log::{
    Append, AppendError, Appended, ConfirmOwner, Limits, LogMetrics, OpenError, OpeningTime,
    PartitionSettings, Permit, ReadLimits, Reads, Shard, ShardOptions, Shared, Standing, Ticket,
};
use kafkaesque::protocol::batch::{Batch, Builder, NewRecord, Records};
use kafkaesque::runtime::Runtime;
use kafkaesque::store::database::Databases;
use kafkaesque::store::faults::FaultPlan;
use kafkaesque::store::{Room, Store};
use kafkaesque::types::{LeaderEpoch, Partition, ShardId, TopicId};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use uuid::Uuid;

pub const SHARD: ShardId = ShardId(3);

/// The world that outlives brokers. Clones are one world.
#[derive(Clone)]
pub struct World {
    pub runtime: Runtime,
    /// The plan of the store itself: promises that it breaks to everybody.
    pub flaws: FaultPlan,
    pub objects: Arc<dyn ObjectStore>,
    flawed: Arc<dyn ObjectStore>,
    /// The broker that owns the shard, as the metadata says.
    owner: Arc<AtomicU64>,
    brokers: Arc<AtomicU64>,
}

/// A broker to be.
pub struct Setup {
    pub limits: Limits,
    pub reads: ReadLimits,
    pub room: Room,
    pub cache_bytes: u64,
    /// The time that the metadata's answers take, at most, in milliseconds.
    pub answer_ms: u64,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            limits: Limits::default(),
            reads: ReadLimits::default(),
            room: Room::unlimited(),
            cache_bytes: 8 << 20,
            answer_ms: 0,
        }
    }
}

/// One process: its view of the store, and its caches.
#[derive(Clone)]
pub struct Broker {
    pub id: u64,
    owner: Arc<AtomicU64>,
    pub faults: FaultPlan,
    pub store: Store,
    pub shared: Shared,
    pub limits: Limits,
    pub opening_time: OpeningTime,
    answer_ms: u64,
}

impl World {
    pub fn new(seed: u64) -> World {
        World::on(Arc::new(InMemory::new()), seed, 0)
    }

    /// On a store that `brokers` brokers have used before.
    pub fn on(objects: Arc<dyn ObjectStore>, seed: u64, brokers: u64) -> World {
        let runtime = Runtime::simulated(seed);
        let flaws = FaultPlan::new(&runtime);
        let flawed = flaws.wrap(Arc::clone(&objects));
        let brokers = Arc::new(AtomicU64::new(brokers));
        World { runtime, flaws, objects, flawed, owner: Arc::default(), brokers }
    }

    pub fn broker(&self) -> Broker {
        self.broker_of(Setup::default())
    }

    pub fn broker_of(&self, setup: Setup) -> Broker {
        let faults = FaultPlan::new(&self.runtime);
        let raw = faults.wrap(Arc::clone(&self.flawed));
        let store = Store::with_room(raw, Path::default(), setup.room, &self.runtime);
        let shared = tools(&store, &self.runtime, setup.reads, setup.cache_bytes);
        let id = self.brokers.fetch_add(1, Ordering::SeqCst) + 1;
        let (owner, limits, answer_ms) = (Arc::clone(&self.owner), setup.limits, setup.answer_ms);
        Broker { id, owner, faults, store, shared, limits, opening_time: OpeningTime::default(), answer_ms }
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

/// Everything that the shards of a broker use together.
pub fn tools(store: &Store, runtime: &Runtime, reads: ReadLimits, cache_bytes: u64) -> Shared {
    Shared {
        runtime: runtime.clone(),
        databases: Databases::new(store, cache_bytes, runtime),
        reads: Reads::new(store, reads, runtime),
        metrics: LogMetrics::register(&runtime.metrics),
    }
}

impl Broker {
    /// Makes this broker the owner and opens the shard.
    pub async fn open(&self) -> Result<Shard, OpenError> {
        self.owner.store(self.id, Ordering::SeqCst);
        self.open_if_owner().await
    }

    pub async fn open_if_owner(&self) -> Result<Shard, OpenError> {
        let options = ShardOptions {
            id: SHARD,
            confirm_owner: self.confirm_owner(),
            limits: self.limits,
            doubted: false,
            opening_time: self.opening_time.clone(),
        };
        Shard::open(options, self.store.clone(), self.shared.clone()).await
    }

    fn confirm_owner(&self) -> ConfirmOwner {
        let (id, answer_ms) = (self.id, self.answer_ms);
        let (owner, runtime) = (Arc::clone(&self.owner), self.shared.runtime.clone());
        Arc::new(move |_| {
            let (owner, runtime) = (Arc::clone(&owner), runtime.clone());
            let confirm = async move {
                let owns = owner.load(Ordering::SeqCst) == id;
                if answer_ms > 0 {
                    // The answer is old when it arrives.
                    runtime.clock.sleep(Duration::from_millis(runtime.rng.below(answer_ms))).await;
                }
                Ok(Standing::of(owns))
            };
            Box::pin(confirm) as BoxFuture<'static, _>
        })
    }

    /// Opens the shard as its owner, with `partitions` partitions of leader epoch `epoch`.
    pub async fn open_with(&self, partitions: i32, epoch: i32) -> Shard {
        let shard = self.open().await.expect("the shard opens");
        lead(&shard, partitions, epoch);
        shard
    }
}

/// Tells a shard of its partitions, and of their leader epoch.
pub fn lead(shard: &Shard, partitions: i32, epoch: i32) {
    for index in 0..partitions {
        shard.set_partition(partition(index), PartitionSettings::led(LeaderEpoch(epoch)));
    }
}

pub fn partition(index: i32) -> Partition {
    Partition { topic: TopicId(Uuid::from_u128(0x1234_5678)), index }
}

/// A batch of one record for each of `values`.
pub fn batch(values: &[&str]) -> Batch {
    build(Builder::new(), 1_000, values)
}

/// The same of an idempotent producer.
pub fn batch_of(producer: i64, epoch: i16, sequence: i32, values: &[&str]) -> Batch {
    build(Builder::new().producer(producer, epoch, sequence), 1_000, values)
}

/// A batch of one record of this time for each of `values`.
pub fn build(mut builder: Builder, timestamp: i64, values: &[&str]) -> Batch {
    for value in values {
        builder.push(&NewRecord { timestamp, value: Some(value.as_bytes()), ..NewRecord::default() });
    }
    builder.build().expect("a valid batch")
}

pub fn append(shard: &Shard, index: i32, batch: Batch) -> Result<Ticket<Appended>, AppendError> {
    shard.append(Append {
        partition: partition(index),
        batch,
        permit: Permit::none(),
        more_to_come: false,
        after_refusal: false,
    })
}

/// The values of stored batches, each with its offset, or what is wrong with the bytes.
pub fn values_of(chunks: &[Bytes]) -> Result<Vec<(i64, String)>, String> {
    let mut values = Vec::new();
    let mut bytes = Bytes::from(chunks.concat());
    while !bytes.is_empty() {
        let batch = Batch::parse(&bytes).map_err(|error| format!("a client sees: {error}"))?;
        bytes = bytes.slice(batch.len()..);
        for record in Records::new(&batch.header, &batch.payload) {
            let record = record.map_err(|error| format!("a client sees: {error}"))?;
            let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
            values.push((record.offset(&batch.header), value));
        }
    }
    Ok(values)
}
