//! JoinGroup: a client enters the group, or its next generation.

use std::sync::Arc;

use super::draft::{Draft, World};
use super::group::{Group, Phase};
use super::reply::{JoinReply, Refusal, Reply};
use super::stored::Stored;
use super::{Member, Protocol, Timer};
use crate::coordinator::runtime::{Asker, Decision};

/// A client that wants to be in the next generation.
#[derive(Clone, Debug)]
pub struct Join {
    /// Empty for a client that has none yet.
    pub member_id: Arc<str>,
    /// The id that it gets if it has none.
    pub fresh_id: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: Arc<str>,
    pub protocols: Arc<[Protocol]>,
    pub knows: Knows,
}

/// Abilities that later versions of JoinGroup brought.
#[derive(Clone, Copy, Debug)]
pub struct Knows {
    /// The client joins again with the id that it is given first (KIP-394).
    pub member_id_required: bool,
    /// A leader can be told that nothing is to be assigned (KIP-814).
    pub skip_assignment: bool,
}

/// Decides on a JoinGroup to a group that may not exist yet.
pub fn join(
    group: Option<&Group>,
    request: Join,
    asker: Asker<JoinReply>,
    world: World<'_>,
) -> Decision<Group> {
    let born = Group::empty(world.now_ms);
    let mut draft = Draft::of(group.unwrap_or(&born), world);
    if group.is_none() && !request.member_id.is_empty() {
        draft.refuse_join(asker, &request.member_id, Refusal::UnknownMember);
        return Decision { next: None, ..draft.decided(()) };
    }
    if group.is_none() {
        // A group exists from the first question on, as in Kafka: it is listed, and its offsets expire.
        draft.record(Stored::of(&born).into());
    }
    draft.join(request, asker);
    draft.decided(())
}

impl Group {
    /// True if there is room. While members join, those that have count; the last ones to join may find none left.
    fn has_room_for(&self, member_id: &str, max_size: usize) -> bool {
        match self.phase {
            Phase::Empty => true,
            Phase::Preparing { .. } => {
                self.waiting.joins.contains_key(member_id) || self.waiting.joins.size() < max_size
            }
            Phase::Completing | Phase::Stable => {
                self.members.contains_key(member_id) || self.members.size() < max_size
            }
        }
    }
}

impl Draft<'_> {
    fn join(&mut self, request: Join, asker: Asker<JoinReply>) {
        let nobody: Arc<str> = "".into();
        let size: usize = request.protocols.iter().map(|own| own.name.len() + own.metadata.len()).sum();
        if size > self.world.limits.max_stored_bytes {
            self.refuse_join(asker, &request.member_id, Refusal::TooLarge);
        } else if !self.next.has_room_for(&request.member_id, self.world.limits.max_size) {
            self.next.remove(&request.member_id);
            self.refuse_join(asker, &nobody, Refusal::GroupFull);
            self.maybe_complete();
        } else if !self.next.supports(&request.protocol_type, &request.protocols) {
            self.refuse_join(asker, &request.member_id, Refusal::InconsistentProtocol);
        } else if request.member_id.is_empty() {
            self.join_new(request, asker);
        } else if self.next.waiting.ids.contains(&request.member_id) {
            let id = Arc::clone(&request.member_id);
            self.add(id, request, asker);
        } else {
            self.join_known(request, asker);
        }
    }

    fn join_new(&mut self, request: Join, asker: Asker<JoinReply>) {
        let id = Arc::clone(&request.fresh_id);
        if let Some(instance) = &request.instance {
            match self.next.statics.get(instance).cloned() {
                Some(old) => self.join_again(&old, request, asker),
                None => self.add(id, request, asker),
            }
        } else if request.knows.member_id_required {
            self.next.waiting.ids.insert_mut(Arc::clone(&id));
            self.set(Timer::Session(Arc::clone(&id)), request.session_timeout_ms);
            self.refuse_join(asker, &id, Refusal::MemberIdRequired);
        } else {
            self.add(id, request, asker);
        }
    }

    fn add(&mut self, id: Arc<str>, request: Join, asker: Asker<JoinReply>) {
        if let Phase::Preparing { initial: Some(initial) } = &mut self.next.phase {
            initial.grew = true;
        }
        let member = Member {
            id: Arc::clone(&id),
            // An id that was given out belongs to a dynamic member.
            instance: request.instance.filter(|_| request.member_id.is_empty()),
            client_id: request.client_id,
            client_host: request.client_host,
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            protocols: request.protocols,
            assignment: Default::default(),
            is_new: true,
        };
        self.next.add(member, &request.protocol_type);
        self.park_join(&id, asker);
        // It does not know its id, so it sends no heartbeats. Its client may be gone: then it goes after a while.
        self.set(Timer::Session(id), self.world.limits.new_member_join_timeout_ms);
        self.prepare_or_complete();
    }

    fn join_known(&mut self, request: Join, asker: Asker<JoinReply>) {
        let id = &request.member_id;
        if let Err(refusal) = self.next.check_member(id, request.instance.as_deref()) {
            self.refuse_join(asker, id, refusal);
            return;
        }
        let is_same = self.next.member(id).is_some_and(|member| member.protocols == request.protocols);
        match self.next.phase {
            Phase::Completing if is_same => self.repeat_generation(&request, asker),
            Phase::Stable if is_same && !self.next.is_leader(id) => self.repeat_generation(&request, asker),
            Phase::Preparing { .. } | Phase::Completing | Phase::Stable => {
                let id = Arc::clone(id);
                self.update(&id, &request);
                self.park_join(&id, asker);
                self.prepare_or_complete();
            }
            Phase::Empty => self.refuse_join(asker, id, Refusal::UnknownMember),
        }
    }

    /// The member lost our answer: this is it again.
    fn repeat_generation(&mut self, request: &Join, asker: Asker<JoinReply>) {
        let reply = self.next.join_reply(&request.member_id);
        self.reply(Reply::Join(asker, reply));
    }

    fn update(&mut self, id: &str, request: &Join) {
        if let Some(member) = self.next.member(id) {
            let member = Member {
                protocols: Arc::clone(&request.protocols),
                session_timeout_ms: request.session_timeout_ms,
                rebalance_timeout_ms: request.rebalance_timeout_ms,
                ..member.clone()
            };
            self.next.replace(member);
        }
    }

    /// A static member came back without its id: the old id is fenced, and the new one takes its place. In a stable
    /// group it takes over the assignment, if the choice of the protocol is not touched.
    fn join_again(&mut self, old: &Arc<str>, request: Join, asker: Asker<JoinReply>) {
        let leader_before = self.next.leader.clone();
        let id = Arc::clone(&request.fresh_id);
        self.fence(old);
        self.next.rename(old, &id);
        self.cancel(Timer::Session(Arc::clone(old)));
        self.renew_session(&id);
        self.update(&id, &request);
        if self.next.phase == Phase::Stable && self.next.elect_protocol() == self.next.protocol_name {
            let mut reply = self.next.join_reply(&id);
            if request.knows.skip_assignment {
                reply.skip_assignment = self.next.is_leader(&id);
            } else {
                // It must not take itself for the leader, or it would assign again and nobody would listen.
                reply.members = Vec::new();
                reply.leader = leader_before.unwrap_or_else(|| "".into());
            }
            self.reply(Reply::Join(asker, reply));
            self.record(Stored::of(&self.next).into());
            return;
        }
        self.park_join(&id, asker);
        self.prepare_or_complete();
    }
}
