//! Consumer groups whose members do anything at any time, at random but by the seed.
//!
//! Only with the range assignor: of equally good uniform assignments Kafka's choice follows the order of a hash map.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkaesque::protocol::messages::consumer_group_heartbeat::{Request as Beat, Response};
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, sync_group};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::migration::join;
use super::{Age, Own, Stage, Told};
use crate::pair::{Pair, create};

const GROUPS: u64 = 6;
const STEPS: usize = 80;
/// Of each topic.
const PARTITIONS: [i32; 3] = [3, 1, 2];
/// The last ones have an instance.
const MEMBERS: [&str; 6] = ["m0", "m1", "m2", "m3", "s0", "s1"];
const CLASSIC: [&str; 2] = ["c0", "c1"];

pub fn play(pair: &mut Pair, told: &mut Told, seed: u64) {
    let topics = topics_in_one_order(pair);
    for n in 0..GROUPS {
        let rng = StdRng::seed_from_u64(seed << 8 | n);
        let name = format!("random-{n}");
        let stage = Stage::new(pair, told, &name, Age::Newest);
        let has_classic = n % 3 == 2;
        let mut walk = Walk {
            stage,
            rng,
            has_classic,
            topics: topics.clone(),
            members: BTreeMap::new(),
            classic: BTreeMap::new(),
        };
        for _ in 0..STEPS {
            walk.step();
        }
        walk.end();
    }
}

/// New topics whose ids are in the same order at both brokers: where all else is equal, assignors go by that.
fn topics_in_one_order(pair: &mut Pair) -> Vec<String> {
    for n in 0..200 {
        let names: Vec<String> = (0..PARTITIONS.len()).map(|topic| format!("walk-{n}-{topic}")).collect();
        let topics: Vec<(&str, i32)> = names.iter().map(|name| &**name).zip(PARTITIONS).collect();
        for side in [&mut pair.ours, &mut pair.theirs] {
            create(side, &topics);
        }
        pair.wait_until_alike();
        let mut ours = names.clone();
        ours.sort_by_key(|name| pair.ours.id(name));
        let mut theirs = names.clone();
        // Java compares the halves as signed numbers.
        theirs.sort_by_key(|name| {
            let (high, low) = pair.theirs.id(name).as_u64_pair();
            (high.cast_signed(), low.cast_signed())
        });
        if ours == theirs {
            wait_until_assigned(pair, &names);
            return names;
        }
    }
    panic!("the ids of topics never have the same order");
}

