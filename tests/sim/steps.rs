//! A process that ends at every single request of a script, in both ways: the request never arrives, or it takes effect
//! and nobody hears the answer. No hook in the engine is needed: what a crash leaves behind is what reached the store.

use std::time::Duration;

use kafkaesque::log::{Limits, Shard};
use kafkaesque::store::faults::{Faults, Last};

use crate::engine::{Broker, World, append, batch, batch_of, partition};
use crate::simulate;
use crate::truth::{Check, Truth, Violation};
use crate::world::{PARTITIONS, attacked, open, read_all};

/// Longer than any script takes when nothing stops it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Batches of one producer that are unanswered at a time: no more than are remembered of it.
const BURST: i32 = 4;

/// What some producers know, over all owners.
struct Producers {
    /// Of the idempotent ones, by partition: the first number without an acknowledgement.
    next: [i32; PARTITIONS as usize],
    plain: i32,
    truth: Truth,
}

impl Producers {
    fn new() -> Producers {
        Producers { next: [0; PARTITIONS as usize], plain: 0, truth: Truth::default() }
    }

    /// One batch of an idempotent and one of a plain producer, at once.
    async fn produce(&mut self, shard: &Shard, index: i32) -> Check {
        let Some(epoch) = shard.status().epoch else { return Ok(()) };
        let number = self.next[index as usize];
        let value = format!("i{index}/{number}");
        let idempotent = append(shard, index, batch_of(i64::from(index) + 1, 0, number, &[&value]));
        let plain_value = format!("p/{}", self.plain);
        self.plain += 1;
        let plain = append(shard, index, batch(&[&plain_value]));
        if let Ok(ticket) = idempotent
            && let Ok(appended) = ticket.await
        {
            self.truth.acknowledged(epoch, index, appended.base_offset, &value)?;
            self.next[index as usize] = number + 1;
        }
        if let Ok(ticket) = plain
            && let Ok(appended) = ticket.await
        {
            self.truth.acknowledged(epoch, index, appended.base_offset, &plain_value)?;
        }
        Ok(())
    }

    /// Batches of an idempotent producer, each under way before the one in front of it is durable.
    async fn burst(&mut self, world: &World, shard: &Shard, index: i32) -> Check {
        let Some(epoch) = shard.status().epoch else { return Ok(()) };
        let first = self.next[index as usize];
        let mut sent = Vec::new();
        for number in first..first + BURST {
            let value = format!("i{index}/{number}");
            let Ok(ticket) = append(shard, index, batch_of(i64::from(index) + 1, 0, number, &[&value]))
            else {
                break;
            };
            sent.push((number, value, ticket));
            world.sleep(Duration::from_millis(3)).await;
        }
        for (number, value, ticket) in sent {
            let Ok(appended) = ticket.await else { continue };
            if self.next[index as usize] != number {
                return Err(Violation::Promise(format!(
                    "{value} was acknowledged without what is before it"
                )));
            }
            self.truth.acknowledged(epoch, index, appended.base_offset, &value)?;
            self.next[index as usize] = number + 1;
        }
        Ok(())
    }

    async fn delete(&mut self, shard: &Shard, index: i32, before: i64) -> Check {
        self.truth.may_delete(index, before);
        let Some(epoch) = shard.status().epoch else { return Ok(()) };
        if let Ok(start) = shard.delete_records(partition(index), before).await {
            self.truth.starts_at(epoch, index, start);
        }
        Ok(())
    }

    /// Opens the shard and looks at everything.
    async fn open(&mut self, world: &World, broker: &Broker) -> Result<Shard, Violation> {
        world.assign(broker);
        let shard = open(broker).await.map_err(|error| Violation::Stuck(format!("not open: {error}")))?;
        let epoch = shard.status().epoch.unwrap_or_default();
        for index in 0..PARTITIONS {
            let Some(contents) = read_all(&shard, index).await else {
                return Err(Violation::Stuck("it is open and does not read".to_owned()));
            };
            self.truth.opened(epoch, index, &contents)?;
        }
        Ok(shard)
    }
}

/// Index flushes, deletion, closing, opening again: everything that one owner does in its life.
async fn life(world: &World, broker: &Broker, producers: &mut Producers) -> Check {
    for _ in 0..2 {
        let shard = producers.open(world, broker).await?;
        for round in 0..5 {
            for index in 0..PARTITIONS {
                producers.produce(&shard, index).await?;
            }
            if round == 3 {
                producers.delete(&shard, 0, 2).await?;
            }
        }
        shard.close().await;
    }
    Ok(())
}

