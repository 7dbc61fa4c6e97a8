//! One broker's member of the group: started, asked, told, stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use openraft::error::{CheckIsLeaderError, ClientWriteError, InitializeError, RaftError};
use openraft::{BasicNode, Config, Raft, ServerState, SnapshotPolicy};
use parking_lot::Mutex;
use slatedb::{CloseReason, Db};
use tokio::sync::watch;

use super::log_store::LogStore;
use super::network::Peers;
use super::rpc::{self, Call, Reply, Request, Written};
use super::state_machine::StateMachine;
use super::types::{Batch, Group, broker_id, node_id};
use super::upkeep::Upkeep;
use crate::metadata::bootstrap::ClusterFile;
use crate::metadata::command::{Command, Outcome};
use crate::metadata::error::{ProposeError, StartError};
use crate::metadata::image::{Image, Incarnation};
use crate::metadata::quorum::{Quorum, Replica};
use crate::metadata::settings::{MetadataSettings, Timeouts};
use crate::peer::Transport;
use crate::runtime::{Clock, Runtime, Shutdown};
use crate::types::BrokerId;

/// What a member is started with.
pub(in crate::metadata) struct Start<'a> {
    pub db: Db,
    pub incarnation: Incarnation,
    pub cluster: &'a ClusterFile,
    /// The group was formed before, as its shards tell.
    pub is_formed: bool,
    pub settings: &'a MetadataSettings,
    pub transport: Arc<dyn Transport>,
    pub clock: Clock,
}

/// A running member.
pub(in crate::metadata) struct Node {
    raft: Raft<Group>,
    upkeep: Arc<Upkeep>,
    image: watch::Receiver<Arc<Image>>,
    peers: Peers,
    timeouts: Timeouts,
    clock: Clock,
    /// The newest process of every peer that has called.
    callers: Mutex<BTreeMap<BrokerId, Incarnation>>,
    /// The last entry that was stored when this process opened the log.
    found_index: u64,
    /// The last term in which this broker, as the leader, had applied all that was committed before.
    caught_up_term: AtomicU64,
}

impl Node {
    /// Opens log and snapshot, joins the group, and forms it at the first start.
    pub(in crate::metadata) async fn start(start: Start<'_>) -> Result<Node, StartError> {
        let failed = |error: &dyn std::error::Error| StartError::Raft(error.to_string());
        let id = node_id(start.settings.broker_id);
        let config = Arc::new(config(start.cluster, &start.settings.timeouts)?);
        let upkeep = Arc::new(Upkeep::new(start.db, start.settings.snapshot_log_bytes));
        let (publish, image) = watch::channel(Arc::new(Image::empty()));
        let machine = StateMachine::open(Arc::clone(&upkeep), Arc::new(publish)).await;
        let machine = machine.map_err(|error| StartError::Rows(Box::new(error)))?;
        let log = LogStore::open(id, Arc::clone(&upkeep), machine.applied()).await;
        let log = log.map_err(|error| StartError::Rows(Box::new(error)))?;
        let peers = Peers {
            me: start.settings.broker_id,
            incarnation: start.incarnation,
            transport: start.transport,
        };
        let found_index = log.last_index();
        let raft = Raft::new(id, config, peers.clone(), log, machine).await.map_err(|e| failed(&e))?;
        let node = Node {
            raft,
            upkeep,
            image,
            peers,
            timeouts: start.settings.timeouts,
            clock: start.clock,
            callers: Mutex::default(),
            found_index,
            caught_up_term: AtomicU64::new(0),
        };
        node.join(start.cluster, start.is_formed).await?;
        Ok(node)
    }

