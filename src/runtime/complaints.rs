//! Log lines that would repeat: a few a minute for each key, with the number of those that were left out before.

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
pub struct Complaints<K> {
    all: Mutex<HashMap<K, Complaint>>,
    /// Lines about a key in one interval.
    most: u32,
}

#[derive(Debug)]
struct Complaint {
    /// The first line of this interval.
    written: Instant,
    lines: u32,
    left_out: u64,
}

impl<K> Default for Complaints<K> {
    fn default() -> Complaints<K> {
        Complaints::of(1)
    }
}

impl<K> Complaints<K> {
    /// So many lines about a key in a minute.
    pub fn of(most: u32) -> Complaints<K> {
        Complaints { all: Mutex::new(HashMap::new()), most }
    }
}

impl<K: Hash + Eq> Complaints<K> {
    /// If a line about `key` is due, how many were left out since the last one.
    pub fn due(&self, key: K, now: Instant) -> Option<u64> {
        let is_due = |complaint: &Complaint| now.duration_since(complaint.written) >= INTERVAL;
        let mut all = self.all.lock();
        if let Some(complaint) = all.get_mut(&key) {
            if is_due(complaint) {
                (complaint.written, complaint.lines) = (now, 1);
                return Some(std::mem::take(&mut complaint.left_out));
            }
            if complaint.lines < self.most {
                complaint.lines += 1;
                return Some(0);
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
        all.insert(key, Complaint { written: now, lines: 1, left_out: 0 });
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
    async fn several_lines_of_a_minute_are_written_if_so_many_may() {
        let clock = Runtime::simulated(1).clock;
        let complaints = Complaints::of(3);
        let written: Vec<_> = (0..5).map(|_| complaints.due("a", clock.instant())).collect();
        assert_eq!(written, [Some(0), Some(0), Some(0), None, None]);
        clock.sleep(INTERVAL).await;
        assert_eq!(complaints.due("a", clock.instant()), Some(2));
        assert_eq!(complaints.due("a", clock.instant()), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_without_end_take_no_memory_without_end() {
        let clock = Runtime::simulated(1).clock;
        let complaints = Complaints::default();
        let written = (0..100_000).filter(|key| complaints.due(*key, clock.instant()).is_some()).count();
        assert_eq!((written, complaints.all.lock().len()), (KEYS, KEYS));
        clock.sleep(INTERVAL).await;
        assert_eq!(complaints.due(100_001, clock.instant()), Some(0));
        assert_eq!(complaints.all.lock().len(), 1);
    }
}
