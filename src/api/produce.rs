//! Produce: appends record batches to partitions.
//! Versions 3-13, announced from 0 for old librdkafka (KAFKA-18659). 5: log start. 8: error messages, of single records
//! too (KIP-467). 10: the current leader (KIP-951). 12: implicit transaction partitions (KIP-890). 13: topic ids.
//! Left out: transactions. A transactional id or batch gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which no client
//! retries, before anything is stored.

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::context::{Broker, Context, find_topic};
use super::errors::{Failure, TimedOut};
use super::handler::{Handler, Reply};
use super::rules::rules;
use super::topics::{Leadership, endpoints};
use crate::log::{Append, AppendError, Appended, Permit, Ticket};
use crate::metadata::{Image, Topic};
use crate::net::Admission;
use crate::protocol::ErrorCode;
use crate::protocol::batch::{self, Invalid, RejectedRecord};
use crate::protocol::codec::Records;
use crate::protocol::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, PartitionProduceData, PartitionProduceResponse, Request,
    Response, TopicProduceResponse,
};
use crate::runtime::clock::Instant;

/// From here on an answer says who leads instead, and where that is (KIP-951).
const LEADER_SINCE: i16 = 10;

pub struct Produce;

impl Handler for Produce {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 3..=13;
    const ANNOUNCED: RangeInclusive<i16> = 0..=13;
    const ADMISSION: Admission = Admission::Pipelined;

    fn handle(context: Context, request: Request) -> impl Future<Output = Reply<Response>> + Send + 'static {
        let pending = admit(&context, request);
        async move { pending.finish(&context).await }
    }
}

/// A request whose batches have their places in the queues of their shards.
struct Pending {
    acks: i16,
    /// The client waits for no longer; what is not durable by then may become so later.
    deadline: Instant,
    topics: Vec<PendingTopic>,
}

struct PendingTopic {
    name: String,
    id: uuid::Uuid,
    topic: Option<Arc<Topic>>,
    partitions: Vec<(i32, Place)>,
}

enum Place {
    Queued(Ticket<Appended>),
    Refused(Refusal),
}

/// Why a batch was not taken, and which of its records are to blame for that, if any are (KIP-467).
struct Refusal {
    failure: Failure,
    records: Vec<RejectedRecord>,
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal { failure: error.into(), records: Vec::new() }
    }
}

impl Refusal {
    fn of_batch(invalid: Invalid) -> Refusal {
        let records = match &invalid {
            Invalid::Rejected { records, .. } => records.clone(),
            _ => Vec::new(),
        };
        Refusal { failure: invalid.into(), records }
    }
}

fn admit(context: &Context, request: Request) -> Pending {
    let image = context.image();
    let whole = refuse_whole(&request);
    let permit = Permit::new(context.permit.clone());
    let topics = request.topic_data.into_iter().map(|data| {
        let topic = find_topic(&image, &data.name, data.topic_id);
        let rules = topic
            .as_ref()
            .ok()
            .map(|topic| rules(&context.broker.topic_settings(&image, topic), context.version));
        let place = |partition: PartitionProduceData| {
            let index = partition.index;
            let queued = match (whole, &topic, &rules) {
                (Some(code), _, _) => Err(code.into()),
                (None, Ok(topic), Some(rules)) => {
                    append(&context.broker, &image, topic, rules, partition, &permit)
                }
                (None, Ok(_), None) => Err(ErrorCode::UnknownServerError.into()),
                (None, Err(failure), _) => Err(failure.clone().into()),
            };
            (index, queued.map_or_else(Place::Refused, Place::Queued))
        };
        let partitions = data.partition_data.into_iter().map(place).collect();
        PendingTopic { name: data.name, id: data.topic_id, topic: topic.ok().cloned(), partitions }
    });
    Pending { acks: request.acks, deadline: context.deadline(request.timeout_ms), topics: topics.collect() }
}

