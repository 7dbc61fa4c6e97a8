//! A shard as its callers see it, on a store in memory that can be made to misbehave.
//! Every test runs on a paused clock and a seeded generator.
//! Entry point: [`World`], the store and what survives a broker; [`Broker`], one process on it.
//! Invariant: an acknowledged append is in the log once, at the offset that was acknowledged.

mod basic;
mod caches;
mod changes;
mod counts;
mod crash;
mod damage;
mod faults;
mod fetching;
mod gathering;
mod health;
mod life;
mod loading;
mod offsets;
mod reading;
mod repair;
mod retention;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use uuid::Uuid;

use crate::log::read::shared::{ReadLimits, Reads};
use crate::log::read::source::ReadError;
use crate::log::{
    Append, AppendError, Appended, Limits, LogMetrics, OpenError, PartitionSettings, Permit, Shard,
    ShardOptions, Shared, Ticket, fetch,
};
use crate::protocol::batch::{Batch, Builder, NewRecord, Records};
use crate::runtime::Runtime;
use crate::store::database::Databases;
use crate::store::faults::FaultPlan;
use crate::store::{Room, Store};
use crate::types::{LeaderEpoch, Partition, ShardId, TopicId};

pub const SHARD: ShardId = ShardId(3);

/// The world that outlives brokers.
pub struct World {
    pub runtime: Runtime,
    pub objects: Arc<dyn ObjectStore>,
    /// The broker that owns the shard.
    pub owner: Arc<AtomicU64>,
}

/// One process: its view of the store, and its caches.
pub struct Broker {
    pub id: u64,
    owner: Arc<AtomicU64>,
    pub faults: FaultPlan,
    pub store: Store,
    pub shared: Shared,
    pub limits: Limits,
}

impl World {
    pub fn new(seed: u64) -> World {
        World { runtime: Runtime::simulated(seed), objects: Arc::new(InMemory::new()), owner: Arc::default() }
    }

    pub fn broker(&self) -> Broker {
        self.broker_with(ReadLimits::default())
    }

    pub fn broker_with(&self, reads: ReadLimits) -> Broker {
        self.broker_of(reads, Room::unlimited())
    }

    /// On a disk that can be full.
    pub fn broker_of(&self, reads: ReadLimits, room: Room) -> Broker {
        let faults = FaultPlan::new(&self.runtime);
        let raw = faults.wrap(Arc::clone(&self.objects));
        let store = Store::with_room(raw, Path::default(), room, &self.runtime);
        let shared = Shared {
            runtime: self.runtime.clone(),
            databases: Databases::new(&store, 8 << 20, &self.runtime),
            reads: Reads::new(&store, reads, &self.runtime),
            metrics: LogMetrics::register(&self.runtime.metrics),
        };
        let (id, owner) = (self.runtime.rng.u64(), Arc::clone(&self.owner));
        Broker { id, owner, faults, store, shared, limits: Limits::default() }
    }
}

impl Broker {
    /// Makes this broker the owner and opens the shard.
    pub async fn open(&self) -> Result<Shard, OpenError> {
        self.owner.store(self.id, Ordering::SeqCst);
        self.open_if_owner().await
    }

    pub async fn open_if_owner(&self) -> Result<Shard, OpenError> {
        let (id, owner) = (self.id, Arc::clone(&self.owner));
        let confirm = move |_| {
            let owns = owner.load(Ordering::SeqCst) == id;
            Box::pin(async move { Ok(crate::log::Standing::of(owns)) }) as BoxFuture<'static, _>
        };
        let options =
            ShardOptions { id: SHARD, confirm_owner: Arc::new(confirm), limits: self.limits, doubted: false };
        Shard::open(options, self.store.clone(), self.shared.clone()).await
    }

    /// Opens the shard with `partitions` partitions of leader epoch `epoch`.
    pub async fn open_with(&self, partitions: i32, epoch: i32) -> Shard {
        let shard = self.open().await.expect("the shard opens");
        for index in 0..partitions {
            shard.set_partition(partition(index), PartitionSettings::led(LeaderEpoch(epoch)));
        }
        shard
    }
}

pub fn partition(index: i32) -> Partition {
    Partition { topic: TopicId(Uuid::from_u128(0x1234_5678)), index }
}

/// A batch of one record for each of `values`.
pub fn batch(values: &[&str]) -> Batch {
    build(Builder::new(), values)
}

/// The same of an idempotent producer.
pub fn batch_of(producer: i64, epoch: i16, sequence: i32, values: &[&str]) -> Batch {
    build(Builder::new().producer(producer, epoch, sequence), values)
}

fn build(mut builder: Builder, values: &[&str]) -> Batch {
    for value in values {
        builder.push(&NewRecord { timestamp: 1_000, value: Some(value.as_bytes()), ..NewRecord::default() });
    }
    builder.build().expect("a valid batch")
}

/// A batch of one record with a timestamp.
pub fn batch_at(timestamp: i64, value: &str) -> Batch {
    let mut builder = Builder::new();
    builder.push(&NewRecord { timestamp, value: Some(value.as_bytes()), ..NewRecord::default() });
    builder.build().expect("a valid batch")
}

pub fn append(shard: &Shard, index: i32, batch: Batch) -> Result<Ticket<Appended>, AppendError> {
    shard.append(Append { partition: partition(index), batch, permit: Permit::none(), more_to_come: false })
}

/// Appends and waits for the offset.
pub async fn append_now(shard: &Shard, index: i32, batch: Batch) -> Result<i64, AppendError> {
    Ok(append(shard, index, batch)?.await?.base_offset)
}

/// All values of a partition from `offset` on, each with its offset.
pub async fn read_from(shard: &Shard, index: i32, mut offset: i64) -> Vec<(i64, String)> {
    let log = shard.partition(partition(index)).await.expect("the partition loads");
    let mut values = Vec::new();
    while offset < log.high_watermark() {
        let fetched = match fetch::read(&log, offset, 1 << 20, true, fetch::Isolation::ReadUncommitted).await
        {
            Ok(fetched) => fetched,
            // The store is made to fail at times.
            Err(ReadError::Object(_)) => continue,
            Err(error) => panic!("the partition does not read: {error}"),
        };
        values.extend(values_of(&fetched.chunks));
        assert!(fetched.next_offset > offset, "no progress at {offset}");
        offset = fetched.next_offset;
    }
    values
}

/// The values of stored batches, each with its offset.
pub fn values_of(chunks: &[Bytes]) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    let mut bytes = Bytes::from(chunks.concat());
    while !bytes.is_empty() {
        let batch = Batch::parse(&bytes).expect("a stored batch");
        bytes = bytes.slice(batch.len()..);
        for record in Records::new(&batch.header, &batch.payload) {
            let record = record.expect("a record");
            let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
            values.push((record.offset(&batch.header), value));
        }
    }
    values
}
