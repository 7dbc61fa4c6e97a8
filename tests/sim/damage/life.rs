//! The life of a shard, up to the moment when its store is harmed: three owners, appends that are in flight together, rows
//! that change, records that are deleted, collections, idle time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafkaesque::log::segment::Header;
use kafkaesque::log::{Limits, Shard, keys};
use kafkaesque::store::faults::{Contact, Faults};
use object_store::memory::InMemory;

use super::harm::{self, Objects};
use crate::engine::{Broker, World, append, batch, partition};
use crate::world::{PARTITIONS, attacked, open, replay_point};

/// Brokers of a life.
pub const OWNERS: u64 = 3;

/// How the last owner ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As on SIGTERM.
    Closed,
    /// As by `kill -9`, with requests under way.
    Killed,
    /// By `kill -9`, when everything was answered.
    KilledAtRest,
}

/// What clients were told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// By partition: values by offset.
    pub records: BTreeMap<(i32, i64), String>,
    pub log_start: [i64; PARTITIONS as usize],
    /// The newest value of a row that is written again and again, always as long.
    pub row: u64,
}

/// What a life leaves behind.
pub struct Left {
    pub objects: Objects,
    /// The store as it was when each owner but the last was done.
    pub earlier: Vec<Objects>,
    pub told: Told,
    /// Segments above the stored replay point that nothing later vouches for.
    pub unvouched: Vec<u64>,
}

pub fn limits(window: u16) -> Limits {
    Limits {
        window,
        flush_every_segments: 5,
        segment_max_bytes: 300,
        retention_check_interval: Duration::from_secs(3_600),
        ..Limits::default()
    }
}

pub fn row_key() -> Bytes {
    keys::key(keys::Tag::ClassicGroup, &"group".to_owned())
}

struct Life {
    world: World,
    told: Told,
    number: u64,
}

impl Life {
    /// Appends to both partitions, a few at a time, and waits for the answers.
    async fn work(&mut self, shard: &Shard, rounds: usize) {
        for _ in 0..rounds {
            let mut tickets = Vec::new();
            for index in 0..PARTITIONS {
                self.number += 1;
                let value = format!("value {:04}", self.number);
                let ticket = append(shard, index, batch(&[&value])).expect("taken");
                tickets.push((index, value, ticket));
                self.world.sleep(Duration::from_millis(2)).await;
            }
            self.number += 1;
            // Its version first.
            let row = (row_key(), Some(Bytes::from(format!("\u{1}{:08}", self.number))));
            let written = shard.opened().expect("open").write_rows(vec![row]).expect("taken");
            for (index, value, ticket) in tickets {
                if let Ok(appended) = ticket.await {
                    self.told.records.insert((index, appended.base_offset), value);
                }
            }
            if written.await.is_ok() {
                self.told.row = self.number;
            }
        }
    }

    /// Records are appended until the process is gone, and nobody hears of the last ones.
    async fn killed(&mut self, broker: &Broker, shard: &Shard, wait: Duration) {
        broker.faults.set(Faults {
            latency: Duration::from_millis(5),
            jitter: Duration::from_millis(60),
            put_errors: 0.2,
            ..Faults::default()
        });
        let mut tickets = Vec::new();
        for index in (0..PARTITIONS).cycle().take(20) {
            self.number += 1;
            let value = format!("value {:04}", self.number);
            if let Ok(ticket) = append(shard, index, batch(&[&value])) {
                tickets.push((index, value, ticket));
            }
            self.world.sleep(Duration::from_millis(4)).await;
        }
        self.world.sleep(wait).await;
        broker.faults.contact(Contact::Gone);
        for (index, value, ticket) in tickets {
            let answer = self.world.runtime.clock.timeout(Duration::ZERO, ticket).await;
            if let Ok(Ok(appended)) = answer {
                self.told.records.insert((index, appended.base_offset), value);
            }
        }
    }

    async fn delete(&mut self, shard: &Shard, index: i32, before: i64) {
        let start = shard.delete_records(partition(index), before).await.expect("deleted");
        self.told.log_start[index as usize] = start;
    }
}

/// Lives through it all.
pub async fn live(window: u16, ending: Ending) -> Left {
    let store = Arc::new(InMemory::new());
    let world = World::on(store.clone(), 1, 0);
    let mut life = Life { world, told: Told::default(), number: 0 };
    let mut earlier = Vec::new();
    for owner in 1..=OWNERS {
        let broker = life.world.broker_of(attacked(limits(window)));
        broker.faults.set(Faults { latency: Duration::from_millis(5), ..Faults::default() });
        life.world.assign(&broker);
        let shard = open(&broker).await.expect("the shard opens");
        life.work(&shard, 3).await;
        life.delete(&shard, 0, owner as i64).await;
        shard.run_retention().await.expect("a pass");
        life.work(&shard, 2).await;
        match (owner, ending) {
            // It is still there when it is overtaken.
            (1, _) => life.world.sleep(Duration::from_secs(1)).await,
            (OWNERS, Ending::Killed) => life.killed(&broker, &shard, Duration::from_millis(40)).await,
            (OWNERS, Ending::KilledAtRest) => life.killed(&broker, &shard, Duration::from_secs(2)).await,
            _ => {
                life.world.sleep(Duration::from_secs(62)).await;
                life.work(&shard, 1).await;
                shard.close().await;
            }
        }
        if owner < OWNERS {
            earlier.push(harm::objects(&*store).await);
        }
    }
    let objects = harm::objects(&*store).await;
    let replay_after = replay_point(&life.world.broker_of(attacked(limits(window)))).await;
    let unvouched = unvouched(&objects, replay_after);
    Left { objects, earlier, told: life.told, unvouched }
}

/// The ids above the replay point that no later object says, or shows by its place, to have been taken.
fn unvouched(objects: &Objects, replay_after: u64) -> Vec<u64> {
    let log: Vec<(u64, Header)> = objects
        .iter()
        .filter_map(|(path, bytes)| {
            let id = path.rsplit_once("/log/")?.1.strip_suffix(".seg")?.parse().expect("an id");
            Some((id, Header::parse(bytes).expect("a header")))
        })
        .collect();
    let said = |id: u64| {
        log.iter().any(|(later, header)| {
            *later > id && (header.vouches_to(*later) >= id || later - id >= u64::from(header.window))
        })
    };
    log.iter().map(|(id, _)| *id).filter(|id| *id > replay_after && !said(*id)).collect()
}
