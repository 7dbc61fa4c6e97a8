//! Memory for answers: each takes a share of one budget before it is made, and has it until its client has taken it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Clock;
use super::transfers::{Transfer, Transfers};

/// A share is at most this part of what is free, so that the next one finds something ..
const PART_OF_FREE: usize = 4;
/// .. but it is at least this, or what is wanted: whoever wants it waits until so much is free.
const LEAST_BYTES: usize = 1024 * 1024;
/// Whoever waits looks this often for a share whose client does not take its answer.
const LOOK: Duration = Duration::from_millis(250);

/// A bound in bytes. While someone waits for it, those lose their shares whose clients stand still.
#[derive(Clone, Debug)]
pub struct Memory {
    bytes: Arc<Semaphore>,
    least: usize,
    transfers: Arc<Transfers>,
    clock: Clock,
}

impl Memory {
    pub fn new(bytes: usize, clock: &Clock) -> Memory {
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Memory {
            bytes: Arc::new(Semaphore::new(bytes)),
            least: LEAST_BYTES.min(bytes / PART_OF_FREE),
            transfers: Arc::default(),
            clock: clock.clone(),
        }
    }

    /// Bytes that nobody has.
    pub fn free(&self) -> usize {
        self.bytes.available_permits()
    }

    /// A share of `wanted` bytes, or of fewer if others have much.
    pub async fn share(&self, wanted: usize) -> Share {
        let transfer = self.transfers.begin(self.clock.instant());
        let mut share = Share { permit: None, transfer, memory: self.clone() };
        share.grow(wanted).await;
        share
    }

    fn take_now(&self, wanted: usize) -> Option<OwnedSemaphorePermit> {
        let fair = wanted.min(self.least.max(self.free() / PART_OF_FREE));
        Arc::clone(&self.bytes).try_acquire_many_owned(count(fair)).ok()
    }

    async fn take(&self, wanted: usize) -> Option<OwnedSemaphorePermit> {
        if let Some(permit) = self.take_now(wanted) {
            return Some(permit);
        }
        let least = wanted.min(self.least);
        let mut taken = pin!(Arc::clone(&self.bytes).acquire_many_owned(count(least)));
        loop {
            tokio::select! {
                biased;
                taken = &mut taken => return taken.ok(),
                () = self.clock.sleep(LOOK) => self.transfers.drop_still(self.clock.instant(), least),
            }
        }
    }
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// One answer's part of the memory. It is given back when dropped.
pub struct Share {
    permit: Option<OwnedSemaphorePermit>,
    transfer: Transfer,
    memory: Memory,
}

impl Share {
    pub fn bytes(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Adds `wanted` bytes, or fewer. The answer is being made from now on, which is not its client's slowness.
    ///
    /// A share that has something does not wait for more, or all might wait for each other: it gets none then, which is
    /// false.
    pub async fn grow(&mut self, wanted: usize) -> bool {
        self.transfer.wait();
        let more = match self.bytes() {
            0 => self.memory.take(wanted).await,
            _ => self.memory.take_now(wanted),
        };
        let Some(more) = more else { return false };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        true
    }

    /// Gives back what is above `bytes`. The answer is made: from now on its client has to take it.
    pub fn settle(&mut self, bytes: usize) {
        let surplus = self.bytes().saturating_sub(bytes);
        drop(self.permit.as_mut().and_then(|permit| permit.split(surplus)));
        self.transfer.go_on(self.bytes(), self.memory.clock.instant());
    }

    /// The client took `bytes` of the answer.
    pub fn moved(&self, bytes: usize) {
        self.transfer.moved(bytes, self.memory.clock.instant());
    }

    /// Waits until others need the share more.
    pub async fn wanted_back(&self) {
        self.transfer.dropped().await;
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("bytes", &self.bytes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    const MIB: usize = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn a_share_is_a_part_of_what_is_free_and_the_rest_is_given_back() {
        let memory = Memory::new(64 * MIB, &Runtime::simulated(1).clock);
        let mut first = memory.share(50 * MIB).await;
        let second = memory.share(50 * MIB).await;
        assert_eq!((first.bytes(), second.bytes()), (16 * MIB, 12 * MIB));
        assert_eq!(memory.share(100).await.bytes(), 100);
        first.settle(1000);
        drop(second);
        assert_eq!(memory.free(), 64 * MIB - 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn shares_that_have_something_never_wait_for_each_other() {
        let memory = Memory::new(4 * MIB, &Runtime::simulated(1).clock);
        let mut shares = Vec::new();
        for _ in 0..4 {
            shares.push(memory.share(MIB).await);
        }
        for share in &mut shares {
            assert!(!share.grow(MIB).await);
        }
        drop(shares.pop());
        assert!(shares[0].grow(MIB).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_gets_the_share_of_a_client_that_stands_still() {
        let clock = Runtime::simulated(1).clock;
        let memory = Memory::new(8 * MIB, &clock);
        let mut shares = Vec::new();
        while memory.free() >= MIB {
            let mut share = memory.share(MIB).await;
            share.settle(MIB);
            shares.push(share);
            clock.sleep(Duration::from_millis(10)).await;
        }
        let began = clock.instant();
        let oldest = shares.remove(0);
        let (_, late) = tokio::join!(
            async {
                oldest.wanted_back().await;
                drop(oldest);
            },
            memory.share(5 * MIB)
        );
        assert_eq!(late.bytes(), MIB);
        assert!(clock.instant().duration_since(began) < Duration::from_secs(2));
    }
}