/// Kafka's coordinator hears of new topics later than its broker.
fn wait_until_assigned(pair: &mut Pair, topics: &[String]) {
    let all: i32 = PARTITIONS.iter().sum();
    let request = Beat {
        group_id: "walk-probe".to_owned(),
        member_id: "probe".to_owned(),
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some(topics.to_vec()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    for side in [&mut pair.ours, &mut pair.theirs] {
        let has_all = |answer: &Response| {
            let topics = answer.assignment.iter().flat_map(|assignment| &assignment.topic_partitions);
            topics.map(|topic| topic.partitions.len()).sum::<usize>() == all as usize
        };
        for n in 0.. {
            if has_all(&side.connection.ask(&request, 1)) {
                break;
            }
            assert!(n < 500, "new topics are not assigned");
            std::thread::sleep(Duration::from_millis(10));
        }
        side.connection.ask(&Beat { member_epoch: -1, ..request.clone() }, 1);
    }
}

/// What a member knows of itself.
#[derive(Default, Clone)]
struct Member {
    epoch: i32,
    owned: BTreeMap<String, Vec<i32>>,
}

struct Walk<'a> {
    stage: Stage<'a>,
    rng: StdRng,
    has_classic: bool,
    topics: Vec<String>,
    members: BTreeMap<&'static str, Member>,
    /// The generations of clients of the classic protocol.
    classic: BTreeMap<&'static str, i32>,
}

fn instance(who: &str) -> Option<String> {
    who.starts_with('s').then(|| format!("instance-{who}"))
}

impl Walk<'_> {
    fn step(&mut self) {
        let who = *MEMBERS.choose(&mut self.rng).expect("some");
        match self.rng.random_range(0..20) {
            0..=3 => self.enters(who),
            4..=10 => self.beats(who),
            11 => self.leaves(who),
            12 => self.subscribes_anew(who),
            13 | 14 => self.stage.look(),
            15 => self.is_wrong(who),
            16 => self.commits(who),
            _ if self.has_classic => self.classic_step(),
            _ => self.beats(who),
        }
    }

    fn topics(&mut self) -> Vec<String> {
        let count = self.rng.random_range(0..=self.topics.len());
        self.topics.choose_multiple(&mut self.rng, count).cloned().collect()
    }

    fn topic(&mut self) -> String {
        self.topics.choose(&mut self.rng).expect("some").clone()
    }

    fn send(&mut self, who: &'static str, make: impl Fn(&Own<'_>) -> Beat) {
        let [ours, _] = self.stage.ask(who, |own| Beat { instance_id: instance(who), ..make(own) });
        self.take(who, &ours);
    }

    /// Both were told the same, or that was said already.
    fn take(&mut self, who: &'static str, answer: &Response) {
        if answer.error_code != 0 {
            if [25, 110, 82].contains(&answer.error_code) {
                self.members.remove(who);
            }
            return;
        }
        let names = self.stage.topic_names();
        let member = self.members.entry(who).or_default();
        member.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            let topic = |id: &Uuid| names.get(id).cloned().unwrap_or_default();
            let topics = assignment.topic_partitions.iter();
            member.owned = topics.map(|one| (topic(&one.topic_id), one.partitions.clone())).collect();
        }
    }

    fn enters(&mut self, who: &'static str) {
        let topics = self.topics();
        self.send(who, |own| {
            let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            Beat { server_assignor: Some("range".to_owned()), ..own.enter(who, &topics) }
        });
    }

    /// It says what it owns, mostly, and so that it gave up what it was to.
    fn beats(&mut self, who: &'static str) {
        let member = self.members.get(who).cloned().unwrap_or(Member { epoch: 1, ..Default::default() });
        let tells = self.rng.random_bool(0.7);
        self.send(who, |own| {
            let owned: Vec<(&str, &[i32])> =
                member.owned.iter().map(|(topic, partitions)| (&**topic, &**partitions)).collect();
            match tells {
                true => own.owns(who, member.epoch, &owned),
                false => own.beat(who, member.epoch),
            }
        });
    }

    fn leaves(&mut self, who: &'static str) {
        let epoch = if self.rng.random_bool(0.5) && instance(who).is_some() { -2 } else { -1 };
        self.send(who, |own| own.beat(who, epoch));
        self.members.remove(who);
    }

    fn subscribes_anew(&mut self, who: &'static str) {
        let topics = self.topics();
        let epoch = self.members.get(who).map_or(1, |member| member.epoch);
        self.send(who, |own| Beat { subscribed_topic_names: Some(topics.clone()), ..own.beat(who, epoch) });
    }

    fn is_wrong(&mut self, who: &'static str) {
        let epoch = self.rng.random_range(0..9);
        let (topic, index) = (self.topic(), self.rng.random_range(0..3));
        self.stage.ask(who, |own| Beat {
            instance_id: Some("instance-s0".to_owned()),
            ..own.owns(who, epoch.max(1), &[(&*topic, &[index])])
        });
        // A member that has no instance, or another one.
        self.stage.ask(who, |own| own.beat(who, epoch.max(1)));
        self.members.remove(who);
    }

    fn commits(&mut self, who: &'static str) {
        let epoch = self.members.get(who).map_or(1, |member| member.epoch);
        let epoch = epoch - i32::from(self.rng.random_bool(0.4));
        let topic = self.topic();
        self.stage.ask(who, |own| own.commit(who, epoch, &topic));
        self.stage.fetches(who, None);
    }

    fn classic_step(&mut self) {
        let who = *CLASSIC.choose(&mut self.rng).expect("some");
        let generation = self.classic.get(who).copied().unwrap_or(1);
        // Where the group is a classic one, to join is to wait for others.
        let is_consumer = self.members.values().any(|member| member.epoch > 0);
        match self.rng.random_range(0..6) {
            0..=2 if is_consumer => {
                // A consumer group takes the id that a client made up. Assignors sort by ids: they must be the same.
                let [ours, _] = self
                    .stage
                    .ask(who, |own| join_group::Request { member_id: own.id(who), ..join(own, who, &[]) });
                self.classic.insert(who, ours.generation_id);
            }
            3 => {
                self.stage.ask::<sync_group::Request>(who, |own| own.sync(who, generation, &[]));
            }
            4 => {
                self.stage.ask::<leave_group::Request>(who, |own| own.leave(who));
                self.classic.remove(who);
            }
            _ => {
                self.stage.ask::<heartbeat::Request>(who, |own| own.heartbeat(who, generation));
            }
        }
    }

    fn end(&mut self) {
        self.stage.look();
        for who in MEMBERS {
            self.send(who, |own| own.beat(who, -1));
        }
        self.stage.look();
    }
}
