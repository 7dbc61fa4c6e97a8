//! One broker's member of the group: started, asked, told, stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::error::{CheckIsLeaderError, ClientWriteError, InitializeError, RaftError};
use openraft::{BasicNode, Raft, RaftMetrics, ServerState};
use parking_lot::Mutex;
use slatedb::Db;
use tokio::sync::watch;

use super::ask::{Readers, has_applied_own};
use super::config::config;
use super::contacts::Contacts;
use super::election;
use super::electorate::Electorate;
use super::log_store::LogStore;
use super::network::Peers;
use super::rpc::Written;
use super::state_machine::StateMachine;
use super::types::{Batch, Group, LogId, Vote, broker_id, node_id};
use super::upkeep::Upkeep;
use crate::metadata::bootstrap::ClusterFile;
use crate::metadata::command::Command;
use crate::metadata::error::{ProposeError, StartError};
use crate::metadata::image::Image;
use crate::metadata::quorum::EntryId;
use crate::metadata::settings::{MetadataSettings, Timeouts};
use crate::peer::Transport;
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, Runtime, Shutdown, TaskKind};
use crate::types::{BrokerId, Incarnation};

/// Between two looks for a leader.
pub(in crate::metadata) const RETRY: Duration = Duration::from_millis(50);
/// The longest that anything waits for a leader to be known.
const LEADER_LIMIT: Duration = Duration::from_secs(4);

/// A leader of which nothing was heard for so long is not asked.
const UNHEARD_AFTER: Duration = Duration::from_secs(2);
/// A leader whose store has not taken a write for so long lets others lead.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The needs of a member at its start.
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
    pub(super) upkeep: Arc<Upkeep>,
    image: watch::Receiver<Arc<Image>>,
    peers: Peers,
    timeouts: Timeouts,
    clock: Clock,
    log: LogStore,
    contacts: Contacts,
    pub(super) readers: Readers,
    /// The newest process of every peer that has called.
    pub(super) callers: Mutex<BTreeMap<BrokerId, Incarnation>>,
    found: Found,
    /// Places of members by their own word, since this process started.
    pub(super) announced: Mutex<BTreeMap<BrokerId, String>>,
    /// Held while learners are dropped, and while brokers are registered, which have to be members.
    pub(super) changing_learners: tokio::sync::Mutex<()>,
    /// The last term in which this broker, as the leader, had applied all that was committed before.
    caught_up_term: AtomicU64,
}

/// The group as this process found it.
struct Found {
    /// The last entry that was stored.
    index: u64,
    /// Nobody else was a member.
    is_alone: bool,
    /// The voters that form the group, if nobody has.
    founders: BTreeMap<u64, BasicNode>,
    /// Voters of entries up to this one may have had this broker's id before it.
    given_up_at: Option<EntryId>,
}

impl Node {
    /// Opens log and snapshot, joins the group, and forms it at the first start.
    pub(in crate::metadata) async fn start(start: Start<'_>) -> Result<Node, StartError> {
        let failed = |error: &dyn std::error::Error| StartError::Raft(error.to_string());
        let id = node_id(start.settings.broker_id);
        let config = Arc::new(config(start.cluster, &start.settings.timeouts)?);
        let least_bytes = start.settings.snapshot_log_bytes;
        let upkeep = Arc::new(Upkeep::new(id, start.db, start.clock.clone(), least_bytes));
        let (publish, image) = watch::channel(Arc::new(Image::empty()));
        let machine = StateMachine::open(Arc::clone(&upkeep), Arc::new(publish)).await;
        let machine = machine.map_err(|error| StartError::Rows(Box::new(error)))?;
        let log = LogStore::open(id, start.settings.level, Arc::clone(&upkeep), machine.applied()).await;
        let mut log = log.map_err(|error| StartError::Rows(Box::new(error)))?;
        if let Some(at) = start.cluster.given_up_at {
            log.begin_in(Vote::new(at.term, at.leader));
        }
        let peers = Peers {
            me: start.settings.broker_id,
            incarnation: start.incarnation,
            transport: start.transport,
        };
        let founders = start.cluster.voters.iter();
        let founders = founders.map(|voter| (node_id(voter.id), BasicNode::new(&voter.address))).collect();
        let index = log.last().map_or(0, |id| id.index);
        let given_up_at = start.cluster.given_up_at;
        let found = Found { index, is_alone: false, founders, given_up_at };
        let raft =
            Raft::new(id, config, peers.clone(), log.clone(), machine).await.map_err(|e| failed(&e))?;
        let mut node = Node {
            raft,
            upkeep,
            image,
            peers,
            timeouts: start.settings.timeouts,
            log,
            contacts: Contacts::new(start.clock.clone()),
            readers: Readers::default(),
            clock: start.clock,
            callers: Mutex::default(),
            found,
            announced: Mutex::default(),
            changing_learners: tokio::sync::Mutex::default(),
            caught_up_term: AtomicU64::new(0),
        };
        // An answer of the member says that it tells of the voters that it found: before, it tells of none.
        let is_initialized = node.raft.is_initialized().await.map_err(|e| failed(&e))?;
        node.found.is_alone = node.others().is_empty();
        node.upkeep.begin_as(node.electorate().has_me());
        node.begin(is_initialized, start.is_formed).await?;
        Ok(node)
    }

