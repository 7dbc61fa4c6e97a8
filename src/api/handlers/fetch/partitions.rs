//! The partitions of a fetch: found, checked, read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::isolation;
use crate::api::context::{Broker, Context, Led};
use crate::api::errors::Failure;
use crate::api::fetch_session::{Key, Params, TopicKey};
use crate::api::topics::{Leadership, leader_endpoints};
use crate::log::fetch::{Fetch as Reading, Fetched, Isolation, Wanted};
use crate::log::{PartitionLog, ReadError};
use crate::metadata::{Image, Topic};
use crate::protocol::ErrorCode;
use crate::protocol::codec::Records;
use crate::protocol::messages::fetch::{
    EpochEndOffset, LeaderIdAndEpoch, NodeEndpoint, PartitionData, Request,
};
use crate::runtime::memory::Share;
use crate::types::{LeaderEpoch, ShardId};

/// A partition that is to be read, or its answer if that is there already.
pub(super) type Found = Result<(Wanted, Led), Box<PartitionData>>;

pub(super) fn find_topic<'a>(image: &'a Image, key: &TopicKey) -> Result<&'a Arc<Topic>, ErrorCode> {
    match key {
        TopicKey::Id(id) => image.topic(*id).ok_or(ErrorCode::UnknownTopicId),
        TopicKey::Name(name) => image.topic_by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition),
    }
}

pub(super) async fn find(context: &Context, image: &Image, key: &Key, asked: &Params) -> Found {
    let topic = find_topic(image, &key.topic).map_err(|code| Box::new(refused(code.into())))?;
    match open(&context.broker, image, topic, key.partition, asked).await {
        Ok((led, log, None)) => {
            let max_bytes = usize::try_from(asked.max_bytes).unwrap_or(0);
            Ok((Wanted { log, offset: asked.fetch_offset, max_bytes }, led))
        }
        Ok((_, log, Some(diverging_epoch))) => Err(Box::new(diverged(&log, diverging_epoch))),
        Err(failure) => Err(Box::new(refused(failure))),
    }
}

/// Tells who leads instead, and gives the addresses of those (KIP-951).
pub(super) fn tell_leaders<'a>(
    context: &Context,
    keys: impl Iterator<Item = &'a Key>,
    answers: &mut [PartitionData],
) -> Vec<NodeEndpoint> {
    let has_moved = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch].map(ErrorCode::code);
    let asked = keys.zip(answers).filter(|(_, answer)| has_moved.contains(&answer.error_code));
    let mut asked = asked.peekable();
    if asked.peek().is_none() {
        return Vec::new();
    }
    let image = context.image();
    let leaders = asked.filter_map(|(key, answer)| {
        let shard = find_topic(&image, &key.topic).ok()?.shard(key.partition)?;
        let Leadership { leader, epoch, .. } = Leadership::of(&image, shard);
        answer.current_leader = LeaderIdAndEpoch { leader_id: leader, leader_epoch: epoch };
        Some(leader)
    });
    leader_endpoints(&image, &context.client.session.listener, leaders)
}

async fn open(
    broker: &Broker,
    image: &Image,
    topic: &Topic,
    index: i32,
    asked: &Params,
) -> Result<(Led, Arc<PartitionLog>, Option<EpochEndOffset>), Failure> {
    let led = broker.lead(image, topic, index, asked.current_leader_epoch)?;
    let log = led.shard.partition(led.partition).await?;
    let diverging = diverging(&log, asked)?;
    let in_range = (log.log_start()..=log.high_watermark()).contains(&asked.fetch_offset);
    if diverging.is_some() || !in_range {
        led.must_still_own(broker).await?;
    }
    Ok((led, log, diverging))
}

/// The end of what the client's log and ours have in common, if they part and it says which epoch its last record has (`Partition.readRecords`).
fn diverging(log: &PartitionLog, asked: &Params) -> Result<Option<EpochEndOffset>, Failure> {
    if asked.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = log.end_offset_for(LeaderEpoch(asked.last_fetched_epoch)).ok_or(ErrorCode::OffsetOutOfRange)?;
    let parted = end.epoch.0 < asked.last_fetched_epoch || end.end_offset < asked.fetch_offset;
    Ok(parted.then_some(EpochEndOffset { epoch: end.epoch.0, end_offset: end.end_offset }))
}

/// Reads the partitions that can be; an answer that is there already does not let the others wait. The memory of the answers
/// goes with them.
pub(super) async fn read(
    context: &Context,
    request: &Request,
    found: Vec<Found>,
) -> (Vec<PartitionData>, Share) {
    let broker = &context.broker;
    let mut partitions = Vec::with_capacity(found.len());
    let mut shards = Vec::with_capacity(found.len());
    let mut owned = BTreeMap::new();
    let mut take = |(wanted, led): (Wanted, Led)| {
        partitions.push(wanted);
        shards.push(led.shard.id());
        owned.entry(led.shard.id()).or_insert((led.shard, led.epoch));
    };
    let answered: Vec<Option<Box<PartitionData>>> =
        found.into_iter().map(|found| found.map(&mut take).err()).collect();
    let reading = Reading {
        max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(broker.options.fetch_max_bytes),
        min_bytes: match partitions.len() == answered.len() {
            true => usize::try_from(request.min_bytes).unwrap_or(0),
            false => 0,
        },
        partitions,
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        isolation: isolation(request.isolation_level),
    };
    let committed = reading.isolation == Isolation::ReadCommitted;
    let (fetched, share, lost) = reading.run(&broker.reads, broker.unproven(&owned)).await;
    // Records in hand are worth more than the error.
    let is_lost = |shard: ShardId, fetched: &Result<Fetched, ReadError>| {
        lost == Some(shard) && fetched.as_ref().is_ok_and(|fetched| fetched.bytes == 0)
    };
    let mut fetched =
        fetched.into_iter().zip(shards).map(|(fetched, shard)| match is_lost(shard, &fetched) {
            true => Err(Failure::from(ErrorCode::NotLeaderOrFollower)),
            false => fetched.map_err(Failure::from),
        });
    let answer = |answered: Option<Box<PartitionData>>| match answered {
        Some(answer) => *answer,
        None => match fetched.next() {
            Some(Ok(fetched)) => records(fetched, committed),
            Some(Err(failure)) => refused(failure),
            None => refused(ErrorCode::UnknownServerError.into()),
        },
    };
    (answered.into_iter().map(answer).collect(), share)
}

fn records(fetched: Fetched, committed: bool) -> PartitionData {
    PartitionData {
        high_watermark: fetched.high_watermark,
        last_stable_offset: fetched.last_stable_offset,
        log_start_offset: fetched.log_start_offset,
        aborted_transactions: committed.then(Vec::new),
        records: Some(Records::from(fetched.chunks)),
        ..PartitionData::default()
    }
}

fn diverged(log: &PartitionLog, diverging_epoch: EpochEndOffset) -> PartitionData {
    PartitionData {
        high_watermark: log.high_watermark(),
        last_stable_offset: log.last_stable_offset(),
        log_start_offset: log.log_start(),
        diverging_epoch,
        aborted_transactions: None,
        records: Some(Records::default()),
        ..PartitionData::default()
    }
}

/// As in Kafka, aborted transactions are an empty list where no log was asked, null where one refused.
fn refused(failure: Failure) -> PartitionData {
    let no_log = matches!(failure.code, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
    PartitionData {
        high_watermark: -1,
        aborted_transactions: no_log.then(Vec::new),
        records: Some(Records::default()),
        ..failure.into()
    }
}
