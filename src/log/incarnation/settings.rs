//! Settings that a shard is told to obey.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::log::partition::Known;
use crate::log::stored::keys::{RowError, Served, forms};
use crate::types::Partition;

/// Everything that a shard is told to obey: it outlives the shard's incarnations.
pub struct Settings {
    partitions: Mutex<HashMap<Partition, Known>>,
    producer_expiration_ms: AtomicI64,
    /// The level of the cluster: forms of rows that may be written.
    level: AtomicU16,
    /// The metadata that all this is from, or newer.
    served: Mutex<Option<Arc<Served>>>,
    /// Rows of topics with partitions here, as they are stored, or about to be.
    topics: Mutex<HashMap<Bytes, Bytes>>,
}

impl Settings {
    pub fn new(producer_expiration: Duration) -> Settings {
        let settings = Settings {
            partitions: Mutex::default(),
            producer_expiration_ms: AtomicI64::default(),
            level: AtomicU16::default(),
            served: Mutex::default(),
            topics: Mutex::default(),
        };
        settings.set_producer_expiration(producer_expiration);
        settings
    }

    /// The partitions of the shard.
    pub fn partitions(&self) -> MutexGuard<'_, HashMap<Partition, Known>> {
        self.partitions.lock()
    }

    pub fn set_producer_expiration(&self, expiration: Duration) {
        let ms = i64::try_from(expiration.as_millis()).unwrap_or(i64::MAX);
        self.producer_expiration_ms.store(ms, Ordering::Relaxed);
    }

    pub fn set_level(&self, level: u16) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// Fails if a row is of a form that a broker of the cluster may not know.
    pub fn check_forms(&self, rows: &[(Bytes, Option<Bytes>)]) -> Result<(), RowError> {
        let bytes = rows.iter().map(|(key, value)| (&key[..], value.as_deref()));
        forms::check(self.level.load(Ordering::Relaxed), bytes)
    }

    /// A producer whose last batch is older is forgotten, in milliseconds since the Unix epoch.
    pub fn expired_before(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.producer_expiration_ms.load(Ordering::Relaxed))
    }

    /// Notes that the row of a topic is to be kept. False if that is known.
    pub fn keep_topic(&self, key: &Bytes, value: &Bytes) -> bool {
        self.topics.lock().insert(key.clone(), value.clone()).as_ref() != Some(value)
    }

    pub fn forget_topic(&self, key: &Bytes) {
        self.topics.lock().remove(key);
    }

    /// Learns which rows of topics are stored, and gives those that should be and are not.
    pub fn compare_topics(&self, stored: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
        let mut topics = self.topics.lock();
        let stored: HashMap<Bytes, Bytes> = stored.into_iter().collect();
        let missing = topics.iter().filter(|(key, value)| stored.get(*key) != Some(*value));
        let missing = missing.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in stored {
            topics.entry(key).or_insert(value);
        }
        missing
    }

    pub fn served(&self) -> Option<Arc<Served>> {
        self.served.lock().clone()
    }

    /// An older one than is known changes nothing.
    pub fn serve_under(&self, served: Served) {
        let mut newest = self.served.lock();
        if newest.as_ref().is_none_or(|known| known.index < served.index) {
            *newest = Some(Arc::new(served));
        }
    }
}
