//! Sessions: what a connection has proved about its client. Handlers get one with each request; authentication alone makes
//! another.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::{Mechanism, Principal};
use crate::runtime::clock::Instant;

/// The client at the other end of a connection, as far as it has proved who it is.
#[derive(Clone, Debug)]
pub struct Session {
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    pub address: IpAddr,
    pub is_encrypted: bool,
    /// The mechanism that it logged in by.
    pub mechanism: Option<Mechanism>,
    pub principal: Principal,
    /// Further principals that it acts as.
    pub groups: Vec<Principal>,
    /// Name and version of its software, if it said (KIP-511).
    pub software: Option<(String, String)>,
    /// The end of its login.
    pub ends: Option<Instant>,
}

impl Session {
    /// A client that has proved nothing yet.
    pub fn anonymous(listener: Arc<str>, address: IpAddr, is_encrypted: bool) -> Session {
        Session {
            listener,
            address,
            is_encrypted,
            mechanism: None,
            principal: Principal::anonymous(),
            groups: Vec::new(),
            software: None,
            ends: None,
        }
    }

    /// True if it may ask for delegation tokens: it has proved who it is, or is known by its own certificate
    /// (`KafkaApis.allowTokenRequests`).
    pub fn is_authenticated(&self) -> bool {
        self.mechanism.is_some() || self.principal != Principal::anonymous()
    }
}
