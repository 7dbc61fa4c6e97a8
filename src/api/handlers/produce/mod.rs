//! Produce: appends record batches to partitions.
//! Versions 3-13, announced from 0 for old librdkafka (KAFKA-18659). 5: log start. 8: error messages, of single records
//! too (KIP-467). 10: the current leader (KIP-951). 12: implicit transaction partitions (KIP-890). 13: topic ids.
//! Left out: transactions. A transactional batch gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which no client retries,
//! before anything of its request is stored.

mod refusal;
mod target;

use std::future::Future;
use std::sync::Arc;

use crate::api::context::{Context, Led};
use crate::api::errors::TimedOut;
use crate::api::handler::{Handler, Reply, Versions};
use crate::api::rules::rules;
use crate::api::topics::leader_endpoints;
use crate::log::unfolding::Spent;
use crate::log::{AppendError, Appended, Permit, Ticket};
use crate::metadata::Topic;
use crate::net::Admission;
use crate::protocol::ErrorCode;
use crate::protocol::batch;
use crate::protocol::messages::produce::{PartitionProduceResponse, Request, Response, TopicProduceResponse};
use crate::runtime::clock::Instant;
use crate::types::TopicId;
use refusal::{Refusal, tell_leader};
use target::Target;

/// From here on an answer says who leads instead, and where that is (KIP-951).
const LEADER_SINCE: i16 = 10;
/// From here on topics have ids instead of names (KIP-516).
const IDS_SINCE: i16 = 13;

pub struct Produce;

impl Handler for Produce {
    type Request = Request;
    const VERSIONS: Versions = 3..=13;
    const ANNOUNCED: Versions = 0..=13;
    const ADMISSION: Admission = Admission::Pipelined;

    async fn handle(context: Context, request: Request) -> Reply<Response> {
        Self::admit(context, request).await.await
    }

    async fn admit(
        context: Context,
        request: Request,
    ) -> impl Future<Output = Reply<Response>> + Send + 'static {
        let pending = admit(&context, request).await;
        async move { pending.finish(&context).await }
    }
}

/// A request whose batches have their places in the queues of their shards.
struct Pending {
    acks: i16,
    /// The end of waiting. A write that is not durable by then may become so later.
    deadline: Instant,
    topics: Vec<PendingTopic>,
}

struct PendingTopic {
    name: String,
    id: uuid::Uuid,
    topic: Option<Arc<Topic>>,
    partitions: Vec<(i32, Queued)>,
}

/// A batch in the queue of the partition that it is for.
type Queued = Result<(Ticket<Appended>, Led), Refusal>;

async fn admit(context: &Context, request: Request) -> Pending {
    let image = context.image();
    let permit = Permit::new(context.permit.clone());
    let acks = request.acks;
    let refusal = has_transactional_batch(&request).then(|| context.no_transactions());
    let mut spent = Spent::default();
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = match context.version >= IDS_SINCE {
            true => image.topic(TopicId(data.topic_id)).ok_or(ErrorCode::UnknownTopicId),
            false => image.topic_by_name(&data.name).ok_or(ErrorCode::UnknownTopicOrPartition),
        };
        let target = topic.map(|topic| Target {
            context,
            image: &image,
            topic,
            rules: rules(
                &context.broker.topic_settings(&image, topic),
                context.version,
                context.broker.options.batch_depth,
            ),
        });
        let mut partitions = Vec::with_capacity(data.partition_data.len());
        for partition in data.partition_data {
            let index = partition.index;
            let queued = match (refusal, &target) {
                (Some(refusal), _) => Err(refusal.into()),
                (None, Ok(target)) => target.append(acks, partition, &permit, &mut spent).await,
                (None, Err(code)) => Err((*code).into()),
            };
            partitions.push((index, queued));
        }
        let topic = topic.ok().cloned();
        topics.push(PendingTopic { name: data.name, id: data.topic_id, topic, partitions });
    }
    Pending { acks, deadline: context.deadline(), topics }
}

/// A batch of a transaction refuses the whole request.
fn has_transactional_batch(request: &Request) -> bool {
    let mut batches = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    batches.any(|partition| {
        let first = partition.records.as_ref().and_then(|records| records.chunks().first());
        first.and_then(|bytes| batch::Header::parse(bytes).ok()).is_some_and(|h| h.is_transactional())
    })
}

impl Pending {
    async fn finish(self, context: &Context) -> Reply<Response> {
        let clock = &context.broker.runtime.clock;
        let (mut failed, mut unknown, mut leaders) = (false, false, Vec::new());
        let mut responses = Vec::with_capacity(self.topics.len());
        for topic in self.topics {
            let mut partition_responses = Vec::with_capacity(topic.partitions.len());
            for (index, queued) in topic.partitions {
                let outcome = match queued {
                    Ok((ticket, led)) => {
                        let outcome = match self.acks {
                            // Nobody waits for an answer, so nobody grows tired of it.
                            0 => Ok(ticket.await),
                            _ => clock.timeout_at(self.deadline, ticket).await.map_err(|_| TimedOut),
                        };
                        unknown |= matches!(outcome, Ok(Err(AppendError::IncarnationEnded)));
                        if matches!(outcome, Ok(Err(AppendError::Full))) {
                            context.refusals.note(clock);
                        }
                        let outcome = outcome.map_err(Refusal::from);
                        let outcome = outcome.and_then(|outcome| outcome.map_err(Refusal::from));
                        outcome.map_err(|refusal| refusal.by(led))
                    }
                    Err(refusal) => Err(refusal),
                };
                failed |= outcome.is_err();
                partition_responses.push(match outcome {
                    Ok(appended) => accepted(index, appended),
                    Err(refusal) => {
                        let mut response = refusal.response(index).await;
                        if context.version >= LEADER_SINCE {
                            // The image of now: the partition may have moved while the batch waited.
                            tell_leader(&context.image(), topic.topic.as_deref(), &mut response);
                        }
                        leaders.push(response.current_leader.leader_id);
                        response
                    }
                });
            }
            responses.push(TopicProduceResponse {
                name: topic.name,
                topic_id: topic.id,
                partition_responses,
            });
        }
        if self.acks == 0 {
            return if failed { Reply::Close } else { Reply::Silent };
        }
        let node_endpoints =
            leader_endpoints(&context.image(), &context.client.session.listener, leaders.into_iter());
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
