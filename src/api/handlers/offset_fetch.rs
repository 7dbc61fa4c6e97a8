//! OffsetFetch: tells how far groups have read.
//! Versions 1-10. 2: null for all topics. 5: leader epochs (KIP-320). 7: only stable offsets (KIP-447). 8: several groups
//! (KIP-709). 9: member epochs (KIP-848). 10: topic ids.
//! Left out: nothing. Without transactions every committed offset is stable.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::coordinator::group::Reader;
use crate::coordinator::group::offsets::{Fetch, Found};
use crate::log::keys::CommittedOffset;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics, Request, Response,
};
use crate::types::{Partition, TopicId};

/// From here on groups have their own part of the request, many of them.
const GROUPS_SINCE: i16 = 8;
/// From here on topics are named by their ids.
const IDS_SINCE: i16 = 10;

pub struct OffsetFetch;

impl Handler for OffsetFetch {
    type Request = Request;
    const VERSIONS: Versions = 1..=10;

    async fn handle(context: Context, request: Request) -> Response {
        if context.version >= GROUPS_SINCE {
            let groups = request.groups.iter().map(|group| fetch(&context, group));
            return Response { groups: join_all(groups).await, ..Response::default() };
        }
        let fetched = fetch(&context, &as_group(request)).await;
        Response {
            topics: fetched.topics.into_iter().map(as_old_topic).collect(),
            error_code: fetched.error_code,
            ..Response::default()
        }
    }
}

/// The one group of an older request.
fn as_group(request: Request) -> OffsetFetchRequestGroup {
    let topic = |topic: OffsetFetchRequestTopic| OffsetFetchRequestTopics {
        name: topic.name,
        partition_indexes: topic.partition_indexes,
        ..OffsetFetchRequestTopics::default()
    };
    OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics: request.topics.map(|topics| topics.into_iter().map(topic).collect()),
        ..OffsetFetchRequestGroup::default()
    }
}

fn as_old_topic(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    }
}

async fn fetch(context: &Context, group: &OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
    let image = context.image();
    let topics = match &group.topics {
        None => fetch_all(context, &image, group).await,
        Some(topics) => fetch_named(context, &image, group, topics).await,
    };
    let group_id = group.group_id.clone();
    match topics {
        Ok(topics) => OffsetFetchResponseGroup { group_id, topics, ..OffsetFetchResponseGroup::default() },
        // Version 1 has no place for an error of the group.
        Err(failure) if context.version < 2 => {
            let asked = group.topics.iter().flatten();
            let topics = asked.map(|topic| refused(topic, failure.code)).collect();
            OffsetFetchResponseGroup { group_id, topics, ..OffsetFetchResponseGroup::default() }
        }
        Err(failure) => OffsetFetchResponseGroup { group_id, ..failure.into() },
    }
}

async fn find(
    context: &Context,
    group: &OffsetFetchRequestGroup,
    wanted: Option<&[Partition]>,
) -> Result<Found, Failure> {
    let coordinating = context.coordinator_of_any(&group.group_id).await?;
    let reader = Reader { member_id: group.member_id.as_deref(), member_epoch: group.member_epoch };
    let found = coordinating.coordinator.ask(&group.group_id, Fetch { reader, wanted }).await;
    Ok(coordinating.answered(found).await??)
}

/// All offsets of a group. Those of topics that are deleted are on their way out.
async fn fetch_all(
    context: &Context,
    image: &Image,
    group: &OffsetFetchRequestGroup,
) -> Result<Vec<OffsetFetchResponseTopics>, Failure> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for (partition, committed) in find(context, group, None).await? {
        let Some(topic) = image.topic(partition.topic) else { continue };
        let answer = answer(partition.index, committed);
        match topics.last_mut().filter(|last| last.topic_id == topic.id.0) {
            Some(last) => last.partitions.push(answer),
            None => topics.push(OffsetFetchResponseTopics {
                name: topic.name.to_string(),
                topic_id: topic.id.0,
                partitions: vec![answer],
            }),
        }
    }
    Ok(topics)
}

/// The offsets of some partitions, whether they exist or not. Topics that no id leads to come last, as in Kafka.
async fn fetch_named(
    context: &Context,
    image: &Image,
    group: &OffsetFetchRequestGroup,
    topics: &[OffsetFetchRequestTopics],
) -> Result<Vec<OffsetFetchResponseTopics>, Failure> {
    let id = |topic: &OffsetFetchRequestTopics| match context.version >= IDS_SINCE {
        true => image.topic(TopicId(topic.topic_id)).map(|topic| topic.id),
        // Nothing is kept under the id of no topic.
        false => Some(image.topic_by_name(&topic.name).map_or(TopicId(uuid::Uuid::nil()), |topic| topic.id)),
    };
    let wanted: Vec<Partition> = topics
        .iter()
        .filter_map(|topic| Some((id(topic)?, topic)))
        .flat_map(|(id, topic)| {
            topic.partition_indexes.iter().map(move |index| Partition { topic: id, index: *index })
        })
        .collect();
    let mut found = find(context, group, Some(&wanted)).await?.into_iter();
    let mut answers = Vec::with_capacity(topics.len());
    let mut unknown = Vec::new();
    for topic in topics {
        if id(topic).is_none() {
            unknown.push(refused(topic, ErrorCode::UnknownTopicId));
            continue;
        }
        let offsets = found.by_ref().take(topic.partition_indexes.len());
        answers.push(OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: offsets.map(|(partition, committed)| answer(partition.index, committed)).collect(),
        });
    }
    answers.append(&mut unknown);
    Ok(answers)
}

fn answer(partition_index: i32, committed: Option<CommittedOffset>) -> OffsetFetchResponsePartitions {
    let (committed_offset, committed_leader_epoch, metadata) = match committed {
        Some(committed) => (committed.offset, committed.leader_epoch, committed.metadata),
        None => (-1, -1, String::new()),
    };
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset,
        committed_leader_epoch,
        metadata: Some(metadata),
        error_code: ErrorCode::None.into(),
    }
}

fn refused(topic: &OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics {
    let partition =
        |index: &i32| OffsetFetchResponsePartitions { error_code: code.into(), ..answer(*index, None) };
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(partition).collect(),
    }
}
