//! Brokers beyond what they registered with: whether the cluster counts on them, and what they proposed last.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::types::{BrokerId, Incarnation};

/// The members of the cluster by their ids; brokers that registered with an older version may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members(RedBlackTreeMapSync<BrokerId, Arc<Member>>);

/// One broker, all of its lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The address at which other brokers reach it, `host:port`; empty for a broker that is alone.
    pub address: String,
    /// Nobody hears of it: it owns nothing, and clients are not sent to it (as in KIP-631).
    pub is_fenced: bool,
    /// The last of its numbered proposals.
    pub proposed: Option<Proposed>,
}

/// A numbered proposal that was applied, so that the same once more gets the same outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub incarnation: Incarnation,
    pub number: u64,
    pub outcomes: Arc<[Outcome]>,
}

impl Members {
    pub fn get(&self, broker: BrokerId) -> Option<&Member> {
        self.0.get(&broker).map(|member| &**member)
    }

    pub(super) fn remove(&mut self, broker: BrokerId) {
        self.0.remove_mut(&broker);
    }

    /// The broker is a member no more, and whatever this life of it, or one before, has proposed and comes late is superseded.
    pub(super) fn end(&mut self, broker: BrokerId, incarnation: Incarnation) {
        let last = Proposed { incarnation, number: u64::MAX, outcomes: Arc::from([]) };
        self.0.insert_mut(broker, Arc::new(Member { proposed: Some(last), ..Member::default() }));
    }

    pub(super) fn change(&mut self, broker: BrokerId, change: impl FnOnce(&mut Member)) {
        let mut member = self.get(broker).cloned().unwrap_or_default();
        change(&mut member);
        self.0.insert_mut(broker, Arc::new(member));
    }
}
