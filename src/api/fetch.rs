//! Fetch: record batches of many partitions, waiting for more if there is too little.
//! Versions 4-18. 5: log start. 7: sessions (KIP-227). 9: leader epochs (KIP-320). 11: racks (KIP-392). 12: diverging epochs
//! (KIP-595). 13: topic ids. 15: replica state. 16: the current leader's address (KIP-951). 17, 18: for followers.
//! Left out: followers. A replica id is not looked at: there is nothing to follow, the object store replicates.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::context::{Broker, Context, find_topic};
use super::errors::Failure;
use super::handler::Handler;
use super::topics::{Leadership, endpoints};
use crate::log::PartitionLog;
use crate::log::fetch::{Fetch as Reading, Fetched, Isolation, Wanted};
use crate::metadata::{Image, Topic};
use crate::net::Admission;
use crate::protocol::ErrorCode;
use crate::protocol::codec::Records;
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData, Request,
    Response,
};
use crate::types::LeaderEpoch;

/// From here on an answer says who leads instead (KIP-595), and then where that is (KIP-951).
const LEADER_SINCE: i16 = 12;
const ENDPOINTS_SINCE: i16 = 16;

pub struct Fetch;

impl Handler for Fetch {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 4..=18;
    const ADMISSION: Admission = Admission::AfterAnswers;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let mut places = Vec::new();
        for topic in &request.topics {
            let found = find_topic(&image, &topic.topic, topic.topic_id).cloned();
            for asked in &topic.partitions {
                let topic = found.clone();
                places.push(place(&context, &image, topic, asked));
            }
        }
        let places = join_all(places).await;
        let answers = read(&context, &request, places).await;
        respond(&context, &request, answers)
    }
}

/// `FetchIsolation.of`: anything but 1 reads uncommitted.
pub(super) fn isolation(level: i8) -> Isolation {
    match level {
        1 => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    }
}

/// A partition that is to be read, or what its answer is already.
enum Place {
    Read(Wanted),
    Diverged(Arc<PartitionLog>, EpochEndOffset),
    Refused(Failure, Option<LeaderIdAndEpoch>),
}

async fn place(
    context: &Context,
    image: &Image,
    topic: Result<Arc<Topic>, Failure>,
    asked: &FetchPartition,
) -> Place {
    let topic = match topic {
        Ok(topic) => topic,
        Err(failure) => return Place::Refused(failure, None),
    };
    match open(&context.broker, image, &topic, asked).await {
        Ok((log, None)) => Place::Read(Wanted {
            log,
            offset: asked.fetch_offset,
            max_bytes: usize::try_from(asked.partition_max_bytes).unwrap_or(0),
        }),
        Ok((log, Some(diverging))) => Place::Diverged(log, diverging),
        Err(failure) => {
            let moved = context.version >= LEADER_SINCE
                && matches!(failure.code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
            let shard = topic.shard(asked.partition).filter(|_| moved);
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
    asked: &FetchPartition,
) -> Result<(Arc<PartitionLog>, Option<EpochEndOffset>), Failure> {
    let led = broker.lead(image, topic, asked.partition, asked.current_leader_epoch)?;
    let log = led.shard.partition(led.partition).await?;
    let diverging = diverging(&log, asked)?;
    Ok((log, diverging))
}

/// Where the client's log and ours part, if it says which epoch its last record has (`Partition.readRecords`).
fn diverging(log: &PartitionLog, asked: &FetchPartition) -> Result<Option<EpochEndOffset>, Failure> {
    if asked.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = log.end_offset_for(LeaderEpoch(asked.last_fetched_epoch)).ok_or(ErrorCode::OffsetOutOfRange)?;
    let parted = end.epoch.0 < asked.last_fetched_epoch || end.end_offset < asked.fetch_offset;
    Ok(parted.then_some(EpochEndOffset { epoch: end.epoch.0, end_offset: end.end_offset }))
}

/// Reads the partitions that can be; an answer that is there already does not let the others wait.
async fn read(context: &Context, request: &Request, places: Vec<Place>) -> Vec<PartitionData> {
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
    let mut fetched = reading.run(&broker.reads).await.into_iter();
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
            records: Some(Records::default()),
            ..PartitionData::default()
        },
        Place::Refused(failure, leader) => refused(failure, leader),
    };
    places.into_iter().map(answer).collect()
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

fn refused(failure: Failure, leader: Option<LeaderIdAndEpoch>) -> PartitionData {
    PartitionData {
        error_code: failure.code.into(),
        high_watermark: -1,
        current_leader: leader.unwrap_or_default(),
        records: Some(Records::default()),
        ..PartitionData::default()
    }
}

fn respond(context: &Context, request: &Request, answers: Vec<PartitionData>) -> Response {
    let moved = context.version >= ENDPOINTS_SINCE
        && answers.iter().any(|answer| answer.current_leader != LeaderIdAndEpoch::default());
    let mut answers = answers.into_iter();
    let responses = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().zip(&mut answers).map(|(asked, mut answer)| {
            answer.partition_index = asked.partition;
            answer
        });
        FetchableTopicResponse {
            partitions: partitions.collect(),
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
        }
    });
    Response {
        responses: responses.collect(),
        node_endpoints: if moved { endpoints(&context.image()) } else { Vec::new() },
        ..Response::default()
    }
}