/// Taking over from an owner that is gone, and committing a little.
async fn takeover(world: &World, broker: &Broker, producers: &mut Producers) -> Check {
    let shard = producers.open(world, broker).await?;
    for index in 0..PARTITIONS {
        producers.produce(&shard, index).await?;
    }
    Ok(())
}

/// Segments in flight together, with index flushes among them, and a log start that moves meanwhile.
async fn overlap(world: &World, broker: &Broker, producers: &mut Producers) -> Check {
    let shard = producers.open(world, broker).await?;
    for round in 0..3 {
        for index in 0..PARTITIONS {
            producers.burst(world, &shard, index).await?;
        }
        if round == 1 {
            producers.delete(&shard, 0, 2).await?;
        }
    }
    shard.close().await;
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Script {
    Life,
    /// On a store where a request takes longer than the time between two commits, and not always as long.
    Overlap,
    /// The owner before was gone in the middle of its work.
    Takeover,
}

/// Runs `script` until its process is gone at request `end`, then what comes after it. Says how many requests were begun.
async fn run(script: Script, window: u16, end: Option<(u64, Last)>) -> Result<u64, Violation> {
    let world = World::new(7);
    let limits = Limits { window, flush_every_segments: 3, ..Limits::default() };
    let mut producers = Producers::new();
    if let Script::Takeover = script {
        let before = world.broker_of(attacked(limits));
        let shard = producers.open(&world, &before).await?;
        for _ in 0..4 {
            producers.produce(&shard, 0).await?;
        }
        before.faults.gone_at(before.faults.requests() + 2, Last::Lands);
        for index in 0..PARTITIONS {
            let work = producers.produce(&shard, index);
            // Nobody answers any more.
            if let Ok(check) = world.runtime.clock.timeout(PATIENCE, work).await {
                check?;
            }
        }
    }
    let broker = world.broker_of(attacked(limits));
    if let Script::Overlap = script {
        let (latency, jitter) = (Duration::from_millis(8), Duration::from_millis(12));
        broker.faults.set(Faults { latency, jitter, ..Faults::default() });
    }
    if let Some((number, last)) = end {
        broker.faults.gone_at(number, last);
    }
    let clock = world.runtime.clock.clone();
    let work = async {
        match script {
            Script::Life => life(&world, &broker, &mut producers).await,
            Script::Overlap => overlap(&world, &broker, &mut producers).await,
            Script::Takeover => takeover(&world, &broker, &mut producers).await,
        }
    };
    match clock.timeout(PATIENCE, work).await {
        // A process that is gone may not have got so far as to open.
        Ok(Err(Violation::Stuck(_))) if end.is_some() => {}
        Ok(check) => check?,
        Err(_) if end.is_some() => {}
        Err(_) => return Err(Violation::Stuck(format!("{script:?} does not end"))),
    }
    let requests = broker.faults.requests();
    for _ in 0..2 {
        let next = world.broker_of(attacked(limits));
        let shard = producers.open(&world, &next).await?;
        for index in 0..PARTITIONS {
            let before = producers.next[index as usize];
            producers.produce(&shard, index).await?;
            if producers.next[index as usize] == before {
                return Err(Violation::Stuck(format!("partition {index} takes nothing")));
            }
        }
        shard.close().await;
    }
    Ok(requests)
}

fn at_every_request(script: Script, window: u16) {
    let requests = simulate(run(script, window, None)).expect("without a crash nothing is wrong");
    assert!(requests > 20, "{script:?} does little: {requests} requests");
    for number in 1..=requests {
        for last in [Last::Vanishes, Last::Lands] {
            let outcome = simulate(run(script, window, Some((number, last))));
            assert!(
                outcome.is_ok(),
                "{script:?} with window {window}, request {number} {last:?}: {outcome:?}"
            );
        }
    }
    println!("{script:?} with window {window}: {requests} requests, each the last one in two ways");
}

#[test]
fn an_owner_that_ends_at_any_request_loses_nothing() {
    for window in [1, 3] {
        at_every_request(Script::Life, window);
    }
}

#[test]
fn an_owner_that_ends_at_any_request_with_several_in_flight_loses_nothing() {
    for window in [2, 5] {
        at_every_request(Script::Overlap, window);
    }
}

#[test]
fn a_takeover_that_ends_at_any_request_loses_nothing() {
    for window in [1, 3] {
        at_every_request(Script::Takeover, window);
    }
}
