//! Places for connections. Their number can change at any time, and a connection keeps its place for as long as it is open.

use std::cmp::Ordering;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::MaxConnections;

pub(super) struct Places {
    most: MaxConnections,
    free: Arc<Semaphore>,
    /// Those that are free and those that are taken. More than there may be while too many are taken.
    there: Mutex<u32>,
}

/// A connection's place.
pub(super) type Place = OwnedSemaphorePermit;

impl Places {
    pub fn new(most: MaxConnections) -> Places {
        Places { most, free: Arc::new(Semaphore::new(0)), there: Mutex::new(0) }
    }

    /// The number that there may be now.
    pub fn most(&self) -> u32 {
        u32::try_from((self.most)().min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
    }

    pub fn take(&self) -> Option<Place> {
        self.adjust();
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// Waits for the place that a connection is about to leave.
    pub async fn wait(&self) -> Option<Place> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// The number of connections.
    pub fn taken(&self) -> usize {
        let there = *self.there.lock() as usize;
        there.saturating_sub(self.free.available_permits())
    }

    /// Waits until no connection is open.
    pub async fn all_left(&self) {
        let there = *self.there.lock();
        // It is never closed.
        let _ = self.free.acquire_many(there).await;
    }

    /// True if more are taken than there may be.
    pub fn is_overfull(&self) -> bool {
        *self.there.lock() > self.most()
    }

    /// Makes and takes away places until there are as many as there may be, or none is free.
    fn adjust(&self) {
        let most = self.most();
        let mut there = self.there.lock();
        match most.cmp(&there) {
            Ordering::Greater => {
                self.free.add_permits((most - *there) as usize);
                *there = most;
            }
            Ordering::Less => {
                let gone = self.free.forget_permits((*there - most) as usize);
                *there -= u32::try_from(gone).unwrap_or(0);
            }
            Ordering::Equal => {}
        }
    }
}
