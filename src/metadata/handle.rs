//! The handle that the rest of the broker holds: started once, read often, asked to change things.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{TryFutureExt as _, try_join};
use object_store::path::Path;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::bootstrap::{self, ClusterFile};
use super::command::Command;
use super::error::{ProposeError, StartError};
use super::home::RaftHome;
use super::image::{Image, Owner};
use super::leading::{Leading, leading};
use super::level;
use super::metrics::Metrics;
use super::outcome::{Applied, Outcome};
use super::producer_ids::ProducerIds;
use super::proposals::{Proposals, each_step, proposals};
use super::quorum::{Quorum, VoterLists};
use super::raft::{Node, RETRY, Start, last_write_ms, look};
use super::settings::MetadataSettings;
use crate::peer::{Alone, Transport};
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, Runtime, Shutdown, TaskKind};
use crate::store::Store;
use crate::store::database::{Databases, Maintenance, Role};
use crate::types::{BrokerId, Incarnation, ProducerId};

/// Opening the Raft database and finding a leader takes no longer than this, or the start fails.
pub(super) const START_LIMIT: Duration = Duration::from_secs(60);
/// The longest that one question for what is true now takes, in a group of several.
const SYNC_LIMIT: Duration = Duration::from_secs(1);
/// The longest that a stop waits for the store.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// The metadata of the cluster, as this broker sees it. Cheap to clone.
#[derive(Clone)]
pub struct Metadata(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) node: Arc<Node>,
    leading: Leading,
    proposals: Proposals,
    producer_ids: ProducerIds,
    pub(super) cluster: ClusterFile,
    pub(super) settings: MetadataSettings,
    pub(super) home: RaftHome,
    pub(super) store: Store,
    pub(super) runtime: Runtime,
    pub(super) stop: Shutdown,
    maintenance: Mutex<Option<Maintenance>>,
}

impl Metadata {
    /// Starts a broker that is alone: [`Metadata::open`], then [`Metadata::join`].
    ///
    /// [`Metadata::close`] must be called before the process's tasks are waited for.
    pub async fn start(
        store: &Store,
        databases: &Databases,
        settings: &MetadataSettings,
        runtime: &Runtime,
    ) -> Result<Metadata, StartError> {
        let metadata = Metadata::open(store, databases, settings, Arc::new(Alone), runtime).await?;
        match metadata.join().await {
            Ok(()) => Ok(metadata),
            Err(error) => {
                metadata.close().await;
                Err(error)
            }
        }
    }

    /// Opens the broker's Raft database and starts its member of the group; the very first start forms the group. From
    /// here on peers can be answered by [`Metadata::receive`], and must be before this broker can join. Opening the
    /// database ends any other process with the same broker id.
    pub async fn open(
        store: &Store,
        databases: &Databases,
        settings: &MetadataSettings,
        transport: Arc<dyn Transport>,
        runtime: &Runtime,
    ) -> Result<Metadata, StartError> {
        settings.check()?;
        let opening = async {
            level::check(store, settings.level, &runtime.clock).await?;
            let home = RaftHome::of(store, settings.broker_id, &runtime.clock).await?;
            let opening = Metadata::open_at(&home, store, databases, settings, transport, runtime);
            opening.await.map_err(|error| error.of_damage(&home.path))
        };
        let opened = runtime.clock.timeout(START_LIMIT, opening).await;
        opened.map_err(|_| too_slow("opening the metadata"))?
    }

    async fn open_at(
        home: &RaftHome,
        store: &Store,
        databases: &Databases,
        settings: &MetadataSettings,
        transport: Arc<dyn Transport>,
        runtime: &Runtime,
    ) -> Result<Metadata, StartError> {
        let objects = store.object_store();
        let cluster_file = store.path(bootstrap::CLUSTER_FILE);
        let path = &home.path;
        let failed = |source| StartError::Database { doing: "opening", source };
        // Nothing is written to the database before the broker is known to belong to this cluster.
        let shards = store.path("shards");
        let (mut cluster, manifest, has_shards) = try_join!(
            bootstrap::form_or_join(&*objects, &cluster_file, settings, &runtime.clock),
            databases.stored_manifest(path).map_err(failed),
            bootstrap::has_objects(&*objects, &shards, &runtime.clock),
        )?;
        cluster.take_out_former(settings.broker_id, home.given_up_at);
        // A broker among others may start for the first time when they have shards already.
        let is_founder = cluster.voters.iter().map(|voter| voter.id).eq([settings.broker_id]);
        let is_formed = has_shards && is_founder && !settings.is_rebuilt;
        if is_formed && manifest.is_none() {
            return Err(StartError::Gone { path: path.to_string() });
        }
        let db = databases.builder(path.clone(), Role::Raft).build().await.map_err(failed)?;
        if let Some(time_ms) = last_write_ms(&db).await.map_err(failed)? {
            databases.clock().raise(time_ms);
        }
        let maintenance = databases.maintain(&db, path, Role::Raft);
        let incarnation = Incarnation(home.former.0 + db.manifest().writer_epoch());

        let clock = runtime.clock.clone();
        let start = Start { db, incarnation, cluster: &cluster, is_formed, settings, transport, clock };
        let node = Arc::new(Node::start(start).await?);
        check_peers(&node, settings)?;
        let stop = Shutdown::new();
        let (leading, leader) = leading(Arc::clone(&node), Metrics::register(&runtime.metrics));
        let (proposals, proposer) = proposals(Arc::clone(&node), leading.clone());
        runtime.tasks.spawn(TaskKind::Raft, leader.run(stop.clone()));
        runtime.tasks.spawn(TaskKind::Raft, proposer.run(stop.clone()));
        runtime.tasks.spawn(TaskKind::Raft, Arc::clone(&node).supervise(runtime.clone(), stop.clone()));
        if !settings.voters.is_empty() {
            node.take_part(runtime, &stop);
        }
        Ok(Metadata(Arc::new(Inner {
            node,
            leading,
            proposals,
            producer_ids: ProducerIds::default(),
            cluster,
            settings: settings.clone(),
            home: home.clone(),
            store: store.clone(),
            runtime: runtime.clone(),
            stop,
            maintenance: Mutex::new(Some(maintenance)),
        })))
    }

