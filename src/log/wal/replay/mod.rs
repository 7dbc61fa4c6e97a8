//! Reading the log back into the index when a shard opens.
//! It knows nothing of the store: objects come as a stream, rows go out in order.
//! Entry point: [`Replay`], given to the database; [`Filter`] decides which objects count.
//! Invariant: the replay point never comes to lie on an object that does not count.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use slatedb::RowEntry;
use slatedb::wal::{WalError, WalIterator, WalRows};

use crate::log::stored::segment::{Header, Kind};
use crate::log::wal::fence::{Flaw, Witness};
use crate::store::database::DatabaseClock;
use crate::types::WriterEpoch;

/// Decides which objects of the log count. Those of an owner that was fenced before do not.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The epoch of the last fence that was passed.
    epoch: WriterEpoch,
    witness: Witness,
}

/// The meaning of an object for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Its rows are part of the log.
    Live,
    /// A fence: it has no rows, but the log goes on behind it.
    Fence,
    /// It came too late: its writer was fenced at a lower id. The replay point must not come to lie on it, for the epoch
    /// found there says which objects behind it are dead.
    Dead,
}

impl Filter {
    /// `start_epoch` is the epoch of the object at the replay point; none at the start of the log.
    pub fn new(start_epoch: WriterEpoch, witness: Witness) -> Filter {
        Filter { epoch: start_epoch, witness }
    }

    /// The meaning of the next object, in order of ids.
    pub fn judge(&mut self, id: u64, header: &Header) -> Result<Meaning, Flaw> {
        self.witness.hear(id, header)?;
        if header.epoch < self.epoch {
            return Ok(Meaning::Dead);
        }
        match header.kind {
            Kind::Fence | Kind::WindowFence => {
                self.epoch = header.epoch;
                Ok(Meaning::Fence)
            }
            Kind::Data if header.epoch == self.epoch => Ok(Meaning::Live),
            Kind::Data => Err(Flaw::no_fence(id)),
        }
    }
}

/// An object as read for replay.
pub type Read = Result<(u64, Header, Vec<RowEntry>), WalError>;

/// Gives the rows of the log's live objects, in order.
pub struct Replay {
    objects: BoxStream<'static, Read>,
    filter: Filter,
    clock: Arc<DatabaseClock>,
    pub(in crate::log) segments: u64,
    refuse: Box<dyn Fn(Flaw) -> WalError + Send + Sync>,
    done: Box<dyn FnOnce(u64) + Send + Sync>,
}

impl Replay {
    /// `objects` are all from the replay point on, in order of ids. `refuse` is told what is wrong with them, and `done`
    /// the number of live segments.
    pub fn new(
        objects: BoxStream<'static, Read>,
        filter: Filter,
        clock: Arc<DatabaseClock>,
        refuse: impl Fn(Flaw) -> WalError + Send + Sync + 'static,
        done: impl FnOnce(u64) + Send + Sync + 'static,
    ) -> Replay {
        let (refuse, done) = (Box::new(refuse), Box::new(done));
        Replay { objects, filter, clock, segments: 0, refuse, done }
    }
}

#[async_trait]
impl WalIterator for Replay {
    async fn next(&mut self) -> Result<Option<WalRows>, WalError> {
        loop {
            let Some(read) = self.objects.next().await else {
                let done = std::mem::replace(&mut self.done, Box::new(|_| ()));
                done(self.segments);
                return Ok(None);
            };
            let (id, header, rows) = read?;
            match self.filter.judge(id, &header).map_err(|flaw| (self.refuse)(flaw))? {
                Meaning::Dead => continue,
                Meaning::Fence => {
                    return Ok(Some(WalRows { rows: Vec::new(), last_consumed_wal_file_id: id }));
                }
                Meaning::Live => {
                    self.segments += 1;
                    // The database ends itself if its clock is behind a time that it replayed.
                    if let Some(latest) = rows.iter().filter_map(|row| row.create_ts).max() {
                        self.clock.raise(latest);
                    }
                    return Ok(Some(WalRows { rows, last_consumed_wal_file_id: id }));
                }
            }
        }
    }
}
