//! The object store: opening it, testing that it keeps its promises, counting its requests, faults for tests.
//! It knows nothing of Kafka, shards or Raft: only objects, and how a SlateDB database is opened on them.
//! Entry point: [`open`], which gives a [`Store`]; [`database`] for the databases on top of it.
//! Invariant: nothing else builds an `ObjectStore`, and every request of the process passes the counter.

mod build;
mod config;
mod counting;
mod creates;
pub mod database;
mod directory;
mod error;
pub mod faults;
pub mod files;
mod health;
mod private;
pub mod ranges;
mod room;
mod self_test;
#[cfg(test)]
mod tests;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

pub use config::{Azure, Backend, Config, Gcs, Local, S3};
pub use counting::{RequestKind, StoreMetrics};
pub use error::{OpenError, RefusedStore};
pub use health::{Failing, Health};
pub use room::Room;
pub use self_test::Probe;
pub use trouble::{Trouble, cause};

use crate::runtime::Runtime;
use counting::Counting;
use creates::Creates;

/// The durable tier of this broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The same without looking behind creates, for those who try them out.
    counted: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The folder of its files, if it is a directory.
    directory: Option<PathBuf>,
    probe: Probe,
    metrics: StoreMetrics,
    room: Room,
}

/// The pause before a store is tried again that may come up by itself.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Builds the client of the configured store, then tests the store: a wrong credential, or a store that does not do
/// create-if-absent, ends here within [`OPEN_TIMEOUT`](self_test::OPEN_TIMEOUT). A store that may come up by itself is tried
/// again for the configured time; `not_yet` is told why, and what is left of that time.
pub async fn open(
    config: &Config,
    runtime: &Runtime,
    mut not_yet: impl FnMut(&OpenError, Duration),
) -> Result<Store, OpenError> {
    let mut raw = build::object_store(config, runtime)?;
    if let Some(setting) = &config.faults {
        raw = faults::FaultPlan::of(setting.clone(), runtime).wrap(raw);
    }
    let mut store = Store::with_room(raw, config.prefix(), build::room(config, runtime)?, runtime);
    if let Backend::Local(local) = &config.backend {
        store.directory = Some(local.path.clone());
    }
    let deadline = runtime.clock.instant() + config.start_timeout;
    loop {
        let opened = store.clone().tested(config.backend.name(), runtime).await;
        let left = deadline.saturating_duration_since(runtime.clock.instant());
        match opened {
            Err(error) if error.trouble().may_pass() && !left.is_zero() => not_yet(&error, left),
            opened => return opened,
        }
        runtime.clock.sleep(TRY_AGAIN.min(left)).await;
    }
}

impl Store {
    /// Tests and takes a store that is already built: by [`open`], or with faults around it by a test.
    pub async fn open_on(
        raw: Arc<dyn ObjectStore>,
        prefix: Path,
        name: &str,
        runtime: &Runtime,
    ) -> Result<Store, OpenError> {
        Store::untested(raw, prefix, runtime).tested(name, runtime).await
    }

    /// A store that is taken as it is, without the self-test. For tests.
    pub fn untested(raw: Arc<dyn ObjectStore>, prefix: Path, runtime: &Runtime) -> Store {
        Store::with_room(raw, prefix, Room::unlimited(), runtime)
    }

    /// As above, with room for deletions. For tests.
    pub fn with_room(raw: Arc<dyn ObjectStore>, prefix: Path, room: Room, runtime: &Runtime) -> Store {
        let metrics = StoreMetrics::register(&runtime.metrics, room.clone());
        let counted: Arc<dyn ObjectStore> =
            Arc::new(Counting::new(raw, metrics.clone(), runtime.clock.clone()));
        let objects = Arc::new(Creates::new(Arc::clone(&counted), runtime));
        Store { objects, counted, prefix, directory: None, probe: Probe::default(), metrics, room }
    }

    async fn tested(mut self, name: &str, runtime: &Runtime) -> Result<Store, OpenError> {
        self.probe = self_test::run(&self, name, runtime).await?;
        Ok(self)
    }

    /// An empty store in memory, not tested. For tests.
    pub fn memory(runtime: &Runtime) -> Store {
        Store::untested(Arc::new(InMemory::new()), Path::default(), runtime)
    }

    /// The objects. Every request is counted. Requests are retried a few times within seconds; whoever must not fail
    /// retries on top of that. A create that says that the object exists has looked.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// An object whole; none if there is no such object.
    pub async fn get_if_there(&self, path: &Path) -> object_store::Result<Option<Bytes>> {
        match self.objects.get(path).await {
            Ok(found) => found.bytes().await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything of this cluster lies below this path.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The path `relative`, with slashes, below the prefix.
    pub fn path(&self, relative: &str) -> Path {
        self.prefix.parts().chain(Path::from(relative).parts()).collect()
    }

    /// The self-test's findings.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// The last that was heard of it.
    pub fn health(&self) -> &Health {
        self.metrics.health()
    }

    /// True if there is room for more than deletions.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The counts so far.
    pub fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }
}
