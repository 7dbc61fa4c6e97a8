//! Opening the log: the takeover's decisions carried out on the store.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore as _, PutMode, PutOptions, PutPayload};
use parking_lot::Mutex;
use slatedb::wal::{WalError, WriterInit, WriterInitResult, WriterManifest};

use super::upload::{Backoff, is_taken};
use super::window::Window;
use super::{LogStore, Shared, State, Wal, Writer};
use crate::log::fence::{Action, Event, Identity, Step, Tail, Takeover};
use crate::log::metrics::ShardMetrics;
use crate::log::paths::ShardPaths;
use crate::log::replay::{Filter, Read, Replay};
use crate::log::segment::read::{self, ReadError};
use crate::log::segment::{Kind, Payload, Segment};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::store::database::DatabaseClock;

/// Segments that replay reads at once: a store that takes long to answer is asked for most of them together. Of each
/// it keeps the rows alone, and usually 64 KiB at most.
const REPLAY_READS: usize = 128;

/// For one request, at first; it doubles each time, since many may be out at once on a slow link.
const FIRST_LIMIT: Duration = Duration::from_secs(2);

/// Opens the log of one shard for one incarnation.
pub struct Init {
    pub store: LogStore,
    /// Objects in flight of this owner.
    pub width: u16,
    /// As a last resort, the index is flushed after so many segments.
    pub flush_after: u64,
    /// When to give up.
    pub deadline: Instant,
    pub runtime: Runtime,
    pub metrics: Arc<ShardMetrics>,
    pub clock: Arc<DatabaseClock>,
    /// Where the commit task finds the log once it is open.
    pub opened: Arc<OnceLock<Wal>>,
}

#[async_trait]
impl WriterInit for Init {
    async fn fence_and_init(&self, manifest: &mut WriterManifest) -> Result<WriterInitResult, WalError> {
        let started = self.runtime.clock.instant();
        let own = Identity { epoch: manifest.epoch(), nonce: self.runtime.rng.u128() };
        let replay_after = manifest.replay_after_wal_id();
        let mut takeover = Takeover::new(own, self.width, replay_after);
        let tail = self.take_over(&mut takeover, own, manifest).await?;
        tracing::debug!(epoch = own.epoch, fence = tail.fence, replay_after, "log fenced");
        let wal = Wal(Arc::new(self.shared(own.epoch, &tail, started)));
        let _ = self.opened.set(wal.clone());
        let metrics = Arc::clone(&self.metrics);
        let objects = self.objects(takeover.replayed(&tail));
        let replay =
            Replay::new(objects, Filter::new(tail.start_epoch), Arc::clone(&self.clock), move |segments| {
                metrics.replayed_segments.set(segments as i64);
                metrics.replay_seconds.set(started.elapsed().as_secs_f64());
            });
        Ok(WriterInitResult { replay_iterator: Box::new(replay), wal_writer: Box::new(Writer(wal.0)) })
    }
}

impl Init {
    fn shared(&self, epoch: u64, tail: &Tail, confirmed: Instant) -> Shared {
        Shared {
            store: self.store.clone(),
            epoch,
            width: self.width,
            flush_after: self.flush_after,
            runtime: self.runtime.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: crate::runtime::Shutdown::new(),
            flush_index: Default::default(),
            pace: Default::default(),
            state: Mutex::new(State {
                window: Window::new(self.width, tail.fence, tail.first_segment),
                staged: None,
                waiting: Default::default(),
                waiters: Vec::new(),
                listeners: Vec::new(),
                closed: None,
                unflushed_bytes: 0,
                unflushed_rows: 0,
                confirmed,
                last_failure: None,
            }),
            notifying: Mutex::new(()),
        }
    }

    /// Does what the takeover says until it is done.
    async fn take_over(
        &self,
        takeover: &mut Takeover,
        own: Identity,
        manifest: &mut WriterManifest,
    ) -> Result<Tail, WalError> {
        let mut manifest = Some(manifest);
        let mut running: FuturesUnordered<BoxFuture<'_, Result<Event, WalError>>> = FuturesUnordered::new();
        let mut step = takeover.start();
        loop {
            match step {
                Step::Done(tail) => return Ok(tail),
                Step::Fenced => return Err(WalError::Fenced),
                Step::Broken(what) => {
                    return Err(WalError::DataError(Arc::new(super::super::segment::Malformed(what))));
                }
                Step::Do(actions) => {
                    for action in actions {
                        running.push(match action {
                            Action::Confirm => confirm(manifest.take()).boxed(),
                            other => self.act(own, other).boxed(),
                        });
                    }
                }
            }
            step = match running.next().await {
                Some(event) => takeover.on(event?),
                None => {
                    return Err(WalError::DataError(Arc::new(super::super::segment::Malformed(
                        "stuck takeover",
                    ))));
                }
            };
        }
    }

