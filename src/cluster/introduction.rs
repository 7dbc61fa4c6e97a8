//! News of the image for open shards: their partitions and what those keep, and topics that are deleted.

use std::sync::Arc;
use std::time::Duration;

use super::shard_host::{Hosted, ShardHost};
use super::standing;
use crate::log::{PartitionSettings, Shard};
use crate::metadata::{self, Command, Image, Metadata, Topic};
use crate::runtime::{Runtime, TaskKind};
use crate::settings::{Retention, TopicSettings};
use crate::types::{LeaderEpoch, Partition, ShardId, TopicId};

/// The time until a report that was not heard is sent again.
const REPORT_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl ShardHost {
    /// Tells the open shards of the metadata that they serve under from now on.
    pub(super) fn serve_under(&self, image: &Image) {
        for (id, hosted) in self.hosted.read().iter() {
            if let Some(shard) = hosted.shard() {
                ShardHost::tell_metadata(image, shard, *id);
            }
        }
    }

    /// Tells a shard of the metadata that it serves under from now on.
    pub(super) fn tell_metadata(image: &Image, shard: &Shard, id: ShardId) {
        shard.set_level(image.level().unwrap_or_default());
        if let Some(served) = standing::served(image, id) {
            shard.serve_under(served);
        }
    }

    /// Tells the open shards of topics that are new or changed since `known`, or obey configs that are.
    pub(super) fn introduce_changed(&self, known: &Image, image: &Image) {
        let hosted = self.hosted.read();
        let own = self.metadata.broker_id();
        let same_configs = known.configs.cluster == image.configs.cluster
            && known.configs.brokers.get(&own) == image.configs.brokers.get(&own);
        if !same_configs {
            let expiration = self.broker_settings(image).producer_expiration;
            hosted
                .values()
                .filter_map(Hosted::shard)
                .for_each(|shard| shard.set_producer_expiration(expiration));
        }
        for topic in image.topics.iter() {
            let same_topic = known.topic(topic.id).is_some_and(|before| Arc::ptr_eq(before, topic));
            if same_topic && same_configs {
                continue;
            }
            for (id, hosted) in hosted.iter() {
                if let Some(shard) = hosted.shard() {
                    self.introduce(image, topic, shard, *id, hosted.epoch);
                }
            }
        }
    }

    /// Tells `shard` of the partitions of `topic` that lie on it, and what they keep.
    pub(super) fn introduce(
        &self,
        image: &Image,
        topic: &Topic,
        shard: &Shard,
        id: ShardId,
        epoch: LeaderEpoch,
    ) {
        let settings =
            image.configs.with_layers(self.metadata.broker_id(), &self.options.configs, |layers| {
                TopicSettings::effective(&topic.configs, layers)
            });
        let retention = if settings.cleanup.delete { settings.retention } else { Retention::UNLIMITED };
        for (partition, _) in topic.partitions().filter(|(_, shard)| *shard == id) {
            shard.set_partition(partition, PartitionSettings { leader_epoch: epoch, retention });
        }
        if let Some(kept) = standing::kept(topic, id) {
            shard.keep_topic(&kept);
        }
    }

    /// Removes what open shards hold of a deleted topic, and reports it until the report is committed.
    pub(super) fn remove_data(&self, id: TopicId, topic: &metadata::DeletedTopic) {
        for shard in self.open_shards().into_iter().filter(|shard| topic.shards.contains(&shard.id())) {
            let (metadata, runtime) = (self.metadata.clone(), self.runtime.clone());
            let partitions: Vec<_> =
                (0..topic.partitions as i32).map(|index| Partition { topic: id, index }).collect();
            self.runtime.tasks.spawn(TaskKind::Deletion, async move {
                if let Err(error) = shard.remove_partitions(&partitions).await {
                    tracing::info!(
                        topic = %id,
                        %error,
                        "data of a deleted topic stays until the shard opens again"
                    );
                    return;
                }
                report_removal(&metadata, &runtime, id, shard.id()).await;
            });
        }
    }
}

/// Tells the metadata, again and again while nobody hears it: a later opening of the shard would do so too.
async fn report_removal(metadata: &Metadata, runtime: &Runtime, id: TopicId, shard: ShardId) {
    while let Err(error) = metadata.propose(Command::TopicDataRemoved { id, shard }).await {
        tracing::info!(topic = %id, %error, "removal of a deleted topic not reported yet");
        tokio::select! {
            () = runtime.shutdown.requested() => return,
            () = runtime.clock.sleep(REPORT_AGAIN_AFTER) => {}
        }
    }
}
