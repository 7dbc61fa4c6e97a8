//! Idempotent producers through crashes, takeovers and a faulty store: what was acknowledged is there once, in order, at
//! the offset that was acknowledged.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures::FutureExt as _;

use super::{Broker, World, append, batch_of, read_from};
use crate::log::{AppendError, Appended, Shard, Ticket};
use crate::store::faults::{Faults, Late};

const CLIENTS: i64 = 6;
const PARTITIONS: i32 = 3;
/// A client has no more batches unanswered; so many are remembered of each.
const IN_FLIGHT: usize = 5;

/// An idempotent producer of one partition.
struct Client {
    id: i64,
    sequence: i32,
    /// Sent, or to be sent again, and not acknowledged: oldest first.
    pending: VecDeque<(i32, Option<Ticket<Appended>>)>,
    acked: Vec<(i32, i64)>,
}

impl Client {
    fn partition(&self) -> i32 {
        (self.id % i64::from(PARTITIONS)) as i32
    }

    fn value(&self, sequence: i32) -> String {
        format!("{}/{sequence}", self.id)
    }

    /// Sends what has no answer under way, in order.
    fn send(&mut self, shard: &Shard, fresh: bool) {
        if fresh && self.pending.len() < IN_FLIGHT {
            self.pending.push_back((self.sequence, None));
            self.sequence += 1;
        }
        let (id, partition) = (self.id, self.partition());
        for (sequence, ticket) in self.pending.iter_mut().filter(|(_, ticket)| ticket.is_none()) {
            let batch = batch_of(id, 0, *sequence, &[&format!("{id}/{sequence}")]);
            match append(shard, partition, batch) {
                Ok(under_way) => *ticket = Some(under_way),
                // Appends behind it must not overtake it.
                Err(_) => return,
            }
        }
    }

    /// Takes the answers that are there. After an error everything unanswered is to be sent again.
    fn receive(&mut self) {
        while let Some((sequence, Some(ticket))) = self.pending.front_mut() {
            match ticket.now_or_never() {
                None => return,
                Some(Ok(appended)) => {
                    self.acked.push((*sequence, appended.base_offset));
                    self.pending.pop_front();
                }
                Some(Err(AppendError::NotOpen(_) | AppendError::IncarnationEnded)) => {
                    self.forget_answers();
                    return;
                }
                Some(Err(error)) => panic!("{} of {} was refused: {error}", sequence, self.id),
            }
        }
    }

    fn forget_answers(&mut self) {
        for (_, ticket) in &mut self.pending {
            *ticket = None;
        }
    }
}

struct Run {
    world: World,
    clients: Vec<Client>,
    epoch: i32,
    window: u16,
}

impl Run {
    fn new(seed: u64) -> Run {
        let client = |id| Client { id, sequence: 0, pending: VecDeque::new(), acked: Vec::new() };
        Run {
            world: World::new(seed),
            clients: (1..=CLIENTS).map(client).collect(),
            epoch: 0,
            window: 1 + (seed % 6) as u16,
        }
    }

    fn chance(&self, percent: u64) -> bool {
        self.world.runtime.rng.below(100) < percent
    }

    async fn open(&mut self, faults: &Faults) -> (Broker, Shard) {
        self.epoch += 1;
        let mut broker = self.world.broker();
        broker.limits.flush_every_segments = 7;
        broker.limits.window = self.window;
        broker.faults.set(faults.clone());
        let shard = loop {
            match broker.open().await {
                Ok(shard) => break shard,
                Err(error) => tracing::debug!(%error, "not open yet"),
            }
        };
        for index in 0..PARTITIONS {
            let leader_epoch = crate::types::LeaderEpoch(self.epoch);
            shard.set_partition(super::partition(index), crate::log::PartitionSettings::led(leader_epoch));
        }
        for client in &mut self.clients {
            client.forget_answers();
        }
        (broker, shard)
    }

    /// Clients send and receive for a while.
    async fn load(&mut self, shard: &Shard, steps: u64) {
        for _ in 0..steps {
            for at in 0..self.clients.len() {
                let fresh = self.chance(40);
                self.clients[at].receive();
                self.clients[at].send(shard, fresh);
            }
            let pause = Duration::from_millis(self.world.runtime.rng.below(20));
            self.world.runtime.clock.sleep(pause).await;
        }
    }

