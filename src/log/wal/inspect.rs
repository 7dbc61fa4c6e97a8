//! Looking whether a log and its index agree, before anything is written: a log that was damaged is neither fenced nor
//! given a new epoch, however often it is tried.

use slatedb::VersionedManifest;
use slatedb::wal::WalError;

use super::LogStore;
use super::takeover::{Failure, Hands};
use crate::log::stored::damage::Damage;
use crate::log::wal::fence::{Depth, Event, Identity, Start, Takeover};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::store::database::Databases;
use crate::types::WriterEpoch;

/// An owner that is at work changes the manifest at times, and then nothing can be said.
const TRIES: usize = 3;

/// A shard at rest, as it is looked at.
pub(in crate::log) struct Inspection {
    pub store: LogStore,
    pub databases: Databases,
    pub runtime: Runtime,
    pub window: u16,
    pub deadline: Instant,
}

impl Inspection {
    /// Compares the log with `manifest`, which was stored a moment ago. What an owner who is at work changes meanwhile is
    /// no damage.
    pub async fn run(&self, manifest: Option<VersionedManifest>, depth: Depth) -> Result<(), Failure> {
        let mut manifest = manifest;
        for _ in 0..TRIES {
            let looked = match &manifest {
                None => self.without_index().await,
                Some(manifest) => self.look(manifest, depth).await,
            };
            match looked {
                Err(Failure::Fenced) => manifest = self.manifest().await.map_err(Failure::Manifest)?,
                looked => return looked,
            }
        }
        Ok(())
    }

    async fn manifest(&self) -> Result<Option<VersionedManifest>, WalError> {
        let manifest = self.databases.stored_manifest(self.store.paths.index()).await;
        manifest.map_err(|error| WalError::Unavailable(std::sync::Arc::new(error)))
    }

    /// The first manifest is older than the first object of the log.
    async fn without_index(&self) -> Result<(), Failure> {
        let ids = self.store.ids(0).await.map_err(|error| Failure::Store(error.into()))?;
        if ids.is_empty() {
            return Ok(());
        }
        if self.manifest().await.map_err(Failure::Manifest)?.is_some() {
            return Err(Failure::Fenced);
        }
        let problem = format!("has no manifest, although there are {} objects of the shard's log", ids.len());
        Err(Failure::Damaged(Damage::new(self.store.paths.index(), problem)))
    }

    async fn look(&self, manifest: &VersionedManifest, depth: Depth) -> Result<(), Failure> {
        let hands = Hands {
            store: self.store.clone(),
            // Whoever took the log over now would have this epoch.
            own: Identity {
                epoch: WriterEpoch(manifest.writer_epoch()).next(),
                nonce: self.runtime.rng.u128(),
            },
            deadline: self.deadline,
            runtime: self.runtime.clone(),
            thorough: depth == Depth::All,
        };
        let start = Start {
            shard: self.store.paths.shard(),
            own: hands.own,
            window: self.window,
            replay_after: manifest.replay_after_wal_id(),
        };
        let confirm = || async {
            let now = self.manifest().await?;
            let unchanged = now.is_some_and(|now| now.id() == manifest.id());
            Ok(if unchanged { Event::Confirmed } else { Event::Superseded })
        };
        hands.carry_out(&mut Takeover::inspection(start, depth), confirm).await.map(|_| ())
    }
}
