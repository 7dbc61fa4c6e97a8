//! Brokers of simulations, and what they show.

use kafkaesque::log::fetch::{self, Isolation};
use kafkaesque::log::paths::ShardPaths;
use kafkaesque::log::{Limits, OpenError, Shard};

use crate::engine::{Broker, SHARD, Setup, lead, partition, values_of};

pub const PARTITIONS: i32 = 2;

/// A broker whose cache is small, and which the metadata answers late.
pub fn attacked(limits: Limits) -> Setup {
    Setup { limits, cache_bytes: 1 << 20, answer_ms: 10, ..Setup::default() }
}

/// Opens the shard if this broker is its owner, and tells it of its partitions.
pub async fn open(broker: &Broker) -> Result<Shard, OpenError> {
    let shard = broker.open_if_owner().await?;
    lead(&shard, PARTITIONS, i32::try_from(broker.id).expect("few brokers"));
    Ok(shard)
}

/// The stored id up to which a replay reads nothing.
pub async fn replay_point(broker: &Broker) -> u64 {
    let index = ShardPaths::new(&broker.store, SHARD).index().clone();
    let manifest = broker.shared.databases.stored_manifest(&index).await.expect("a manifest that reads");
    manifest.map_or(0, |manifest| manifest.replay_after_wal_id())
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
        records.extend(values_of(&fetched.chunks)?);
        assert!(fetched.next_offset > offset, "no progress at {offset}");
        offset = fetched.next_offset;
    }
    // The log may have grown meanwhile.
    records.retain(|(offset, _)| *offset < high_watermark);
    Ok(Contents { log_start, high_watermark, records })
}