    /// Until nothing is unanswered.
    async fn settle(&mut self, shard: &Shard) {
        let mut left = 100_000;
        while self.clients.iter().any(|client| !client.pending.is_empty()) {
            self.load(shard, 1).await;
            left -= 1;
            assert!(left > 0, "nothing is acknowledged any more");
        }
    }

    /// Reads everything and compares it with what was acknowledged.
    async fn check(&self, shard: &Shard) {
        for index in 0..PARTITIONS {
            let records = read_from(shard, index, 0).await;
            let offsets = records.iter().map(|(offset, _)| *offset);
            assert!(offsets.eq(0..records.len() as i64), "offsets have gaps: {records:?}");
            let mut seen: HashMap<&str, i64> = HashMap::new();
            let mut last: HashMap<&str, i32> = HashMap::new();
            for (offset, value) in &records {
                assert!(seen.insert(value, *offset).is_none(), "{value} is there twice: {records:?}");
                let (client, sequence) = value.split_once('/').expect("a client's value");
                let sequence: i32 = sequence.parse().expect("a sequence number");
                let before = last.insert(client, sequence).unwrap_or(-1);
                assert_eq!(before + 1, sequence, "client {client} out of order: {records:?}");
            }
            for client in self.clients.iter().filter(|client| client.partition() == index) {
                for (sequence, offset) in &client.acked {
                    let value = client.value(*sequence);
                    assert_eq!(
                        seen.get(value.as_str()),
                        Some(offset),
                        "{value} was acknowledged at {offset}"
                    );
                }
            }
        }
    }
}

fn nasty() -> Faults {
    Faults {
        latency: Duration::from_millis(3),
        jitter: Duration::from_millis(10),
        put_errors: 0.05,
        get_errors: 0.02,
        list_errors: 0.02,
        lost_responses: 0.08,
        late_puts: Late { rate: 0.05, by: Duration::from_secs(4) },
        conflicts: 0.05,
        ..Faults::default()
    }
}

/// Brokers die one after the other, at any moment; their requests under way may still take effect.
async fn crashes(seed: u64, faults: Faults) -> usize {
    let mut run = Run::new(seed);
    for _ in 0..5 {
        let (broker, shard) = run.open(&faults).await;
        run.check(&shard).await;
        let steps = 1 + run.world.runtime.rng.below(40);
        run.load(&shard, steps).await;
        broker.faults.outage(true);
    }
    let (_broker, shard) = run.open(&faults).await;
    run.settle(&shard).await;
    run.check(&shard).await;
    run.clients.iter().map(|client| client.acked.len()).sum()
}

#[tokio::test(start_paused = true)]
async fn crashes_lose_and_double_nothing() {
    for seed in 0..12 {
        assert!(crashes(seed, Faults::default()).await > 50, "seed {seed} did little");
    }
}

#[tokio::test(start_paused = true)]
async fn crashes_on_a_faulty_store_lose_and_double_nothing() {
    for seed in 100..112 {
        assert!(crashes(seed, nasty()).await > 30, "seed {seed} did little");
    }
}

/// A new owner comes while the old one believes that it still is one; some clients do not notice for a while.
#[tokio::test(start_paused = true)]
async fn an_owner_that_was_overtaken_acknowledges_nothing_that_is_lost() {
    for seed in 200..212 {
        let mut run = Run::new(seed);
        let (mut old_broker, mut old) = run.open(&nasty()).await;
        for _ in 0..4 {
            run.load(&old, 20).await;
            let stuck = run.chance(50);
            old_broker.faults.hold_puts(stuck);
            run.load(&old, 3).await;
            let answers: Vec<Vec<(i32, Option<Ticket<Appended>>)>> =
                run.clients.iter_mut().map(|client| client.pending.iter_mut().map(take).collect()).collect();
            let (broker, shard) = run.open(&nasty()).await;
            old_broker.faults.hold_puts(false);
            run.load(&shard, 10).await;
            // Whatever the old owner says now, in an acknowledgement or not, must agree with the log.
            for (client, answers) in run.clients.iter_mut().zip(answers) {
                for (sequence, ticket) in answers {
                    if let Some(Ok(appended)) = ticket.and_then(|ticket| ticket.now_or_never()) {
                        client.acked.push((sequence, appended.base_offset));
                    }
                }
            }
            run.check(&shard).await;
            (old_broker, old) = (broker, shard);
        }
        run.settle(&old).await;
        run.check(&old).await;
    }
}

fn take(pending: &mut (i32, Option<Ticket<Appended>>)) -> (i32, Option<Ticket<Appended>>) {
    (pending.0, pending.1.take())
}
