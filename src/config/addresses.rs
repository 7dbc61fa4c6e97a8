//! Hosts and their ports, as settings name them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::types::BrokerId;

/// A name or address with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// Limits of networks, the first that has an address counts.
pub type Networks = Vec<(IpNet, usize)>;

/// The brokers of a cluster, and where they listen for each other.
pub type Peers = Vec<(BrokerId, HostPort)>;

/// An IPv6 address as it stands before a port.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// True if a host stands for all addresses of the machine.
pub(super) fn is_wildcard(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

pub(super) fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// True if only this machine can reach a host.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// True if a port of the one host is taken on the other.
pub(super) fn shares_host(one: &str, other: &str) -> bool {
    let is_all = |host: &str| host.is_empty() || is_wildcard(host);
    one == other || is_all(one) || is_all(other)
}
