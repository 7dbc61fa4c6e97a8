//! Putting one segment into the store, for as long as it takes.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, select_all};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, PutMode, PutOptions, PutPayload};
use slatedb::wal::WalError;

use super::Shared;
use crate::log::fence::{Collision, Identity, judge};
use crate::log::segment::read::{self, ReadError};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MOST_BACKOFF: Duration = Duration::from_secs(2);
/// PUTs of one segment at a time.
const MOST_ATTEMPTS: usize = 2;
const LEAST_PATIENCE: Duration = Duration::from_secs(2);
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// A segment on its way.
pub(super) struct Upload {
    pub id: u64,
    pub nonce: u128,
    pub chunks: Vec<Bytes>,
    /// What it counts for in the status: its rows.
    pub row_bytes: usize,
    pub rows: usize,
}

/// How an upload ended.
enum End {
    Landed,
    Superseded,
    /// An older object at an id that no older owner could write to any more: the rules were broken, and going on could
    /// only make it worse.
    Occupied,
}

impl Shared {
    /// Uploads until it has landed, or a newer owner is met, or the log is closed.
    pub(super) async fn upload(self: Arc<Self>, upload: Upload) {
        let started = self.runtime.clock.instant();
        let stop = self.stop.clone();
        let end = tokio::select! {
            biased;
            end = self.upload_until(&upload) => end,
            () = stop.requested() => return,
        };
        match end {
            End::Landed => {
                self.metrics.segment_put_seconds.observe(started.elapsed().as_secs_f64());
                self.landed(upload.id, started, upload.row_bytes, upload.rows);
            }
            End::Superseded => {
                tracing::info!(segment = upload.id, epoch = self.epoch, "fenced by a newer owner");
                self.fail(WalError::Fenced);
            }
            End::Occupied => {
                tracing::error!(
                    segment = upload.id,
                    epoch = self.epoch,
                    "an older owner's object in the way"
                );
                self.fail(WalError::Fenced);
            }
        }
    }

    async fn upload_until(&self, upload: &Upload) -> End {
        let path = self.store.paths.segment(upload.id);
        let payload = PutPayload::from_iter(upload.chunks.iter().cloned());
        let own = Identity { epoch: self.epoch, nonce: upload.nonce };
        let mut backoff = Backoff::new(&self.runtime);
        let mut attempts = Attempts::default();
        let mut overdue = 0;
        let mut wait = Duration::ZERO;
        loop {
            let Ok(done) = self.runtime.clock.timeout(wait, attempts.next()).await else {
                if attempts.make_room() {
                    overdue += 1;
                    self.metrics.segment_put_retries.inc();
                    tracing::warn!(segment = upload.id, waited = ?wait, "a PUT hangs and is given up");
                }
                attempts.start(self.attempt(&path, payload.clone(), own));
                wait = self.pace.patience(overdue);
                continue;
            };
            match done {
                Ok((end, took)) => {
                    self.pace.landed(took);
                    return end;
                }
                Err(cause) => {
                    self.metrics.segment_put_retries.inc();
                    wait = backoff.next();
                    tracing::warn!(segment = upload.id, %cause, ?wait, "segment not stored yet");
                }
            }
        }
    }

    /// One PUT, and what came of it, with the time it took; or why nobody can say yet. It may be dropped at any point
    /// and may land later all the same: whoever comes after it finds our nonce.
    async fn attempt(
        &self,
        path: &Path,
        payload: PutPayload,
        own: Identity,
    ) -> Result<(End, Duration), String> {
        let started = self.runtime.clock.instant();
        let options = PutOptions::from(PutMode::Create);
        let end = match self.store.objects.put_opts(path, payload, options).await {
            Ok(_) => End::Landed,
            Err(error) if is_taken(&error) => match read::header(&*self.store.objects, path).await {
                Ok(found) => match judge(own, &found) {
                    Collision::Landed => End::Landed,
                    Collision::Superseded => End::Superseded,
                    Collision::Occupied => End::Occupied,
                },
                // Racing creates may all be refused for the moment: the id is still free.
                Err(ReadError::Missing) => return Err(error.to_string()),
                Err(unreadable) => return Err(unreadable.to_string()),
            },
            Err(error) => return Err(error.to_string()),
        };
        Ok((end, started.elapsed()))
    }
}

type Attempt<'a> = BoxFuture<'a, Result<(End, Duration), String>>;

/// The PUTs of one segment that are under way, the oldest first. A second one joins one that takes long, since a
/// connection that hangs may never say so.
#[derive(Default)]
struct Attempts<'a>(Vec<Attempt<'a>>);

impl<'a> Attempts<'a> {
    fn start(&mut self, attempt: impl Future<Output = Result<(End, Duration), String>> + Send + 'a) {
        self.0.push(attempt.boxed());
    }

    /// Gives the oldest up if there are as many as there may be.
    fn make_room(&mut self) -> bool {
        let full = self.0.len() >= MOST_ATTEMPTS;
        if full {
            drop(self.0.remove(0));
        }
        full
    }

    /// The outcome of the first one that ends; never, while there are none.
    async fn next(&mut self) -> Result<(End, Duration), String> {
        if self.0.is_empty() {
            return pending().await;
        }
        let (done, index, _) = select_all(&mut self.0).await;
        drop(self.0.remove(index));
        done
    }
}

/// How long PUTs take of late, so that one that hangs is told from one that is slow.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Microseconds. What takes longer counts at once, what is faster by an eighth.
    usual_us: AtomicU64,
}

impl Pace {
    fn landed(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let weigh = |usual: u64| Some(if took > usual { took } else { usual - (usual - took) / 8 });
        _ = self.usual_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, weigh);
    }

    /// How long to wait for a PUT before another one is sent beside it; longer with every one that was given up, as a
    /// link that became slow must have the time it needs.
    fn patience(&self, overdue: u32) -> Duration {
        let usual = Duration::from_micros(self.usual_us.load(Ordering::Relaxed));
        (LEAST_PATIENCE.max(usual * 3) + LEAST_PATIENCE / 4 * overdue).min(MOST_PATIENCE)
    }
}

/// Whether a create was refused because there is an object, or might be.
pub(super) fn is_taken(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. })
}

/// Growing pauses between tries, with jitter.
pub(super) struct Backoff<'a> {
    runtime: &'a Runtime,
    next: Duration,
}

impl<'a> Backoff<'a> {
    pub fn new(runtime: &'a Runtime) -> Backoff<'a> {
        Backoff { runtime, next: FIRST_BACKOFF }
    }

    pub fn next(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(MOST_BACKOFF);
        let micros = full.as_micros() as u64;
        Duration::from_micros(micros / 2 + self.runtime.rng.below(micros / 2 + 1))
    }

    /// The instant up to which waiting is allowed is the caller's business; this only waits.
    pub async fn wait(&mut self, deadline: Instant) -> bool {
        let wait = self.next();
        if self.runtime.clock.instant() + wait > deadline {
            return false;
        }
        self.runtime.clock.sleep(wait).await;
        true
    }
}
