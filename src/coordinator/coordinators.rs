//! The coordinators of all shards that this broker serves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::group::machines::Group;
use super::group::operations::{List, Listed, Watched};
use super::group::settings::Settings;
use super::group::world::{MetadataSource, World};
use super::runtime::{self, Gone, LoadError};
use crate::log::Shard;
use crate::runtime::{Runtime, TaskKind};
use crate::types::{Partition, ShardId, WriterEpoch};

/// The time after which groups that could not be loaded are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The groups of one shard.
pub type Coordinator = runtime::Coordinator<Group>;

impl Coordinator {
    /// All groups.
    pub async fn list(self: &Arc<Self>) -> Result<Vec<Listed>, Gone> {
        let mut all = Vec::new();
        for id in self.map(|id, _| Arc::clone(id)) {
            all.extend(self.ask(&id, List).await?);
        }
        Ok(all)
    }

    /// All groups as of now, durable or not. `end_of` says where a partition ends: `None` if it is not here, and
    /// `Some(None)` if nobody has looked yet.
    pub fn watch(&self, end_of: impl Fn(Partition) -> Option<Option<i64>>) -> Vec<Watched> {
        self.map(|id, group| Watched::of(id, group, &end_of)).into_iter().flatten().collect()
    }
}

/// Finds, or loads, the coordinator of a shard.
pub struct Coordinators {
    settings: Settings,
    metadata: Arc<MetadataSource>,
    pub(super) runtime: Runtime,
    loaded: Mutex<HashMap<ShardId, Arc<Coordinator>>>,
    /// Held while the coordinator of a shard is loaded: whoever comes meanwhile waits.
    loading: Mutex<HashMap<ShardId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Coordinators {
    pub fn new(settings: Settings, metadata: MetadataSource, runtime: Runtime) -> Coordinators {
        let metadata = Arc::new(metadata);
        Coordinators { settings, metadata, runtime, loaded: Mutex::default(), loading: Mutex::default() }
    }

    /// Follows the shards that are hosted here, until shutdown.
    pub async fn run(self: Arc<Self>, mut hosted: mpsc::UnboundedReceiver<Shard>) {
        loop {
            let shard = tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                shard = hosted.recv() => shard,
            };
            let Some(shard) = shard else { return };
            let (this, shutdown) = (Arc::clone(&self), self.runtime.shutdown.clone());
            self.runtime.tasks.spawn(TaskKind::Coordinator, async move {
                tokio::select! {
                    () = shutdown.requested() => {}
                    () = this.follow(shard) => {}
                }
            });
        }
    }

    /// Loads the groups of a shard whenever it opens here, so that members and offsets expire though nobody asks for them.
    /// Returns once the shard is closed for good.
    async fn follow(&self, shard: Shard) {
        let mut epoch = WriterEpoch::NONE;
        while let Some(open) = shard.opened_after(epoch).await {
            epoch = open.epoch();
            while !open.has_ended() && self.of(&shard).await.is_err() {
                tokio::select! {
                    () = open.ended() => {}
                    () = self.runtime.clock.sleep(RETRY_AFTER) => {}
                }
            }
            open.ended().await;
            self.loaded.lock().retain(|_, coordinator| coordinator.is_current());
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The coordinator of a shard that is open here, if it is loaded: for requests that must not wait before they have
    /// their place.
    pub fn now(&self, shard: &Shard) -> Option<Arc<Coordinator>> {
        let loaded = self.loaded.lock();
        loaded.get(&shard.id()).filter(|coordinator| coordinator.is_current()).cloned()
    }

    /// All that are loaded.
    pub fn loaded(&self) -> Vec<Arc<Coordinator>> {
        self.loaded.lock().values().filter(|coordinator| coordinator.is_current()).cloned().collect()
    }

    /// The coordinator of a shard that is open here.
    pub async fn of(&self, shard: &Shard) -> Result<Arc<Coordinator>, Gone> {
        if let Some(coordinator) = self.now(shard) {
            return Ok(coordinator);
        }
        let loading = Arc::clone(self.loading.lock().entry(shard.id()).or_default());
        let _loading = loading.lock().await;
        if let Some(coordinator) = self.now(shard) {
            return Ok(coordinator);
        }
        let open = shard.opened().map_err(|_| Gone)?;
        let (settings, metadata) = (self.settings, Arc::clone(&self.metadata));
        let world_of = move |id: &Arc<str>, now_ms| World {
            settings,
            metadata: Arc::clone(&metadata),
            id: Arc::clone(id),
            now_ms,
        };
        let load = Coordinator::load(shard.clone(), open, Arc::new(world_of), &self.runtime).await;
        let coordinator = load.map_err(|error| {
            match error {
                LoadError::Read(error) => {
                    tracing::info!(shard = %shard.id(), %error, "groups not loaded yet")
                }
                error => tracing::error!(shard = %shard.id(), %error, "groups cannot be loaded"),
            }
            Gone
        })?;
        // Under the lock, so that what has ended is not kept behind the end.
        let mut loaded = self.loaded.lock();
        if !coordinator.is_current() {
            return Err(Gone);
        }
        loaded.insert(shard.id(), Arc::clone(&coordinator));
        Ok(coordinator)
    }
}
