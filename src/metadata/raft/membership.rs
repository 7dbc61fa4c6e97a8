//! The members of the group: who votes, who only listens, where they are, and how that changes.

use std::collections::BTreeSet;
use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};
use openraft::{BasicNode, ChangeMembers};
use tokio::sync::MutexGuard;

use super::electorate::Electorate;
use super::node::{Node, RETRY};
use super::rpc::{Call, Joining, Reply};
use super::types::{broker_id, node_id};
use crate::metadata::error::ProposeError;
use crate::metadata::quorum::{EntryId, Quorum, Replica, VoterLists};
use crate::types::BrokerId;

/// The longest wait for a broker to take another in, or to say who could.
const JOIN_LIMIT: Duration = Duration::from_secs(5);

impl Node {
    /// Those of the group; before it is formed here, those that will form it.
    pub(in crate::metadata) fn electorate(&self) -> Electorate {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow();
        let lists = metrics.membership_config.membership().get_joint_config();
        let mut lists: Vec<BTreeSet<BrokerId>> =
            lists.iter().map(|list| list.iter().copied().map(broker_id).collect()).collect();
        if lists.iter().all(BTreeSet::is_empty) {
            lists = vec![self.founders().keys().copied().map(broker_id).collect()];
        }
        // A log that is on its way here begins with voters of long ago: one of this id would lead a group of its own.
        if self.is_of_former(metrics.membership_config.log_id().map(|id| id.index)) {
            lists.iter_mut().for_each(|list| list.retain(|id| *id != self.id()));
        }
        Electorate::new(self.id(), lists)
    }

    pub(in crate::metadata) fn voter_lists(&self) -> VoterLists {
        let metrics = self.raft().metrics();
        let stored = metrics.borrow().membership_config.clone();
        let lists = stored.membership().get_joint_config().iter();
        VoterLists {
            since: stored.log_id().map(EntryId::from),
            lists: lists.map(|list| list.iter().copied().map(broker_id).collect()).collect(),
        }
    }

    /// All who vote or listen, as far as this broker knows.
    pub(in crate::metadata) fn members(&self) -> BTreeSet<BrokerId> {
        let mut members = self.electorate().voters();
        let metrics = self.raft().metrics();
        members.extend(metrics.borrow().membership_config.membership().learner_ids().map(broker_id));
        members
    }

    /// All members but this broker.
    pub(super) fn others(&self) -> BTreeSet<BrokerId> {
        let mut others = self.members();
        others.remove(&self.id());
        others
    }

    /// Returns when there may be other members than before.
    pub(in crate::metadata) async fn members_change(&self) {
        let mut metrics = self.raft().metrics();
        let before = metrics.borrow().membership_config.clone();
        if metrics.wait_for(|now| now.membership_config != before).await.is_err() {
            // The member has stopped, and the supervisor hears of it.
            std::future::pending::<()>().await;
        }
    }

    /// Places of a member that the group knows: `host:port`, the newest first.
    pub(in crate::metadata) fn addresses(&self, broker: BrokerId) -> Vec<String> {
        let mut addresses: Vec<String> = self.announced.lock().get(&broker).cloned().into_iter().collect();
        addresses.extend(self.image().members.get(broker).map(|member| member.address.clone()));
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow();
        let node = metrics.membership_config.membership().get_node(&node_id(broker));
        addresses.extend(node.map(|node| node.addr.clone()));
        addresses.retain(|address| !address.is_empty());
        addresses
    }

    /// Tells `peers` that this broker is there, at `address`, until the leader has it as a member.
    pub(in crate::metadata) async fn announce(&self, address: &str, peers: &BTreeSet<BrokerId>) -> bool {
        let joining = Joining { broker: self.id(), address: address.to_owned(), is_passed_on: false };
        for peer in peers.iter().filter(|peer| **peer != self.id()) {
            let call = Call::Join(joining.clone());
            if let Ok(Reply::Join(Ok(()))) = self.peers().call(*peer, call, JOIN_LIMIT).await {
                return true;
            }
        }
        false
    }

    /// A broker has started: the leader takes it in, as a learner, if it is no member.
    pub(super) async fn take_in(&self, joining: Joining) -> Result<(), ProposeError> {
        let Joining { broker, address, is_passed_on } = joining;
        self.announced.lock().insert(broker, address.clone());
        if !self.leads() {
            return match self.last_leader() {
                Some(leader) if !is_passed_on && leader != self.id() => {
                    self.pass_on(leader, Joining { broker, address, is_passed_on: true }).await
                }
                _ => Err(self.not_leader()),
            };
        }
        if self.others().contains(&broker) {
            return Ok(());
        }
        tracing::info!(%broker, address, "a broker joins");
        changed(self.raft().add_learner(node_id(broker), BasicNode::new(address), false).await)
    }

