//! A shard as its callers see it, on a store in memory that can be made to misbehave.
//! Every test runs on a paused clock and a seeded generator.
//! Entry point: [`engine`], the store and the brokers on it.
//! Invariant: an acknowledged append is in the log once, at the offset that was acknowledged.

mod basic;
mod caches;
mod changes;
mod counts;
mod damage;
#[allow(dead_code, reason = "who takes it in takes what is needed")]
#[path = "../../../tests/engine/mod.rs"]
mod engine;
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

use bytes::Bytes;

use crate::log::{AppendError, ReadError, ReadLimits, Shard, fetch};
use crate::protocol::batch::{Batch, Builder, NewRecord};
pub use engine::{Broker, SHARD, Setup, World, append, batch, batch_of, lead, partition};

/// A broker with these limits of reading.
pub fn broker_reading(world: &World, reads: ReadLimits) -> Broker {
    world.broker_of(Setup { reads, ..Setup::default() })
}

/// A batch of one record with a timestamp.
pub fn batch_at(timestamp: i64, value: &str) -> Batch {
    let mut builder = Builder::new();
    builder.push(&NewRecord { timestamp, value: Some(value.as_bytes()), ..NewRecord::default() });
    builder.build().expect("a valid batch")
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
    engine::values_of(chunks).expect("stored batches")
}
