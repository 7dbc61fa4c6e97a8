//! Answers to the calls of other brokers.

use bytes::Bytes;
use openraft::error::RaftError;
use openraft::raft::{VoteRequest, VoteResponse};

use super::election;
use super::node::Node;
use super::rpc::{self, Call, Reply, Request, Written};
use crate::metadata::command::Command;
use crate::metadata::error::ProposeError;
use crate::metadata::image::Owner;
use crate::types::Incarnation;

/// Commands of a peer, for the leader's queue.
pub(in crate::metadata) struct Proposed {
    pub from: Owner,
    /// None if they are only to be tried.
    pub number: Option<u64>,
    pub commands: Vec<Command>,
}

impl Node {
    /// Answers a peer. Only one process of a broker counts: the newest that has called.
    pub(in crate::metadata) async fn receive<F>(
        &self,
        request: &[u8],
        propose: impl Fn(Proposed) -> F,
    ) -> Bytes
    where
        F: Future<Output = Result<Written, ProposeError>>,
    {
        let reply = match rpc::decode(request) {
            Some(request) => self.answer(request, propose).await,
            None => Reply::Unknown,
        };
        rpc::encode(&reply).unwrap_or_default()
    }

    async fn answer<F>(&self, request: Request, propose: impl Fn(Proposed) -> F) -> Reply
    where
        F: Future<Output = Result<Written, ProposeError>>,
    {
        if let Some(current) = self.newer_process(&request) {
            return Reply::Stale { current };
        }
        let from = Owner { broker: request.from, incarnation: request.incarnation };
        match request.call {
            Call::Append(request) => Reply::Append(self.raft().append_entries(request).await),
            Call::Vote(request) => Reply::Vote(self.vote(request).await),
            Call::Snapshot(request) => Reply::Snapshot(self.raft().install_snapshot(request).await),
            // Not passed on: two brokers that each take the other for the leader would do so for ever.
            Call::Propose { .. } if !self.leads() => Reply::Propose(Err(self.not_leader())),
            Call::Propose { number, commands } => {
                Reply::Propose(propose(Proposed { from, number: Some(number), commands }).await)
            }
            Call::Validate(_) if !self.leads() => Reply::Validate(Err(self.not_leader())),
            Call::Validate(commands) => {
                let tried = propose(Proposed { from, number: None, commands }).await;
                Reply::Validate(tried.map(|tried| tried.outcomes))
            }
            Call::ReadIndex => Reply::ReadIndex(self.read_index_here().await),
            Call::Beat { term } => Reply::Beat { agrees: self.agrees_to(term) },
            Call::Canvass { last_log } => Reply::Canvass { consents: election::consents(self, last_log) },
            Call::Ping => Reply::Pong,
            Call::Quorum => Reply::Quorum(self.quorum()),
            Call::Join(joining) => Reply::Join(self.take_in(joining).await),
        }
    }

    async fn vote(&self, request: VoteRequest<u64>) -> Result<VoteResponse<u64>, RaftError<u64>> {
        if !self.may_vote_for(request.last_log_id) {
            let own = self.raft().metrics().borrow().vote;
            return Ok(VoteResponse::new(own, self.last_log(), false));
        }
        self.raft().vote(request).await
    }

    /// True if the caller may lead in `term`, as far as this voter knows.
    fn agrees_to(&self, term: u64) -> bool {
        let agrees = term >= self.term();
        if agrees {
            self.contacts().hear_leader();
        }
        agrees
    }

    fn newer_process(&self, request: &Request) -> Option<Incarnation> {
        let registered = self.image().broker(request.from).map(|broker| broker.incarnation);
        let mut callers = self.callers.lock();
        let seen = callers.get(&request.from).copied().max(registered);
        if let Some(current) = seen.filter(|seen| *seen > request.incarnation) {
            return Some(current);
        }
        callers.insert(request.from, request.incarnation);
        None
    }
}
