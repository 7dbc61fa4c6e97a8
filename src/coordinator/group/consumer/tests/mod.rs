//! A group in a world of its own: it holds what decisions lead to, and time passes when a test says so.
//! It must never know more of a group than its decisions say.
//! Entry point: [`Harness`].
//! Invariant: what is stored is always enough to load the group again, and no partition has two owners.

mod churn;
mod commits;
mod epochs;
mod joining;
mod migration;
mod patterns;
mod statics;
mod storing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::coordinator::group::members::Members;
use crate::coordinator::group::{self, Group as Whole, MetadataSource, Topic, Topics, classic, world};
use crate::coordinator::runtime::{Asker, Decision, Holds, Machine, Question, Row as _, TimerChange};
use crate::log::keys::Tag;
use crate::settings::MigrationPolicy;
use crate::types::TopicId;

/// The topics of a test's cluster: partitions by name, ids by position.
#[derive(Clone, Default)]
pub struct Cluster {
    version: u64,
    topics: BTreeMap<Arc<str>, Topic>,
}

impl Cluster {
    pub fn put(&mut self, name: &str, partitions: i32) -> TopicId {
        let next = TopicId(Uuid::from_u128(self.topics.len() as u128 + 1));
        let topic = self.topics.entry(name.into()).or_insert(Topic { id: next, partitions });
        topic.partitions = partitions;
        self.version += 1;
        topic.id
    }
}

impl Topics for Cluster {
    fn version(&self) -> u64 {
        self.version
    }

    fn by_name(&self, name: &str) -> Option<Topic> {
        self.topics.get(name).copied()
    }

    fn name(&self, id: TopicId) -> Option<Arc<str>> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| Arc::clone(name))
    }

    fn names(&self) -> Box<dyn Iterator<Item = Arc<str>> + '_> {
        Box::new(self.topics.keys().cloned())
    }
}

pub struct Harness {
    pub whole: Whole,
    pub topics: Cluster,
    pub settings: Settings,
    pub limits: classic::Limits,
    pub now_ms: i64,
    pub timers: BTreeMap<Timer, i64>,
    pub rows: BTreeMap<Bytes, Bytes>,
    /// The number of rows written so far.
    pub written: usize,
}

impl Harness {
    pub fn new() -> Harness {
        Harness {
            whole: Whole::default(),
            topics: Cluster::default(),
            settings: Settings { assignment_interval_ms: 0, ..Settings::default() },
            limits: classic::Limits::default(),
            now_ms: 1_000_000,
            timers: BTreeMap::new(),
            rows: BTreeMap::new(),
            written: 0,
        }
    }

    pub fn group(&self) -> &Group {
        self.whole.part().unwrap()
    }

    pub fn classic(&self) -> &classic::Group {
        self.whole.part().unwrap()
    }

    pub fn is_consumer(&self) -> bool {
        let group: Option<&Group> = self.whole.part();
        group.is_some()
    }

    pub fn put<M: Machine>(&mut self, part: M)
    where
        Whole: Holds<M>,
    {
        self.whole.put(part);
    }

    pub fn world(&self) -> world::World {
        let topics = Arc::new(self.topics.clone());
        let metadata = MetadataSource {
            topics: Box::new(move || Arc::<Cluster>::clone(&topics)),
            group_settings: Box::new(|_, of_all| of_all),
        };
        let settings =
            group::Settings { classic: self.limits, consumer: self.settings, ..group::Settings::default() };
        world::World { settings, metadata: Arc::new(metadata), id: "g".into(), now_ms: self.now_ms }
    }

    pub fn decide<R>(&mut self, decide: impl FnOnce(&Whole, &world::World) -> Decision<Whole, R>) -> R {
        let decision = decide(&self.whole, &self.world());
        self.apply(decision)
    }

    /// Asks what is answered at once.
    pub fn ask<Q: Question<Whole>>(&mut self, question: Q) -> Q::Reply {
        let decided = self.decide(|whole, world| question.decide(whole, Asker::numbered(1), world));
        decided.unwrap_or_else(|| panic!("no answer"))
    }

