//! Bounds of what peers, and strangers, can take.

use std::time::Duration;

use super::Service;

/// The largest request or answer.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The time in which a connection has to prove itself, on the side that was called.
pub(super) const PROOF_LIMIT: Duration = Duration::from_secs(5);
/// Connections at one time that have not proven themselves.
pub(super) const MAX_STRANGERS: usize = 256;

/// The time in which a connection to a peer is made, all steps together.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// The time for one address of a peer.
pub(super) const ADDRESS_LIMIT: Duration = Duration::from_secs(1);
/// The pause after a connection to a peer could not be made.
pub(super) const CONNECT_PAUSE: Duration = Duration::from_millis(25);

/// A connection that has been silent for the first is asked for a sign of life, which has to come within the second.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(1);
pub(super) const PING_LIMIT: Duration = Duration::from_secs(2);

/// The most that is unanswered of one peer at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub calls: u32,
    pub bytes: u32,
}

const MIB: u32 = 1 << 20;

impl Service {
    pub(super) const ALL: [Service; 4] =
        [Service::Liveness, Service::Raft, Service::Metadata, Service::Controller];

    /// The share of a service in what one peer may have unanswered: 64 calls and 16 MiB, all together. Where messages can
    /// be large, the largest one fits.
    pub(super) const fn share(self) -> Share {
        match self {
            Service::Liveness => Share { calls: 4, bytes: 2 * MIB },
            Service::Controller => Share { calls: 4, bytes: 2 * MIB },
            Service::Raft => Share { calls: 24, bytes: 6 * MIB },
            Service::Metadata => Share { calls: 32, bytes: 6 * MIB },
        }
    }

    /// The largest request: a share has room for one.
    pub(super) fn max_request_bytes(self) -> usize {
        MAX_MESSAGE_BYTES.min(self.share().bytes as usize)
    }

    /// True if a call may be made again that may have arrived before. A proposal could then be applied twice.
    pub(super) const fn may_repeat(self) -> bool {
        match self {
            Service::Liveness | Service::Controller | Service::Raft => true,
            Service::Metadata => false,
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Service::Liveness => 1,
            Service::Raft => 2,
            Service::Metadata => 3,
            Service::Controller => 4,
        }
    }

    pub(super) fn numbered(number: u8) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.number() == number)
    }
}
