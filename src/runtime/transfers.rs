//! Transfers under way, and those to be dropped while others wait for the memory that they hold.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::Instant;

/// A transfer of which fewer than these bytes moved in this time stands still.
const STEP_BYTES: usize = 64 * 1024;
const STILL: Duration = Duration::from_secs(1);

/// All that compete for one memory.
#[derive(Debug, Default)]
pub struct Transfers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last_id: u64,
    transfers: HashMap<u64, Arc<State>>,
}

impl Transfers {
    /// A transfer begins. It is known until the result is dropped.
    pub fn begin(self: &Arc<Self>, now: Instant) -> Transfer {
        let progress = Progress { since: now, step: 0, held: 0, waits: false };
        let state =
            State { progress: Mutex::new(progress), is_dropped: AtomicBool::new(false), wake: Notify::new() };
        let state = Arc::new(state);
        let mut known = self.0.lock();
        known.last_id += 1;
        let id = known.last_id;
        known.transfers.insert(id, Arc::clone(&state));
        Transfer { all: Arc::clone(self), id, state }
    }

    /// Drops transfers that stand still, those first that have done so for longest, until they held `bytes`.
    pub fn drop_still(&self, now: Instant, bytes: usize) {
        let known = self.0.lock();
        let mut still: Vec<(Instant, usize, &State)> =
            known.transfers.values().filter_map(|state| state.still(now)).collect();
        still.sort_by_key(|(since, _, _)| *since);
        let mut freed = 0;
        for (_, held, state) in still {
            if freed >= bytes {
                return;
            }
            freed += held;
            state.is_dropped.store(true, Ordering::Release);
            state.wake.notify_waiters();
        }
    }
}

#[derive(Debug)]
struct State {
    progress: Mutex<Progress>,
    is_dropped: AtomicBool,
    wake: Notify,
}

#[derive(Debug)]
struct Progress {
    /// When the last whole step had moved.
    since: Instant,
    /// Bytes that moved since then.
    step: usize,
    /// Bytes of memory that it holds.
    held: usize,
    /// It is not the client that keeps it from moving.
    waits: bool,
}

impl State {
    /// Since when it has stood still, and what it holds.
    fn still(&self, now: Instant) -> Option<(Instant, usize, &State)> {
        let progress = self.progress.lock();
        let is_still = !progress.waits && now.duration_since(progress.since) >= STILL;
        let is_new = !self.is_dropped.load(Ordering::Acquire);
        (is_still && is_new && progress.held > 0).then_some((progress.since, progress.held, self))
    }
}

/// One transfer.
#[derive(Debug)]
pub struct Transfer {
    all: Arc<Transfers>,
    id: u64,
    state: Arc<State>,
}

impl Transfer {
    /// Bytes moved.
    pub fn moved(&self, bytes: usize, now: Instant) {
        let mut progress = self.state.progress.lock();
        progress.step += bytes;
        if progress.step >= STEP_BYTES {
            progress.since = now;
            progress.step = 0;
        }
    }

    /// It waits for memory: the client cannot move it.
    pub fn wait(&self) {
        self.state.progress.lock().waits = true;
    }

    /// It has `held` bytes of memory, and goes on.
    pub fn go_on(&self, held: usize, now: Instant) {
        *self.state.progress.lock() = Progress { since: now, step: 0, held, waits: false };
    }

    /// Waits until it is to be dropped.
    pub async fn dropped(&self) {
        loop {
            let woken = self.state.wake.notified();
            if self.state.is_dropped.load(Ordering::Acquire) {
                return;
            }
            woken.await;
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.all.0.lock().transfers.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    fn is_dropped(transfer: &Transfer) -> bool {
        transfer.state.is_dropped.load(Ordering::Acquire)
    }

    #[tokio::test(start_paused = true)]
    async fn the_transfers_that_stand_still_for_longest_are_dropped_until_there_is_enough() {
        let clock = Runtime::simulated(1).clock;
        let all = Arc::new(Transfers::default());
        let mut transfers = Vec::new();
        for _ in 0..4 {
            let transfer = all.begin(clock.instant());
            transfer.go_on(100, clock.instant());
            transfers.push(transfer);
            clock.sleep(Duration::from_millis(400)).await;
        }
        transfers[0].moved(STEP_BYTES, clock.instant());
        transfers[1].moved(1, clock.instant());
        all.drop_still(clock.instant(), 1000);
        assert_eq!(transfers.iter().map(is_dropped).collect::<Vec<_>>(), [false, true, false, false]);
        clock.sleep(STILL).await;
        all.drop_still(clock.instant(), 150);
        assert_eq!(transfers.iter().map(is_dropped).collect::<Vec<_>>(), [false, true, true, true]);
        transfers[1].dropped().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_waits_for_memory_is_not_dropped() {
        let clock = Runtime::simulated(1).clock;
        let all = Arc::new(Transfers::default());
        let transfer = all.begin(clock.instant());
        transfer.go_on(100, clock.instant());
        transfer.wait();
        clock.sleep(10 * STILL).await;
        all.drop_still(clock.instant(), 1000);
        assert!(!is_dropped(&transfer));
        drop(transfer);
        assert!(all.0.lock().transfers.is_empty());
    }
}
