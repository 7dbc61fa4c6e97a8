//! The way of a process into its cluster, and of a broker out of it for good.

use std::collections::BTreeSet;
use std::time::Duration;

use super::bootstrap::ClusterFile;
use super::command::Command;
use super::error::{ProposeError, StartError};
use super::handle::{Metadata, START_LIMIT, too_slow};
use super::home::RaftHome;
use super::image::Broker;
use super::outcome::{Outcome, Refused};
use super::raft::RETRY;
use super::settings::MetadataSettings;
use super::version;
use super::{features, keeping, level};
use crate::types::BrokerId;

/// Voters that a group grows to by itself, unless more have founded it.
const USUAL_VOTERS: usize = 3;
/// More voters make no group safer, and each change waits for more of them.
pub const MOST_VOTERS: usize = 5;
/// A broker that is removed while it lives hears of it within this time, or not at all.
const HEARS_WITHIN: Duration = Duration::from_secs(2);

impl Metadata {
    /// Finds the leader and registers this process. When this returns, the image is up to date, the cluster is formed,
    /// and this process is in it.
    ///
    /// A voter among others waits for a majority of them for as long as it takes.
    pub async fn join(&self) -> Result<(), StartError> {
        keeping::begin(self);
        let joining = self.take_part(&self.0.cluster, &self.0.settings);
        if !self.is_alone() {
            return joining.await;
        }
        let joined = self.0.runtime.clock.timeout(START_LIMIT, joining).await;
        joined.map_err(|_| too_slow("joining the cluster"))?
    }

