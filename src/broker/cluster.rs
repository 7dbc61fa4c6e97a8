//! This broker among others: the network between them, the metadata on it, and the controller that hears all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::http::listen;
use super::starting::{StartError, TELL_INTERVAL};
use crate::cluster::{Answering, Controller, Departures, ShardHost, heart};
use crate::config::{Config, HostPort};
use crate::metadata::{Metadata, MetadataSettings};
use crate::ops::{Phase, Readiness};
use crate::peer::{Alone, ClusterSecret, Member, Network, Settings, Tls, Transport};
use crate::runtime::{Runtime, TaskKind};
use crate::store::{Store, database::Databases};
use crate::types::BrokerId;

const VARIABLE: &str = "RAFT_LISTEN_ADDR";

/// The broker as a member of its cluster; it may be the only one.
pub(super) struct Membership {
    pub metadata: Metadata,
    pub controller: Controller,
    transport: Arc<dyn Transport>,
    network: Option<Network>,
}

impl Membership {
    /// Opens the metadata, and lets peers in, if there are any. This broker has not joined yet.
    pub(super) async fn open(
        config: &Config,
        settings: &MetadataSettings,
        store: &Store,
        databases: &Databases,
        runtime: &Runtime,
    ) -> Result<Membership, StartError> {
        let network = match settings.voters.is_empty() {
            true => None,
            false => Some(network(config, store, runtime).await?),
        };
        let transport: Arc<dyn Transport> = match &network {
            Some(network) => network.transport(),
            None => Arc::new(Alone),
        };
        let metadata = Metadata::open(store, databases, settings, Arc::clone(&transport), runtime).await?;
        let session = config.cluster.broker_session_timeout;
        let controller = Controller::new(metadata.clone(), session, runtime.clone());
        if let Some(network) = &network {
            let answers = Answering { metadata: metadata.clone(), controller: controller.clone() };
            let registered = metadata.clone();
            network.serve(Member {
                cluster_id: metadata.cluster_id().to_owned(),
                incarnation: metadata.incarnation().0,
                answers: Arc::new(answers),
                registered: Box::new(move |broker| registered.addresses(broker)),
            });
        }
        Ok(Membership { metadata, controller, transport, network })
    }

    /// Joins the cluster, and says meanwhile for whom it waits.
    pub(super) async fn join(&self, readiness: &Readiness, runtime: &Runtime) -> Result<(), StartError> {
        let telling = async {
            loop {
                runtime.clock.sleep(TELL_INTERVAL).await;
                let voters = self.metadata.voters();
                let voters = voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let waiting = format!("joining the cluster: no majority of the brokers {voters} answers");
                tracing::warn!("{waiting}");
                readiness.set(Phase::Starting(waiting));
            }
        };
        let joined = tokio::select! {
            joined = self.metadata.join() => joined,
            never = telling, if !self.metadata.is_alone() => never,
            reason = self.replaced() => return Err(StartError::Replaced(reason)),
        };
        if joined.is_err() {
            self.close().await;
        }
        Ok(joined?)
    }

    pub(super) fn departures(&self) -> Departures {
        Departures { controller: self.controller.clone(), transport: Arc::clone(&self.transport) }
    }

    /// Has this broker's shards tell the controller how they are, and places shards while this broker leads.
    pub(super) fn run(&self, shards: &Arc<ShardHost>, runtime: &Runtime) {
        runtime.tasks.spawn(TaskKind::Controller, self.controller.clone().run());
        let beating = heart::beat(
            Arc::clone(shards),
            self.controller.clone(),
            Arc::clone(&self.transport),
            self.metadata.clone(),
            runtime.clone(),
        );
        runtime.tasks.spawn(TaskKind::Controller, beating);
    }

    /// Returns the reason when a newer process has this broker's id. Never, for a broker that is alone: its database ends then.
    pub(super) async fn replaced(&self) -> String {
        match &self.network {
            Some(network) => network.replaced().await.to_string(),
            None => std::future::pending().await,
        }
    }

    /// Returns when the cluster has forgotten this broker.
    pub(super) async fn removed(&self) {
        let own = self.metadata.broker_id();
        let mut images = self.metadata.subscribe();
        if images.wait_for(|image| image.broker(own).is_none()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits, if this broker leads, until the shards that it gave away are open elsewhere; for no longer than `limit`.
    pub(super) async fn hand_over(&self, limit: Duration, runtime: &Runtime) {
        if !self.metadata.is_alone() && runtime.clock.timeout(limit, self.controller.settled()).await.is_err()
        {
            tracing::warn!("not all shards were open elsewhere in time");
        }
    }

    pub(super) async fn close(&self) {
        self.metadata.close().await;
        if let Some(network) = &self.network {
            network.close().await;
        }
    }
}

async fn network(config: &Config, store: &Store, runtime: &Runtime) -> Result<Network, StartError> {
    let cluster = &config.cluster;
    let HostPort { host, port } = &cluster.raft_listen;
    let listener = listen(VARIABLE, VARIABLE, host, *port).await?;
    let secret = ClusterSecret::open(cluster.secret.as_ref(), store, runtime).await?;
    let tls = Tls::open(cluster.raft_insecure, cluster.tls_files().as_ref(), &runtime.clock)?;
    let own = config.identity.broker_id;
    let peers = cluster.raft_peers.iter().flatten().filter(|(id, _)| *id != own);
    let peers: HashMap<BrokerId, String> = peers.map(|(id, place)| (*id, place.to_string())).collect();
    Ok(Network::new(listener, Settings { broker: own, peers, secret, tls }, runtime))
}

/// Other brokers would be listened for there. A port that somebody else has is found out now, not by the first of them.
pub(super) async fn check_address(config: &Config) -> Result<(), StartError> {
    if config.is_given(VARIABLE) && !config.has_peers() {
        let HostPort { host, port } = &config.cluster.raft_listen;
        listen(VARIABLE, VARIABLE, host, *port).await?;
    }
    Ok(())
}
