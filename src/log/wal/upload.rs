//! Putting one segment into the store, for as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use object_store::{Error, ObjectStore as _, PutMode, PutOptions, PutPayload};
use slatedb::wal::WalError;

use super::Shared;
use super::patience::{LOOK, Patience};
use crate::log::stored::segment::read::{self, ReadError};
use crate::log::wal::fence::{Collision, Identity, judge};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::store;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// Service is back so long after a store is, at worst; the client of the store pauses between tries of its own, too.
const MOST_BACKOFF: Duration = Duration::from_secs(2);

/// A segment on its way.
pub(super) struct Upload {
    pub id: u64,
    pub nonce: u128,
    pub chunks: Vec<Bytes>,
    /// Bytes that it counts for in the status: its rows.
    pub row_bytes: usize,
    pub rows: usize,
}

/// The end of an upload.
enum End {
    Landed,
    Superseded,
    /// An older object at an id that no older owner could write to any more: the rules were broken, and going on could
    /// only make it worse.
    Occupied,
}

/// The outcome of one attempt.
enum Attempt {
    Ended(End),
    Failed(String),
    /// `was_put` if it came to sending the segment.
    SecondFailed {
        cause: String,
        was_put: bool,
    },
}

/// Why nothing was found at the segment's id.
enum Absent {
    Free(String),
    Unknown(String),
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
                let took = self.runtime.clock.instant() - started;
                self.metrics.segment_put_seconds.observe(took.as_secs_f64());
                self.landed(upload.id, started, upload.row_bytes, upload.rows);
            }
            End::Superseded => {
                tracing::info!(segment = upload.id, epoch = %self.epoch, "fenced by a newer owner");
                self.fail(WalError::Fenced);
            }
            End::Occupied => {
                tracing::error!(
                    segment = upload.id,
                    epoch = %self.epoch,
                    "an older owner's object in the way"
                );
                self.fail(WalError::Fenced);
            }
        }
    }

    /// A request that hangs tells nothing for as long as the client of the store lets it hang. So when the first attempt is
    /// silent for longer than a segment of its size should take, a second one is made beside it, and again when that one
    /// failed. The first goes on meanwhile: on a slow link it is the one that ends.
    async fn upload_until(&self, upload: &Upload) -> End {
        let bytes = upload.chunks.iter().map(Bytes::len).sum();
        let patience = Patience { bytes, pace: &self.pace };
        let mut backoff = Backoff::new(&self.runtime);
        let mut attempts = FuturesUnordered::new();
        let mut seconds = 0;
        loop {
            if attempts.is_empty() {
                attempts.push(self.first_attempt(upload, patience.longest()).boxed());
            }
            let alone = attempts.len() == 1;
            let wait = if alone { patience.before_second(seconds) } else { patience.longest() };
            let cause = match self.runtime.clock.timeout(wait, attempts.next()).await {
                Ok(Some(Attempt::Ended(end))) => return end,
                Ok(Some(Attempt::Failed(cause))) => cause,
                Ok(Some(Attempt::SecondFailed { cause, was_put })) => {
                    seconds += u32::from(was_put);
                    cause
                }
                Ok(None) => continue,
                Err(_) if alone => {
                    let limit = patience.of_second(seconds);
                    attempts.push(self.second_attempt(upload, limit).boxed());
                    continue;
                }
                Err(_) => continue,
            };
            self.metrics.segment_put_retries.inc();
            tracing::debug!(segment = upload.id, %cause, "segment not stored yet");
            self.state.lock().last_failure = Some(cause.into());
            if attempts.is_empty() {
                self.runtime.clock.sleep(backoff.next()).await;
            }
        }
    }

    async fn first_attempt(&self, upload: &Upload, limit: Duration) -> Attempt {
        match self.runtime.clock.timeout(limit, self.put(upload)).await {
            Ok(Ok(end)) => Attempt::Ended(end),
            Ok(Err(cause)) => Attempt::Failed(cause),
            Err(_) => Attempt::Failed(format!("no answer within {limit:?}")),
        }
    }

    /// Looks first whether the segment is there and only the answer is missing. A store that does not answer that either
    /// is not sent the segment again.
    async fn second_attempt(&self, upload: &Upload, limit: Duration) -> Attempt {
        let look = self.look(upload, String::from("not there yet"));
        match self.runtime.clock.timeout(LOOK, look).await {
            Ok(Ok(end)) => return Attempt::Ended(end),
            Ok(Err(Absent::Free(_))) => {}
            Ok(Err(Absent::Unknown(cause))) => return Attempt::SecondFailed { cause, was_put: false },
            Err(_) => {
                let cause = format!("no answer within {:?}", LOOK);
                return Attempt::SecondFailed { cause, was_put: false };
            }
        }
        let cause = match self.runtime.clock.timeout(limit, self.put(upload)).await {
            Ok(Ok(end)) => return Attempt::Ended(end),
            Ok(Err(cause)) => cause,
            Err(_) => format!("no answer within {limit:?}"),
        };
        Attempt::SecondFailed { cause, was_put: true }
    }

    async fn put(&self, upload: &Upload) -> Result<End, String> {
        let path = self.store.paths.segment(upload.id);
        let payload = PutPayload::from_iter(upload.chunks.iter().cloned());
        let options = PutOptions::from(PutMode::Create);
        let started = self.runtime.clock.instant();
        match self.store.objects.put_opts(&path, payload, options).await {
            Ok(_) => {
                self.pace.landed(self.runtime.clock.instant() - started);
                Ok(End::Landed)
            }
            Err(error) if is_taken(&error) => match self.look(upload, store::cause(&error)).await {
                Ok(end) => Ok(end),
                Err(Absent::Free(cause) | Absent::Unknown(cause)) => Err(cause),
            },
            Err(error) => Err(store::cause(&error)),
        }
    }

    /// The meaning of the object at the segment's id, if there is one.
    async fn look(&self, upload: &Upload, otherwise: String) -> Result<End, Absent> {
        let own = Identity { epoch: self.epoch, nonce: upload.nonce };
        match read::header(&*self.store.objects, &self.store.paths.segment(upload.id)).await {
            // A copy of another object: the next opening will refuse the log for it.
            Ok(found) if !found.belongs_at(self.store.paths.shard(), upload.id) => Ok(End::Occupied),
            Ok(found) => Ok(match judge(own, &found) {
                Collision::Landed => End::Landed,
                Collision::Superseded if self.runtime.flaws.heeds_no_fence => End::Landed,
                Collision::Superseded => End::Superseded,
                Collision::Occupied => End::Occupied,
            }),
            // Racing creates may all be refused for the moment: the id is still free.
            Err(ReadError::Missing) => Err(Absent::Free(otherwise)),
            Err(unreadable) => Err(Absent::Unknown(unreadable.to_string())),
        }
    }
}

/// True if a create was refused because there is an object, or might be.
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
