//! The cluster's secret: the operator's, or else one that the first broker put beside the cluster's description. The
//! writers of a bucket own the cluster anyway; where it has other readers, the operator gives a secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::Error;
use object_store::path::Path;
use parking_lot::Mutex;

use super::proof::{self, Key};
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, Complaints, Runtime, Secret, Shutdown};
use crate::store::Store;

/// The object's name, beside `cluster.json`.
const OBJECT: &str = "cluster.secret";
/// The length of a secret that nobody gave.
const MADE_BYTES: usize = 32;
/// A shorter secret is no secret.
pub const MIN_SECRET_BYTES: usize = 16;

/// The time between two looks whether the object is still there.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// The least time between two readings after refused proofs: strangers can cause those.
const READ_INTERVAL: Duration = Duration::from_secs(1);
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Questions to the store at the start, beyond its client's own retries, and the wait in between.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

/// The cluster's secret as it is now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusterSecret(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: Mutex<Current>,
    /// Its place, unless it was given.
    bucket: Option<Bucket>,
}

struct Current {
    secret: Bytes,
    key: Key,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[derive(Debug)]
struct Bucket {
    store: Store,
    path: Path,
    last_read: Mutex<Option<Instant>>,
    complaints: Complaints<&'static str>,
    clock: Clock,
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the cluster secret {path} cannot be read or made: {source}")]
    Store { path: String, source: Error },
    #[error(
        "{path} is no secret: it has {len} bytes. Put it back, or delete it: brokers that run write it anew, \
         and so does the next one to start"
    )]
    Damaged { path: String, len: usize },
    #[error("the secret has {0} bytes; it needs at least {MIN_SECRET_BYTES}")]
    Short(usize),
    #[error("no random bytes for the cluster secret")]
    Random,
}

impl ClusterSecret {
    /// The operator's, or else the one in the bucket.
    pub async fn open(
        given: Option<&Secret>,
        store: &Store,
        runtime: &Runtime,
    ) -> Result<ClusterSecret, SecretError> {
        match given {
            Some(secret) => ClusterSecret::given(secret),
            None => ClusterSecret::of_bucket(store, runtime).await,
        }
    }

    /// The one that the operator gave.
    pub fn given(secret: &Secret) -> Result<ClusterSecret, SecretError> {
        let secret = Bytes::copy_from_slice(secret.reveal().as_bytes());
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretError::Short(secret.len()));
        }
        Ok(ClusterSecret::new(secret, None))
    }

    /// The one in the bucket, made if there is none.
    pub async fn of_bucket(store: &Store, runtime: &Runtime) -> Result<ClusterSecret, SecretError> {
        let path = store.path(OBJECT);
        let clock = runtime.clock.clone();
        let made: [u8; MADE_BYTES] = proof::random().map_err(|_| SecretError::Random)?;
        let made = Bytes::copy_from_slice(&made);
        let bucket = Bucket {
            store: store.clone(),
            path,
            last_read: Mutex::new(None),
            complaints: Complaints::default(),
            clock,
        };
        let secret = bucket.create_and_read(&made).await?;
        Ok(ClusterSecret::new(secret, Some(bucket)))
    }

    fn new(secret: Bytes, bucket: Option<Bucket>) -> ClusterSecret {
        let current = Current { key: Key::new(&secret), secret };
        ClusterSecret(Arc::new(Inner { current: Mutex::new(current), bucket }))
    }

    pub(super) fn key(&self) -> Key {
        self.0.current.lock().key.clone()
    }

    /// Reads it again from the bucket, after it did not fit: another broker may have found none, and made one.
    pub(super) async fn read_again(&self) {
        let Some(bucket) = &self.0.bucket else { return };
        let now = bucket.clock.instant();
        {
            let last = &mut *bucket.last_read.lock();
            if last.is_some_and(|last| now.duration_since(last) < READ_INTERVAL) {
                return;
            }
            *last = Some(now);
        }
        if let Ok(Ok(Some(stored))) = bucket.clock.timeout(READ_LIMIT, bucket.read()).await {
            self.take(bucket, stored);
        }
    }

    /// Looks after the object until `stop` is requested: it is written back when it is gone.
    pub(super) async fn keep(self, stop: Shutdown) {
        let Some(bucket) = &self.0.bucket else { return };
        loop {
            tokio::select! {
                () = stop.requested() => return,
                () = bucket.clock.sleep(LOOK_INTERVAL) => {}
            }
            match bucket.read().await {
                Ok(Some(stored)) => self.take(bucket, stored),
                Ok(None) => {
                    let own = self.0.current.lock().secret.clone();
                    match bucket.store.create_private(&bucket.path, own).await {
                        Ok(()) => {
                            let path = &bucket.path;
                            tracing::warn!(%path, "the cluster secret was deleted: written back");
                        }
                        // Another broker was faster; what it wrote is read the next time.
                        Err(error) => tracing::debug!(%error, "the cluster secret is not written back"),
                    }
                }
                Err(error) => tracing::debug!(%error, "cannot look after the cluster secret"),
            }
        }
    }

    fn take(&self, bucket: &Bucket, stored: Bytes) {
        if stored.len() < MIN_SECRET_BYTES {
            if bucket.complaints.due("damaged", bucket.clock.instant()).is_some() {
                let (path, len) = (&bucket.path, stored.len());
                tracing::warn!(%path, len, "the cluster secret is damaged: the one in memory stays");
            }
            return;
        }
        let current = &mut *self.0.current.lock();
        if current.secret != stored {
            tracing::info!(path = %bucket.path, "the cluster secret is another one now");
            *current = Current { key: Key::new(&stored), secret: stored };
        }
    }
}

impl Bucket {
    /// None if there is no object.
    async fn read(&self) -> object_store::Result<Option<Bytes>> {
        self.store.get_if_there(&self.path).await
    }

    /// Whatever came of the creation, what is stored decides.
    async fn create_and_read(&self, made: &Bytes) -> Result<Bytes, SecretError> {
        let path = self.path.to_string();
        let mut attempt = 1;
        loop {
            let created = match self.read().await {
                Ok(None) => self.store.create_private(&self.path, made.clone()).await,
                Ok(Some(_)) => Ok(()),
                Err(error) => Err(error),
            };
            let error = match (self.read().await, created) {
                (Ok(Some(stored)), _) if stored.len() < MIN_SECRET_BYTES => {
                    return Err(SecretError::Damaged { path, len: stored.len() });
                }
                (Ok(Some(stored)), _) => {
                    self.store.keep_private(&self.path);
                    return Ok(stored);
                }
                (Err(error), _) | (Ok(None), Err(error)) => error,
                (Ok(None), Ok(())) => Error::NotFound { path: path.clone(), source: "it was deleted".into() },
            };
            if attempt == ATTEMPTS {
                return Err(SecretError::Store { path, source: error });
            }
            tracing::warn!(%error, "the store failed for the cluster secret; trying again");
            attempt += 1;
            self.clock.sleep(BETWEEN_ATTEMPTS).await;
        }
    }
}