    /// Does one thing, as often as needed and allowed.
    async fn act(&self, own: Identity, action: Action) -> Result<Event, WalError> {
        let mut backoff = Backoff::new(&self.runtime);
        let mut limit = FIRST_LIMIT;
        loop {
            let error = match self.runtime.clock.timeout(limit, self.try_act(own, action)).await {
                Ok(Ok(event)) => return Ok(event),
                Ok(Err(error)) => error,
                Err(_) => silent(limit),
            };
            limit *= 2;
            if matches!(error, ReadError::Malformed(_)) || !backoff.wait(self.deadline).await {
                return Err(wal_error(error));
            }
        }
    }

    async fn try_act(&self, own: Identity, action: Action) -> Result<Event, ReadError> {
        match action {
            Action::List { from } => {
                // Without the suffix it sorts before the id's own object, which belongs to the list.
                let offset = self.store.paths.log().clone().join(format!("{from:020}"));
                let listed = self.store.objects.list_with_offset(Some(self.store.paths.log()), &offset);
                let listed: Vec<_> = listed.try_collect().await?;
                Ok(Event::Listed(
                    listed.iter().filter_map(|meta| ShardPaths::segment_id(&meta.location)).collect(),
                ))
            }
            Action::ReadHeader { id } => {
                match read::header(&*self.store.objects, &self.store.paths.segment(id)).await {
                    Ok(header) => Ok(Event::Found(id, header)),
                    Err(ReadError::Missing) => Ok(Event::Missing(id)),
                    Err(error) => Err(error),
                }
            }
            Action::Create { id, kind, window } => {
                let chunks = fence(own, kind, window)?;
                let payload = PutPayload::from_iter(chunks);
                let options = PutOptions::from(PutMode::Create);
                match self.store.objects.put_opts(&self.store.paths.segment(id), payload, options).await {
                    Ok(_) => Ok(Event::Created(id)),
                    Err(error) if is_taken(&error) => Ok(Event::Collided(id)),
                    Err(error) => Err(error.into()),
                }
            }
            Action::Confirm => Ok(Event::Superseded),
        }
    }

    /// The objects of `ids` in order, several read ahead.
    fn objects(&self, ids: std::ops::RangeInclusive<u64>) -> stream::BoxStream<'static, Read> {
        let (store, runtime, deadline) = (self.store.clone(), self.runtime.clone(), self.deadline);
        stream::iter(ids)
            .map(move |id| read_object(store.clone(), runtime.clone(), deadline, id))
            .buffered(REPLAY_READS)
            .boxed()
    }
}

/// What a request comes to that was given up: asking again is safe, since a fence is known by its nonce.
fn silent(limit: Duration) -> ReadError {
    ReadError::Store(object_store::Error::Generic {
        store: "log",
        source: format!("no answer within {limit:?}").into(),
    })
}

/// Looks whether the stored epoch is still ours.
async fn confirm(manifest: Option<&mut WriterManifest>) -> Result<Event, WalError> {
    let Some(manifest) = manifest else { return Ok(Event::Superseded) };
    match manifest.refresh().await {
        Ok(()) => Ok(Event::Confirmed),
        Err(WalError::Fenced) => Ok(Event::Superseded),
        Err(error) => Err(error),
    }
}

async fn read_object(store: LogStore, runtime: Runtime, deadline: Instant, id: u64) -> Read {
    let mut backoff = Backoff::new(&runtime);
    let mut limit = FIRST_LIMIT;
    let path = store.paths.segment(id);
    loop {
        let error = match runtime.clock.timeout(limit, read::index(&*store.objects, &path)).await {
            Ok(Ok((header, rows))) => return Ok((id, header, rows)),
            Ok(Err(ReadError::Missing)) => return Err(WalError::WalTruncated(id)),
            Ok(Err(error)) => error,
            Err(_) => silent(limit),
        };
        limit *= 2;
        if matches!(error, ReadError::Malformed(_)) || !backoff.wait(deadline).await {
            return Err(wal_error(error));
        }
    }
}

fn fence(own: Identity, kind: Kind, window: u16) -> Result<Vec<bytes::Bytes>, ReadError> {
    let segment = Segment { kind, window, epoch: own.epoch, nonce: own.nonce };
    Ok(segment.encode(&[], Payload::default())?)
}

fn wal_error(error: ReadError) -> WalError {
    match error {
        ReadError::Malformed(_) => WalError::DataError(Arc::new(error)),
        _ => WalError::Unavailable(Arc::new(error)),
    }
}
