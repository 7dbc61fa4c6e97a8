//! Requests of members, put to the machine of their group.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::coordinators::answer;
use super::entry::Membership;
use super::error::Gone;
use super::group::classic::{self, Reply, Ticket};
use super::group::consumer::{self, Before, embedded};
use super::shard::{Coordinator, State};

/// A request of the classic protocol.
enum Question {
    Join(classic::Join),
    Sync(classic::Sync),
    Heartbeat(classic::Heartbeat),
    Leave(Vec<classic::Leaver>),
}

impl Coordinator {
    pub async fn join(
        self: &Arc<Self>,
        group: &str,
        request: classic::Join,
    ) -> Result<classic::JoinReply, Gone> {
        match answer(self.ask(group, Question::Join(request))).await? {
            Reply::Join(reply) => Ok(reply),
            Reply::Sync(_) | Reply::Heartbeat(_) | Reply::Leave(_) => Err(Gone),
        }
    }

    pub async fn sync(
        self: &Arc<Self>,
        group: &str,
        request: classic::Sync,
    ) -> Result<classic::SyncReply, Gone> {
        match answer(self.ask(group, Question::Sync(request))).await? {
            Reply::Sync(reply) => Ok(reply),
            Reply::Join(_) | Reply::Heartbeat(_) | Reply::Leave(_) => Err(Gone),
        }
    }

    pub async fn heartbeat(
        self: &Arc<Self>,
        group: &str,
        request: classic::Heartbeat,
    ) -> Result<Result<(), classic::Refusal>, Gone> {
        match answer(self.ask(group, Question::Heartbeat(request))).await? {
            Reply::Heartbeat(outcome) => Ok(outcome),
            Reply::Join(_) | Reply::Sync(_) | Reply::Leave(_) => Err(Gone),
        }
    }

    pub async fn leave(
        self: &Arc<Self>,
        group: &str,
        members: Vec<classic::Leaver>,
    ) -> Result<Vec<Result<(), classic::Refusal>>, Gone> {
        match answer(self.ask(group, Question::Leave(members))).await? {
            Reply::Leave(outcomes) => Ok(outcomes),
            Reply::Join(_) | Reply::Sync(_) | Reply::Heartbeat(_) => Err(Gone),
        }
    }

    /// A heartbeat of the consumer protocol.
    pub async fn consumer_heartbeat(
        self: &Arc<Self>,
        group: &str,
        request: consumer::Heartbeat,
    ) -> Result<Result<consumer::HeartbeatReply, consumer::Refusal>, Gone> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.over {
                return Err(Gone);
            }
            let id = state.id(group);
            let decision = self.with_world(&id, |world| {
                let before = match state.groups.get(&id).map(|entry| &entry.membership) {
                    None | Some(Membership::Nobody) => Before::Nothing,
                    Some(Membership::Classic(group)) => Before::Classic(group),
                    Some(Membership::Consumer(group)) => Before::Consumer(group),
                };
                consumer::heartbeat(before, &request, world)
            });
            let reply = self.carry_out_consumer(&mut state, &id, decision);
            state.tell(&id, Box::new(move || drop(sender.send(reply))));
            self.tidy(&mut state, &id);
        }
        answer(receiver).await
    }

    /// Decides on a request of the classic protocol. The answer comes once it is durable, or never, if the incarnation
    /// ends before.
    fn ask(self: &Arc<Self>, group: &str, question: Question) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.over {
            return receiver;
        }
        let id = state.id(group);
        state.tickets += 1;
        let ticket = Ticket(state.tickets);
        state.asking.insert(ticket, sender);
        // An empty consumer group makes room for a classic one (`GroupMetadataManager.classicGroupJoin`).
        let is_consumers = match state.groups.get(&id).map(|entry| &entry.membership) {
            Some(Membership::Consumer(group)) => !group.is_empty() || !matches!(question, Question::Join(_)),
            Some(Membership::Nobody | Membership::Classic(_)) | None => false,
        };
        match is_consumers {
            true => self.ask_consumers(&mut state, &id, ticket, question),
            false => self.ask_classic(&mut state, &id, ticket, question),
        }
        self.tidy(&mut state, &id);
        receiver
    }

    fn ask_classic(self: &Arc<Self>, state: &mut State, id: &Arc<str>, ticket: Ticket, question: Question) {
        let (limits, now_ms) = (&self.settings.classic, self.runtime.clock.now_ms());
        let group = match state.groups.get(id).map(|entry| &entry.membership) {
            Some(Membership::Classic(group)) => Some(group),
            Some(Membership::Nobody | Membership::Consumer(_)) | None => None,
        };
        let decision = match question {
            Question::Join(join) => classic::join(group, classic::Join { ticket, ..join }, limits, now_ms),
            Question::Sync(sync) => classic::sync(group, classic::Sync { ticket, ..sync }, limits, now_ms),
            Question::Heartbeat(beat) => {
                classic::heartbeat(group, &classic::Heartbeat { ticket, ..beat }, limits, now_ms)
            }
            Question::Leave(members) => {
                classic::leave(group, &classic::Leave { ticket, members }, limits, now_ms)
            }
        };
        self.carry_out_classic(state, id, decision);
    }

    /// A client of the classic protocol in a consumer group: it is answered at once.
    fn ask_consumers(self: &Arc<Self>, state: &mut State, id: &Arc<str>, ticket: Ticket, question: Question) {
        let Some(Membership::Consumer(group)) = state.groups.get(id).map(|entry| &entry.membership) else {
            return;
        };
        let decision = self.with_world(id, |world| match &question {
            Question::Join(join) => embedded::join(group, join, world).map(Reply::Join),
            Question::Sync(sync) => embedded::sync(group, sync, world).map(Reply::Sync),
            Question::Heartbeat(beat) => embedded::heartbeat(group, beat, world).map(Reply::Heartbeat),
            Question::Leave(members) => embedded::leave(group, members, world).map(Reply::Leave),
        });
        let reply = self.carry_out_consumer(state, id, decision);
        self.reply(state, id, ticket, reply);
    }
}
