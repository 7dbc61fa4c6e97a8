//! What the benchmarks share: batches, and a shard on a store in memory.

use std::sync::Arc;

use futures::future::BoxFuture;
use kafkaesque::log::{
    Appended, Limits, OpenError, OpeningTime, ReadLimits, Shard, ShardOptions, Standing, Ticket,
};
use kafkaesque::protocol::batch::{Batch, Builder, NewRecord};
use kafkaesque::runtime::Runtime;
use kafkaesque::store::Store;

#[allow(dead_code, reason = "who takes it in takes what is needed")]
#[path = "../../tests/engine/mod.rs"]
pub mod engine;

/// A batch of records of `record_bytes` each.
pub fn batch(records: usize, record_bytes: usize) -> Batch {
    let value: Vec<u8> = (0..record_bytes).map(|n| (n * 31) as u8).collect();
    let mut builder = Builder::new();
    for _ in 0..records {
        builder.push(&NewRecord { timestamp: 1_000, value: Some(&value), ..NewRecord::default() });
    }
    builder.build().expect("a valid batch")
}

/// An open shard, and what runs it.
pub struct World {
    pub tokio: tokio::runtime::Runtime,
    pub shard: Shard,
}

impl World {
    pub fn open(partitions: i32, reads: ReadLimits) -> World {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let tokio = tokio.expect("a runtime");
        let shard = tokio.block_on(open(reads)).expect("the shard opens");
        engine::lead(&shard, partitions, 0);
        World { tokio, shard }
    }

    /// Appends a batch to each of the first `count` partitions, and waits until all are durable.
    pub fn append(&self, count: i32, batch: &Batch) {
        let append = |index| engine::append(&self.shard, index, batch.clone()).expect("the shard is open");
        self.tokio.block_on(async {
            let tickets: Vec<Ticket<Appended>> = (0..count).map(append).collect();
            for ticket in tickets {
                ticket.await.expect("is appended");
            }
        });
    }
}

/// On a store that is not made to misbehave, in real time.
async fn open(reads: ReadLimits) -> Result<Shard, OpenError> {
    let runtime = Runtime::system();
    let store = Store::memory(&runtime);
    let tools = engine::tools(&store, &runtime, reads, 32 << 20);
    let confirm = |_| Box::pin(async { Ok(Standing::of(true)) }) as BoxFuture<'static, _>;
    let options = ShardOptions {
        id: engine::SHARD,
        confirm_owner: Arc::new(confirm),
        limits: Limits::default(),
        doubted: false,
        opening_time: OpeningTime::default(),
    };
    Shard::open(options, store, tools).await
}
