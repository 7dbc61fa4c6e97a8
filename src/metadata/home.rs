//! The place of a broker's Raft log, vote and snapshots in the store.
//!
//! `raft/ID`, and for a broker whose id was given up before, `raft/ID-N`, where N is the last incarnation that had the id:
//! `raft/former/ID.json` says so. What lies in the old place may be deleted at any time then.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use super::bootstrap::{patiently, read_json, unreadable};
use super::error::StartError;
use super::quorum::EntryId;
use crate::runtime::Clock;
use crate::store::Store;
use crate::types::{BrokerId, Incarnation};

/// Home of one broker.
#[derive(Clone, Debug)]
pub struct RaftHome {
    pub path: Path,
    /// The newest process that had the broker's id before the id was given up; every later one is newer.
    pub former: Incarnation,
    /// If the id was given up: up to this entry of the log, whoever votes under it is the former broker.
    pub given_up_at: Option<EntryId>,
}

/// A broker that was removed for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FormerBroker {
    /// The last of its processes.
    incarnation: Incarnation,
    /// The folder of its Raft database.
    left: String,
    /// The entry from which on it did not vote; older versions did not say of which term it is, nor of which leader.
    #[serde(default)]
    index: u64,
    #[serde(default)]
    term: u64,
    #[serde(default)]
    leader: u64,
}

impl RaftHome {
    pub async fn of(store: &Store, broker: BrokerId, clock: &Clock) -> Result<RaftHome, StartError> {
        let Some(former) = former(store, broker, clock).await? else {
            let path = store.path(&format!("raft/{broker}"));
            return Ok(RaftHome { path, former: Incarnation(0), given_up_at: None });
        };
        let incarnation = former.incarnation;
        let path = store.path(&format!("raft/{broker}-{incarnation}"));
        let FormerBroker { index, term, leader, .. } = former;
        Ok(RaftHome { path, former: incarnation, given_up_at: Some(EntryId { term, leader, index }) })
    }

    /// Gives up the id of `broker`, whose last process was `last`, and which has not voted since entry `at`: the next one
    /// begins anew.
    pub async fn give_up(
        store: &Store,
        broker: BrokerId,
        last: Incarnation,
        at: EntryId,
        clock: &Clock,
    ) -> Result<(), StartError> {
        let home = RaftHome::of(store, broker, clock).await?;
        if home.former >= last {
            return Ok(());
        }
        let path = former_path(store, broker);
        let EntryId { term, leader, index } = at;
        let left = home.path.to_string();
        let former = FormerBroker { incarnation: last, left, index, term, leader };
        let former = serde_json::to_vec(&former).map_err(|error| unreadable(&path, error))?;
        let former = Bytes::from(former);
        let objects = store.object_store();
        let write = || async { objects.put(&path, former.clone().into()).await };
        patiently("noting a former broker", clock, write).await.map(|_| ())
    }

    /// Deletes what a former broker has left.
    pub async fn clear(store: &Store, broker: BrokerId, clock: &Clock) -> Result<(), StartError> {
        let Some(former) = former(store, broker, clock).await? else { return Ok(()) };
        let objects = store.object_store();
        let left = Path::from(former.left);
        let delete = || async {
            let found = objects.list(Some(&left)).map_ok(|object| object.location).boxed();
            objects.delete_stream(found).try_for_each(|_| async { Ok(()) }).await
        };
        patiently("deleting what a former broker stored", clock, delete).await
    }
}

fn former_path(store: &Store, broker: BrokerId) -> Path {
    store.path(&format!("raft/former/{broker}.json"))
}

async fn former(store: &Store, broker: BrokerId, clock: &Clock) -> Result<Option<FormerBroker>, StartError> {
    let path = former_path(store, broker);
    read_json(store, &path, "looking for a former broker of this id", clock).await
}