    /// The first start of a voter forms the group with the voters of the cluster's description: doing so on each of
    /// them is safe because all use the same. A later start of a voter that is alone need not wait for others.
    async fn join(&self, cluster: &ClusterFile, is_formed: bool) -> Result<(), StartError> {
        let failed = |error: &dyn std::error::Error| StartError::Raft(error.to_string());
        if self.raft.is_initialized().await.map_err(|e| failed(&e))? {
            if self.voters() == 1 {
                self.raft.trigger().elect().await.map_err(|e| failed(&e))?;
            }
            return Ok(());
        }
        if is_formed {
            return Err(StartError::Gone { path: format!("raft/{}", self.peers.me) });
        }
        let voters = cluster.voters.iter();
        let voters: BTreeMap<u64, BasicNode> =
            voters.map(|voter| (node_id(voter.id), BasicNode::new(&voter.address))).collect();
        match self.raft.initialize(voters).await {
            // Another voter was faster, and has sent its log already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(in crate::metadata) fn image(&self) -> Arc<Image> {
        self.image.borrow().clone()
    }

    pub(in crate::metadata) fn subscribe(&self) -> watch::Receiver<Arc<Image>> {
        self.image.clone()
    }

    /// Returns once the image shows entry `index`.
    pub(in crate::metadata) async fn applied(&self, index: u64) -> Result<(), ProposeError> {
        let mut image = self.image.clone();
        image.wait_for(|image| image.index >= index).await.map_err(|_| ProposeError::Stopped)?;
        Ok(())
    }

    pub(in crate::metadata) fn leads(&self) -> bool {
        self.raft.metrics().borrow().state == ServerState::Leader
    }

    /// The leader, once one is known.
    pub(in crate::metadata) async fn leader(&self) -> Result<BrokerId, ProposeError> {
        let mut metrics = self.raft.metrics();
        let known = metrics.wait_for(|now| now.running_state.is_err() || now.current_leader.is_some()).await;
        let known = known.map_err(|_| ProposeError::Stopped)?;
        known.current_leader.map(broker_id).ok_or(ProposeError::Stopped)
    }

    /// Makes sure that a new leader's image has everything that was committed before its term.
    pub(in crate::metadata) async fn catch_up(&self) -> Result<(), ProposeError> {
        let term = self.raft.metrics().borrow().current_term;
        if self.caught_up_term.load(Ordering::Relaxed) == term {
            return Ok(());
        }
        self.raft.ensure_linearizable().await.map_err(refused_read)?;
        self.caught_up_term.store(term, Ordering::Relaxed);
        Ok(())
    }

    /// Puts `commands` into one entry. Returns when it is committed and applied here.
    pub(in crate::metadata) async fn write(&self, commands: Vec<Command>) -> Result<Written, ProposeError> {
        match self.raft.client_write(Batch(commands.into())).await {
            Ok(written) => Ok(Written { index: written.log_id.index, outcomes: written.data.0 }),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_id.map(broker_id) })
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(_)) | RaftError::Fatal(_)) => {
                Err(ProposeError::Stopped)
            }
        }
    }

    /// Proves that this broker leads now, and gives the index that a reader must have applied.
    ///
    /// In a larger group the proof is the answers of a majority. A voter that is alone has only the object store to
    /// ask: were there a newer process of the same broker, the database's manifest would say so.
    async fn read_index_here(&self) -> Result<u64, ProposeError> {
        let index = self.raft.ensure_linearizable().await.map_err(refused_read)?;
        self.upkeep.db().refresh_manifest().await.map_err(|_| ProposeError::Stopped)?;
        Ok(index.map_or(0, |id| id.index))
    }

    /// The index up to which everything is committed now, as the leader says.
    pub(in crate::metadata) async fn read_index(&self) -> Result<u64, ProposeError> {
        let leader = self.leader().await?;
        if leader == self.id() {
            return self.read_index_here().await;
        }
        match self.peers.call(leader, Call::ReadIndex, self.timeouts.proposal).await {
            Ok(Reply::ReadIndex(answer)) => answer,
            Ok(_) | Err(_) => Err(ProposeError::NotLeader { leader: Some(leader) }),
        }
    }

    pub(in crate::metadata) async fn forward(
        &self,
        leader: BrokerId,
        commands: Vec<Command>,
    ) -> Result<Written, ProposeError> {
        match self.ask(leader, Call::Propose(commands)).await? {
            Reply::Propose(answer) => answer,
            _ => Err(ProposeError::NotLeader { leader: Some(leader) }),
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
        // Whether the leader got it before the connection failed is not known.
        self.peers.call(leader, call, self.timeouts.proposal).await.map_err(|_| ProposeError::Timeout)
    }

    /// Answers a peer. Only one process of a broker counts: the newest that has called. `propose` takes commands to be
    /// written, or only to be tried.
    pub(in crate::metadata) async fn receive<F>(
        &self,
        request: &[u8],
        propose: impl Fn(Vec<Command>, bool) -> F,
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

    async fn answer<F>(&self, request: Request, propose: impl Fn(Vec<Command>, bool) -> F) -> Reply
    where
        F: Future<Output = Result<Written, ProposeError>>,
    {
        if let Some(current) = self.newer_process(&request) {
            return Reply::Stale { current };
        }
        match request.call {
            Call::Append(request) => Reply::Append(self.raft.append_entries(request).await),
            Call::Vote(request) => Reply::Vote(self.raft.vote(request).await),
            Call::Snapshot(request) => Reply::Snapshot(self.raft.install_snapshot(request).await),
            // Not passed on: two brokers that each take the other for the leader would do so for ever.
            Call::Propose(_) if !self.leads() => Reply::Propose(Err(self.not_leader())),
            Call::Propose(commands) => Reply::Propose(propose(commands, false).await),
            Call::Validate(_) if !self.leads() => Reply::Validate(Err(self.not_leader())),
            Call::Validate(commands) => {
                Reply::Validate(propose(commands, true).await.map(|tried| tried.outcomes))
            }
            Call::ReadIndex => Reply::ReadIndex(self.read_index_here().await),
        }
    }

    fn not_leader(&self) -> ProposeError {
        ProposeError::NotLeader { leader: self.raft.metrics().borrow().current_leader.map(broker_id) }
    }

    fn newer_process(&self, request: &Request) -> Option<Incarnation> {
        let registered = self.image.borrow().broker(request.from).map(|broker| broker.incarnation);
        let mut callers = self.callers.lock();
        let seen = callers.get(&request.from).copied().max(registered);
        if let Some(current) = seen.filter(|seen| *seen > request.incarnation) {
            return Some(current);
        }
        callers.insert(request.from, request.incarnation);
        None
    }

    fn voters(&self) -> usize {
        self.raft.metrics().borrow().membership_config.voter_ids().count()
    }

    pub(in crate::metadata) fn quorum(&self) -> Quorum {
        let metrics = self.raft.metrics().borrow().clone();
        let membership = metrics.membership_config.membership();
        let replica = |id: u64| {
            let matched = match &metrics.replication {
                _ if id == metrics.id => metrics.last_log_index,
                Some(replication) => replication.get(&id).and_then(|id| id.map(|id| id.index)),
                None => None,
            };
            Replica { id: broker_id(id), log_index: matched }
        };
        Quorum {
            leader: metrics.current_leader.map(broker_id),
            term: metrics.current_term,
            index: metrics.last_applied.map_or(0, |id| id.index),
            voters: membership.voter_ids().map(replica).collect(),
            learners: membership.learner_ids().map(replica).collect(),
        }
    }

    /// The last entry before this process's life, if nobody else can have written any since.
    pub(in crate::metadata) fn found_index(&self) -> Option<u64> {
        (self.voters() == 1).then_some(self.found_index)
    }

    pub(in crate::metadata) fn snapshot_index(&self) -> u64 {
        self.raft.metrics().borrow().snapshot.map_or(0, |id| id.index)
    }

    /// Keeps the database in order, and ends the process when it, or the group's member, has failed. Returns after
    /// `stop`.
    pub(in crate::metadata) async fn supervise(self: Arc<Node>, runtime: Runtime, stop: Shutdown) {
        let mut status = self.upkeep.db().subscribe();
        let mut metrics = self.raft.metrics();
        loop {
            let closed = tokio::select! {
                biased;
                () = stop.requested() => return,
                closed = async {
                    let closed = status.wait_for(|now| now.close_reason.is_some()).await;
                    closed.ok().and_then(|now| now.close_reason)
                } => closed,
                () = async {
                    let _ = metrics.wait_for(|now| now.running_state.is_err()).await;
                } => None,
                () = self.upkeep.due() => {
                    self.keep_up().await;
                    continue;
                }
            };
            // Both end together; the database knows why.
            let reason = closed.or(self.upkeep.db().status().close_reason);
            runtime.tasks.fail(match reason {
                Some(CloseReason::Fenced) => {
                    format!("another process was started as broker {}; only one can go on", self.peers.me)
                }
                Some(reason) => format!("the Raft database was closed: {reason:?}"),
                None => "the Raft group's member has stopped".to_owned(),
            });
            stop.requested().await;
            return;
        }
    }

    async fn keep_up(&self) {
        if self.upkeep.snapshot_is_due() {
            // It fails when the member has stopped, and then the supervisor hears of it.
            let _ = self.raft.trigger().snapshot().await;
        }
        if let Err(error) = self.upkeep.flush_tables().await {
            tracing::warn!(%error, "the Raft database could not be flushed");
        }
    }

    /// Leaves the group for now, and closes the database.
    pub(in crate::metadata) async fn stop(&self) {
        let _ = self.raft.shutdown().await;
        if self.upkeep.db().status().close_reason.is_none()
            && let Err(error) = self.upkeep.db().close().await
        {
            tracing::warn!(%error, "the Raft database did not close cleanly");
        }
    }

    pub(in crate::metadata) fn id(&self) -> BrokerId {
        self.peers.me
    }

    pub(in crate::metadata) fn incarnation(&self) -> Incarnation {
        self.peers.incarnation
    }

    pub(in crate::metadata) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(in crate::metadata) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }
}

fn refused_read(error: RaftError<u64, CheckIsLeaderError<u64, BasicNode>>) -> ProposeError {
    match error {
        RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to)) => {
            ProposeError::NotLeader { leader: to.leader_id.map(broker_id) }
        }
        RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_)) => {
            ProposeError::NotLeader { leader: None }
        }
        RaftError::Fatal(_) => ProposeError::Stopped,
    }
}

fn config(cluster: &ClusterFile, timeouts: &Timeouts) -> Result<Config, StartError> {
    let millis = |duration: std::time::Duration| duration.as_millis() as u64;
    Config {
        cluster_name: cluster.cluster_id.clone(),
        heartbeat_interval: millis(timeouts.heartbeat),
        election_timeout_min: millis(timeouts.election_min),
        election_timeout_max: millis(timeouts.election_max),
        install_snapshot_timeout: millis(timeouts.snapshot),
        max_payload_entries: 16,
        // Snapshots go by the bytes of the log, which the supervisor watches.
        snapshot_policy: SnapshotPolicy::Never,
        snapshot_max_chunk_size: 1024 * 1024,
        max_in_snapshot_log_to_keep: 16,
        ..Config::default()
    }
    .validate()
    .map_err(|error| StartError::Raft(error.to_string()))
}
