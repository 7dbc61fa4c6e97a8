//! The coordinators of all shards that this broker serves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::error::{Gone, LoadError};
use super::group::classic::Limits;
use super::shard::Coordinator;
use super::{MetadataSource, Settings};
use crate::log::Shard;
use crate::runtime::Runtime;
use crate::types::ShardId;

/// How often to look for shards that have opened.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Finds, or loads, the coordinator of a shard.
pub struct Coordinators {
    settings: Settings,
    metadata: Arc<MetadataSource>,
    pub(super) runtime: Runtime,
    of: Mutex<HashMap<ShardId, Arc<Slot>>>,
    /// Those that are loaded, found without waiting.
    loaded: Mutex<HashMap<ShardId, Arc<Coordinator>>>,
}

/// One shard's coordinator of now. Whoever comes while it is loaded waits.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Option<Arc<Coordinator>>>);

impl Coordinators {
    pub fn new(settings: Settings, metadata: MetadataSource, runtime: Runtime) -> Coordinators {
        let metadata = Arc::new(metadata);
        Coordinators { settings, metadata, runtime, of: Mutex::default(), loaded: Mutex::default() }
    }

    /// Loads the groups of every shard that opens here, so that members and offsets expire though nobody asks for them.
    pub async fn run(self: Arc<Self>, open_shards: impl Fn() -> Vec<Shard>) {
        loop {
            let open = open_shards();
            let is_open = |id: &ShardId| open.iter().any(|shard| shard.id() == *id);
            self.of.lock().retain(|id, _| is_open(id));
            self.loaded.lock().retain(|id, _| is_open(id));
            for shard in &open {
                // If it cannot be now, the next look finds it so.
                let _ = self.of(shard).await;
            }
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = self.runtime.clock.sleep(LOOK_EVERY) => {}
            }
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.settings.classic
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
        let slot = Arc::clone(self.of.lock().entry(shard.id()).or_default());
        let mut current = slot.0.lock().await;
        if let Some(coordinator) = current.as_ref().filter(|coordinator| coordinator.is_current()) {
            return Ok(Arc::clone(coordinator));
        }
        *current = None;
        let epoch = shard.status().epoch.ok_or(Gone)?;
        let loading =
            Coordinator::load(shard.clone(), epoch, self.settings, Arc::clone(&self.metadata), &self.runtime)
                .await;
        let coordinator = loading.map_err(|error| {
            match error {
                LoadError::Read(error) => {
                    tracing::info!(shard = %shard.id(), %error, "groups not loaded yet")
                }
                error => tracing::error!(shard = %shard.id(), %error, "groups cannot be loaded"),
            }
            Gone
        })?;
        *current = Some(Arc::clone(&coordinator));
        self.loaded.lock().insert(shard.id(), Arc::clone(&coordinator));
        Ok(coordinator)
    }
}

/// An answer, or the end of who would have given it.
pub(super) async fn answer<T>(receiver: oneshot::Receiver<T>) -> Result<T, Gone> {
    receiver.await.map_err(|_| Gone)
}
