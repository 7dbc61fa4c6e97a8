//! Questions of this broker to the group's leader, which may be itself.

use std::time::Duration;

use openraft::{BasicNode, RaftMetrics};

use super::node::Node;
use super::rpc::{Call, Reply, Written};
use crate::metadata::command::Command;
use crate::metadata::error::ProposeError;
use crate::metadata::outcome::Outcome;
use crate::metadata::quorum::Quorum;
use crate::types::BrokerId;

/// The longest wait for a read index in a group of several: nothing is stored for it.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// Between two looks at what the majority has answered.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// One question at a time; whoever comes meanwhile shares the next one.
#[derive(Default)]
pub(super) struct Readers {
    came: std::sync::atomic::AtomicU64,
    /// The last answer, and how many had come when its question was asked.
    last: tokio::sync::Mutex<Option<(u64, u64)>>,
}

impl Node {
    /// The index up to which everything is committed now, as the leader says. It is asked once for all who wait.
    pub(in crate::metadata) async fn read_index(&self) -> Result<u64, ProposeError> {
        use std::sync::atomic::Ordering::Relaxed;
        let number = self.readers.came.fetch_add(1, Relaxed);
        let mut last = self.readers.last.lock().await;
        if let Some((came, index)) = *last
            && number < came
        {
            return Ok(index);
        }
        let came = self.readers.came.load(Relaxed);
        let index = self.read_index_now().await?;
        *last = Some((came, index));
        Ok(index)
    }

    async fn read_index_now(&self) -> Result<u64, ProposeError> {
        let leader = self.leader().await?;
        if leader == self.id() {
            return self.read_index_here().await;
        }
        match self.peers().call(leader, Call::ReadIndex, READ_LIMIT).await {
            Ok(Reply::ReadIndex(answer)) => answer,
            Ok(_) | Err(_) => Err(ProposeError::NotLeader { leader: Some(leader) }),
        }
    }

    /// Proves that this broker leads now, and gives the index that a reader must have applied.
    ///
    /// In a larger group the proof is the answers of a majority. A voter that is alone has only the object store to
    /// ask: were there a newer process of the same broker, the database's manifest would say so.
    pub(super) async fn read_index_here(&self) -> Result<u64, ProposeError> {
        if !self.electorate().is_only_me() {
            let asked = self.clock().timeout(READ_LIMIT, self.index_agreed_by_majority()).await;
            return asked.map_err(|_| ProposeError::NotLeader { leader: None })?;
        }
        let index = self.linearizable_index().await?;
        self.refresh_manifest().await?;
        Ok(index)
    }

    /// The group as its leader sees it, or as this broker does while the leader does not answer.
    pub(in crate::metadata) async fn quorum_of_leader(&self) -> Quorum {
        let own = self.quorum();
        let Some(leader) = own.leader.filter(|leader| *leader != self.id()) else { return own };
        match self.peers().call(leader, Call::Quorum, READ_LIMIT).await {
            Ok(Reply::Quorum(quorum)) => quorum,
            Ok(_) | Err(_) => own,
        }
    }

    /// The index of the image, once a majority has agreed anew that this broker leads. What was acknowledged was applied here
    /// before.
    async fn index_agreed_by_majority(&self) -> Result<u64, ProposeError> {
        self.catch_up().await?;
        let (asked, index) = (self.clock().instant(), self.image().index);
        loop {
            self.contacts().want_beats();
            match self.majority_agreed() {
                Some(agreed) if agreed >= asked => return Ok(index),
                Some(_) => {}
                None if self.leading_term().is_none() => return Err(self.not_leader()),
                None => {}
            }
            self.clock().sleep(LOOK_AGAIN).await;
        }
    }

    /// Has the leader write commands, under a number of this broker. Given up, as if nobody led, when the leader is
    /// not the leader any more: the same number may be sent again.
    pub(in crate::metadata) async fn forward(
        &self,
        leader: BrokerId,
        number: u64,
        commands: Vec<Command>,
    ) -> Result<Written, ProposeError> {
        let asked = self.ask(leader, Call::Propose { number, commands });
        tokio::select! {
            reply = asked => match reply? {
                Reply::Propose(answer) => answer,
                _ => Err(ProposeError::NotLeader { leader: Some(leader) }),
            },
            () = self.follows_no_more(leader) => Err(ProposeError::NotLeader { leader: None }),
        }
    }

    pub(in crate::metadata) async fn forward_validation(
        &self,
        leader: BrokerId,
        commands: Vec<Command>,
    ) -> Result<Vec<Outcome>, ProposeError> {
        match self.ask(leader, Call::Validate(commands)).await? {
            Reply::Validate(answer) => answer,
            _ => Err(ProposeError::NotLeader { leader: Some(leader) }),
        }
    }

    async fn ask(&self, leader: BrokerId, call: Call) -> Result<Reply, ProposeError> {
        let reply = self.peers().call(leader, call, self.timeouts().proposal).await;
        reply.map_err(|_| ProposeError::NotLeader { leader: Some(leader) })
    }
}

/// True if the image has an entry that this broker wrote as the leader that it is: the first of them comes after everything that
/// was committed before. The library may tell two leaders of one term apart.
pub(super) fn has_applied_own(now: &RaftMetrics<u64, BasicNode>) -> bool {
    now.last_applied.is_some_and(|id| id.leader_id == now.vote.leader_id)
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;
    use crate::metadata::raft::types::{LogId, Vote};

    #[test]
    fn a_leader_has_to_apply_an_entry_of_its_own_first() {
        let mut now = RaftMetrics::new_initial(1);
        now.vote = Vote::new_committed(5, 1);
        assert!(!has_applied_own(&now));
        for (term, leader, is_own) in [(4, 1, false), (5, 0, false), (5, 1, true)] {
            now.last_applied = Some(LogId::new(CommittedLeaderId::new(term, leader), 9));
            assert_eq!(has_applied_own(&now), is_own, "term {term}, leader {leader}");
        }
    }
}
