//! A member of a classic group.

use std::sync::Arc;

use bytes::Bytes;

/// A member by its own words, and its assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: Arc<str>,
    /// Set for a static member (KIP-345): it keeps its assignment over a restart.
    pub instance: Option<Arc<str>>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// The ways to share the work that it understands, best first.
    pub protocols: Arc<[Protocol]>,
    /// The assignment of this generation; empty until the leader gives one.
    pub assignment: Bytes,
    /// True while it waits for its first generation: until then it cannot send heartbeats.
    pub is_new: bool,
}

/// A way to share the work, by the name that members vote for, and what the leader must know of the member for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub name: Arc<str>,
    pub metadata: Bytes,
}

impl Member {
    /// Its metadata under a protocol.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        metadata(&self.protocols, protocol)
    }

    /// The first of its protocols that is a candidate.
    pub fn vote(&self, is_candidate: impl Fn(&str) -> bool) -> Option<&Arc<str>> {
        self.protocols.iter().map(|own| &own.name).find(|name| is_candidate(name))
    }
}

/// The names among `protocols`, each once.
pub fn names(protocols: &[Protocol]) -> impl Iterator<Item = &Arc<str>> {
    let first = |at: usize, name: &str| protocols[..at].iter().all(|earlier| *earlier.name != *name);
    protocols.iter().enumerate().filter(move |(at, own)| first(*at, &own.name)).map(|(_, own)| &own.name)
}

/// The metadata under one of `protocols`; empty if it is not among them.
pub fn metadata(protocols: &[Protocol], name: &str) -> Bytes {
    let own = protocols.iter().find(|own| *own.name == *name);
    own.map(|own| own.metadata.clone()).unwrap_or_default()
}
