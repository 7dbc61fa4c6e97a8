//! DescribeLogDirs: the sizes of partitions, all in the one place where this broker keeps its data.
//! Versions 1-5. 3: an error for the whole answer. 4: size of the volume (KIP-827), not known for an object store.
//! 5: cordoned directories (KIP-1066).
//! Left out: nothing.

use std::collections::HashSet;

use crate::api::context::{Broker, Context};
use crate::api::handler::{Handler, Versions};
use crate::api::together::join_all;
use crate::metadata::{Image, Topic};
use crate::protocol::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic, Request, Response,
};
use crate::types::Partition;

pub struct DescribeLogDirs;

impl Handler for DescribeLogDirs {
    type Request = Request;
    const VERSIONS: Versions = 1..=5;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let broker = &context.broker;
        let chosen: Vec<(&Topic, Option<HashSet<i32>>)> = match &request.topics {
            None => image.topics.iter().map(|topic| (&**topic, None)).collect(),
            Some(asked) => asked
                .iter()
                .filter_map(|asked| {
                    let topic = image.topic_by_name(&asked.topic)?;
                    Some((&**topic, Some(asked.partitions.iter().copied().collect())))
                })
                .collect(),
        };
        let partitions = chosen.iter().flat_map(|(topic, wanted)| {
            of_topic(topic, wanted.as_ref()).map(|partition| (*topic, partition.index))
        });
        broker.prepare(&image, partitions).await;
        let topics = chosen.iter().map(|(topic, wanted)| describe(broker, &image, topic, wanted.as_ref()));
        let topics = join_all(topics).await;
        let dir = DescribeLogDirsResult {
            log_dir: broker.options.log_dir.clone(),
            topics: topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect(),
            ..DescribeLogDirsResult::default()
        };
        Response { results: vec![dir], ..Response::default() }
    }
}

/// The partitions of a topic, or those of them that are wanted.
fn of_topic<'a>(topic: &'a Topic, wanted: Option<&'a HashSet<i32>>) -> impl Iterator<Item = Partition> + 'a {
    let all = topic.partitions().map(|(partition, _)| partition);
    all.filter(move |partition| wanted.is_none_or(|wanted| wanted.contains(&partition.index)))
}

async fn describe(
    broker: &Broker,
    image: &Image,
    topic: &Topic,
    wanted: Option<&HashSet<i32>>,
) -> DescribeLogDirsTopic {
    let sizes = of_topic(topic, wanted).map(|partition| async move {
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