    /// A voter that is alone need not wait for others: it forms the group, or leads it again.
    async fn begin(&self, is_initialized: bool, is_formed: bool) -> Result<(), StartError> {
        let failed = |error: &dyn std::error::Error| StartError::Raft(error.to_string());
        if !is_initialized && is_formed {
            return Err(StartError::Gone { path: format!("raft/{}", self.peers.me) });
        }
        match (self.electorate().is_only_me(), is_initialized) {
            (true, true) => self.raft.trigger().elect().await.map_err(|e| failed(&e)),
            (true, false) => self.form().await.map_err(|e| failed(&e)),
            _ => Ok(()),
        }
    }

    /// Forms the group with the voters of the cluster's description, and campaigns: doing so on several of them is safe because
    /// all use the same.
    async fn form(&self) -> Result<(), RaftError<u64, InitializeError<u64, BasicNode>>> {
        match self.raft.initialize(self.found.founders.clone()).await {
            // Another voter was faster, and has sent its log already.
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            formed => formed,
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

    /// Beats the other members while this broker leads, and campaigns when nobody does.
    pub(in crate::metadata) fn take_part(self: &Arc<Node>, runtime: &Runtime, stop: &Shutdown) {
        let beating = election::beat_all(Arc::clone(self), runtime.clone(), stop.clone());
        runtime.tasks.spawn(TaskKind::Raft, beating);
        let campaigning = election::run(Arc::clone(self), runtime.rng.clone(), stop.clone());
        runtime.tasks.spawn(TaskKind::Raft, campaigning);
    }

    /// True if this broker leads, and a majority has agreed to that within a session.
    pub(in crate::metadata) fn leads(&self) -> bool {
        let session = self.timeouts.session;
        self.leading().is_some_and(|(term, voters)| self.contacts.may_lead(term, &voters, session))
    }

    /// The term in which this broker was elected, unless it has heard of a later one, or votes no more.
    pub(super) fn leading_term(&self) -> Option<u64> {
        self.leading().map(|(term, _)| term)
    }

    /// The same, and who votes.
    fn leading(&self) -> Option<(u64, Electorate)> {
        let term = {
            let metrics = self.raft.metrics();
            let now = metrics.borrow();
            (now.state == ServerState::Leader).then_some(now.current_term)
        }?;
        let voters = self.electorate();
        voters.has_me().then_some((term, voters))
    }

    /// True if the store of this broker takes nothing any more. As a leader it would keep the others from going on without it.
    pub(super) fn is_stuck(&self) -> bool {
        self.upkeep.writes_for().is_some_and(|time| time >= STUCK_AFTER)
    }

    /// Has the Raft library call followers though there is nothing to send, or not.
    pub(super) fn call_followers(&self, does: bool) {
        self.raft.runtime_config().heartbeat(does);
    }

    pub(super) fn term(&self) -> u64 {
        self.raft.metrics().borrow().current_term
    }

    /// The last moment at which a majority agreed that this broker leads, if it does, and its image has everything that was
    /// committed before.
    pub(in crate::metadata) fn majority_agreed(&self) -> Option<Instant> {
        let (term, voters) = self.leading()?;
        if !has_applied_own(&self.raft.metrics().borrow()) {
            return None;
        }
        self.contacts.majority_agreed(term, &voters)
    }

    /// The time for which connections to a peer have been refused, by what the leader sees.
    pub(in crate::metadata) fn refuses_for(&self, peer: BrokerId) -> Option<Duration> {
        self.contacts.refuses_for(peer)
    }

    /// The leader that this broker follows, though it may be gone.
    pub(in crate::metadata) fn last_leader(&self) -> Option<BrokerId> {
        self.raft.metrics().borrow().current_leader.map(broker_id)
    }

    /// Returns when that is another than `known`.
    pub(in crate::metadata) async fn leader_is_not(&self, known: Option<BrokerId>) {
        let mut metrics = self.raft.metrics();
        if metrics.wait_for(|now| now.current_leader.map(broker_id) != known).await.is_err() {
            // The member has stopped, and follows nobody else any more.
            std::future::pending().await
        }
    }

    /// The leader, once one is known that may lead. Nobody waits for it for ever.
    pub(in crate::metadata) async fn leader(&self) -> Result<BrokerId, ProposeError> {
        self.leader_by(self.clock.instant() + LEADER_LIMIT).await
    }

    /// The same, waited for until `deadline`.
    pub(in crate::metadata) async fn leader_by(&self, deadline: Instant) -> Result<BrokerId, ProposeError> {
        let mut metrics = self.raft.metrics();
        loop {
            if metrics.borrow_and_update().running_state.is_err() {
                return Err(ProposeError::Stopped);
            }
            match self.last_leader() {
                Some(leader) if self.may_be_asked(leader) => return Ok(leader),
                _ if self.clock.instant() >= deadline => {
                    return Err(ProposeError::NotLeader { leader: None });
                }
                _ => {}
            }
            tokio::select! {
                changed = metrics.changed() => changed.map_err(|_| ProposeError::Stopped)?,
                () = self.clock.sleep(RETRY) => {}
            }
        }
    }

    /// True if this broker is the leader and may lead, or has heard of the one that is lately.
    fn may_be_asked(&self, leader: BrokerId) -> bool {
        match leader == self.id() {
            true => self.leads(),
            false => self.contacts.silence().0 < UNHEARD_AFTER,
        }
    }

    /// Returns when this broker leads no more.
    pub(in crate::metadata) async fn lapsed(&self) {
        while self.leads() {
            self.clock.sleep(RETRY).await;
        }
    }

    /// Returns when this broker follows another leader, or none, or hears nothing of this one.
    pub(super) async fn follows_no_more(&self, leader: BrokerId) {
        while self.last_leader() == Some(leader) && self.may_be_asked(leader) {
            self.clock.sleep(RETRY).await;
        }
    }

    /// Campaigns. The first campaign of all forms the group: a voter that comes late gets a leader's log instead, and deposes
    /// nobody.
    pub(super) async fn elect(&self) {
        // It fails when the member has stopped, and then the supervisor hears of it.
        match self.raft.is_initialized().await {
            Ok(true) => drop(self.raft.trigger().elect().await),
            Ok(false) => drop(self.form().await),
            Err(_) => {}
        }
    }

    /// Makes sure that a new leader's image has everything that was committed before its term.
    pub(in crate::metadata) async fn catch_up(&self) -> Result<(), ProposeError> {
        let term = self.raft.metrics().borrow().current_term;
        if self.caught_up_term.load(Ordering::Relaxed) == term {
            return Ok(());
        }
        if self.electorate().is_only_me() {
            self.raft.ensure_linearizable().await.map_err(refused_read)?;
        } else {
            // A leader's first entry is one of its own term.
            let has_own = |now: &RaftMetrics<u64, BasicNode>| {
                now.current_term != term || now.last_applied.is_some_and(|id| id.leader_id.term == term)
            };
            let mut metrics = self.raft.metrics();
            let applied = self.clock.timeout(LEADER_LIMIT, metrics.wait_for(has_own)).await;
            let now = applied.map_err(|_| self.not_leader())?.map_err(|_| ProposeError::Stopped)?;
            if now.current_term != term {
                return Err(ProposeError::NotLeader { leader: None });
            }
        }
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

    pub(super) async fn linearizable_index(&self) -> Result<u64, ProposeError> {
        let index = self.raft.ensure_linearizable().await.map_err(refused_read)?;
        Ok(index.map_or(0, |id| id.index))
    }

    pub(super) async fn refresh_manifest(&self) -> Result<(), ProposeError> {
        self.upkeep.db().refresh_manifest().await.map_err(|_| ProposeError::Stopped).map(|_| ())
    }

    pub(super) fn not_leader(&self) -> ProposeError {
        ProposeError::NotLeader { leader: self.last_leader() }
    }

    pub(super) fn last_log(&self) -> Option<LogId> {
        self.log.last()
    }

    /// True if a voter of this broker's id, by entry `index`, was another broker.
    pub(super) fn is_of_former(&self, index: Option<u64>) -> bool {
        self.found.given_up_at.is_some_and(|at| index.is_none_or(|index| index <= at.index))
    }

    /// True if this broker may vote for one whose log ends with `last`. A log that lacks the end of the broker which had this id
    /// before counts on that one's vote, and has a majority without this broker's.
    pub(super) fn may_vote_for(&self, last: Option<LogId>) -> bool {
        self.found.given_up_at.is_none_or(|at| at.is_in(last.map(EntryId::from)))
    }

    pub(super) fn founders(&self) -> &BTreeMap<u64, BasicNode> {
        &self.found.founders
    }

    pub(super) fn raft(&self) -> &Raft<Group> {
        &self.raft
    }

    pub(super) fn peers(&self) -> &Peers {
        &self.peers
    }

    pub(super) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// The last entry before this process's life, if nobody else can have written, or seen, any since.
    pub(in crate::metadata) fn found_index(&self) -> Option<u64> {
        (self.found.is_alone && self.others().is_empty()).then_some(self.found.index)
    }

    pub(in crate::metadata) fn snapshot_index(&self) -> u64 {
        self.raft.metrics().borrow().snapshot.map_or(0, |id| id.index)
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
