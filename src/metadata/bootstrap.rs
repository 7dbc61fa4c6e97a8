//! The birth of a cluster: one object, created once, that says what every broker begins with.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::StartError;
use super::image::SLOTS;
use super::quorum::EntryId;
use super::settings::{DEFAULT_CLUSTER_ID, MetadataSettings, Voter};
use crate::runtime::Clock;
use crate::store::Store;
use crate::types::BrokerId;

const FORMAT: u32 = 1;
/// The description's name.
pub(super) const CLUSTER_FILE: &str = "cluster.json";
const READING: &str = "reading the cluster's description";

/// Requests to the store, beyond its client's own retries, and the time between two.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

/// `cluster.json`: written by whichever broker is first, and obeyed by all. Were each broker to go by its own
/// settings, different ones would make two clusters of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFile {
    pub format: u32,
    pub cluster_id: String,
    pub voters: Vec<Voter>,
    pub shards: u32,
    pub slots: u16,
    /// The number of brokers that formed the cluster, those whose ids were given up since included.
    #[serde(skip)]
    pub founders: usize,
    /// If this broker's id was another one's before: the entry from which on that did not vote.
    #[serde(skip)]
    pub given_up_at: Option<EntryId>,
}

impl ClusterFile {
    fn of(settings: &MetadataSettings) -> ClusterFile {
        let voters = if settings.voters.is_empty() {
            vec![Voter { id: settings.broker_id, address: String::new() }]
        } else {
            settings.voters.clone()
        };
        ClusterFile {
            format: FORMAT,
            cluster_id: settings.cluster_id.clone().unwrap_or_else(|| DEFAULT_CLUSTER_ID.to_owned()),
            voters,
            shards: settings.shards,
            slots: SLOTS,
            founders: 0,
            given_up_at: None,
        }
    }

    /// Whoever founded the cluster under an id that was given up since was another broker.
    pub(super) fn take_out_former(&mut self, broker: BrokerId, given_up_at: Option<EntryId>) {
        self.given_up_at = given_up_at;
        self.voters.retain(|voter| voter.id != broker || given_up_at.is_none());
    }

    fn check(&self, settings: &MetadataSettings) -> Result<(), StartError> {
        if let Some(configured) = settings.cluster_id.as_ref().filter(|id| **id != self.cluster_id) {
            return Err(StartError::OtherCluster {
                configured: configured.clone(),
                stored: self.cluster_id.clone(),
            });
        }
        self.check_peers(settings)
    }

    /// A broker that did not found the cluster has to know somebody to ask.
    fn check_peers(&self, settings: &MetadataSettings) -> Result<(), StartError> {
        let me = settings.broker_id;
        let founders: BTreeSet<BrokerId> = self.voters.iter().map(|voter| voter.id).collect();
        match founders.contains(&me) || settings.voters.iter().any(|voter| voter.id != me) {
            true => Ok(()),
            false => Err(StartError::NotAMember { broker: me, voters: list(&founders) }),
        }
    }
}

pub(super) fn list(ids: &BTreeSet<BrokerId>) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The id of the cluster whose description is stored, if there is one.
pub async fn stored_cluster_id(store: &Store, clock: &Clock) -> Result<Option<String>, StartError> {
    let path = store.path(CLUSTER_FILE);
    let stored: Option<ClusterFile> = read_json(store, &path, READING, clock).await?;
    Ok(stored.map(|file| file.cluster_id))
}

/// The value that is stored as JSON at `path`, if any is.
pub(super) async fn read_json<T: DeserializeOwned>(
    store: &Store,
    path: &Path,
    doing: &'static str,
    clock: &Clock,
) -> Result<Option<T>, StartError> {
    let stored = patiently(doing, clock, || store.get_if_there(path)).await?;
    let read = stored.map(|stored| serde_json::from_slice(&stored)).transpose();
    read.map_err(|error| unreadable(path, error))
}

pub(super) fn unreadable(path: &Path, reason: impl ToString) -> StartError {
    StartError::ClusterFile { path: path.to_string(), reason: reason.to_string() }
}

/// Creates the cluster's description if there is none, and gives the one that is stored.
pub(super) async fn form_or_join(
    objects: &dyn ObjectStore,
    path: &Path,
    settings: &MetadataSettings,
    clock: &Clock,
) -> Result<ClusterFile, StartError> {
    let proposed = serde_json::to_vec_pretty(&ClusterFile::of(settings));
    let proposed = Bytes::from(proposed.map_err(|error| unreadable(path, error))?);
    let stored = patiently(READING, clock, || create_and_read(objects, path, &proposed)).await?;
    let mut file: ClusterFile = serde_json::from_slice(&stored).map_err(|error| unreadable(path, error))?;
    if file.format != FORMAT {
        return Err(unreadable(path, format!("format {} is not known to this version", file.format)));
    }
    file.check(settings)?;
    file.founders = file.voters.len();
    Ok(file)
}

/// True if anything lies below `folder`.
pub(super) async fn has_objects(
    objects: &dyn ObjectStore,
    folder: &Path,
    clock: &Clock,
) -> Result<bool, StartError> {
    let first = || async { objects.list(Some(folder)).try_next().await };
    Ok(patiently("looking for shards", clock, first).await?.is_some())
}

/// Asks the store again while it fails, a few times.
pub(super) async fn patiently<T, F>(
    doing: &'static str,
    clock: &Clock,
    mut ask: impl FnMut() -> F,
) -> Result<T, StartError>
where
    F: Future<Output = object_store::Result<T>>,
{
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if attempt < ATTEMPTS => {
                tracing::warn!(%error, doing, "the store failed; trying again");
                attempt += 1;
                clock.sleep(BETWEEN_ATTEMPTS).await;
            }
            answer => return answer.map_err(|source| StartError::Store { doing, source }),
        }
    }
}

/// Whatever came of the creation, what is stored decides: it may have come second, or its answer may be lost.
async fn create_and_read(
    objects: &dyn ObjectStore,
    path: &Path,
    proposed: &Bytes,
) -> object_store::Result<Bytes> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let created = objects.put_opts(path, proposed.clone().into(), options).await;
    match (objects.get(path).await, created) {
        (Ok(found), _) => found.bytes().await,
        (Err(object_store::Error::NotFound { .. }), Err(error)) | (Err(error), _) => Err(error),
    }
}