/// What refuses every partition of a request.
fn refuse_whole(request: &Request) -> Option<ErrorCode> {
    if !matches!(request.acks, -1..=1) {
        return Some(ErrorCode::InvalidRequiredAcks);
    }
    let batches = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let transactional = |partition: &PartitionProduceData| {
        let first = partition.records.as_ref().and_then(|records| records.chunks().first());
        first.and_then(|bytes| batch::Header::parse(bytes).ok()).is_some_and(|h| h.is_transactional())
    };
    if request.transactional_id.is_some() || batches.into_iter().any(transactional) {
        return Some(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    None
}

fn append(
    broker: &Broker,
    image: &Image,
    topic: &Topic,
    rules: &batch::Rules,
    data: PartitionProduceData,
    permit: &Permit,
) -> Result<Ticket<Appended>, Refusal> {
    let led = broker.lead(image, topic, data.index, -1)?;
    let records = data.records.map(Records::into_bytes).unwrap_or_default();
    let batch = batch::validate(&records, rules, broker.runtime.clock.now_ms()).map_err(Refusal::of_batch)?;
    let append = Append { partition: led.partition, batch, permit: permit.clone() };
    Ok(led.shard.append(append)?)
}

impl Pending {
    async fn finish(self, context: &Context) -> Reply<Response> {
        let clock = &context.broker.runtime.clock;
        let image = context.image();
        let leaders = Some(&*image).filter(|_| context.version >= LEADER_SINCE);
        let (mut failed, mut unknown, mut moved) = (false, false, false);
        let mut responses = Vec::with_capacity(self.topics.len());
        for topic in self.topics {
            let mut partition_responses = Vec::with_capacity(topic.partitions.len());
            for (index, place) in topic.partitions {
                let outcome = match place {
                    Place::Queued(ticket) => {
                        let outcome = match self.acks {
                            // Nobody waits for an answer, so nobody grows tired of it.
                            0 => Ok(ticket.await),
                            _ => clock.timeout_at(self.deadline, ticket).await.map_err(|_| TimedOut),
                        };
                        unknown |= matches!(outcome, Ok(Err(AppendError::IncarnationEnded)));
                        outcome.map_err(Refusal::from).and_then(|outcome| outcome.map_err(Refusal::from))
                    }
                    Place::Refused(refusal) => Err(refusal),
                };
                failed |= outcome.is_err();
                partition_responses.push(match outcome {
                    Ok(appended) => accepted(index, appended),
                    Err(refusal) => refused(leaders, topic.topic.as_deref(), index, refusal),
                });
            }
            moved |= partition_responses.iter().any(|p| p.current_leader != LeaderIdAndEpoch::default());
            responses.push(TopicProduceResponse {
                name: topic.name,
                topic_id: topic.id,
                partition_responses,
            });
        }
        if self.acks == 0 {
            return if failed { Reply::Close } else { Reply::Silent };
        }
        let node_endpoints = if moved { endpoints(&image) } else { Vec::new() };
        let response = Response { responses, node_endpoints, ..Response::default() };
        if unknown { Reply::SendAndClose(response) } else { Reply::Send(response) }
    }
}

fn accepted(index: i32, appended: Appended) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms,
        log_start_offset: appended.log_start_offset,
        ..PartitionProduceResponse::default()
    }
}

/// `leaders` is given if the answer can say who leads.
fn refused(
    leaders: Option<&Image>,
    topic: Option<&Topic>,
    index: i32,
    refusal: Refusal,
) -> PartitionProduceResponse {
    let Refusal { failure, records } = refusal;
    let record_errors = records.into_iter().map(|record| BatchIndexAndErrorMessage {
        batch_index: record.index,
        batch_index_error_message: Some(record.reason.to_string()),
    });
    let mut response = PartitionProduceResponse {
        index,
        error_code: failure.code.into(),
        base_offset: -1,
        record_errors: record_errors.collect(),
        error_message: failure.message,
        ..PartitionProduceResponse::default()
    };
    if failure.code == ErrorCode::NotLeaderOrFollower
        && let Some(image) = leaders
        && let Some(shard) = topic.and_then(|topic| topic.shard(index))
    {
        let leadership = Leadership::of(image, shard);
        response.current_leader =
            LeaderIdAndEpoch { leader_id: leadership.leader, leader_epoch: leadership.epoch };
    }
    response
}
