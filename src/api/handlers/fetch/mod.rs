//! Fetch: record batches of many partitions, waiting for more if there is too little.
//! Versions 4-18. 5: log start. 7: sessions (KIP-227). 9: leader epochs (KIP-320). 11: racks (KIP-392). 12: diverging epochs
//! (KIP-595). 13: topic ids. 15: replica state. 16: the current leader's address (KIP-951). 17, 18: for followers.
//! Left out: followers. A replica id is not looked at: there is nothing to follow, the object store replicates.

mod partitions;

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::fetch_session::{self, Key, Outcome, Params, TopicKey};
use crate::api::handler::{Handler, Reply, Versions};
use crate::api::together::join_all;
use crate::log::fetch::Isolation;
use crate::net::Admission;
use crate::protocol::ErrorCode;
use crate::protocol::codec::Records;
use crate::protocol::messages::fetch::{
    EpochEndOffset, FetchableTopicResponse, NodeEndpoint, PartitionData, Request, Response,
};
use crate::types::TopicId;
use partitions::{find, find_topic, read, tell_leaders};

/// From here on an answer says who leads instead, and where that is (KIP-951).
const LEADER_SINCE: i16 = 16;
/// From here on topics are named by id (KIP-516).
const TOPIC_IDS_SINCE: i16 = 13;

pub struct Fetch;

impl Handler for Fetch {
    type Request = Request;
    const VERSIONS: Versions = 4..=18;
    const ADMISSION: Admission = Admission::AfterAnswers;

    async fn handle(context: Context, request: Request) -> Reply<Response> {
        let fetch = match context.broker.sessions.begin(session_request(&context, &request)) {
            Ok(fetch) => fetch,
            Err(error) => return Response::from(Failure::from(error)).into(),
        };
        let image = context.image();
        let topics = fetch.partitions.iter().map(|(key, _)| (find_topic(&image, &key.topic), key.partition));
        let known = topics.filter_map(|(topic, index)| Some((&**topic.ok()?, index)));
        context.broker.prepare(&image, known).await;
        let found = fetch.partitions.iter().map(|(key, params)| find(&context, &image, key, params));
        let found = join_all(found).await;
        let (mut answers, share) = read(&context, &request, found).await;
        let node_endpoints = match context.version >= LEADER_SINCE {
            // The image of now: a partition may have moved while the request waited.
            true => tell_leaders(&context, fetch.partitions.iter().map(|(key, _)| key), &mut answers),
            false => Vec::new(),
        };
        match context.broker.sessions.finish(&fetch, answers.iter().map(outcome)) {
            Ok(reply) => Reply::SendLarge(respond(node_endpoints, &fetch, answers, reply), share),
            Err(error) => Response::from(Failure::from(error)).into(),
        }
    }
}

/// The session's part of a request.
fn session_request(context: &Context, request: &Request) -> fetch_session::Request {
    let uses_topic_ids = context.version >= TOPIC_IDS_SINCE;
    let topic_key = |name: &str, id| match uses_topic_ids {
        true => TopicKey::Id(TopicId(id)),
        false => TopicKey::Name(Arc::from(name)),
    };
    let mut partitions = Vec::new();
    for topic in &request.topics {
        let key = topic_key(&topic.topic, topic.topic_id);
        partitions.extend(topic.partitions.iter().map(|asked| {
            let params = Params {
                fetch_offset: asked.fetch_offset,
                max_bytes: asked.partition_max_bytes,
                current_leader_epoch: asked.current_leader_epoch,
                last_fetched_epoch: asked.last_fetched_epoch,
            };
            (Key { topic: key.clone(), partition: asked.partition }, params)
        }));
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let key = topic_key(&topic.topic, topic.topic_id);
        topic.partitions.iter().map(move |partition| Key { topic: key.clone(), partition: *partition })
    });
    fetch_session::Request {
        session_id: request.session_id,
        epoch: request.session_epoch,
        uses_topic_ids,
        partitions,
        forgotten: forgotten.collect(),
    }
}

/// `FetchIsolation.of`: anything but 1 reads uncommitted.
pub(super) fn isolation(level: i8) -> Isolation {
    match level {
        1 => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    }
}

/// The part of an answer that its session needs to know.
fn outcome(answer: &PartitionData) -> Outcome {
    Outcome {
        records_bytes: answer.records.as_ref().map_or(0, Records::len),
        high_watermark: answer.high_watermark,
        log_start_offset: answer.log_start_offset,
        is_error: answer.error_code != ErrorCode::None.code(),
        diverges: answer.diverging_epoch != EpochEndOffset::default(),
    }
}

fn respond(
    node_endpoints: Vec<NodeEndpoint>,
    fetch: &fetch_session::Fetch,
    answers: Vec<PartitionData>,
    reply: fetch_session::Reply,
) -> Response {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut last: Option<&TopicKey> = None;
    let included = fetch.partitions.iter().zip(answers).zip(reply.include).filter(|(_, include)| *include);
    for (((key, _), mut answer), _) in included {
        answer.partition_index = key.partition;
        if last != Some(&key.topic) {
            last = Some(&key.topic);
            let (topic, topic_id) = match &key.topic {
                TopicKey::Id(id) => (String::new(), id.0),
                TopicKey::Name(name) => (name.to_string(), TopicId::ZERO.0),
            };
            responses.push(FetchableTopicResponse { topic, topic_id, partitions: Vec::new() });
        }
        if let Some(response) = responses.last_mut() {
            response.partitions.push(answer);
        }
    }
    Response { session_id: reply.session_id, responses, node_endpoints, ..Response::default() }
}
