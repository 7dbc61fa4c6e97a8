//! Fetches that wait for more, and the partitions that they wait for.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::types::Partition;

const STRIPES: usize = 64;

/// Wakes exactly those fetches that wait for a partition that moved. Cheap to clone; clones are one set.
///
/// A wake-up takes the partition's waiters out of the set: who wants the next one arms again, and reads after that.
#[derive(Clone, Debug)]
pub struct Waiters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stripes: [Mutex<HashMap<Partition, Vec<Entry>>>; STRIPES],
    hasher: RandomState,
    /// Entries in all stripes. When it is 0, waking is one load.
    armed: AtomicUsize,
}

#[derive(Debug)]
struct Entry {
    waiter: Arc<Waiter>,
    slot: usize,
}

#[derive(Debug, Default)]
struct Waiter {
    moved: Mutex<Vec<usize>>,
    wake: Notify,
}

/// One fetch's interest in many partitions, each under a slot number of the caller's. Dropping it ends the interest.
#[derive(Debug)]
pub struct Registration {
    waiters: Waiters,
    waiter: Arc<Waiter>,
    /// The partition of every slot that is armed.
    armed: HashMap<usize, Partition>,
}

impl Default for Waiters {
    fn default() -> Waiters {
        Waiters::new()
    }
}

impl Waiters {
    pub fn new() -> Waiters {
        Waiters(Arc::new(Inner {
            stripes: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            armed: AtomicUsize::new(0),
        }))
    }

    /// Wakes who waits for `partition`: after its high watermark moved, or its incarnation ended.
    pub fn wake(&self, partition: Partition) {
        // With the fence in `arm`: either this sees the waiter, or the waiter sees what moved.
        fence(Ordering::SeqCst);
        if self.0.armed.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Some(entries) = self.stripe(partition).lock().remove(&partition) else { return };
        self.0.armed.fetch_sub(entries.len(), Ordering::SeqCst);
        for entry in entries {
            entry.waiter.moved.lock().push(entry.slot);
            entry.waiter.wake.notify_one();
        }
    }

    /// A registration without any partition yet.
    pub fn register(&self) -> Registration {
        Registration { waiters: self.clone(), waiter: Arc::default(), armed: HashMap::new() }
    }

    /// Number of armed slots of all registrations.
    pub fn armed(&self) -> usize {
        self.0.armed.load(Ordering::SeqCst)
    }

    fn stripe(&self, partition: Partition) -> &Mutex<HashMap<Partition, Vec<Entry>>> {
        &self.0.stripes[self.0.hasher.hash_one(partition) as usize % STRIPES]
    }
}

impl Registration {
    /// Asks to be woken once when `partition` moves from now on. To miss nothing, look at the partition after this.
    pub fn arm(&mut self, slot: usize, partition: Partition) {
        if self.armed.insert(slot, partition).is_some() {
            return;
        }
        self.waiters.0.armed.fetch_add(1, Ordering::SeqCst);
        let entry = Entry { waiter: Arc::clone(&self.waiter), slot };
        self.waiters.stripe(partition).lock().entry(partition).or_default().push(entry);
        fence(Ordering::SeqCst);
    }

    /// Waits until at least one armed partition moved. Gives the slots of all that did; they are no longer armed.
    pub async fn moved(&mut self) -> Vec<usize> {
        loop {
            let moved = std::mem::take(&mut *self.waiter.moved.lock());
            if !moved.is_empty() {
                for slot in &moved {
                    self.armed.remove(slot);
                }
                return moved;
            }
            self.waiter.wake.notified().await;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        for partition in self.armed.values() {
            let mut stripe = self.waiters.stripe(*partition).lock();
            let Some(entries) = stripe.get_mut(partition) else { continue };
            let before = entries.len();
            entries.retain(|entry| !Arc::ptr_eq(&entry.waiter, &self.waiter));
            self.waiters.0.armed.fetch_sub(before - entries.len(), Ordering::SeqCst);
            if entries.is_empty() {
                stripe.remove(partition);
            }
        }
    }
}
