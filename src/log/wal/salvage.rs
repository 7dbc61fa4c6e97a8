//! Opening the log of a damaged shard, once somebody has accepted what is lost: every object that can be read counts, and
//! what is missing is passed over.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use slatedb::wal::{WalError, WalIterator, WalRows, WriterInit, WriterInitResult, WriterManifest};

use super::Writer;
use super::init::Init;
use super::takeover::{Failure, Hands};
use crate::log::stored::limits::Limits;
use crate::log::stored::segment::Kind;
use crate::log::wal::fence::{Action, Event, Identity, Tail};
use crate::log::wal::replay::Read;
use crate::store::database::DatabaseClock;
use crate::types::WriterEpoch;

/// Ids that are free below the newest object: more than any owner has in flight, and what repairs that ended early left.
const MOST_OPEN: usize = 1_024;
const CREATES_AT_ONCE: usize = 16;

/// The log as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The objects to replay, in order.
    pub replayed: Vec<u64>,
    pub replay_after: u64,
    /// All that are there, from the replay point on.
    pub taken: BTreeSet<u64>,
    /// The newest object, or the replay point.
    pub newest: u64,
    /// The number of objects that an older owner may have in flight.
    pub window: u16,
    /// An index must have a higher epoch than any that was ever given out.
    pub above_epoch: WriterEpoch,
}

impl Found {
    /// The ids at which an older owner could still make durable what it acknowledges: those that are free, and one behind the
    /// newest. It acknowledges in order, so that any of them stops it.
    fn open_ids(&self) -> BTreeSet<u64> {
        let free = (self.replay_after + 1..=self.newest).rev().filter(|id| !self.taken.contains(id));
        free.take(MOST_OPEN).chain([self.newest + 1]).collect()
    }

    /// The id of an object that says that the one before it is missing. No older owner comes as far as that one.
    fn mark(&self) -> u64 {
        self.newest + u64::from(Limits::MOST_WINDOW) + 2
    }
}

/// Opens the log above all that is there.
pub struct Salvage {
    pub init: Init,
    pub found: Found,
}

/// An epoch that somebody had before. The database counts it up with every try.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("epoch {0} was given out before")]
struct UsedEpoch(WriterEpoch);

#[async_trait]
impl WriterInit for Salvage {
    async fn fence_and_init(&self, manifest: &mut WriterManifest) -> Result<WriterInitResult, WalError> {
        let started = self.init.runtime.clock.instant();
        let own = Identity { epoch: WriterEpoch(manifest.epoch()), nonce: self.init.runtime.rng.u128() };
        if own.epoch <= self.found.above_epoch {
            return Err(WalError::InternalError(Arc::new(UsedEpoch(own.epoch))));
        }
        let tail = self.fence(own).await?;
        manifest.refresh().await?;
        let wal = super::Wal(Arc::new(self.init.shared(own, &tail, manifest.replay_after_wal_id(), started)));
        let _ = self.init.opened.set(wal.clone());
        let reader = self.init.reader(own.epoch);
        let objects = stream::iter(self.found.replayed.clone()).map(move |id| reader.clone().read(id));
        let replay = Objects {
            objects: objects.buffered(super::init::REPLAY_READS).boxed(),
            clock: Arc::clone(&self.init.clock),
        };
        Ok(WriterInitResult { replay_iterator: Box::new(replay), wal_writer: Box::new(Writer(wal.0)) })
    }
}

impl Salvage {
    /// Makes the log say that something is missing, until the index needs nothing of it any more: whoever opens it before the
    /// repair is done finds it damaged still. The id before the mark stays free. An owner that has been idle is stopped
    /// before it can acknowledge what the repair does not know of.
    pub async fn mark(init: &Init, found: &Found) -> Result<(), WalError> {
        let own = Identity { epoch: found.above_epoch, nonce: init.runtime.rng.u128() };
        create(init, own, found.mark(), Kind::Fence, found.window).await?;
        let closing = stream::iter(found.open_ids()).map(|id| async move {
            let kind = if id > found.newest { Kind::Fence } else { Kind::WindowFence };
            create(init, own, id, kind, found.window).await
        });
        closing.buffered(CREATES_AT_ONCE).try_collect().await
    }

    /// Takes the ids that an older owner could still write to, behind the mark. Whatever came since the log was looked at is
    /// that of somebody who is at work.
    async fn fence(&self, own: Identity) -> Result<Tail, WalError> {
        let found = &self.found;
        let width = u64::from(found.window.max(self.init.width));
        let fence = found.mark() + 1;
        create(&self.init, own, fence, Kind::Fence, found.window).await?;
        for id in fence + 1..=fence + width {
            create(&self.init, own, id, Kind::WindowFence, found.window).await?;
        }
        let ids = self.init.store.ids(found.replay_after).await;
        let ids = ids.map_err(|error| WalError::Unavailable(Arc::new(error)))?;
        let closed = found.open_ids();
        let is_known = |id: &u64| *id >= found.mark() || found.taken.contains(id) || closed.contains(id);
        match ids.iter().all(is_known) {
            true => Ok(Tail { fence, first_segment: fence + width + 1, start_epoch: WriterEpoch::NONE }),
            false => Err(WalError::Fenced),
        }
    }
}

/// Creates an object that nobody else has made.
async fn create(init: &Init, own: Identity, id: u64, kind: Kind, window: u16) -> Result<(), WalError> {
    let hands = Hands {
        store: init.store.clone(),
        own,
        deadline: init.deadline,
        runtime: init.runtime.clone(),
        thorough: false,
    };
    match hands.act(Action::Create { id, kind, window: window.max(init.width) }).await {
        Ok(Event::Created(_)) => Ok(()),
        Ok(_) | Err(Failure::Fenced) => Err(WalError::Fenced),
        Err(Failure::Store(error)) => Err(WalError::Unavailable(Arc::new(error))),
        Err(Failure::Manifest(error)) => Err(error),
        Err(Failure::Damaged(damage)) => Err(WalError::DataError(Arc::new(damage))),
    }
}

/// The rows of all objects. The replay point stays before the mark until there is something behind it.
struct Objects {
    objects: BoxStream<'static, Read>,
    clock: Arc<DatabaseClock>,
}

#[async_trait]
impl WalIterator for Objects {
    async fn next(&mut self) -> Result<Option<WalRows>, WalError> {
        let Some(read) = self.objects.next().await else { return Ok(None) };
        let (id, _, rows) = read?;
        if let Some(latest) = rows.iter().filter_map(|row| row.create_ts).max() {
            self.clock.raise(latest);
        }
        Ok(Some(WalRows { rows, last_consumed_wal_file_id: id }))
    }
}