    /// Forms the cluster unless that was done, and says where this broker is.
    async fn take_part(&self, cluster: &ClusterFile, settings: &MetadataSettings) -> Result<(), StartError> {
        while let Err(error) = self.sync().await {
            match error {
                ProposeError::NotLeader { .. } if !self.is_alone() => self.announce().await,
                error => return Err(error.into()),
            }
        }
        if !self.image().is_formed() {
            let form = Command::FormCluster {
                cluster_id: cluster.cluster_id.clone(),
                shards: cluster.shards,
                slots: cluster.slots,
                features: features::at_birth(settings.level),
            };
            level::mark(&self.0.store, form.version(), &self.0.runtime.clock).await?;
            match self.insist(form).await? {
                // Another broker was faster.
                Ok(_) | Err(Refused::AlreadyFormed { .. }) => {}
                Err(refused) => return Err(refused.into()),
            }
        }
        let image = self.image();
        if *image.cluster_id != *cluster.cluster_id {
            return Err(StartError::OtherCluster {
                configured: cluster.cluster_id.clone(),
                stored: image.cluster_id.to_string(),
            });
        }
        self.register(settings).await?;
        // The id may be given up at any time; whoever is registered after that sees it.
        self.has_its_id().await?;
        let life = Command::BeginLife { nonce: self.0.runtime.rng.u128(), after: self.0.node.found_index() };
        match self.insist(life).await {
            // Another broker is too old for it: then its shards vouch for nothing.
            Ok(_) | Err(ProposeError::NotSupported { .. }) => {
                Ok(self.have_salt_key(&self.0.runtime.rng).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Fails if this broker's id was given up while this process started: what it stores is being deleted.
    async fn has_its_id(&self) -> Result<(), StartError> {
        if self.is_alone() {
            return Ok(());
        }
        let (broker, clock) = (self.broker_id(), &self.0.runtime.clock);
        let home = RaftHome::of(&self.0.store, broker, clock).await?;
        match home.path == self.0.home.path {
            true => Ok(()),
            false => Err(StartError::Removed { broker }),
        }
    }

    async fn register(&self, settings: &MetadataSettings) -> Result<(), StartError> {
        let broker = Broker {
            id: settings.broker_id,
            incarnation: self.incarnation(),
            listeners: settings.listeners.clone(),
            rack: settings.rack.clone(),
            command_version: settings.level,
        };
        // This broker itself, as it was registered by an older version, may be what does not know the newer command.
        let known = self.image().level();
        if known.is_some_and(|known| known < version::OF_CLUSTERS) {
            self.insist(Command::RegisterBroker(broker.clone())).await??;
        }
        let register = Command::Register { broker, address: settings.address.clone() };
        loop {
            self.has_its_id().await?;
            if let Some(outcome) = self.attempt(&register).await? {
                return Ok(outcome.map(drop)?);
            }
            // It may be no member any more, if a broker that had its id before is being removed.
            self.announce().await;
        }
    }

    /// Proposes until there is an outcome. Only for commands that may be applied twice.
    pub(super) async fn insist(&self, command: Command) -> Result<Outcome, ProposeError> {
        loop {
            if let Some(outcome) = self.attempt(&command).await? {
                return Ok(outcome);
            }
            self.0.runtime.clock.sleep(RETRY).await;
        }
    }

    /// Proposes once. None if it may go better the next time.
    async fn attempt(&self, command: &Command) -> Result<Option<Outcome>, ProposeError> {
        match self.propose(command.clone()).await {
            Err(ProposeError::Timeout | ProposeError::NotLeader { .. } | ProposeError::Overloaded) => {
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    /// Says to whoever may be a member that this process is there: a broker that is new is taken in, and one that has moved
    /// is found.
    async fn announce(&self) {
        let image = self.image();
        let mut peers: BTreeSet<BrokerId> = image.brokers.keys().copied().collect();
        peers.extend(self.0.settings.voters.iter().map(|voter| voter.id));
        let is_known = self.0.node.announce(&self.0.settings.address, &peers).await;
        tracing::debug!(is_known, "told the others that this broker is there");
        self.0.runtime.clock.sleep(RETRY).await;
    }

    /// Places of a member: `host:port`, the newest first.
    pub fn addresses(&self, broker: BrokerId) -> Vec<String> {
        self.0.node.addresses(broker)
    }

    /// The number of voters that the group is to grow to.
    pub fn wanted_voters(&self) -> usize {
        if self.0.cluster.founders >= MOST_VOTERS { MOST_VOTERS } else { USUAL_VOTERS }
    }

    /// Has the group vote by `voters`, which are members already. For the leader.
    pub async fn change_voters(&self, voters: &BTreeSet<BrokerId>) -> Result<(), ProposeError> {
        self.0.node.change_voters(voters).await
    }

    /// The voters of a change that has begun and was not ended, as a leader that failed leaves one.
    pub fn unfinished_voters(&self) -> Option<BTreeSet<BrokerId>> {
        self.0.node.electorate().unfinished()
    }

    /// Ends a broker that votes no more, for good: it is forgotten, and what it stored is deleted. For the leader. The broker
    /// hears of it, if it lives, before it is told nothing any more.
    pub async fn forget(&self, broker: BrokerId) -> Result<(), ForgetError> {
        let (store, clock) = (&self.0.store, &self.0.runtime.clock);
        if self.voters().contains(&broker) {
            return Err(ForgetError::Votes(broker));
        }
        let registered = self.image().broker(broker).map(|broker| broker.incarnation);
        if let Some(incarnation) = registered {
            let at = self.0.node.voter_lists().since.unwrap_or_default();
            RaftHome::give_up(store, broker, incarnation, at, clock).await?;
            self.propose(Command::Unregister { broker, incarnation }).await??;
            let index = self.image().index;
            let heard = self.0.node.has_heard_of(broker, index);
            let _ = clock.timeout(HEARS_WITHIN, heard).await;
        }
        self.0.node.drop_learner(broker).await?;
        Ok(RaftHome::clear(store, broker, clock).await?)
    }
}

/// Why a broker was not forgotten, or not altogether: it may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error("broker {0} votes on the metadata")]
    Votes(BrokerId),
    #[error("{0}")]
    Group(#[from] ProposeError),
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Store(#[from] StartError),
}
