//! The object store: opening it, testing that it keeps its promises, counting its requests, faults for tests.
//! It knows nothing of Kafka, shards or Raft: only objects, and how a SlateDB database is opened on them.
//! Entry point: [`open`], which gives a [`Store`]; [`database`] for the databases on top of it.
//! Invariant: nothing else builds an `ObjectStore`, and every request of the process passes the counter.

mod build;
mod config;
mod counting;
pub mod database;
mod error;
pub mod faults;
pub mod files;
mod self_test;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

pub use config::{Azure, Backend, Config, Gcs, Local, S3, Secret};
pub use counting::{RequestKind, StoreMetrics};
pub use error::{OpenError, RefusedStore};
pub use self_test::Probe;

use crate::runtime::Runtime;
use counting::Counting;

/// The durable tier of this broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    probe: Probe,
    metrics: StoreMetrics,
}

/// Builds the client of the configured store, then tests the store: a wrong credential, or a store that does not do
/// create-if-absent, ends here within [`OPEN_TIMEOUT`](self_test::OPEN_TIMEOUT).
pub async fn open(config: &Config, runtime: &Runtime) -> Result<Store, OpenError> {
    let mut raw = build::object_store(config)?;
    if let Some(setting) = &config.faults {
        raw = faults::FaultPlan::of(setting.clone(), runtime).wrap(raw);
    }
    Store::open_on(raw, config.prefix(), config.backend.name(), runtime).await
}

impl Store {
    /// Tests and takes a store that is already built: by [`open`], or with faults around it by a test.
    pub async fn open_on(
        raw: Arc<dyn ObjectStore>,
        prefix: Path,
        name: &str,
        runtime: &Runtime,
    ) -> Result<Store, OpenError> {
        let mut store = Store::untested(raw, prefix, runtime);
        store.probe = self_test::run(&store, name, runtime).await?;
        Ok(store)
    }

    /// A store that is taken as it is, without the self-test. For tests.
    pub fn untested(raw: Arc<dyn ObjectStore>, prefix: Path, runtime: &Runtime) -> Store {
        let metrics = StoreMetrics::register(&runtime.metrics);
        let objects = Arc::new(Counting::new(raw, metrics.clone(), runtime.clock.clone()));
        Store { objects, prefix, probe: Probe::default(), metrics }
    }

    /// An empty store in memory, not tested. For tests.
    pub fn memory(runtime: &Runtime) -> Store {
        Store::untested(Arc::new(InMemory::new()), Path::default(), runtime)
    }

    /// The objects. Every request is counted. Requests are retried a few times within seconds; whoever must not fail
    /// retries on top of that.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Everything of this cluster lies below this path.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The path `relative`, with slashes, below the prefix.
    pub fn path(&self, relative: &str) -> Path {
        self.prefix.parts().chain(Path::from(relative).parts()).collect()
    }

    /// What the self-test learned.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// What was counted so far.
    pub fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }
}
