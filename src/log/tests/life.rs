//! Appends, retention, deletions, crashes and overtaken owners in any order, with readers beside them: what is kept is
//! there, what is gone was allowed to go, and no object stays for good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::retention::segments;
use super::{Broker, World, append, batch_at, broker_reading, partition, values_of};
use crate::log::read::block_cache::ReadObjectError;
use crate::log::read::shared::ReadLimits;
use crate::log::read::source::ReadError;
use crate::log::stored::segment::HEADER_LEN;
use crate::log::{PartitionLog, PartitionSettings, Shard, fetch};
use crate::settings::Retention;
use crate::store::faults::{Faults, Late};
use crate::types::LeaderEpoch;

const PARTITIONS: i32 = 4;
const KEPT_RECORDS: u64 = 5;
const KEPT_MS: u64 = 30_000;

/// All that is known of one partition.
#[derive(Default)]
struct Known {
    /// By offset: value and timestamp, of what was acknowledged and may still be there.
    acked: BTreeMap<i64, (String, i64)>,
    log_start: i64,
    /// Up to where somebody asked for deletion.
    deleted_to: i64,
}

struct Life {
    world: World,
    epoch: i32,
    values: u64,
    batch_bytes: u64,
    known: Vec<Known>,
    deleted_objects: u64,
}

fn retention(index: i32, batch_bytes: u64) -> Retention {
    let bytes = Some(KEPT_RECORDS * batch_bytes);
    match index {
        0 => Retention { ms: None, bytes },
        1 => Retention { ms: Some(KEPT_MS), bytes: None },
        2 => Retention { ms: Some(KEPT_MS), bytes },
        _ => Retention::UNLIMITED,
    }
}

impl Life {
    fn new(seed: u64) -> Life {
        let known = (0..PARTITIONS).map(|_| Known::default()).collect();
        let batch_bytes = batch_at(0, &value(0)).len() as u64;
        Life { world: World::new(seed), epoch: 0, values: 0, batch_bytes, known, deleted_objects: 0 }
    }

    fn below(&self, bound: u64) -> u64 {
        self.world.runtime.rng.below(bound)
    }

    async fn open(&mut self) -> (Broker, Shard) {
        self.epoch += 1;
        // With small caches, most reads go to the store.
        let reads = ReadLimits { tail_cache_bytes: 1_000, block_cache_bytes: 0, ..ReadLimits::default() };
        let mut broker = broker_reading(&self.world, reads);
        broker.limits.flush_every_segments = 1 + self.below(12);
        broker.limits.window = 1 + self.below(3) as u16;
        broker.limits.retention_check_interval = Duration::from_secs(3_600);
        broker.faults.set(nasty());
        let shard = loop {
            match broker.open().await {
                Ok(shard) => break shard,
                Err(error) => tracing::debug!(%error, "not open yet"),
            }
        };
        for index in 0..PARTITIONS {
            let leader_epoch = LeaderEpoch(self.epoch);
            let retention = retention(index, self.batch_bytes);
            shard.set_partition(partition(index), PartitionSettings { leader_epoch, retention });
        }
        (broker, shard)
    }

    /// Something happens to the shard. Errors are the store's, or another owner's.
    async fn step(&mut self, shard: &Shard) {
        let index = self.below(PARTITIONS as u64) as i32;
        let now = self.world.runtime.clock.now_ms();
        let known = &mut self.known[index as usize];
        match self.world.runtime.rng.below(100) {
            0..60 => self.append_some(shard, now).await,
            60..70 => {
                let end = known.acked.last_key_value().map_or(0, |(offset, _)| offset + 1);
                let before = self.world.runtime.rng.below(1 + end.unsigned_abs()).cast_signed();
                // It may happen even if the answer does not come.
                known.deleted_to = known.deleted_to.max(before);
                if let Ok(start) = shard.delete_records(partition(index), before).await {
                    assert!(start >= before && start >= known.log_start, "the log start went back");
                    known.log_start = start;
                }
            }
            70..85 => {
                self.deleted_objects += deleted_by(shard).await.unwrap_or(0);
            }
            _ => self.world.runtime.clock.sleep(Duration::from_millis(self.below(6_000))).await,
        }
    }