    async fn pass_on(&self, leader: BrokerId, joining: Joining) -> Result<(), ProposeError> {
        match self.peers().call(leader, Call::Join(joining), JOIN_LIMIT).await {
            Ok(Reply::Join(answer)) => answer,
            _ => Err(self.not_leader()),
        }
    }

    /// Has the group vote by `voters` from now on. Those that vote no more go on listening.
    pub(in crate::metadata) async fn change_voters(
        &self,
        voters: &BTreeSet<BrokerId>,
    ) -> Result<(), ProposeError> {
        let ids = voters.iter().copied().map(node_id).collect();
        self.change_members(ChangeMembers::ReplaceAllVoters(ids), true).await
    }

    /// Changes the members. Those that vote no more go on listening if `keeps` is set.
    async fn change_members(
        &self,
        change: ChangeMembers<u64, BasicNode>,
        keeps: bool,
    ) -> Result<(), ProposeError> {
        let change = self.raft().change_membership(change, keeps).await;
        let index = change.as_ref().ok().map(|done| done.log_id.index);
        changed(change)?;
        // The library tells of it a moment later; by then there may be another leader, and another change.
        let mut metrics = self.raft().metrics();
        let told = metrics.wait_for(|now| now.membership_config.log_id().map(|id| id.index) >= index).await;
        told.map_err(|_| ProposeError::Stopped)?;
        Ok(())
    }

    /// Returns when a member is known to have entry `index`.
    pub(in crate::metadata) async fn has_heard_of(&self, broker: BrokerId, index: u64) {
        let has = |replica: &Replica| replica.id == broker && replica.log_index >= Some(index);
        while !self.quorum().learners.iter().any(has) {
            self.clock().sleep(RETRY).await;
        }
    }

    /// Nobody is dropped as long as this is held.
    pub(in crate::metadata) async fn members_stay(&self) -> MutexGuard<'_, ()> {
        self.changing_learners.lock().await
    }

    /// Has a learner listen no more, unless a new broker of its id is registered by now.
    pub(in crate::metadata) async fn drop_learner(&self, broker: BrokerId) -> Result<(), ProposeError> {
        let _alone = self.changing_learners.lock().await;
        self.catch_up().await?;
        if self.image().broker(broker).is_some() {
            return Ok(());
        }
        let metrics = self.raft().metrics();
        let is_known = metrics.borrow().membership_config.membership().get_node(&node_id(broker)).is_some();
        if !is_known {
            return Ok(());
        }
        self.announced.lock().remove(&broker);
        let gone = BTreeSet::from([node_id(broker)]);
        self.change_members(ChangeMembers::RemoveNodes(gone), false).await
    }

    pub(in crate::metadata) fn quorum(&self) -> Quorum {
        let metrics = self.raft().metrics().borrow().clone();
        let membership = metrics.membership_config.membership();
        let replica = |id: u64| {
            let matched = match &metrics.replication {
                _ if id == metrics.id => metrics.last_log_index,
                Some(replication) => replication.get(&id).and_then(|id| id.map(|id| id.index)),
                None => None,
            };
            let silent = match metrics.replication {
                _ if id == metrics.id => Some(Duration::ZERO),
                Some(_) => self.contacts().heard_of(broker_id(id), metrics.current_term),
                None => None,
            };
            let heard_ms = |silent: Duration| {
                self.clock().now_ms().saturating_sub(i64::try_from(silent.as_millis()).unwrap_or(i64::MAX))
            };
            Replica { id: broker_id(id), log_index: matched, last_heard_ms: silent.map(heard_ms) }
        };
        Quorum {
            leader: metrics.current_leader.map(broker_id),
            term: metrics.current_term,
            index: metrics.last_applied.map_or(0, |id| id.index),
            voters: membership.voter_ids().map(replica).collect(),
            learners: membership.learner_ids().map(replica).collect(),
        }
    }
}

fn changed<T>(
    result: Result<T, RaftError<u64, ClientWriteError<u64, BasicNode>>>,
) -> Result<(), ProposeError> {
    match result {
        Ok(_) => Ok(()),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
            Err(ProposeError::NotLeader { leader: to.leader_id.map(broker_id) })
        }
        // Another change is under way.
        Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
            tracing::debug!(%error, "the members did not change");
            Err(ProposeError::Overloaded)
        }
        Err(RaftError::Fatal(_)) => Err(ProposeError::Stopped),
    }
}
