//! Loads of shards: bytes in and out per second, as moving averages. Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::log::Carried;
use crate::runtime::clock::Instant;
use crate::types::ShardId;

/// The time after which a new load makes up two thirds of the average.
const MEMORY: Duration = Duration::from_secs(30);

/// Bytes per second of one shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Of record batches that became durable.
    pub bytes_in: u64,
    /// Of record batches that were read for clients.
    pub bytes_out: u64,
}

impl Load {
    pub fn total(self) -> u64 {
        self.bytes_in.saturating_add(self.bytes_out)
    }
}

/// The loads of the shards that are open on a broker.
#[derive(Debug, Default)]
pub struct Loads(BTreeMap<ShardId, Average>);

#[derive(Debug)]
struct Average {
    at: Instant,
    carried: Carried,
    bytes_in: f64,
    bytes_out: f64,
}

impl Loads {
    /// The loads by now, of shards that have carried so much. A shard begins with none, when it comes and when it comes back.
    pub fn look(
        &mut self,
        now: Instant,
        open: impl Iterator<Item = (ShardId, Carried)>,
    ) -> Vec<(ShardId, Load)> {
        let mut known = std::mem::take(&mut self.0);
        for (shard, carried) in open {
            let average = match known.remove(&shard) {
                Some(average) => average.then(now, carried),
                None => Average { at: now, carried, bytes_in: 0.0, bytes_out: 0.0 },
            };
            self.0.insert(shard, average);
        }
        let load = |average: &Average| Load {
            bytes_in: average.bytes_in.round() as u64,
            bytes_out: average.bytes_out.round() as u64,
        };
        self.0.iter().map(|(shard, average)| (*shard, load(average))).collect()
    }
}

impl Average {
    fn then(self, now: Instant, carried: Carried) -> Average {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        if passed == 0.0 {
            return self;
        }
        let weight = 1.0 - (-passed / MEMORY.as_secs_f64()).exp();
        let next = |average: f64, before: u64, after: u64| {
            let rate = after.saturating_sub(before) as f64 / passed;
            average + (rate - average) * weight
        };
        Average {
            at: now,
            carried,
            bytes_in: next(self.bytes_in, self.carried.appended_bytes, carried.appended_bytes),
            bytes_out: next(self.bytes_out, self.carried.fetched_bytes, carried.fetched_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Clock;

    const SHARD: ShardId = ShardId(3);

    #[tokio::test(start_paused = true)]
    async fn a_steady_load_is_known_after_some_time_and_forgotten_after_as_much() {
        let start = Clock::simulated(0).instant();
        let mut loads = Loads::default();
        let mut carried = Carried { appended_bytes: 7_000_000, fetched_bytes: 1 };
        let mut seen = Vec::new();
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            seen.push(loads.look(now, [(SHARD, carried)].into_iter())[0].1);
            if second < 300 {
                carried.appended_bytes += 1_000;
                carried.fetched_bytes += 3_000;
            }
        }
        assert_eq!(seen[0], Load::default(), "what it carried before it was looked at does not count");
        assert!((600..660).contains(&seen[30].bytes_in), "{:?}", seen[30]);
        assert_eq!(seen[300], Load { bytes_in: 1_000, bytes_out: 3_000 });
        assert_eq!(seen[599].total(), 0);
        assert!(seen[299..].is_sorted_by(|before, after| before.total() >= after.total()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_average_does_not_depend_on_how_often_it_is_looked_at_and_ends_with_the_shard() {
        let start = Clock::simulated(0).instant();
        let after = |steps: u64| {
            let mut loads = Loads::default();
            for step in 0..=steps {
                let carried = Carried { appended_bytes: 60_000 * step / steps, fetched_bytes: 0 };
                loads.look(
                    start + Duration::from_secs(60) * step as u32 / steps as u32,
                    [(SHARD, carried)].into_iter(),
                );
            }
            loads
        };
        let now = start + Duration::from_secs(60);
        let carried = Carried { appended_bytes: 60_000, fetched_bytes: 0 };
        let (mut seldom, mut often) = (after(2), after(400));
        assert_eq!(
            seldom.look(now, [(SHARD, carried)].into_iter()),
            often.look(now, [(SHARD, carried)].into_iter())
        );
        assert_eq!(often.look(now, std::iter::empty()), []);
        let anew =
            often.look(now + MEMORY, [(SHARD, Carried { appended_bytes: 1 << 30, ..carried })].into_iter());
        assert_eq!(anew, [(SHARD, Load::default())]);
    }
}
