//! The metadata's word on a shard for the log, and the log's word on the metadata.

use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::log::keys::{KeptTopic, Served};
use crate::log::{ConfirmOwner, Damage, Standing};
use crate::metadata::{Image, Metadata, Moment, Shard, Topic};
use crate::types::{LeaderEpoch, ShardId};

/// Asks the metadata of a shard that this broker owns with `epoch`. `folder` is where the metadata lies in the store.
///
/// A shard that contradicted the metadata is not opened once more to hear the same: what it said is kept.
pub fn ask(metadata: Metadata, epoch: LeaderEpoch, folder: &str) -> ConfirmOwner {
    let folder: Arc<str> = folder.into();
    let said: Arc<Mutex<Option<Served>>> = Arc::default();
    Arc::new(move |id: ShardId| {
        let (metadata, folder, said) = (metadata.clone(), Arc::clone(&folder), Arc::clone(&said));
        let asked: BoxFuture<'static, Result<Standing, String>> = Box::pin(async move {
            let image = metadata.sync().await.map_err(|error| error.to_string())?;
            let owned = Shard { owner: Some(metadata.owner()), epoch };
            let is_owner = image.shard(id) == Some(owned);
            let opened_epoch = image.history.opened_epoch(id);
            let before = said.lock().clone();
            let damage = before.and_then(|served| compare(&image, &served, &folder).err());
            let compare = Arc::new(move |served: &Served| {
                *said.lock() = Some(served.clone());
                compare(&image, served, &folder)
            });
            Ok(Standing { is_owner, opened_epoch, damage, compare })
        });
        asked
    })
}

fn compare(image: &Image, served: &Served, folder: &str) -> Result<(), Damage> {
    let moment =
        Moment { cluster_id: served.cluster_id.as_str().into(), index: served.index, nonce: served.nonce };
    match image.contradicts(&moment) {
        Some(problem) => Err(Damage { object: folder.to_owned(), problem }),
        None => Ok(()),
    }
}

/// The metadata as a shard keeps it.
pub fn served(image: &Image, shard: ShardId) -> Option<Served> {
    let moment = image.moment()?;
    Some(Served {
        shard,
        index: moment.index,
        nonce: moment.nonce,
        cluster_id: moment.cluster_id.to_string(),
    })
}

/// A topic as a shard keeps it; none if it has no partition there.
pub fn kept(topic: &Topic, shard: ShardId) -> Option<KeptTopic> {
    let here = topic.partitions().filter(|(_, on)| *on == shard);
    let here: Vec<u32> = here.map(|(partition, _)| partition.index.cast_unsigned()).collect();
    (!here.is_empty()).then(|| KeptTopic {
        id: topic.id,
        name: topic.name.to_string(),
        created_ms: topic.created_ms,
        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
        here,
        configs: topic.configs.clone(),
    })
}
