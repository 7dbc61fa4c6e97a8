//! A group in a world of its own: it holds what decisions lead to, and time passes when a test says so.
//! It must never know more of a group than its decisions say.
//! Entry point: [`Place`].
//! Invariant: what is stored is always enough to load the group again, and no partition has two owners.
#![allow(clippy::unwrap_used, reason = "tests")]

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
use crate::coordinator::group::classic;
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

pub enum Kind {
    None,
    Classic(Box<classic::Group>),
    Consumer(Box<Group>),
}

pub struct Place {
    pub kind: Kind,
    pub topics: Cluster,
    pub settings: Settings,
    pub limits: classic::Limits,
    pub now_ms: i64,
    pub timers: BTreeMap<Timer, i64>,
    /// Timers of the classic group, if it is one.
    pub classic_timers: BTreeMap<classic::Timer, i64>,
    pub rows: BTreeMap<Bytes, Bytes>,
    /// How many rows were written so far.
    pub written: usize,
    pub told: Vec<(classic::Ticket, classic::Reply)>,
}

impl Place {
    pub fn new() -> Place {
        Place {
            kind: Kind::None,
            topics: Cluster::default(),
            settings: Settings { assignment_interval_ms: 0, ..Settings::default() },
            limits: classic::Limits::default(),
            now_ms: 1_000_000,
            timers: BTreeMap::new(),
            classic_timers: BTreeMap::new(),
            rows: BTreeMap::new(),
            written: 0,
            told: Vec::new(),
        }
    }

    pub fn group(&self) -> &Group {
        match &self.kind {
            Kind::Consumer(group) => group,
            _ => panic!("not a consumer group"),
        }
    }

    pub fn classic(&self) -> &classic::Group {
        match &self.kind {
            Kind::Classic(group) => group,
            _ => panic!("not a classic group"),
        }
    }

    pub fn decide<R>(&mut self, decide: impl FnOnce(Before<'_>, World<'_>) -> Decision<R>) -> R {
        let before = match &self.kind {
            Kind::None => Before::Nothing,
            Kind::Classic(group) => Before::Classic(group),
            Kind::Consumer(group) => Before::Consumer(group),
        };
        let world = World {
            topics: &self.topics,
            settings: &self.settings,
            classic: &self.limits,
            now_ms: self.now_ms,
        };
        let decision = decide(before, world);
        self.apply(decision)
    }

    fn apply<R>(&mut self, decision: Decision<R>) -> R {
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
                Some(value) => drop(self.rows.insert(row.key(), value)),
                None => drop(self.rows.remove(&row.key())),
            }
        }
        match decision.next {
            None => {}
            Some(Next::Consumer(group)) => self.kind = Kind::Consumer(Box::new(group)),
            Some(Next::Upgraded(group, parting)) => {
                self.kind = Kind::Consumer(Box::new(group));
                self.told.extend(parting);
                self.classic_timers.clear();
            }
            Some(Next::Downgraded(decision)) => self.apply_classic(*decision),
        }
        self.check();
        decision.reply
    }

    pub fn apply_classic(&mut self, decision: classic::Decision) {
        if let Some(group) = decision.next {
            self.kind = Kind::Classic(Box::new(group));
        }
        self.told.extend(decision.replies);
        for change in decision.timers {
            match change {
                classic::TimerChange::Set { timer, after_ms } => {
                    self.classic_timers.insert(timer, self.now_ms + i64::from(after_ms));
                }
                classic::TimerChange::Cancel(timer) => drop(self.classic_timers.remove(&timer)),
            }
        }
    }

    /// What is stored makes the same group, and every partition has one holder at most.
    fn check(&self) {
        let Kind::Consumer(group) = &self.kind else {
            assert!(self.rows.is_empty(), "a group that is none has rows: {:?}", self.rows);
            return;
        };
        let mut loaded = self.loaded();
        loaded.memory = group.memory.clone();
        assert_eq!(loaded, **group);
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
        for (key, value) in &self.rows {
            group.apply(&Row::decode(key, value.clone()).unwrap());
        }
        group
    }

    pub fn send(&mut self, request: &Heartbeat) -> Result<HeartbeatReply, Refusal> {
        self.decide(|before, world| heartbeat(before, request, world))
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
            self.decide(|before, world| match before {
                Before::Consumer(group) => group.expire(&timer, world),
                Before::Nothing | Before::Classic(_) => panic!("{timer:?} is left of a consumer group"),
            });
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
