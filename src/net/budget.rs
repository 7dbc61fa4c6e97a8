//! Memory for requests, shared by all connections.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bound in bytes. A request takes its share as its bytes arrive, so many requests can each have a part and wait for
/// the rest; one of them at a time may then go on without, which lets it be answered and give back what it holds.
#[derive(Clone)]
pub(super) struct Budget {
    bytes: Arc<Semaphore>,
    overdraft: Arc<Semaphore>,
}

impl Budget {
    pub fn new(bytes: usize) -> Budget {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Budget { bytes: Arc::new(Semaphore::new(bytes)), overdraft: Arc::new(Semaphore::new(1)) }
    }

    /// Bytes that nobody has.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.bytes.available_permits()
    }

    /// Adds `bytes` to a share, waiting until they are free or the overdraft is.
    pub async fn grow(&self, share: &mut Share, bytes: usize) {
        if bytes == 0 || share.overdraft.is_some() {
            return;
        }
        let Ok(count) = u32::try_from(bytes) else {
            share.overdraft = Arc::clone(&self.overdraft).acquire_owned().await.ok();
            return;
        };
        if let Ok(more) = Arc::clone(&self.bytes).try_acquire_many_owned(count) {
            share.add(more);
            return;
        }
        // Neither semaphore is ever closed, so an error cannot come.
        tokio::select! {
            biased;
            Ok(more) = Arc::clone(&self.bytes).acquire_many_owned(count) => share.add(more),
            Ok(overdraft) = Arc::clone(&self.overdraft).acquire_owned() => share.overdraft = Some(overdraft),
        }
    }
}

/// What one request has of the budget. It is given back when dropped.
#[derive(Default)]
pub(super) struct Share {
    bytes: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Share {
    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.bytes {
            Some(bytes) => bytes.merge(more),
            None => self.bytes = Some(more),
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        f.debug_struct("Share").field("bytes", &bytes).field("overdraft", &self.overdraft.is_some()).finish()
    }
}
