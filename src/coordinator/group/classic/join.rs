//! JoinGroup: a client enters the group, or its next generation.

use std::sync::Arc;

use super::decision::{Decision, Draft, Ticket, Timer};
use super::group::{Group, Phase};
use super::reply::{JoinReply, Refusal, Reply};
use super::stored::Stored;
use super::{Limits, Member, Protocol};

/// A client that wants to be in the next generation.
#[derive(Clone, Debug)]
pub struct Join {
    pub ticket: Ticket,
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

/// What later versions of JoinGroup brought.
#[derive(Clone, Copy, Debug)]
pub struct Knows {
    /// The client joins again with the id that it is given first (KIP-394).
    pub member_id_required: bool,
    /// A leader can be told that nothing is to be assigned (KIP-814).
    pub skip_assignment: bool,
}

/// Decides on a JoinGroup to a group that may not exist yet.
pub fn join(group: Option<&Group>, request: Join, limits: &Limits, now_ms: i64) -> Decision {
    if let Some(group) = group {
        return group.join(request, limits, now_ms);
    }
    let born = Group::empty(now_ms);
    let mut draft = Draft::of(&born, limits, now_ms);
    if !request.member_id.is_empty() {
        draft.refuse_join(request.ticket, &request.member_id, Refusal::UnknownMember);
        return draft.unchanged();
    }
    // A group exists from the first question on, as in Kafka: it is listed, and its offsets expire.
    draft.store(Stored::of(&born));
    draft.join(request);
    draft.decided()
}

impl Group {
    fn join(&self, request: Join, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        draft.join(request);
        draft.decided()
    }

    /// Whether there is room. While members join, those that have count; the last ones to join may find none left.
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
    fn join(&mut self, request: Join) {
        let nobody: Arc<str> = "".into();
        let size: usize = request.protocols.iter().map(|own| own.name.len() + own.metadata.len()).sum();
        if size > self.limits.max_stored_bytes {
            self.refuse_join(request.ticket, &request.member_id, Refusal::TooLarge);
        } else if !self.group.has_room_for(&request.member_id, self.limits.max_size) {
            self.group.remove(&request.member_id);
            self.refuse_join(request.ticket, &nobody, Refusal::GroupFull);
            self.maybe_complete();
        } else if !self.group.supports(&request.protocol_type, &request.protocols) {
            self.refuse_join(request.ticket, &request.member_id, Refusal::InconsistentProtocol);
        } else if request.member_id.is_empty() {
            self.join_new(request);
        } else if self.group.waiting.ids.contains(&request.member_id) {
            let id = Arc::clone(&request.member_id);
            self.add(id, request);
        } else {
            self.join_known(request);
        }
    }

    fn join_new(&mut self, request: Join) {
        let id = Arc::clone(&request.fresh_id);
        if let Some(instance) = &request.instance {
            match self.group.statics.get(instance).cloned() {
                Some(old) => self.join_again(&old, request),
                None => self.add(id, request),
            }
        } else if request.knows.member_id_required {
            self.group.waiting.ids.insert_mut(Arc::clone(&id));
            self.set(Timer::Session(Arc::clone(&id)), request.session_timeout_ms);
            self.refuse_join(request.ticket, &id, Refusal::MemberIdRequired);
        } else {
            self.add(id, request);
        }
    }

    fn add(&mut self, id: Arc<str>, request: Join) {
        if let Phase::Preparing { initial: Some(initial) } = &mut self.group.phase {
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
        self.group.add(member, &request.protocol_type);
        self.park_join(&id, request.ticket);
        // It does not know its id, so it sends no heartbeats. Its client may be gone: then it goes after a while.
        self.set(Timer::Session(id), self.limits.new_member_join_timeout_ms);
        self.prepare_or_complete();
    }

    fn join_known(&mut self, request: Join) {
        let id = &request.member_id;
        if let Err(refusal) = self.group.check_member(id, request.instance.as_deref()) {
            self.reply(request.ticket, Reply::Join(JoinReply::refused(id, refusal)));
            return;
        }
        let is_same = self.group.member(id).is_some_and(|member| member.protocols == request.protocols);
        match self.group.phase {
            Phase::Completing if is_same => self.tell_generation(&request),
            Phase::Stable if is_same && !self.group.is_leader(id) => self.tell_generation(&request),
            Phase::Preparing { .. } | Phase::Completing | Phase::Stable => {
                let id = Arc::clone(id);
                self.update(&id, &request);
                self.park_join(&id, request.ticket);
                self.prepare_or_complete();
            }
            Phase::Empty => self.refuse_join(request.ticket, id, Refusal::UnknownMember),
        }
    }

    /// The member lost our answer: this is it again.
    fn tell_generation(&mut self, request: &Join) {
        let reply = self.group.join_reply(&request.member_id);
        self.reply(request.ticket, Reply::Join(reply));
    }

    fn update(&mut self, id: &str, request: &Join) {
        if let Some(member) = self.group.member(id) {
            let member = Member {
                protocols: Arc::clone(&request.protocols),
                session_timeout_ms: request.session_timeout_ms,
                rebalance_timeout_ms: request.rebalance_timeout_ms,
                ..member.clone()
            };
            self.group.replace(member);
        }
    }

    /// A static member came back without its id: the old id is fenced, and the new one takes its place. In a stable
    /// group it takes over the assignment, if the choice of the protocol is not touched.
    fn join_again(&mut self, old: &Arc<str>, request: Join) {
        let leader_before = self.group.leader.clone();
        let id = Arc::clone(&request.fresh_id);
        self.fence(old);
        self.group.rename(old, &id);
        self.cancel(Timer::Session(Arc::clone(old)));
        self.renew_session(&id);
        self.update(&id, &request);
        if self.group.phase == Phase::Stable && self.group.elect_protocol() == self.group.protocol_name {
            let mut reply = self.group.join_reply(&id);
            if request.knows.skip_assignment {
                reply.skip_assignment = self.group.is_leader(&id);
            } else {
                // It must not take itself for the leader, or it would assign again and nobody would listen.
                reply.members = Vec::new();
                reply.leader = leader_before.unwrap_or_else(|| "".into());
            }
            self.reply(request.ticket, Reply::Join(reply));
            let stored = Stored::of(&self.group);
            self.store(stored);
            return;
        }
        self.park_join(&id, request.ticket);
        self.prepare_or_complete();
    }
}
