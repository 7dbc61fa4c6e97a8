//! A group in a world of its own: it holds what decisions lead to, and time passes when a test says so.
//! It must never know more of a group than its decisions say.
//! Entry point: [`World`].
//! Invariant: nobody is answered twice.

mod joining;
mod leaving;
mod statics;
mod storing;
mod syncing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::coordinator::group::members::Members;
use crate::coordinator::runtime::{Asker, Decision, Machine, TimerChange};

pub const RANGE: &[(&str, &str)] = &[("range", "m")];
pub const SESSION: i32 = 10_000;
pub const REBALANCE: i32 = 60_000;

pub struct World {
    pub group: Option<Group>,
    pub limits: Limits,
    pub now_ms: i64,
    timers: BTreeMap<Timer, i64>,
    replies: BTreeMap<u64, Reply>,
    pub saved: Option<Stored>,
    pub saves: usize,
    askers: u64,
}

impl World {
    pub fn new() -> World {
        let limits = Limits { initial_delay_ms: 3000, ..Limits::default() };
        World {
            group: None,
            limits,
            now_ms: 1_000,
            timers: BTreeMap::new(),
            replies: BTreeMap::new(),
            saved: None,
            saves: 0,
            askers: 0,
        }
    }

    pub fn group(&self) -> &Group {
        self.group.as_ref().unwrap()
    }