    /// The image as it is stored by `broker`, for whoever only looks: nothing is written, and no process ends. None if there
    /// is no metadata.
    pub async fn look(
        store: &Store,
        databases: &Databases,
        broker: BrokerId,
        clock: &Clock,
    ) -> Result<Option<Image>, StartError> {
        let RaftHome { path, .. } = RaftHome::of(store, broker, clock).await?;
        let failed = |source| StartError::Database { doing: "reading", source }.of_damage(&path);
        if databases.stored_manifest(&path).await.map_err(failed)?.is_none() {
            return Ok(None);
        }
        let db = databases.reader(path.clone(), Role::Raft).await.map_err(failed)?;
        let image = look(&db).await.map_err(|error| StartError::Rows(Box::new(error)).of_damage(&path));
        if let Err(error) = db.close().await {
            tracing::debug!(%error, "the reader did not close cleanly");
        }
        image.map(Some)
    }

    /// The image now. Consistent in itself; on a follower it may be a little old.
    pub fn image(&self) -> Arc<Image> {
        self.0.node.image()
    }

    /// The image, and word of every newer one.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Image>> {
        self.0.node.subscribe()
    }

    /// Proposes one command. When it has an outcome, it is durable, and this broker's image shows it.
    pub async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        let mut outcomes = self.propose_many(vec![command]).await?;
        outcomes.pop().ok_or(ProposeError::Stopped)
    }

    /// Proposes commands that are applied one after the other in one step; each succeeds or fails alone. The outcomes
    /// are in the order of the commands. The commands' encoded size is limited to 1 MiB.
    pub async fn propose_many(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.0.proposals.submit(commands).await?.outcomes)
    }

    /// Proposes any number of commands, in as few steps as their sizes allow; each succeeds or fails alone, and the outcomes
    /// are in the order of the commands. After a step whose outcome is not known, none of the rest is begun.
    pub async fn propose_each(&self, commands: Vec<Command>) -> Vec<Result<Outcome, ProposeError>> {
        each_step(commands, |step| self.propose_many(step)).await
    }

    /// Says what would come of any number of commands, as [`Metadata::propose_each`] would make it.
    pub async fn validate_each(&self, commands: Vec<Command>) -> Vec<Result<Outcome, ProposeError>> {
        each_step(commands, |step| self.validate(step)).await
    }

    /// Says what would come of commands, at the leader, without doing it.
    pub async fn validate(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        self.0.proposals.validate(commands).await
    }

    /// Brings the image up to date: afterwards it shows everything that was committed anywhere before the call. Asks
    /// the leader, who proves that it is one; a process that was replaced by a newer one fails here.
    pub async fn sync(&self) -> Result<Arc<Image>, ProposeError> {
        let node = &self.0.node;
        // Boxed: it is deep inside of what waits for it.
        let synced = Box::pin(async {
            loop {
                match node.read_index().await {
                    // There is another one, or will be.
                    Err(ProposeError::NotLeader { .. }) => node.clock().sleep(RETRY).await,
                    index => return node.applied(index?).await,
                }
            }
        });
        let is_alone = self.is_alone();
        let limit = if is_alone { node.timeouts().proposal } else { SYNC_LIMIT };
        let too_late = |_| match is_alone {
            true => ProposeError::Timeout,
            false => ProposeError::NotLeader { leader: node.last_leader() },
        };
        node.clock().timeout(limit, synced).await.map_err(too_late)??;
        Ok(self.image())
    }

    /// A producer id that was never given out before.
    pub async fn allocate_producer_id(&self) -> Result<ProducerId, ProposeError> {
        loop {
            let taken = self.0.producer_ids.take();
            let Some(id) = taken.id else {
                self.fetch_producer_ids().await?;
                continue;
            };
            if taken.low {
                let metadata = self.clone();
                self.0.runtime.tasks.spawn(TaskKind::Periodic, async move {
                    // Whoever finds no id left tries again, and hears of the failure.
                    let _ = metadata.fetch_producer_ids().await;
                });
            }
            return Ok(id);
        }
    }

    async fn fetch_producer_ids(&self) -> Result<(), ProposeError> {
        let ids = &self.0.producer_ids;
        let _fetching = ids.fetching.lock().await;
        if !ids.is_low() {
            return Ok(());
        }
        let command =
            Command::AllocateProducerIds { broker: self.broker_id(), incarnation: self.incarnation() };
        match self.propose(command).await? {
            Ok(Applied::ProducerIds { first, count }) => {
                ids.add(first, count);
                Ok(())
            }
            // This process is not the broker's newest any more.
            Ok(_) | Err(_) => Err(ProposeError::Stopped),
        }
    }

    /// The answer to a request that a peer's [`Transport`] carried here.
    pub async fn receive(&self, request: &[u8]) -> Bytes {
        self.0.node.receive(request, |proposed| self.0.leading.submit(proposed)).await
    }

    /// The place of this broker's Raft database in the store.
    pub fn folder(&self) -> &Path {
        &self.0.home.path
    }

    pub fn cluster_id(&self) -> &str {
        &self.0.cluster.cluster_id
    }

    pub fn broker_id(&self) -> BrokerId {
        self.0.node.id()
    }

    /// This process's life of the broker.
    pub fn incarnation(&self) -> Incarnation {
        self.0.node.incarnation()
    }

    /// This process as the owner of a shard, in the image.
    pub fn owner(&self) -> Owner {
        Owner { broker: self.broker_id(), incarnation: self.incarnation() }
    }

    /// True if this broker leads the group, as far as it knows.
    pub fn leads(&self) -> bool {
        self.0.node.leads()
    }

    /// The last moment at which a majority is known to have agreed that this broker leads, if it does.
    pub fn majority_agreed(&self) -> Option<Instant> {
        self.0.node.majority_agreed()
    }

    /// The time for which the machine of a peer has refused connections, as far as this broker sees while it leads.
    pub fn refuses_for(&self, peer: BrokerId) -> Option<Duration> {
        self.0.node.refuses_for(peer)
    }

    /// The leader that this broker follows, or itself. It may be gone.
    pub fn leader(&self) -> Option<BrokerId> {
        self.0.node.last_leader()
    }

    /// Returns when the leader that this broker follows is another than `known`.
    pub async fn leader_is_not(&self, known: Option<BrokerId>) {
        self.0.node.leader_is_not(known).await;
    }

    /// True if this broker has no peers, and there can be none.
    pub fn is_alone(&self) -> bool {
        self.0.settings.voters.is_empty()
    }

    /// Returns when this broker takes part no more.
    pub async fn stopped(&self) {
        self.0.stop.requested().await;
    }

    /// The brokers that vote.
    pub fn voters(&self) -> BTreeSet<BrokerId> {
        self.0.node.electorate().voters()
    }

    /// The voters that this broker goes by, as of which term and entry. A majority of each list has to agree.
    pub fn voter_lists(&self) -> VoterLists {
        self.0.node.voter_lists()
    }

    /// Returns when there may be other voters than before, or never.
    pub async fn voters_change(&self) {
        self.0.node.members_change().await;
    }

    pub fn quorum(&self) -> Quorum {
        self.0.node.quorum()
    }

    /// The group as its leader sees it, or as this broker does while the leader does not answer.
    pub async fn quorum_of_leader(&self) -> Quorum {
        self.0.node.quorum_of_leader().await
    }

    /// The last entry that the stored snapshot has; 0 without a snapshot.
    pub fn snapshot_index(&self) -> u64 {
        self.0.node.snapshot_index()
    }

    /// Stops taking part, and closes the database, unless the store is away: whatever was acknowledged is stored anyway.
    /// Proposals that wait get no outcome.
    pub async fn close(&self) {
        self.0.stop.request();
        let closing = async {
            let maintenance = self.0.maintenance.lock().take();
            if let Some(maintenance) = maintenance {
                maintenance.stop().await;
            }
            self.0.node.stop().await;
        };
        if self.0.runtime.clock.timeout(CLOSE_LIMIT, closing).await.is_err() {
            tracing::warn!("the Raft database was not closed in time");
        }
    }
}

/// A member has to know one of the others, if there are any. One that is new knows of nobody but whom it is told of.
fn check_peers(node: &Node, settings: &MetadataSettings) -> Result<(), StartError> {
    let me = node.id();
    let members = node.members();
    let is_told = settings.voters.iter().any(|peer| peer.id != me && members.contains(&peer.id));
    if is_told || !members.contains(&me) || members.len() == 1 {
        return Ok(());
    }
    let mut named: BTreeSet<BrokerId> = settings.voters.iter().map(|peer| peer.id).collect();
    named.insert(me);
    Err(StartError::OtherVoters { named: bootstrap::list(&named), stored: bootstrap::list(&members) })
}

pub(super) fn too_slow(doing: &'static str) -> StartError {
    StartError::TooSlow { doing, seconds: START_LIMIT.as_secs() }
}
