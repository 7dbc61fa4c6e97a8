//! OffsetCommit: stores how far a group has read.
//! Versions 2-10. 2-4: the client says for how long. 6: leader epochs (KIP-320). 7: static members (KIP-345). 9: member
//! epochs (KIP-848), and GROUP_ID_NOT_FOUND instead of ILLEGAL_GENERATION. 10: topic ids.
//! Left out: nothing.

use std::future::Future;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};

use crate::api::context::{Context, Coordinating};
use crate::api::errors::{Failure, commit_refused};
use crate::api::handler::{Handler, Versions};
use crate::coordinator::Gone;
use crate::coordinator::group::offsets::{Commit, Outcomes};
use crate::coordinator::group::{CommitRefusal, Committer};
use crate::log::keys::CommittedOffset;
use crate::metadata::{Image, Topic};
use crate::net::Admission;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic, Request, Response,
};
use crate::types::{Partition, TopicId};

/// From here on topics are named by their ids.
const IDS_SINCE: i16 = 10;

pub struct OffsetCommit;

impl Handler for OffsetCommit {
    type Request = Request;
    const VERSIONS: Versions = 2..=10;
    const ADMISSION: Admission = Admission::Pipelined;

    fn handle(context: Context, request: Request) -> impl Future<Output = Response> + Send + 'static {
        let split = split(&context, &request);
        let committing = commit(&context, &request, split.offsets);
        async move { answer(split.refused, split.taken, committing.await) }
    }

    async fn admit(context: Context, request: Request) -> impl Future<Output = Response> + Send + 'static {
        context.coordinator_soon(&request.group_id).await;
        Self::handle(context, request)
    }
}

/// A request's partitions: those of topics that exist, and what the others are told.
struct Split {
    refused: Vec<OffsetCommitResponseTopic>,
    /// Topics and partitions, in the order of `offsets`.
    taken: Vec<(Arc<Topic>, Vec<i32>)>,
    offsets: Vec<(Partition, CommittedOffset)>,
}

fn split(context: &Context, request: &Request) -> Split {
    let image = context.image();
    let now_ms = context.broker.runtime.clock.now_ms();
    let expires_ms =
        Some(request.retention_time_ms).filter(|ms| *ms != -1).map(|ms| now_ms.saturating_add(ms));
    let mut split = Split { refused: Vec::new(), taken: Vec::new(), offsets: Vec::new() };
    for asked in &request.topics {
        let refuse = |partition: i32, code| answered(partition, code);
        let topic = match find(&image, asked, context.version) {
            Ok(topic) => topic,
            Err(code) => {
                let partitions = asked.partitions.iter().map(|p| refuse(p.partition_index, code));
                topic_answer(&mut split.refused, &asked.name, asked.topic_id).partitions.extend(partitions);
                continue;
            }
        };
        let mut taken = Vec::new();
        for asked in &asked.partitions {
            let index = asked.partition_index;
            if topic.shard(index).is_none() {
                let refused = topic_answer(&mut split.refused, &topic.name, topic.id.0);
                refused.partitions.push(refuse(index, ErrorCode::UnknownTopicOrPartition));
                continue;
            }
            split.offsets.push((Partition { topic: topic.id, index }, offset(asked, expires_ms)));
            taken.push(index);
        }
        if !taken.is_empty() {
            split.taken.push((Arc::clone(topic), taken));
        }
    }
    split
}

fn find<'a>(
    image: &'a Image,
    asked: &OffsetCommitRequestTopic,
    version: i16,
) -> Result<&'a Arc<Topic>, ErrorCode> {
    match version >= IDS_SINCE {
        true => image.topic(TopicId(asked.topic_id)).ok_or(ErrorCode::UnknownTopicId),
        false => image.topic_by_name(&asked.name).ok_or(ErrorCode::UnknownTopicOrPartition),
    }
}

fn offset(asked: &OffsetCommitRequestPartition, expires_ms: Option<i64>) -> CommittedOffset {
    CommittedOffset {
        offset: asked.committed_offset,
        leader_epoch: asked.committed_leader_epoch,
        committed_ms: 0,
        expires_ms,
        metadata: asked.committed_metadata.clone().unwrap_or_default(),
    }
}

/// Commits, which nobody needs to be asked for if there is nothing to commit.
fn commit(
    context: &Context,
    request: &Request,
    offsets: Vec<(Partition, CommittedOffset)>,
) -> BoxFuture<'static, Result<Outcomes, Failure>> {
    if offsets.is_empty() {
        return async { Ok(Vec::new()) }.boxed();
    }
    let version = context.version;
    match context.coordinator_now(&request.group_id) {
        Err(failure) => async { Err(failure) }.boxed(),
        Ok(coordinating) => {
            let by = Committer {
                member_id: &request.member_id,
                instance: request.group_instance_id.as_deref(),
                generation: request.generation_id_or_member_epoch,
                is_transactional: false,
                version,
            };
            let commit = Commit { by, offsets };
            let committing = coordinating.coordinator.ask(&request.group_id, commit);
            async move { finish(&coordinating, committing, version).await }.boxed()
        }
    }
}

async fn finish(
    coordinating: &Coordinating,
    committing: impl Future<Output = Result<Result<Outcomes, CommitRefusal>, Gone>>,
    version: i16,
) -> Result<Outcomes, Failure> {
    let committed = coordinating.answered(committing.await).await?;
    committed.map_err(|refusal| commit_refused(refusal, version))
}

/// Kafka tells refusals first, and adds to their topics what the coordinator says (`OffsetCommitResponse.Builder`).
fn answer(
    mut topics: Vec<OffsetCommitResponseTopic>,
    taken: Vec<(Arc<Topic>, Vec<i32>)>,
    outcome: Result<Outcomes, Failure>,
) -> Response {
    let has_refusals = !topics.is_empty();
    let mut codes = match outcome {
        Ok(outcomes) => {
            let code = |outcome: Result<(), _>| {
                outcome.map_or_else(|error| Failure::from(error).code, |()| ErrorCode::None)
            };
            outcomes.into_iter().map(code).collect()
        }
        Err(failure) => vec![failure.code; taken.iter().map(|(_, partitions)| partitions.len()).sum()],
    }
    .into_iter();
    for (topic, partitions) in taken {
        let rows: Vec<_> =
            partitions.into_iter().zip(&mut codes).map(|(index, code)| answered(index, code)).collect();
        match has_refusals {
            true => topic_answer(&mut topics, &topic.name, topic.id.0).partitions.extend(rows),
            false => topics.push(OffsetCommitResponseTopic {
                name: topic.name.to_string(),
                topic_id: topic.id.0,
                partitions: rows,
            }),
        }
    }
    Response { topics, ..Response::default() }
}

fn answered(partition_index: i32, code: ErrorCode) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition { partition_index, error_code: code.into() }
}

/// The answer about a topic, which may be begun already.
fn topic_answer<'a>(
    topics: &'a mut Vec<OffsetCommitResponseTopic>,
    name: &str,
    topic_id: uuid::Uuid,
) -> &'a mut OffsetCommitResponseTopic {
    let same = |topic: &OffsetCommitResponseTopic| topic.name == name && topic.topic_id == topic_id;
    let at = topics.iter().position(same).unwrap_or_else(|| {
        topics.push(OffsetCommitResponseTopic { name: name.to_owned(), topic_id, partitions: Vec::new() });
        topics.len() - 1
    });
    &mut topics[at]
}