    /// Up to four appends follow each other, each before the one ahead of it is answered.
    async fn append_some(&mut self, shard: &Shard, now: i64) {
        let mut under_way = Vec::new();
        for _ in 0..=self.below(4) {
            let index = self.below(PARTITIONS as u64) as i32;
            self.values += 1;
            let value = value(self.values);
            if let Ok(ticket) = append(shard, index, batch_at(now, &value)) {
                under_way.push((index, value, ticket));
            }
            self.world.runtime.clock.sleep(Duration::from_millis(self.below(10))).await;
        }
        for (index, value, ticket) in under_way {
            if let Ok(appended) = ticket.await {
                self.known[index as usize].acked.insert(appended.base_offset, (value, now));
            }
        }
    }

    /// Everything that must be there is, and reads as it was acknowledged.
    async fn check(&mut self, shard: &Shard) {
        for index in 0..PARTITIONS {
            let Ok(log) = shard.partition(partition(index)).await else { return };
            let read = read(&log).await;
            let Some((start, records)) = read else { return };
            self.judge(index, start, &records);
        }
    }

    fn judge(&mut self, index: i32, start: i64, records: &[(i64, String)]) {
        let now = self.world.runtime.clock.now_ms();
        let keep = retention(index, self.batch_bytes);
        let known = &mut self.known[index as usize];
        assert!(start >= known.log_start, "partition {index}: the log start went back to {start}");
        known.log_start = start;
        let offsets = records.iter().map(|(offset, _)| *offset);
        assert!(
            offsets.eq(start..start + records.len() as i64),
            "partition {index} has gaps from {start}: {records:?}"
        );
        for (offset, (value, timestamp)) in &known.acked {
            let at = usize::try_from(offset - start).ok();
            let found = at.and_then(|at| records.get(at)).map(|(_, value)| value);
            let by_size = keep.bytes.is_some() && records.len() as u64 >= KEPT_RECORDS;
            let by_time = keep.ms.is_some_and(|ms| timestamp + ms.cast_signed() < now);
            let may_be_gone = *offset < start && (*offset < known.deleted_to || by_size || by_time);
            assert!(
                found == Some(value) || (found.is_none() && may_be_gone),
                "partition {index}: {value} was acknowledged at {offset}, and {found:?} is there from \
                 {start}: {records:?}"
            );
        }
        known.acked.retain(|offset, _| *offset >= start);
    }

    /// With the store healed, garbage goes: what stays is named, or a fence, or not flushed yet. The number of objects that went.
    async fn check_garbage(&mut self, broker: &Broker, shard: &Shard) -> u64 {
        broker.faults.set(Faults::default());
        // Retries end, and late PUTs land.
        self.world.runtime.clock.sleep(Duration::from_secs(30)).await;
        for index in 0..PARTITIONS {
            shard.delete_records(partition(index), -1).await.expect("deleted");
            let known = &mut self.known[index as usize];
            known.deleted_to = i64::MAX;
        }
        let mut deleted = 0;
        for _ in 0..3 {
            deleted += deleted_by(shard).await.expect("passes");
        }
        let left = segments(broker).await;
        let with_rows = left.iter().filter(|(_, bytes)| *bytes > HEADER_LEN as u64).count();
        assert!(with_rows <= 6, "{with_rows} segments of nothing are left: {left:?}");
        assert!(left.len() <= 6 + self.epoch as usize, "more than one fence per owner is left: {left:?}");
        deleted
    }
}

/// Objects that a pass of retention deletes.
async fn deleted_by(shard: &Shard) -> Option<u64> {
    let pass = shard.run_retention().await?;
    Some(pass.collected.map_or(0, |found| found.deleted_objects))
}

fn value(number: u64) -> String {
    format!("value {number:08}")
}

