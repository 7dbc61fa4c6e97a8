//! Raft's calls to other brokers, on top of the transport between brokers.

#![expect(clippy::result_large_err, reason = "the errors are the Raft library's")]

use std::sync::Arc;
use std::time::Duration;

use openraft::BasicNode;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};

use super::rpc::{self, Call, Reply, Request};
use super::types::{Group, broker_id};
use crate::peer::{Transport, Unreachable};
use crate::types::{BrokerId, Incarnation};

/// Calls peers in the name of one process.
#[derive(Clone)]
pub(super) struct Peers {
    pub me: BrokerId,
    pub incarnation: Incarnation,
    pub transport: Arc<dyn Transport>,
}

/// Calls one peer.
pub(super) struct PeerClient {
    peers: Peers,
    target: BrokerId,
}

impl Peers {
    pub(super) async fn call(
        &self,
        peer: BrokerId,
        call: Call,
        limit: Duration,
    ) -> Result<Reply, Unreachable> {
        let unreachable = |reason: String| Unreachable { broker: peer, is_refused: false, reason };
        let service = call.service();
        let request = Request { from: self.me, incarnation: self.incarnation, call };
        let request = rpc::encode(&request).map_err(|error| unreachable(error.to_string()))?;
        let reply = self.transport.call(peer, service, request, limit).await?;
        match rpc::decode(&reply) {
            Some(Reply::Stale { current }) => {
                Err(unreachable(format!("it knows a newer process of this broker, {current}")))
            }
            Some(Reply::Unknown) | None => Err(unreachable("it speaks another version".to_owned())),
            Some(reply) => Ok(reply),
        }
    }
}

impl PeerClient {
    async fn call<E: std::error::Error>(
        &self,
        call: Call,
        option: &RPCOption,
    ) -> Result<Reply, RPCError<u64, BasicNode, E>> {
        let reply = self.peers.call(self.target, call, option.hard_ttl()).await;
        reply.map_err(|error| RPCError::Unreachable(openraft::error::Unreachable::new(&error)))
    }

    fn remote<T, E: std::error::Error>(
        &self,
        answer: Result<T, E>,
    ) -> Result<T, RPCError<u64, BasicNode, E>> {
        answer.map_err(|error| {
            RPCError::RemoteError(RemoteError::new(super::types::node_id(self.target), error))
        })
    }

    fn other_reply<E: std::error::Error>(&self) -> RPCError<u64, BasicNode, E> {
        let error = Unreachable {
            broker: self.target,
            is_refused: false,
            reason: "it answered another question".to_owned(),
        };
        RPCError::Unreachable(openraft::error::Unreachable::new(&error))
    }
}

impl RaftNetworkFactory<Group> for Peers {
    type Network = PeerClient;

    async fn new_client(&mut self, target: u64, _node: &BasicNode) -> PeerClient {
        PeerClient { peers: self.clone(), target: broker_id(target) }
    }
}

impl RaftNetwork<Group> for PeerClient {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Group>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        match self.call(Call::Append(request), &option).await? {
            Reply::Append(answer) => self.remote(answer),
            _ => Err(self.other_reply()),
        }
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<Group>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, BasicNode, RaftError<u64, InstallSnapshotError>>>
    {
        match self.call(Call::Snapshot(request), &option).await? {
            Reply::Snapshot(answer) => self.remote(answer),
            _ => Err(self.other_reply()),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        match self.call(Call::Vote(request), &option).await? {
            Reply::Vote(answer) => self.remote(answer),
            _ => Err(self.other_reply()),
        }
    }
}
