//! Views of the metadata that coordinators get.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;

use crate::cluster::{GroupTopics, ShardHost};
use crate::config::Config;
use crate::coordinator::TopicSource;
use crate::coordinator::group::{MetadataSource, TopicNames, consumer};
use crate::metadata::{Image, Metadata};
use crate::settings::GroupSettings;
use crate::types::TopicId;

pub(super) fn metadata_source(
    config: &Config,
    configs: &BTreeMap<String, String>,
    shards: &Arc<ShardHost>,
) -> MetadataSource {
    let (id, fixed) = (config.identity.broker_id, configs.clone());
    let (topics, configs) = (Arc::clone(shards), Arc::clone(shards));
    MetadataSource {
        topics: Box::new(move || Arc::new(GroupTopics::of(topics.image()))),
        group_settings: Box::new(move |group, of_all| {
            let configs = &configs.image().configs;
            let Some(own) = configs.groups.get(group) else { return of_all };
            let own =
                configs.with_layers(id, &fixed, |layers| GroupSettings::effective(own.as_ref(), layers));
            consumer::Settings {
                session_timeout_ms: own.session_timeout_ms,
                heartbeat_interval_ms: own.heartbeat_interval_ms,
                assignment_interval_ms: own.assignment_interval_ms,
                ..of_all
            }
        }),
    }
}

pub(super) fn topic_source(metadata: &Metadata, shards: &Arc<ShardHost>) -> TopicSource {
    let name = |image: &Image, id: TopicId| image.topic(id).map(|topic| Arc::clone(&topic.name));
    let (metadata, here) = (metadata.clone(), Arc::clone(shards));
    let newer = move |version: u64| {
        let here = Arc::clone(&here);
        let newer = async move {
            here.caught_up(version + 1).await;
            let image = here.image();
            let index = image.index;
            let names: Arc<TopicNames> = Arc::new(move |id| name(&image, id));
            (index, names)
        };
        newer.boxed()
    };
    let here = Arc::clone(shards);
    let all = move || {
        let (metadata, here) = (metadata.clone(), Arc::clone(&here));
        let synced = async move {
            let image = metadata.sync().await.ok()?;
            // Topics that are newer than that are in the image of this broker before anything is said of them here.
            let names: Arc<TopicNames> =
                Arc::new(move |id| name(&image, id).or_else(|| name(&here.image(), id)));
            Some(names)
        };
        synced.boxed()
    };
    TopicSource { newer: Box::new(newer), all: Box::new(all) }
}
