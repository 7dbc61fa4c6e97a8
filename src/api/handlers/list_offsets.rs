//! ListOffsets: the offset of a timestamp, or of either end of a partition.
//! Versions 1-11. 2: isolation level. 4: leader epoch. 7: max timestamp (KIP-734). 8, 9: local and tiered ends (KIP-405,
//! KIP-1005). 10: timeout (KIP-1075). 11: earliest offset that waits for the remote tier (KIP-1023).
//! Left out: nothing. Without tiers, the earliest local offset is the earliest offset, and the tiered ends are unknown.

use std::collections::BTreeSet;

use crate::api::context::{Broker, Context};
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::api::topics::find_repeated;
use crate::log::fetch::Isolation;
use crate::log::list_offsets::{Found, Lookup, lookup};
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopic, ListOffsetsTopicResponse, Request,
    Response,
};

pub struct ListOffsets;

impl Handler for ListOffsets {
    type Request = Request;
    const VERSIONS: Versions = 1..=11;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let isolation = super::fetch::isolation(request.isolation_level);
        let repeated = find_repeated(partitions(&request));
        context.broker.prepare_named(&image, partitions(&request)).await;
        let query =
            Query { broker: &context.broker, image: &image, version: context.version, isolation, repeated };
        let topics = request.topics.iter().map(|topic| query.topic(topic));
        Response { topics: join_all(topics).await, ..Response::default() }
    }
}

/// All partitions of a request, by the names of their topics.
fn partitions(request: &Request) -> impl Iterator<Item = (&str, i32)> {
    request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| (topic.name.as_str(), partition.partition_index))
    })
}

struct Query<'a> {
    broker: &'a Broker,
    image: &'a Image,
    version: i16,
    isolation: Isolation,
    /// Partitions that are asked for more than once: Kafka refuses each of their entries.
    repeated: BTreeSet<(&'a str, i32)>,
}

impl Query<'_> {
    async fn topic(&self, topic: &ListOffsetsTopic) -> ListOffsetsTopicResponse {
        let partitions = topic.partitions.iter().map(|partition| self.partition(&topic.name, partition));
        ListOffsetsTopicResponse { name: topic.name.clone(), partitions: join_all(partitions).await }
    }

    async fn partition(&self, topic: &str, asked: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
        let mut answer = ListOffsetsPartitionResponse {
            partition_index: asked.partition_index,
            ..ListOffsetsPartitionResponse::default()
        };
        match self.find(topic, asked).await {
            Ok(Some(found)) => {
                answer.timestamp = found.timestamp;
                answer.offset = found.offset;
                // Older versions have no field for it.
                let epoch = found.leader_epoch.filter(|_| self.version >= 4);
                answer.leader_epoch = epoch.map_or(-1, |epoch| epoch.0);
            }
            Ok(None) => {}
            Err(failure) => answer.error_code = failure.code.into(),
        }
        answer
    }

    async fn find(&self, topic: &str, asked: &ListOffsetsPartition) -> Result<Option<Found>, Failure> {
        if self.repeated.contains(&(topic, asked.partition_index)) {
            return Err(ErrorCode::InvalidRequest.into());
        }
        let wanted = wanted(asked.timestamp, self.version)?;
        let topic = self.image.topic_by_name(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let led = self.broker.lead(self.image, topic, asked.partition_index, asked.current_leader_epoch)?;
        led.must_still_own(self.broker).await?;
        let log = led.shard.partition(led.partition).await?;
        Ok(lookup(&log, wanted, self.isolation).await?)
    }
}

/// The lookup that a timestamp stands for; some of the negative ones came with later versions (`ListOffsetsRequest`).
fn wanted(timestamp: i64, version: i16) -> Result<Lookup, Failure> {
    let since = match timestamp {
        -3 => 7,
        -4 => 8,
        -5 => 9,
        -6 => 11,
        _ => 1,
    };
    let lookup = Lookup::from_timestamp(timestamp).filter(|_| version >= since);
    lookup.ok_or_else(|| ErrorCode::UnsupportedVersion.into())
}
