//! Putting one segment into the store, for as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::{Error, ObjectStore as _, PutMode, PutOptions, PutPayload};
use slatedb::wal::WalError;

use super::Shared;
use crate::log::fence::{Collision, Identity, judge};
use crate::log::segment::read::{self, ReadError};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const MOST_BACKOFF: Duration = Duration::from_secs(5);

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
        loop {
            let options = PutOptions::from(PutMode::Create);
            let error = match self.store.objects.put_opts(&path, payload.clone(), options).await {
                Ok(_) => return End::Landed,
                Err(error) => error,
            };
            let cause = if is_taken(&error) {
                match read::header(&*self.store.objects, &path).await {
                    Ok(found) => match judge(own, &found) {
                        Collision::Landed => return End::Landed,
                        Collision::Superseded => return End::Superseded,
                        Collision::Occupied => return End::Occupied,
                    },
                    // Racing creates may all be refused for the moment: the id is still free.
                    Err(ReadError::Missing) => error.to_string(),
                    Err(unreadable) => unreadable.to_string(),
                }
            } else {
                error.to_string()
            };
            self.metrics.segment_put_retries.inc();
            let wait = backoff.next();
            tracing::warn!(segment = upload.id, %cause, wait_ms = wait.as_millis() as u64, "segment not stored yet");
            self.runtime.clock.sleep(wait).await;
        }
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
