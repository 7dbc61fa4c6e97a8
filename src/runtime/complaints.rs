//! Log lines that would repeat: one a minute for each key, with the number of those that were left out before it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

use super::clock::Instant;

/// A complaint about one key is written this often.
const INTERVAL: Duration = Duration::from_secs(60);
/// Keys that are remembered. With so many of them inside one interval, new ones are not written of.
const KEYS: usize = 1024;

/// When each key was complained of. Shared by whoever complains of the same.
#[derive(Debug)]
pub struct Complaints<K>(Mutex<HashMap<K, Complaint>>);

#[derive(Debug)]
struct Complaint {
    written: Instant,
    left_out: u64,
}

impl<K> Default for Complaints<K> {
    fn default() -> Complaints<K> {
        Complaints(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq> Complaints<K> {
    /// If a line about `key` is due, how many were left out since the last one.
    pub fn due(&self, key: K, now: Instant) -> Option<u64> {
        let is_due = |complaint: &Complaint| now.duration_since(complaint.written) >= INTERVAL;
        let mut all = self.0.lock();
        if let Some(complaint) = all.get_mut(&key) {
            if is_due(complaint) {
                complaint.written = now;
                return Some(std::mem::take(&mut complaint.left_out));
            }
            complaint.left_out += 1;
            return None;
        }
        if all.len() >= KEYS {
            all.retain(|_, complaint| !is_due(complaint));
        }
        if all.len() >= KEYS {
            return None;
        }
        all.insert(key, Complaint { written: now, left_out: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    #[tokio::test(start_paused = true)]
    async fn a_key_is_complained_of_once_a_minute_with_a_count() {
        let clock = Runtime::simulated(1).clock;
        let complaints = Complaints::default();
        assert_eq!(complaints.due("a", clock.instant()), Some(0));
        assert_eq!(complaints.due("b", clock.instant()), Some(0));
        for _ in 0..5 {
            clock.sleep(Duration::from_secs(10)).await;
            assert_eq!(complaints.due("a", clock.instant()), None);
        }
        clock.sleep(Duration::from_secs(10)).await;
        assert_eq!(complaints.due("a", clock.instant()), Some(5));
        assert_eq!(complaints.due("a", clock.instant()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_without_end_take_no_memory_without_end() {
        let clock = Runtime::simulated(1).clock;
        let complaints = Complaints::default();
        let written = (0..100_000).filter(|key| complaints.due(*key, clock.instant()).is_some()).count();
        assert_eq!((written, complaints.0.lock().len()), (KEYS, KEYS));
        clock.sleep(INTERVAL).await;
        assert_eq!(complaints.due(100_001, clock.instant()), Some(0));
        assert_eq!(complaints.0.lock().len(), 1);
    }
}
