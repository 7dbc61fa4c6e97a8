//! Levels of the cluster, as the store has them.
//!
//! `levels/N` in the store says, before anything of level N is written, that there may be such: a program that knows less
//! stops before it touches anything.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::bootstrap::patiently;
use super::error::StartError;
use crate::runtime::Clock;
use crate::store::Store;

const FOLDER: &str = "levels";

/// Fails if the cluster at this place is at a level that is above the program's own.
pub(super) async fn check(store: &Store, own: u16, clock: &Clock) -> Result<(), StartError> {
    let folder = store.path(FOLDER);
    let list = || async { store.object_store().list(Some(&folder)).try_collect::<Vec<_>>().await };
    let found = patiently("reading the cluster's level", clock, list).await?;
    let levels = found.iter().filter_map(|object| object.location.filename()?.parse::<u16>().ok());
    match levels.max().filter(|level| *level > own) {
        Some(level) => Err(StartError::TooOld { level, latest: own }),
        None => Ok(()),
    }
}

/// Says in the store that the cluster may be at this level from now on.
pub(super) async fn mark(store: &Store, level: u16, clock: &Clock) -> Result<(), StartError> {
    let path = store.path(&format!("{FOLDER}/{level}"));
    let put = || async { store.object_store().put(&path, Bytes::from_static(b"{}\n").into()).await };
    patiently("writing the cluster's level", clock, put).await.map(drop)
}
