//! Opening the log of a damaged shard, once somebody has accepted what is lost: every object that can be read counts, and
//! what is missing is passed over.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use slatedb::wal::{WalError, WalIterator, WalRows, WriterInit, WriterInitResult, WriterManifest};

use super::Writer;
use super::init::Init;
use super::takeover::{Failure, Hands};
use crate::log::fence::{Action, Event, Identity, Tail};
use crate::log::replay::Read;
use crate::log::segment::Kind;
use crate::store::database::DatabaseClock;

/// The log as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The objects to replay, in order.
    pub replayed: Vec<u64>,
    /// All that are there, from the replay point on.
    pub taken: BTreeSet<u64>,
    /// The newest object, or the replay point.
    pub newest: u64,
    /// How many objects an older owner may have in flight.
    pub window: u16,
    /// An index must have a higher epoch than any that was ever given out.
    pub above_epoch: u64,
}

/// Opens the log above all that is there.
pub struct Salvage {
    pub init: Init,
    pub found: Found,
}

/// An epoch that somebody had before. The database counts it up with every try.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("epoch {0} was given out before")]
struct UsedEpoch(u64);

#[async_trait]
impl WriterInit for Salvage {
    async fn fence_and_init(&self, manifest: &mut WriterManifest) -> Result<WriterInitResult, WalError> {
        let started = self.init.runtime.clock.instant();
        let own = Identity { epoch: manifest.epoch(), nonce: self.init.runtime.rng.u128() };
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
            fence: Some(tail.fence),
            clock: Arc::clone(&self.init.clock),
        };
        Ok(WriterInitResult { replay_iterator: Box::new(replay), wal_writer: Box::new(Writer(wal.0)) })
    }
}

impl Salvage {
    /// Takes every id that an older owner could still write to: behind the newest object, and the holes before it. Whatever is
    /// there by now is that of somebody who is at work.
    async fn fence(&self, own: Identity) -> Result<Tail, WalError> {
        let Found { newest, window, taken, .. } = &self.found;
        let width = u64::from((*window).max(self.init.width));
        let fence = newest + 1;
        let holes = newest.saturating_sub(width)..=*newest;
        let holes = holes.filter(|id| *id > 0 && !taken.contains(id));
        let ids = std::iter::once(fence).chain(fence + 1..=fence + width).chain(holes);
        let hands = Hands {
            store: self.init.store.clone(),
            own,
            deadline: self.init.deadline,
            runtime: self.init.runtime.clone(),
            thorough: false,
        };
        for id in ids {
            let kind = if id == fence { Kind::Fence } else { Kind::WindowFence };
            match hands.act(Action::Create { id, kind, window: (*window).max(self.init.width) }).await {
                Ok(Event::Created(_)) => {}
                Ok(_) | Err(Failure::Fenced) => return Err(WalError::Fenced),
                Err(Failure::Store(error)) => return Err(WalError::Unavailable(Arc::new(error))),
                Err(Failure::Manifest(error)) => return Err(error),
                Err(Failure::Damaged(damage)) => return Err(WalError::DataError(Arc::new(damage))),
            }
        }
        Ok(Tail { fence, first_segment: fence + width + 1, start_epoch: 0 })
    }
}

/// The rows of all objects, then the fence.
struct Objects {
    objects: BoxStream<'static, Read>,
    fence: Option<u64>,
    clock: Arc<DatabaseClock>,
}

#[async_trait]
impl WalIterator for Objects {
    async fn next(&mut self) -> Result<Option<WalRows>, WalError> {
        if let Some(read) = self.objects.next().await {
            let (id, _, rows) = read?;
            if let Some(latest) = rows.iter().filter_map(|row| row.create_ts).max() {
                self.clock.raise(latest);
            }
            return Ok(Some(WalRows { rows, last_consumed_wal_file_id: id }));
        }
        Ok(self.fence.take().map(|id| WalRows { rows: Vec::new(), last_consumed_wal_file_id: id }))
    }
}
