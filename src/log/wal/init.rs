//! Opening the log: the takeover's decisions carried out on the store, then replay.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use slatedb::wal::{WalError, WriterInit, WriterInitResult, WriterManifest};
use tokio::sync::mpsc;

use super::takeover::{FIRST_LIMIT, Failure, Hands, Outcome, silent};
use super::upload::Backoff;
use super::window::Window;
use super::{LogStore, Shared, State, Wal, Writer};
use crate::log::stored::damage::Damage;
use crate::log::stored::metrics::ShardMetrics;
use crate::log::stored::segment::read::{self, ReadError};
use crate::log::wal::fence::{Event, Flaw, Identity, Start, Tail, Takeover};
use crate::log::wal::replay::{Filter, Read, Replay};
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, TaskKind};
use crate::store::database::{DatabaseClock, Databases};
use crate::types::WriterEpoch;

/// Segments that replay reads at once: a store that takes long to answer is asked for most of them together. Of each
/// it keeps the rows alone, and usually 64 KiB at most.
pub(super) const REPLAY_READS: usize = 128;

/// Opens the log of one shard for one incarnation.
pub struct Init {
    pub store: LogStore,
    pub databases: Databases,
    /// Objects in flight of this owner.
    pub width: u16,
    /// As a last resort, the index is flushed after so many segments.
    pub flush_after: u64,
    /// When to give up.
    pub deadline: Instant,
    pub runtime: Runtime,
    pub metrics: Arc<ShardMetrics>,
    pub clock: Arc<DatabaseClock>,
    /// The place where the commit task finds the log once it is open.
    pub opened: Arc<OnceLock<Wal>>,
    /// The place where the caller finds what was damaged: the database's errors are text.
    pub damage: Arc<OnceLock<Damage>>,
}

#[async_trait]
impl WriterInit for Init {
    async fn fence_and_init(&self, manifest: &mut WriterManifest) -> Result<WriterInitResult, WalError> {
        let started = self.runtime.clock.instant();
        let own = Identity { epoch: WriterEpoch(manifest.epoch()), nonce: self.runtime.rng.u128() };
        let replay_after = manifest.replay_after_wal_id();
        let shard = self.store.paths.shard();
        let mut takeover = Takeover::new(Start { shard, own, window: self.width, replay_after });
        let tail = self.take_over(&mut takeover, own, manifest).await?;
        self.metrics.fence_seconds.set((self.runtime.clock.instant() - started).as_secs_f64());
        tracing::debug!(epoch = %own.epoch, fence = tail.fence, replay_after, "log fenced");
        let wal = Wal(Arc::new(self.shared(own, &tail, replay_after, started)));
        let _ = self.opened.set(wal.clone());
        let metrics = Arc::clone(&self.metrics);
        let reader = self.reader(own.epoch);
        let refuse = {
            let reader = reader.clone();
            move |flaw| reader.refuse(reader.store.damage(flaw))
        };
        let objects = self.read_ahead(takeover.replayed(&tail), reader);
        let clock = self.runtime.clock.clone();
        let done = move |segments| {
            metrics.replayed_segments.set(segments as i64);
            metrics.replay_seconds.set((clock.instant() - started).as_secs_f64());
        };
        let filter = Filter::new(tail.start_epoch, takeover.replay_witness());
        let replay = Replay::new(objects, filter, Arc::clone(&self.clock), refuse, done);
        Ok(WriterInitResult { replay_iterator: Box::new(replay), wal_writer: Box::new(Writer(wal.0)) })
    }
}

impl Init {
    pub(super) fn shared(&self, own: Identity, tail: &Tail, replay_after: u64, confirmed: Instant) -> Shared {
        Shared {
            store: self.store.clone(),
            epoch: own.epoch,
            width: self.width,
            flush_after: self.flush_after,
            runtime: self.runtime.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: crate::runtime::Shutdown::new(),
            flush_index: Default::default(),
            pace: Default::default(),
            state: Mutex::new(State {
                window: Window::new(self.width, tail.fence, own.nonce, tail.first_segment),
                staged: None,
                waiting: Default::default(),
                waiters: Vec::new(),
                listeners: Vec::new(),
                closed: None,
                unflushed_bytes: 0,
                unflushed_rows: 0,
                confirmed,
                last_failure: None,
                replay_after,
            }),
            notifying: Mutex::new(()),
        }
    }

