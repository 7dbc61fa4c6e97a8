//! A broker that is alone on an object store that fails, delays, loses answers and writes late, and that is replaced
//! at any moment by a new process of itself while the old one lives on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::support::{Bucket, Process, settings};
use crate::metadata::{Applied, Command};
use crate::runtime::Runtime;
use crate::store::faults::{FaultPlan, Faults, Late};
use crate::types::{LeaderEpoch, ShardId, TopicId};

/// The acknowledged commands.
#[derive(Default)]
struct Acknowledged {
    topics: BTreeMap<TopicId, String>,
    epochs: Vec<LeaderEpoch>,
}

fn unreliable() -> Faults {
    Faults {
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(20),
        put_errors: 0.1,
        get_errors: 0.05,
        list_errors: 0.05,
        lost_responses: 0.1,
        late_puts: Late { rate: 0.1, by: Duration::from_millis(500) },
        conflicts: 0.05,
        ..Faults::default()
    }
}

/// Proposes until it fails, which it does once a newer process has the database.
async fn propose_for_ever(process: &Process, name: String, acknowledged: Arc<Mutex<Acknowledged>>) {
    for n in 0.. {
        let topic = process.topic(&format!("{name}-{n}"));
        let (id, name) = (topic.id, topic.name.to_string());
        let assign = Command::AssignShard { shard: ShardId(0), owner: Some(process.metadata.owner()) };
        let commands = vec![Command::CreateTopic(topic), assign];
        let Ok(outcomes) = process.metadata.propose_many(commands).await else { return };
        let mut acknowledged = acknowledged.lock();
        for outcome in outcomes {
            match outcome {
                Ok(Applied::Topic { id: made, created: true }) if made == id => {
                    acknowledged.topics.insert(id, name.clone());
                }
                Ok(Applied::Assigned { epoch }) => acknowledged.epochs.push(epoch),
                Ok(other) => panic!("{other:?}"),
                Err(_) => return,
            }
        }
    }
}

async fn life(seed: u64) {
    let bucket = Bucket::new();
    let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
    let chance = Runtime::simulated(seed);
    let mut zombies = Vec::new();
    for generation in 0..4 {
        let runtime = Runtime::simulated(seed * 100 + generation);
        let plan = FaultPlan::new(&runtime);
        plan.set(unreliable());
        let started = bucket.behind(&plan).start_in(runtime.clone(), &settings(0)).await;
        let process = Arc::new(started.unwrap_or_else(|error| {
            panic!("seed {seed}, generation {generation}: {error}; {:?}", runtime.tasks.failure())
        }));
        let image = process.metadata.image();
        for (id, name) in &acknowledged.lock().topics {
            assert!(image.topic(*id).is_some(), "seed {seed}: {name} was acknowledged and is lost");
        }
        for worker in 0..4 {
            let (process, acknowledged) = (Arc::clone(&process), Arc::clone(&acknowledged));
            let name = format!("g{generation}-w{worker}");
            zombies.push(chance.tasks.spawn(crate::runtime::TaskKind::Request, async move {
                propose_for_ever(&process, name, acknowledged).await;
            }));
        }
        chance.clock.sleep(Duration::from_millis(300 + chance.rng.below(3000))).await;
    }
    let last = bucket.start().await;
    for zombie in zombies {
        zombie.await.expect("no panic");
    }
    let image = last.metadata.sync().await.expect("up to date");
    last.metadata.close().await;
    let acknowledged = acknowledged.lock();
    assert!(acknowledged.topics.len() > 20, "seed {seed}: only {}", acknowledged.topics.len());
    for (id, name) in &acknowledged.topics {
        assert_eq!(image.topic(*id).map(|topic| topic.name.to_string()).as_deref(), Some(name.as_str()));
    }
    let mut epochs = acknowledged.epochs.clone();
    epochs.sort();
    epochs.dedup();
    assert_eq!(epochs.len(), acknowledged.epochs.len(), "seed {seed}: an epoch was given out twice");
}

#[tokio::test(start_paused = true)]
async fn nothing_acknowledged_is_lost_on_an_unreliable_store() {
    for seed in 0..6 {
        life(seed).await;
    }
}

/// Wherever the very first start is broken off, the next one succeeds.
#[tokio::test(start_paused = true)]
async fn a_start_may_end_anywhere() {
    for moment in 0..40 {
        let bucket = Bucket::new();
        let runtime = Runtime::simulated(moment);
        let plan = FaultPlan::new(&runtime);
        plan.set(Faults { latency: Duration::from_millis(10), ..Faults::default() });
        let slow = bucket.behind(&plan);
        let limit = Duration::from_millis(5 + 10 * moment);
        let clock = runtime.clock.clone();
        let _broken_off = clock.timeout(limit, slow.start_in(runtime, &settings(0))).await;
        let process = bucket.start().await;
        let image = process.metadata.image();
        assert!(image.is_formed());
        assert_eq!(image.brokers.size(), 1);
        process.create("t").await;
        process.metadata.close().await;
    }
}

/// The next process may run on a machine whose clock is far behind.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_the_last_write_ends_nothing() {
    let bucket = Bucket::new();
    let first = bucket.start_in(Runtime::simulated(1), &settings(0)).await.expect("a start");
    first.runtime.clock.sleep(Duration::from_secs(600)).await;
    first.create("before").await;
    let second = bucket.start_in(Runtime::simulated(2), &settings(0)).await.expect("a start");
    assert!(second.runtime.clock.now_ms() < first.runtime.clock.now_ms());
    second.create("after").await;
    assert_eq!(second.metadata.image().topics.len(), 2);
    second.metadata.close().await;
}

/// While the store is away proposals wait, and are refused by time; afterwards all is well again.
#[tokio::test(start_paused = true)]
async fn an_outage_costs_time_only() {
    let bucket = Bucket::new();
    let runtime = Runtime::simulated(1);
    let plan = FaultPlan::new(&runtime);
    let process = bucket.behind(&plan).start_in(runtime, &settings(0)).await.expect("a start");
    process.create("before").await;
    plan.outage(true);
    let topic = process.topic("during");
    let outcome = process.metadata.propose(Command::CreateTopic(topic.clone())).await;
    assert_eq!(outcome, Err(crate::metadata::ProposeError::Timeout));
    plan.outage(false);
    let again = process.metadata.propose(Command::CreateTopic(topic)).await.expect("an outcome");
    assert!(again.is_ok(), "it may have been done already, and is a success anyway: {again:?}");
    process.metadata.sync().await.expect("up to date");
    assert_eq!(process.metadata.image().topics.len(), 2);
    process.metadata.close().await;
}

/// Nobody waits for ever for a store that is away; what was acknowledged is there at the next start.
#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_ends() {
    for is_writing in [false, true] {
        let bucket = Bucket::new();
        let runtime = Runtime::simulated(1);
        let plan = FaultPlan::new(&runtime);
        let process = bucket.behind(&plan).start_in(runtime, &settings(0)).await.expect("a start");
        process.create("before").await;
        plan.outage(true);
        if is_writing {
            let topic = process.topic("during");
            let outcome = process.metadata.propose(Command::CreateTopic(topic)).await;
            assert_eq!(outcome, Err(crate::metadata::ProposeError::Timeout));
        }
        let stop = process.metadata.close();
        process.runtime.clock.timeout(Duration::from_secs(15), stop).await.expect("it ends");
        let next = bucket.start().await;
        assert!(next.metadata.image().topics.iter().any(|topic| &*topic.name == "before"));
        next.metadata.close().await;
    }
}