fn nasty() -> Faults {
    Faults {
        latency: Duration::from_millis(2),
        jitter: Duration::from_millis(20),
        put_errors: 0.03,
        get_errors: 0.03,
        list_errors: 0.03,
        delete_errors: 0.1,
        lost_responses: 0.05,
        late_puts: Late { rate: 0.03, by: Duration::from_secs(4) },
        conflicts: 0.05,
        ..Faults::default()
    }
}

/// All records from the log start on. `None` if the incarnation ended meanwhile.
async fn read(log: &Arc<PartitionLog>) -> Option<(i64, Vec<(i64, String)>)> {
    'anew: loop {
        let start = log.log_start();
        let mut records = Vec::new();
        let mut offset = start;
        while offset < log.high_watermark() {
            let read = fetch::read(log, offset, 100, true, fetch::Isolation::ReadUncommitted).await;
            let fetched = match read {
                Ok(fetched) => fetched,
                Err(ReadError::OffsetOutOfRange { log_start, .. }) if log_start > offset => continue 'anew,
                Err(ReadError::Object(ReadObjectError::Store { .. })) => continue,
                Err(ReadError::NotOpen(_)) => return None,
                Err(error) => panic!("{} does not read at {offset}: {error}", log.id()),
            };
            records.extend(values_of(&fetched.chunks));
            offset = fetched.next_offset;
        }
        if log.log_start() == start {
            return Some((start, records));
        }
    }
}

/// Readers that run beside everything else; they only have to get right answers.
async fn read_for_ever(shard: &Shard, life: &World) -> ! {
    loop {
        let index = life.runtime.rng.below(PARTITIONS as u64) as i32;
        if let Ok(log) = shard.partition(partition(index)).await
            && let Some((start, records)) = read(&log).await
        {
            assert!(records.iter().map(|(offset, _)| *offset).eq(start..start + records.len() as i64));
        }
        life.runtime.clock.sleep(Duration::from_millis(life.runtime.rng.below(500))).await;
    }
}

/// A whole life. The number of objects that went while owners came and went, and of all.
async fn live(seed: u64) -> (u64, u64) {
    let mut life = Life::new(seed);
    let world = life.world.clone();
    let (mut broker, mut shard) = life.open().await;
    for _ in 0..4 {
        let steps = 10 + life.below(50);
        let owner = shard.clone();
        tokio::select! {
            () = async {
                for _ in 0..steps {
                    life.step(&owner).await;
                }
            } => {}
            _ = read_for_ever(&owner, &world) => {}
        }
        life.check(&shard).await;
        let crash = life.below(2) == 0;
        if crash {
            broker.faults.outage(true);
        }
        let (old_broker, old) = (broker, shard);
        (broker, shard) = life.open().await;
        life.check(&shard).await;
        if !crash {
            // The old owner does not know yet, and deletes what it believes to be garbage.
            for _ in 0..5 {
                let (_, ()) = futures::join!(
                    world.runtime.clock.timeout(Duration::from_secs(20), old.run_retention()),
                    life.step(&shard)
                );
            }
            life.check(&shard).await;
        }
        drop((old_broker, old));
    }
    life.check(&shard).await;
    let at_last = life.check_garbage(&broker, &shard).await;
    life.check(&shard).await;
    (life.deleted_objects, life.deleted_objects + at_last)
}

#[test]
fn whatever_is_kept_is_there_and_whatever_is_not_goes() {
    let (mut amid, mut all) = (0, 0);
    let seeds = std::option_env!("LIFE_SEEDS").and_then(|seeds| seeds.parse().ok()).unwrap_or(8);
    for seed in 0..seeds {
        // Owners that were left behind end with their life's runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let deleted = runtime.expect("a runtime").block_on(live(seed));
        (amid, all) = (amid + deleted.0, all + deleted.1);
    }
    println!("{amid} objects deleted amid {seeds} lives, {all} in all");
    assert!(amid > 0 && all > seeds, "{amid} objects deleted amid {seeds} lives, {all} in all");
}