    async fn take_over(
        &self,
        takeover: &mut Takeover,
        own: Identity,
        manifest: &mut WriterManifest,
    ) -> Result<Tail, WalError> {
        let hands = Hands {
            store: self.store.clone(),
            own,
            deadline: self.deadline,
            runtime: self.runtime.clone(),
            thorough: false,
        };
        let manifest = tokio::sync::Mutex::new(manifest);
        let confirm = || async {
            match manifest.lock().await.refresh().await {
                Ok(()) => Ok(Event::Confirmed),
                Err(WalError::Fenced) => Ok(Event::Superseded),
                Err(error) => Err(error),
            }
        };
        match hands.carry_out(takeover, confirm).await {
            Ok(Outcome::Taken(tail)) => Ok(tail),
            Ok(Outcome::Sound) => unreachable!("only an inspection ends so"),
            Err(Failure::Damaged(damage)) => Err(self.reader(own.epoch).refuse(damage)),
            Err(Failure::Fenced) => Err(WalError::Fenced),
            Err(Failure::Store(error)) => Err(WalError::Unavailable(Arc::new(error))),
            Err(Failure::Manifest(error)) => Err(error),
        }
    }

    /// Begins to read what replay will ask for: the database looks at its manifest once more before it does.
    fn read_ahead(&self, ids: RangeInclusive<u64>, reader: Reader) -> BoxStream<'static, Read> {
        let last = *ids.end();
        let mut objects =
            stream::iter(ids).map(move |id| reader.clone().read(id)).buffered(REPLAY_READS).boxed();
        let (sender, receiver) = mpsc::channel(REPLAY_READS);
        self.runtime.tasks.spawn(TaskKind::ShardSupervisor, async move {
            while let Some(read) = objects.next().await {
                if sender.send(read).await.is_err() {
                    return;
                }
            }
        });
        // A task that was stopped must not look like the end of the log.
        let next = move |(mut receiver, is_over): (mpsc::Receiver<Read>, bool)| async move {
            if is_over {
                return None;
            }
            let read = receiver.recv().await.unwrap_or(Err(WalError::Closed));
            let is_over = read.as_ref().map_or(true, |(id, _, _)| *id == last);
            Some((read, (receiver, is_over)))
        };
        stream::unfold((receiver, false), next).boxed()
    }

    pub(super) fn reader(&self, epoch: WriterEpoch) -> Reader {
        Reader {
            store: self.store.clone(),
            databases: self.databases.clone(),
            runtime: self.runtime.clone(),
            deadline: self.deadline,
            epoch,
            damage: Arc::clone(&self.damage),
        }
    }
}

/// Reads segments for replay.
#[derive(Clone)]
pub(super) struct Reader {
    store: LogStore,
    databases: Databases,
    runtime: Runtime,
    deadline: Instant,
    epoch: WriterEpoch,
    damage: Arc<OnceLock<Damage>>,
}

impl Reader {
    fn refuse(&self, damage: Damage) -> WalError {
        let error = WalError::DataError(Arc::new(damage.clone()));
        // The first that is found is as good as any.
        let _ = self.damage.set(damage);
        error
    }

    pub(super) async fn read(self, id: u64) -> Read {
        let mut backoff = Backoff::new(&self.runtime);
        let mut limit = FIRST_LIMIT;
        let path = self.store.paths.segment(id);
        loop {
            let read = read::index(&*self.store.objects, &path);
            let error = match self.runtime.clock.timeout(limit, read).await {
                Ok(Ok((header, rows))) => return Ok((id, header, rows)),
                Ok(Err(ReadError::Malformed(malformed))) => {
                    return Err(self.refuse(Damage::new(&path, format!("is damaged: {malformed}"))));
                }
                Ok(Err(ReadError::Missing)) => match self.is_superseded().await {
                    Ok(true) => return Err(WalError::Fenced),
                    Ok(false) => {
                        return Err(self.refuse(self.store.damage(Flaw::missing(id, Flaw::GONE))));
                    }
                    Err(error) => ReadError::Store(object_store::Error::Generic {
                        store: "index",
                        source: Box::new(error),
                    }),
                },
                Ok(Err(error)) => error,
                Err(_) => silent(limit),
            };
            limit *= 2;
            if !backoff.wait(self.deadline).await {
                return Err(WalError::Unavailable(Arc::new(error)));
            }
        }
    }

    /// A newer owner may have deleted what its index has.
    async fn is_superseded(&self) -> Result<bool, slatedb::Error> {
        let manifest = self.databases.stored_manifest(self.store.paths.index()).await?;
        Ok(manifest.is_none_or(|manifest| WriterEpoch(manifest.writer_epoch()) != self.epoch))
    }
}
