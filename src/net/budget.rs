//! Memory for requests, shared by all connections.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::runtime::Clock;
use crate::runtime::transfers::Transfers;

/// Requests up to this size have a part of the memory for themselves, so that large ones never keep them waiting.
const SMALL_BYTES: usize = 1024 * 1024;
const PART_FOR_SMALL: usize = 8;
/// When this many hundredths are taken, clients that wait for answers send into their sockets: what they have sent already
/// keeps the store busy, and more of it would only wait here.
const PERCENT_FOR_PIPELINES: usize = 40;
/// Whoever waits looks this often for a transfer that can be dropped.
const LOOK: Duration = Duration::from_millis(250);

/// A bound in bytes. A request takes its share as its bytes arrive, so many requests can each have a part and wait for
/// the rest; one of them at a time may then go on without, which lets it be answered and give back what it holds.
/// While any waits, requests that have stopped coming are dropped.
#[derive(Clone)]
pub(super) struct Budget {
    total: usize,
    bytes: Arc<Semaphore>,
    small: Arc<Semaphore>,
    overdraft: Arc<Semaphore>,
    /// Requests that are arriving.
    pub arriving: Arc<Transfers>,
    clock: Clock,
}

impl Budget {
    pub fn new(bytes: usize, clock: &Clock) -> Budget {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        let small = bytes / PART_FOR_SMALL;
        Budget {
            total: bytes,
            bytes: Arc::new(Semaphore::new(bytes - small)),
            small: Arc::new(Semaphore::new(small)),
            overdraft: Arc::new(Semaphore::new(1)),
            arriving: Arc::default(),
            clock: clock.clone(),
        }
    }

    /// Bytes that nobody has.
    pub fn free(&self) -> usize {
        self.bytes.available_permits() + self.small.available_permits()
    }

    /// True if a connection with unanswered requests should read no more.
    pub fn is_scarce(&self) -> bool {
        self.total - self.free().min(self.total) > self.total / 100 * PERCENT_FOR_PIPELINES
    }

    /// Adds `bytes` to the share of a request of `size` bytes, waiting until they are free or the overdraft is.
    pub async fn grow(&self, share: &mut Share, bytes: usize, size: usize) {
        if bytes == 0 || share.overdraft.is_some() {
            return;
        }
        let Ok(count) = u32::try_from(bytes) else {
            share.overdraft = Arc::clone(&self.overdraft).acquire_owned().await.ok();
            return;
        };
        let is_small = size <= SMALL_BYTES;
        if !self.grow_at_once(share, count, is_small) {
            self.wait(share, count, is_small).await;
        }
    }

    /// Adds `bytes` to the share of something small, if they are free.
    pub fn try_grow(&self, share: &mut Share, bytes: u32) -> bool {
        self.grow_at_once(share, bytes, true)
    }

    fn grow_at_once(&self, share: &mut Share, count: u32, is_small: bool) -> bool {
        if let Ok(more) = Arc::clone(&self.bytes).try_acquire_many_owned(count) {
            merge(&mut share.bytes, more);
        } else if is_small && let Ok(more) = Arc::clone(&self.small).try_acquire_many_owned(count) {
            merge(&mut share.small, more);
        } else {
            return false;
        }
        true
    }

    async fn wait(&self, share: &mut Share, count: u32, is_small: bool) {
        let mut bytes = pin!(Arc::clone(&self.bytes).acquire_many_owned(count));
        let mut small = pin!(Arc::clone(&self.small).acquire_many_owned(count));
        let mut overdraft = pin!(Arc::clone(&self.overdraft).acquire_owned());
        loop {
            // None of the semaphores is ever closed, so an error cannot come.
            tokio::select! {
                biased;
                Ok(more) = &mut bytes => return merge(&mut share.bytes, more),
                Ok(more) = &mut small, if is_small => return merge(&mut share.small, more),
                Ok(overdraft) = &mut overdraft => {
                    share.overdraft = Some(overdraft);
                    return;
                }
                () = self.clock.sleep(LOOK) => self.arriving.drop_still(self.clock.instant(), count as usize),
            }
        }
    }
}

/// The share that one request has of the budget. It is given back when dropped.
#[derive(Default)]
pub(super) struct Share {
    bytes: Option<OwnedSemaphorePermit>,
    small: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Gives back what is above `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        let mut surplus = (held(self.bytes.as_ref()) + held(self.small.as_ref())).saturating_sub(bytes);
        for part in [&mut self.small, &mut self.bytes] {
            let given = surplus.min(held(part.as_ref()));
            drop(part.as_mut().and_then(|part| part.split(given)));
            surplus -= given;
        }
        self.overdraft = None;
    }
}

fn held(part: Option<&OwnedSemaphorePermit>) -> usize {
    part.map_or(0, OwnedSemaphorePermit::num_permits)
}

fn merge(part: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match part {
        Some(part) => part.merge(more),
        None => *part = Some(more),
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = held(self.bytes.as_ref()) + held(self.small.as_ref());
        f.debug_struct("Share").field("bytes", &bytes).field("overdraft", &self.overdraft.is_some()).finish()
    }
}
