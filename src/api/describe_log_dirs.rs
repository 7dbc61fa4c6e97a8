//! DescribeLogDirs: the sizes of partitions, all in the one place where this broker keeps its data.
//! Versions 1-5. 3: an error for the whole answer. 4: size of the volume (KIP-827), not known for an object store.
//! 5: cordoned directories (KIP-1066).
//! Left out: nothing.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use futures::future::join_all;

use super::context::{Broker, Context};
use super::handler::Handler;
use crate::metadata::{Image, Topic};
use crate::protocol::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic, Request, Response,
};

pub struct DescribeLogDirs;

impl Handler for DescribeLogDirs {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 1..=5;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let broker = &context.broker;
        let topics = match &request.topics {
            None => join_all(image.topics.iter().map(|topic| describe(broker, &image, topic, None))).await,
            Some(asked) => {
                let known = asked.iter().filter_map(|asked| {
                    let topic = image.topic_by_name(&asked.topic)?;
                    let wanted = asked.partitions.iter().copied().collect();
                    Some(describe(broker, &image, topic, Some(wanted)))
                });
                join_all(known).await
            }
        };
        let dir = DescribeLogDirsResult {
            log_dir: broker.options.log_dir.clone(),
            topics: topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect(),
            ..DescribeLogDirsResult::default()
        };
        Response { results: vec![dir], ..Response::default() }
    }
}

async fn describe(
    broker: &Broker,
    image: &Image,
    topic: &Topic,
    wanted: Option<HashSet<i32>>,
) -> DescribeLogDirsTopic {
    let chosen = topic
        .partitions()
        .filter(|(partition, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(&partition.index)));
    let sizes = chosen.map(|(partition, _)| async move {
        let led = broker.lead(image, topic, partition.index, -1).ok()?;
        let log = led.shard.partition(partition).await.ok()?;
        Some(DescribeLogDirsPartition {
            partition_index: partition.index,
            partition_size: i64::try_from(log.log_bytes()).unwrap_or(i64::MAX),
            ..DescribeLogDirsPartition::default()
        })
    });
    let partitions = join_all(sizes).await.into_iter().flatten().collect();
    DescribeLogDirsTopic { name: topic.name.to_string(), partitions }
}
