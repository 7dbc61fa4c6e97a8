//! A member of a consumer group.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Settings;
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::classic::Protocol;

/// Names of topics.
pub type Names = BTreeSet<Arc<str>>;

/// A member by its own words. Its way to the target is its [`super::reconcile::Progress`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: Arc<str>,
    /// Set for a static member (KIP-345): it keeps its assignment over a restart.
    pub instance: Option<Arc<str>>,
    pub rack: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    /// The time it may take to give up partitions.
    pub rebalance_timeout_ms: i32,
    /// Topics that it subscribes to by name.
    pub topics: Arc<Names>,
    /// It subscribes to the topics that this matches, too.
    pub pattern: Option<Arc<str>>,
    pub assignor: Option<Assignor>,
    /// Set while its client still speaks the classic protocol.
    pub classic: Option<Classic>,
}

/// Words of clients of the classic protocol alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classic {
    pub session_timeout_ms: i32,
    /// The ways to share the work that it understands, best first; at least one.
    pub protocols: Arc<[Protocol]>,
}

impl Member {
    /// A member that has not said anything yet.
    pub fn new(id: Arc<str>) -> Member {
        Member {
            id,
            instance: None,
            rack: None,
            client_id: "".into(),
            client_host: "".into(),
            rebalance_timeout_ms: -1,
            topics: Arc::default(),
            pattern: None,
            assignor: None,
            classic: None,
        }
    }

    /// Silence after which the member is removed. A client of the classic protocol says itself how long that is.
    pub fn session_timeout_ms(&self, settings: &Settings) -> i32 {
        self.classic.as_ref().map_or(settings.session_timeout_ms, |classic| classic.session_timeout_ms)
    }
}