    /// The world that decisions depend on.
    pub fn around(&self) -> super::World<'static> {
        super::World { limits: Box::leak(Box::new(self.limits)), now_ms: self.now_ms }
    }

    pub fn apply<R>(&mut self, decision: Decision<Group, R>) -> R {
        if let Some(next) = decision.next {
            self.group = Some(next);
        }
        for row in decision.rows {
            let mut loaded = Group::default();
            loaded.apply(&row);
            assert_eq!(Some(Stored::of(&loaded)), row.0, "a group is loaded as it was stored");
            self.saved = row.0;
            self.saves += 1;
        }
        for reply in decision.replies {
            let number = match &reply {
                Reply::Join(asker, _) => asker.number(),
                Reply::Sync(asker, _) => asker.number(),
            };
            assert!(self.replies.insert(number, reply).is_none(), "{number} is answered twice");
        }
        for change in decision.timers {
            match change {
                TimerChange::Set { timer, after_ms } => {
                    self.timers.insert(timer, self.now_ms + i64::from(after_ms));
                }
                TimerChange::Cancel(timer) => {
                    self.timers.remove(&timer);
                }
            }
        }
        decision.reply
    }

    fn asker<R>(&mut self) -> Asker<R> {
        self.askers += 1;
        Asker::numbered(self.askers)
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
            if let Some(group) = &self.group {
                self.apply(group.run_out(&timer, self.around()));
            }
        }
        self.now_ms = end;
    }

    /// The answer, taken away: each is looked at once.
    pub fn joined(&mut self, asker: Asker<JoinReply>) -> JoinReply {
        match self.replies.remove(&asker.number()) {
            Some(Reply::Join(_, reply)) => reply,
            other => panic!("{asker:?}: {other:?}"),
        }
    }

    /// The answer, taken away, as above.
    pub fn synced(&mut self, asker: Asker<SyncReply>) -> SyncReply {
        match self.replies.remove(&asker.number()) {
            Some(Reply::Sync(_, reply)) => reply,
            other => panic!("{asker:?}: {other:?}"),
        }
    }

    pub fn waits<R>(&self, asker: Asker<R>) -> bool {
        !self.replies.contains_key(&asker.number())
    }

    pub fn joining(&self, member_id: &str, fresh: &str) -> Join {
        Join {
            member_id: member_id.into(),
            fresh_id: fresh.into(),
            instance: None,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: SESSION,
            rebalance_timeout_ms: REBALANCE,
            protocol_type: "consumer".into(),
            protocols: protocols(RANGE),
            knows: Knows { member_id_required: true, skip_assignment: true },
        }
    }

    pub fn send(&mut self, join: Join) -> Asker<JoinReply> {
        let asker = self.asker();
        self.apply(super::join(self.group.as_ref(), join, asker, self.around()));
        asker
    }

    /// Joins as a known member.
    pub fn join(&mut self, id: &str) -> Asker<JoinReply> {
        let join = self.joining(id, "");
        self.send(join)
    }

    /// A new client: it gets its id, then joins with it.
    pub fn join_new(&mut self, id: &str) -> Asker<JoinReply> {
        let join = self.joining("", id);
        let asker = self.send(join);
        let reply = self.joined(asker);
        assert_eq!(reply.refusal, Some(Refusal::MemberIdRequired));
        assert_eq!(&*reply.member_id, id);
        self.join(id)
    }

    pub fn join_static(&mut self, fresh: &str, instance: &str) -> Asker<JoinReply> {
        let mut join = self.joining("", fresh);
        join.instance = Some(instance.into());
        self.send(join)
    }

    pub fn sync_of(&self, id: &str) -> Sync {
        Sync {
            member_id: id.into(),
            instance: None,
            generation: self.group().generation(),
            protocol_type: None,
            protocol_name: None,
            assignments: HashMap::new(),
        }
    }

    pub fn send_sync(&mut self, sync: Sync) -> Asker<SyncReply> {
        let asker = self.asker();
        self.apply(super::sync(self.group.as_ref(), sync, asker, self.around()));
        asker
    }

    pub fn sync(&mut self, id: &str) -> Asker<SyncReply> {
        let sync = self.sync_of(id);
        self.send_sync(sync)
    }

    /// Syncs as the leader, who gives each member its own id.
    pub fn sync_leader(&mut self) -> Asker<SyncReply> {
        let leader = self.group().leader.clone().unwrap();
        let mut sync = self.sync_of(&leader);
        let given = |member: &Member| (member.id.to_string(), Bytes::copy_from_slice(member.id.as_bytes()));
        sync.assignments = self.group().members().map(given).collect();
        self.send_sync(sync)
    }

    pub fn heartbeat(&mut self, id: &str) -> Result<(), Refusal> {
        let generation = self.group().generation();
        self.heartbeat_as(id, None, generation)
    }

    pub fn heartbeat_as(&mut self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), Refusal> {
        let request = Heartbeat { member_id: id.into(), instance: instance.map(Arc::from), generation };
        self.apply(super::heartbeat(self.group.as_ref(), &request, self.around()))
    }

    pub fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<Result<(), Refusal>> {
        let leaver = |(id, instance): &(&str, Option<&str>)| Leaver {
            member_id: (*id).into(),
            instance: instance.map(Arc::from),
        };
        let request = Leave { members: members.iter().map(leaver).collect() };
        self.apply(super::leave(self.group.as_ref(), &request, self.around()))
    }

    /// A stable group of these members, the first one its leader.
    pub fn stable(ids: &[&str]) -> World {
        let mut world = World::new();
        let joins: Vec<Asker<JoinReply>> = ids.iter().map(|id| world.join_new(id)).collect();
        world.finish_first();
        for (asker, id) in joins.into_iter().zip(ids) {
            assert_eq!(&*world.joined(asker).member_id, *id);
        }
        world.settle();
        world
    }

    /// Lets the time pass that a first rebalance waits for members.
    pub fn finish_first(&mut self) {
        while matches!(self.group().phase(), Phase::Preparing { .. }) {
            self.pass(1000);
        }
    }

    /// All members of a generation sync.
    pub fn settle(&mut self) {
        let leader = self.sync_leader();
        self.synced(leader);
        let ids: Vec<Arc<str>> = self.group().members().map(|member| Arc::clone(&member.id)).collect();
        for id in ids {
            let asker = self.sync(&id);
            assert_eq!(self.synced(asker).assignment, id.as_bytes());
        }
        assert_eq!(self.group().phase(), Phase::Stable);
    }

    /// The coordinator goes, and another one goes on with what is stored.
    pub fn restart(&mut self) {
        let row = self.saved.as_ref().unwrap().encode();
        let mut group = Group::default();
        group.apply(&Stored::decode(row).unwrap().into());
        self.group = Some(group);
        self.timers.clear();
        self.replies.clear();
        self.apply(self.group().load(self.around()));
    }
}

pub fn protocols(given: &[(&str, &str)]) -> Arc<[Protocol]> {
    let protocol = |(name, metadata): &(&str, &str)| Protocol {
        name: (*name).into(),
        metadata: Bytes::copy_from_slice(metadata.as_bytes()),
    };
    given.iter().map(protocol).collect()
}
