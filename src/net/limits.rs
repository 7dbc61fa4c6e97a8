//! Limits of what a client may take of the broker.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::addresses::PerAddress;
use crate::runtime::clock::Instant;

/// The most connections that may be open, asked whenever one is accepted: it can change at any time.
pub type MaxConnections = Arc<dyn Fn() -> usize + Send + Sync>;

/// The bounds of all connections of a [`Server`](super::Server).
#[derive(Clone)]
pub struct Limits {
    /// More are closed as soon as they are accepted; those that are open stay when it falls. Kafka's `max.connections`.
    pub max_connections: MaxConnections,
    /// The largest request. Kafka's `socket.request.max.bytes`.
    pub max_frame_bytes: usize,
    /// Memory for requests that are not answered, over all connections. Kafka's `queued.max.request.bytes`. One request
    /// at a time may exceed it, or requests that each wait for the rest of their memory would wait for ever.
    pub request_memory_bytes: usize,
    /// Requests of one connection that may be unanswered; then reading stops.
    pub connection_requests: usize,
    /// Bytes of one connection's unanswered requests and unsent answers; from there on reading stops.
    pub connection_bytes: usize,
    /// A connection without a request for this long is closed. Kafka's `connections.max.idle.ms`.
    pub idle: Duration,
    /// The least speed at which a request may come in, and an answer be taken.
    pub pace: Pace,
    /// The time that a stop waits for what was admitted.
    pub drain: Duration,
    pub strangers: StrangerLimits,
    pub per_address: PerAddress,
}

/// The bounds of connections that have not shown yet who they are: those within their TLS handshake, and those that have
/// to authenticate.
#[derive(Clone, Copy, Debug)]
pub struct StrangerLimits {
    /// The time until the first byte.
    pub first_byte: Duration,
    /// The time for the whole TLS handshake.
    pub handshake: Duration,
    /// The time from there until the client has authenticated; while it waits for an answer, this stands still.
    pub login: Duration,
    /// The largest request. Kafka's `sasl.server.max.receive.size`.
    pub max_frame_bytes: usize,
    /// Memory for requests of all of them.
    pub memory_bytes: usize,
    /// With more of them, the oldest of the address goes that has most.
    pub max_connections: usize,
}

impl Default for StrangerLimits {
    fn default() -> StrangerLimits {
        StrangerLimits {
            first_byte: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            login: Duration::from_secs(10),
            max_frame_bytes: 64 * 1024,
            memory_bytes: 16 * 1024 * 1024,
            max_connections: 1000,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: Arc::new(|| 10_000),
            max_frame_bytes: 104_857_600,
            request_memory_bytes: 512 * 1024 * 1024,
            connection_requests: 256,
            connection_bytes: 32 * 1024 * 1024,
            idle: Duration::from_secs(600),
            pace: Pace::default(),
            drain: Duration::from_secs(10),
            strangers: StrangerLimits::default(),
            per_address: PerAddress::default(),
        }
    }
}

/// Open files that client connections leave to the store and the operations port.
const KEPT_FILES: u64 = 192;

/// The most connections that there can be with the files that this process may have open, of which it may have as many from
/// now on as the system lets it.
pub fn connections_for_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let connections = files.map_or(u64::MAX, |files| files.saturating_sub(KEPT_FILES).max(files / 2));
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// A transfer that began must be done within the grace plus the time that its bytes so far take at a low speed: a slow
/// line gets its time, a byte now and then does not.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub grace: Duration,
    pub bytes_per_second: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { grace: Duration::from_secs(600), bytes_per_second: 64 * 1024 }
    }
}

impl Pace {
    /// When a transfer that began at `started` and moved `bytes` so far is too slow.
    pub(super) fn deadline(&self, started: Instant, bytes: usize) -> Instant {
        let earned = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second.max(1)));
        started + self.grace + earned
    }
}
