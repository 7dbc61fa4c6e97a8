//! The part that both directions of the network share.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::answering::Complained;
use super::handshake::Me;
use super::hello::Versions;
use super::known::Known;
use super::metrics::Metrics;
use super::secret::ClusterSecret;
use super::tls::Tls;
use super::{Answers, Unreachable};
use crate::runtime::{Complaints, Runtime, Shutdown};
use crate::types::BrokerId;

/// This broker's part in the network, as far as it is known from the start.
#[derive(Clone, Debug)]
pub struct Settings {
    pub broker: BrokerId,
    /// Places of peers, `host:port`, that go before what the peers themselves said when they registered.
    pub peers: HashMap<BrokerId, String>,
    pub secret: ClusterSecret,
    pub tls: Tls,
}

/// Places where a broker may be, by what it said itself: `host:port`, the likeliest first.
pub type Registered = Box<dyn Fn(BrokerId) -> Vec<String> + Send + Sync>;

/// The process as a member of its cluster, which it is once its metadata is open.
pub struct Member {
    pub cluster_id: String,
    /// Grows with every process of this broker.
    pub incarnation: u64,
    pub answers: Arc<dyn Answers>,
    pub registered: Registered,
}

pub(super) struct Shared {
    pub settings: Settings,
    pub versions: Versions,
    pub known: Known,
    pub member: OnceLock<Member>,
    /// Peers that the log has told of, and what strangers were refused for.
    pub complaints: Complaints<BrokerId>,
    pub refused: Complained,
    pub metrics: Metrics,
    pub stop: Shutdown,
    pub runtime: Runtime,
}

impl Shared {
    pub fn new(settings: Settings, versions: Versions, runtime: &Runtime) -> Shared {
        Shared {
            known: Known::new(settings.broker),
            settings,
            versions,
            member: OnceLock::new(),
            complaints: Complaints::default(),
            refused: Complained::default(),
            metrics: Metrics::register(&runtime.metrics),
            stop: Shutdown::new(),
            runtime: runtime.clone(),
        }
    }

    /// Nobody, before there is a member.
    pub fn me(&self) -> Option<Me<'_>> {
        let member = self.member.get()?;
        Some(Me {
            broker: self.settings.broker,
            incarnation: member.incarnation,
            cluster_id: &member.cluster_id,
            versions: self.versions,
        })
    }

    /// Places where a broker may be: first the one of this process's own settings.
    pub fn addresses(&self, broker: BrokerId) -> Vec<String> {
        let mut addresses: Vec<String> = self.settings.peers.get(&broker).cloned().into_iter().collect();
        let registered = self.member.get().map(|member| (member.registered)(broker));
        for address in registered.into_iter().flatten() {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub is_refused: bool,
    pub reason: String,
}

impl Failure {
    pub fn new(reason: impl ToString) -> Failure {
        Failure { is_refused: false, reason: reason.to_string() }
    }

    pub fn of(self, broker: BrokerId) -> Unreachable {
        Unreachable { broker, is_refused: self.is_refused, reason: self.reason }
    }
}
