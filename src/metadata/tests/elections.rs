//! Leaders that go, stall, or are cut off, and what the others make of it.

use std::time::Duration;

use super::support::{Bucket, Process, Switchboard};
use crate::metadata::{Applied, Command, ProposeError};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::types::ShardId;

struct Cluster {
    switchboard: Switchboard,
    brokers: Vec<Process>,
}

impl Cluster {
    async fn start(seed: u64) -> Cluster {
        let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
        let starting = (0..3).map(|id| {
            let runtime = Runtime::simulated(10 * seed + id as u64);
            bucket.start_voter_in(runtime, id, 3, &switchboard)
        });
        let brokers: Vec<Process> = futures::future::join_all(starting).await;
        // The first beats to brokers that were not there yet have been given up.
        brokers[0].runtime.clock.sleep(Duration::from_secs(3)).await;
        Cluster { switchboard, brokers }
    }

    fn leader(&self) -> Option<usize> {
        self.brokers.iter().position(|broker| broker.metadata.leads())
    }

    fn now(&self) -> Instant {
        self.brokers[0].runtime.clock.instant()
    }

    /// The leader among the others, and how long it took.
    async fn next_leader(&self, before: usize) -> (usize, Duration) {
        let begun = self.now();
        loop {
            let leads =
                |(n, broker): (usize, &Process)| (n != before && broker.metadata.leads()).then_some(n);
            if let Some(leader) = self.brokers.iter().enumerate().find_map(leads) {
                return (leader, self.now() - begun);
            }
            assert!(self.now() - begun < Duration::from_secs(30), "nobody leads");
            self.brokers[0].runtime.clock.sleep(Duration::from_millis(5)).await;
        }
    }
}

fn term(broker: &Process) -> u64 {
    broker.metadata.quorum().term
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_process_is_gone_is_replaced_within_a_second() {
    for seed in 0..10 {
        let cluster = Cluster::start(seed).await;
        let old = cluster.leader().expect("a leader");
        cluster.switchboard.hang_up(old as i32);
        let (new, took) = cluster.next_leader(old).await;
        assert!(took < Duration::from_millis(2_500), "seed {seed}: {took:?}");
        cluster.brokers[new].create("after").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_leads_no_more_and_follows_when_it_is_back() {
    let cluster = Cluster::start(1).await;
    let old = cluster.leader().expect("a leader");
    cluster.switchboard.cut(old as i32);
    let (new, took) = cluster.next_leader(old).await;
    assert!(took > Duration::from_millis(900), "it may only be slow: {took:?}");
    cluster.brokers[new].create("without-it").await;
    cluster.brokers[old].runtime.clock.sleep(Duration::from_secs(3)).await;
    assert!(!cluster.brokers[old].metadata.leads());
    let begun = cluster.now();
    let topic = cluster.brokers[old].topic("unheard");
    let refused = cluster.brokers[old].metadata.propose(Command::CreateTopic(topic)).await;
    assert_eq!(refused, Err(ProposeError::NotLeader { leader: None }));
    assert!(cluster.now() - begun <= Duration::from_secs(5));
    cluster.switchboard.mend(old as i32);
    cluster.brokers[old].runtime.clock.sleep(Duration::from_secs(2)).await;
    let image = cluster.brokers[old].metadata.sync().await.expect("up to date");
    let names: Vec<String> = image.topics.iter().map(|topic| topic.name.to_string()).collect();
    assert_eq!(names, ["without-it"]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_was_cut_off_deposes_nobody() {
    let cluster = Cluster::start(2).await;
    let leader = cluster.leader().expect("a leader");
    let follower = (leader + 1) % 3;
    let before = term(&cluster.brokers[leader]);
    for _ in 0..10 {
        cluster.switchboard.cut(follower as i32);
        cluster.brokers[0].runtime.clock.sleep(Duration::from_secs(10)).await;
        cluster.switchboard.mend(follower as i32);
        cluster.brokers[0].runtime.clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(cluster.leader(), Some(leader));
    }
    assert!(cluster.brokers.iter().all(|broker| term(broker) == before));
}

/// The leader is gone while proposals are on their way: each has one outcome, and none is done twice.
#[tokio::test(start_paused = true)]
async fn proposals_survive_their_leader_and_are_done_once() {
    for seed in 0..10 {
        let cluster = Cluster::start(20 + seed).await;
        let old = cluster.leader().expect("a leader");
        let proposing = &cluster.brokers[(old + 1) % 3];
        let epochs = async {
            let mut epochs = Vec::new();
            for _ in 0..40 {
                let shard = ShardId(0);
                let assign = Command::AssignShard { shard, owner: None };
                match proposing.metadata.propose(assign).await.expect("an outcome") {
                    Ok(Applied::Assigned { epoch }) => epochs.push(epoch.0),
                    other => panic!("{other:?}"),
                }
            }
            epochs
        };
        let killing = async {
            let after = proposing.runtime.rng.below(30);
            proposing.runtime.clock.sleep(Duration::from_millis(after)).await;
            cluster.switchboard.hang_up(old as i32);
        };
        let (epochs, ()) = tokio::join!(epochs, killing);
        let expected: Vec<i32> = (epochs[0]..epochs[0] + 40).collect();
        assert_eq!(epochs, expected, "seed {seed}: a number was taken twice");
    }
}
