//! A group of the classic protocol begins as, or goes on as, a consumer group of KIP-848.

use std::sync::Arc;

use bytes::Bytes;

use super::Member;
use super::draft::{Draft, World};
use super::group::{Group, Phase};
use super::reply::{JoinReply, Refusal, Reply};
use super::stored::Stored;
use crate::coordinator::runtime::Decision;

impl Group {
    /// The answers to all who wait when the group is classic no more: join again.
    pub fn parting(&self) -> Vec<Reply> {
        let again = Refusal::RebalanceInProgress;
        let joins = self.waiting.joins.iter();
        let joins = joins.map(|(id, asker)| Reply::Join(*asker, JoinReply::refused(id, again)));
        let syncs = self.waiting.syncs.values().map(|asker| Reply::Sync(*asker, again.into()));
        joins.chain(syncs).collect()
    }

    /// A stable group of consumers that were members of a consumer group. `assign` says what one of them owns, given
    /// the protocol that the group uses.
    pub fn taken_over(
        generation: i32,
        members: Vec<Member>,
        now_ms: i64,
        assign: impl Fn(&Member, &str) -> Bytes,
    ) -> Group {
        let mut group = Group::empty(now_ms);
        let protocol_type: Arc<str> = "consumer".into();
        for member in members {
            group.add(member, &protocol_type);
        }
        group.phase = Phase::Stable;
        group.generation = generation;
        group.protocol_name = group.elect_protocol();
        let protocol = group.protocol_name.clone().unwrap_or_else(|| "".into());
        let ids: Vec<Arc<str>> = group.members.keys().cloned().collect();
        for id in ids {
            group.update(&id, |member| member.assignment = assign(member, &protocol));
        }
        group
    }

    /// The first decision of a group that was taken over: it is stored, all sessions begin, and with `rebalance` its
    /// members are called to join.
    pub fn take_over(&self, rebalance: bool, world: World<'_>) -> Decision<Group> {
        let mut draft = Draft::of(self, world);
        draft.record(Stored::of(self).into());
        for member in self.members() {
            draft.renew_session(&member.id);
        }
        if rebalance {
            draft.prepare();
        }
        draft.decided(())
    }
}
