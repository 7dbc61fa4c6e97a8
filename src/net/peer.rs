//! The client at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Our own address, as the client reached it.
    pub local: SocketAddr,
    /// The name of the listener that accepted it.
    pub listener: Arc<str>,
}
