//! The partitions of a fetch: found, checked, read.

use std::sync::Arc;
use std::time::Duration;

use super::{LEADER_SINCE, isolation};
use crate::api::context::{Broker, Context};
use crate::api::errors::Failure;
use crate::api::fetch_session::{Key, Params, TopicKey};
use crate::api::topics::Leadership;
use crate::log::PartitionLog;
use crate::log::fetch::{Fetch as Reading, Fetched, Isolation, Wanted};
use crate::metadata::{Image, Topic};
use crate::protocol::ErrorCode;
use crate::protocol::codec::Records;
use crate::protocol::messages::fetch::{EpochEndOffset, LeaderIdAndEpoch, PartitionData, Request};
use crate::runtime::memory::Share;
use crate::types::LeaderEpoch;

/// A partition that is to be read, or what its answer is already.
pub(super) enum Place {
    Read(Wanted),
    Diverged(Arc<PartitionLog>, EpochEndOffset),
    Refused(Failure, Option<LeaderIdAndEpoch>),
}

pub(super) fn topic<'a>(image: &'a Image, key: &TopicKey) -> Result<&'a Arc<Topic>, ErrorCode> {
    match key {
        TopicKey::Id(id) => image.topic(*id).ok_or(ErrorCode::UnknownTopicId),
        TopicKey::Name(name) => image.topic_by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition),
    }
}

pub(super) async fn place(context: &Context, image: &Image, key: &Key, asked: &Params) -> Place {
    let topic = match topic(image, &key.topic) {
        Ok(topic) => topic,
        Err(code) => return Place::Refused(code.into(), None),
    };
    match open(&context.broker, image, topic, key.partition, asked).await {
        Ok((log, None)) => Place::Read(Wanted {
            log,
            offset: asked.fetch_offset,
            max_bytes: usize::try_from(asked.max_bytes).unwrap_or(0),
        }),
        Ok((log, Some(diverging))) => Place::Diverged(log, diverging),
        Err(failure) => {
            let moved = context.version >= LEADER_SINCE
                && matches!(failure.code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
            let shard = topic.shard(key.partition).filter(|_| moved);
            let leader = shard.map(|shard| {
                let leadership = Leadership::of(image, shard);
                LeaderIdAndEpoch { leader_id: leadership.leader, leader_epoch: leadership.epoch }
            });
            Place::Refused(failure, leader)
        }
    }
}

async fn open(
    broker: &Broker,
    image: &Image,
    topic: &Topic,
    index: i32,
    asked: &Params,
) -> Result<(Arc<PartitionLog>, Option<EpochEndOffset>), Failure> {
    let led = broker.lead(image, topic, index, asked.current_leader_epoch)?;
    let log = led.shard.partition(led.partition).await?;
    let diverging = diverging(&log, asked)?;
    let in_range = (log.log_start()..=log.high_watermark()).contains(&asked.fetch_offset);
    if diverging.is_some() || !in_range {
        led.must_still_own(broker).await?;
    }
    Ok((log, diverging))
}

/// Where the client's log and ours part, if it says which epoch its last record has (`Partition.readRecords`).
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
    places: Vec<Place>,
) -> (Vec<PartitionData>, Share) {
    let broker = &context.broker;
    let answered = places.iter().any(|place| !matches!(place, Place::Read(_)));
    let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0).min(broker.options.fetch_max_bytes);
    let wanted = places.iter().filter_map(|place| match place {
        Place::Read(wanted) => Some(wanted.clone()),
        Place::Diverged(..) | Place::Refused(..) => None,
    });
    let reading = Reading {
        partitions: wanted.collect(),
        max_bytes,
        min_bytes: if answered { 0 } else { usize::try_from(request.min_bytes).unwrap_or(0) },
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        isolation: isolation(request.isolation_level),
    };
    let committed = reading.isolation == Isolation::ReadCommitted;
    let (fetched, share) = reading.run(&broker.reads).await;
    let mut fetched = fetched.into_iter();
    let answer = |place| match place {
        Place::Read(_) => match fetched.next() {
            Some(Ok(fetched)) => records(fetched, committed),
            Some(Err(error)) => refused(error.into(), None),
            None => refused(ErrorCode::UnknownServerError.into(), None),
        },
        Place::Diverged(log, diverging_epoch) => PartitionData {
            high_watermark: log.high_watermark(),
            last_stable_offset: log.last_stable_offset(),
            log_start_offset: log.log_start(),
            diverging_epoch,
            aborted_transactions: None,
            records: Some(Records::default()),
            ..PartitionData::default()
        },
        Place::Refused(failure, leader) => refused(failure, leader),
    };
    (places.into_iter().map(answer).collect(), share)
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

/// As in Kafka, aborted transactions are an empty list where no log was asked, null where one refused.
fn refused(failure: Failure, leader: Option<LeaderIdAndEpoch>) -> PartitionData {
    let no_log = matches!(failure.code, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId);
    PartitionData {
        error_code: failure.code.into(),
        high_watermark: -1,
        current_leader: leader.unwrap_or_default(),
        aborted_transactions: no_log.then(Vec::new),
        records: Some(Records::default()),
        ..PartitionData::default()
    }
}
