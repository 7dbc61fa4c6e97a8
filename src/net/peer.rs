//! The client at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::tls::CertificateDer;

/// The two ends of a connection, and what is known of the far one before it says a word.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Our own address, as the client reached it.
    pub local: SocketAddr,
    /// The name of the listener that accepted it.
    pub listener: Arc<str>,
    /// Nobody between can read along.
    pub is_encrypted: bool,
    /// The client's own certificate, if it showed one: an authority vouches for it, and the client has its key.
    pub certificate: Option<CertificateDer<'static>>,
}
