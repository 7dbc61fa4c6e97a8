//! Brokers among each other: who calls whom, for what, and over which connection.
//! It must never know what is said: a request and its answer are bytes here.
//! Entry point: [`Transport`], which calls a peer; [`Answers`] is whoever answers one.
//! Invariant: what is called under one [`Service`] never waits for what is called under another, and nobody is answered
//! who has not proven that it knows the cluster's secret.
//!
//! A [`Network`] starts in two steps, since metadata opens its Raft database with a transport in hand, and only then knows
//! which process this is:
//!
//! ```text
//! let secret = ClusterSecret::open(given, &store, &runtime).await?;
//! let tls = Tls::open(is_insecure, files, &runtime.clock)?;
//! let network = Network::new(listener, Settings { broker, peers, secret, tls }, &runtime);
//! // Peers that connect now wait to be let in; calls fail.
//! let metadata = Metadata::open(.., network.transport(), ..).await?;
//! network.serve(Member { cluster_id, incarnation, answers, registered });
//! metadata.join().await?;
//! // Until the end: a newer process with this id ends this one.
//! network.replaced().await;
//! metadata.close().await;
//! network.close().await;
//! ```

mod answering;
mod calling;
mod dial;
mod handshake;
mod hello;
mod known;
mod limits;
mod link;
mod metrics;
mod network;
mod proof;
mod secret;
mod shared;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::types::BrokerId;

pub use limits::MAX_MESSAGE_BYTES;
pub use network::{Network, Replaced};
pub use secret::{ClusterSecret, MIN_SECRET_BYTES, SecretError};
pub use shared::{Member, Registered, Settings};
pub use tls::{Tls, TlsError, TlsFiles};
pub use wire::{ByteStream, Dial, DialError};

/// The purpose of a call. Each has connections of its own, so that a large message delays no heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Beats of the leader, and questions whether somebody lives. Answered at once, out of memory.
    Liveness,
    /// Heartbeats of brokers to the controller.
    Controller,
    /// Raft's own calls.
    Raft,
    /// Everything else: proposals, and what their answers rest on.
    Metadata,
}

/// Carries a request to a peer, and its answer back. It knows nothing of what is inside.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Waits for the answer for at most `limit`.
    async fn call(
        &self,
        peer: BrokerId,
        service: Service,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, Unreachable>;
}

/// Answers the calls of peers.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// The future is dropped when the caller waits no more.
    async fn answer(&self, caller: BrokerId, service: Service, request: Bytes) -> Bytes;
}

/// A peer did not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("broker {broker} cannot be reached: {reason}")]
pub struct Unreachable {
    pub broker: BrokerId,
    /// Its machine says that nobody listens there: the process is gone.
    pub is_refused: bool,
    pub reason: String,
}

/// The transport of a broker that has no peers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

#[async_trait]
impl Transport for Alone {
    async fn call(
        &self,
        peer: BrokerId,
        _service: Service,
        _request: Bytes,
        _limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        Err(Unreachable { broker: peer, is_refused: false, reason: "this broker has no peers".to_owned() })
    }
}