    fn apply<R>(&mut self, decision: Decision<Whole, R>) -> R {
        for change in decision.timers {
            match change {
                TimerChange::Set { timer, after_ms } => {
                    self.timers.insert(timer, self.now_ms + i64::from(after_ms));
                }
                TimerChange::Cancel(timer) => drop(self.timers.remove(&timer)),
            }
        }
        self.written += decision.rows.len();
        for row in decision.rows {
            match row.value() {
                Some(value) => drop(self.rows.insert(row.key("g"), value)),
                None => drop(self.rows.remove(&row.key("g"))),
            }
        }
        if let Some(next) = decision.next {
            self.whole = next;
        }
        self.check();
        decision.reply
    }

    /// Timers that only groups of the newer protocol have.
    pub fn timers_of_consumers(&self) -> usize {
        let is_own = |timer: &&Timer| matches!(timer, Timer::Rebalance(_) | Timer::Join(_) | Timer::Sync(_));
        self.timers.keys().filter(is_own).count()
    }

    fn rows(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.rows.iter().filter(|(key, _)| key[0] == Tag::ConsumerGroup as u8)
    }

    /// The stored rows make the same group, and every partition has one holder at most.
    fn check(&self) {
        let Some(group): Option<&Group> = self.whole.part() else {
            assert_eq!(self.rows().next(), None, "a group that is none has rows");
            return;
        };
        let mut loaded = self.loaded();
        loaded.memory = group.memory.clone();
        assert_eq!(loaded, *group);
        let mut holders = BTreeMap::new();
        for id in group.members().map(|member| Arc::clone(&member.id)) {
            let progress = group.progress(&id);
            for (topic, partitions) in progress.assigned.iter().chain(&progress.revoking) {
                for index in partitions.keys() {
                    let before = holders.insert((*topic, *index), Arc::clone(&id));
                    assert_eq!(before, None, "{topic}-{index} is held by {id}, too");
                }
            }
        }
    }

    pub fn loaded(&self) -> Group {
        let mut group = Group::default();
        for (key, value) in self.rows() {
            let (id, row) = Row::decode(Tag::ConsumerGroup, key, value.clone()).unwrap();
            assert_eq!(id, "g");
            group.apply(&row);
        }
        group
    }

    pub fn send(&mut self, request: &Heartbeat) -> Result<HeartbeatReply, Refusal> {
        self.ask(request.clone())
    }

    /// A member joins, and subscribes to topics.
    pub fn join(&mut self, id: &str, topics: &[&str]) -> HeartbeatReply {
        self.send(&joining(id, topics)).unwrap()
    }

    /// A heartbeat in which the member says what it owns.
    pub fn beat(&mut self, id: &str, epoch: i32, owned: &Assignment) -> Result<HeartbeatReply, Refusal> {
        self.send(&Heartbeat { owned: Some(owned.clone()), ..beating(id, epoch) })
    }

    /// Lets time pass; timers run out in their order.
    pub fn pass(&mut self, ms: i64) {
        let end = self.now_ms + ms;
        loop {
            let next = self.timers.iter().min_by_key(|(timer, at)| (**at, (*timer).clone()));
            let Some((timer, at)) = next.filter(|(_, at)| **at <= end) else { break };
            let (timer, at) = (timer.clone(), *at);
            self.timers.remove(&timer);
            self.now_ms = at;
            self.decide(|whole, world| whole.expire(&timer, world));
        }
        self.now_ms = end;
    }

    pub fn ids(&self) -> BTreeSet<String> {
        self.group().members().map(|member| member.id.to_string()).collect()
    }
}

pub fn beating(id: &str, epoch: i32) -> Heartbeat {
    Heartbeat {
        member_id: id.into(),
        fresh_id: "fresh".into(),
        epoch,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        instance: None,
        says: Says::default(),
        owned: None,
    }
}

pub fn joining(id: &str, topics: &[&str]) -> Heartbeat {
    let says = Says {
        rebalance_timeout_ms: Some(60_000),
        topics: Some(topics.iter().map(|name| Arc::from(*name)).collect()),
        ..Says::default()
    };
    Heartbeat { says, owned: Some(Assignment::new()), ..beating(id, 0) }
}

pub fn of(topic: TopicId, partitions: impl IntoIterator<Item = i32>) -> Assignment {
    Assignment::from([(topic, partitions.into_iter().collect())])
}

pub fn count(assignment: &Assignment) -> usize {
    assignment.values().map(BTreeSet::len).sum()
}
