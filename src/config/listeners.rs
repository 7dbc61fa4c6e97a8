//! Listeners for clients: one by the simple variables, or several in Kafka's syntax (KIP-103).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::addresses::{bracketed, host_name, is_wildcard};
use super::entries::Entries;
use super::given::Problem;
use super::table::{Listen, OAuth, Security};
use super::words::Protocol;
use crate::auth::Mechanism;
use crate::tls::ClientAuth;

/// A listener for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    /// The address to listen on; empty is all addresses.
    pub host: String,
    pub port: u16,
    /// The place that clients are told to connect to. None is told of a listener that is not advertised.
    pub advertised: Option<Advertised>,
    pub protocol: Protocol,
    pub client_auth: ClientAuth,
    /// Empty without SASL.
    pub mechanisms: Vec<Mechanism>,
    /// Nobody is served without a login.
    pub is_login_required: bool,
    pub max_connections: Option<usize>,
}

/// The place of a listener as clients are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    pub host: String,
    /// Without one it is the port listened on.
    pub port: Option<u16>,
}

impl Listener {
    pub fn has_tls(&self) -> bool {
        self.protocol.has_tls()
    }

    pub fn has_sasl(&self) -> bool {
        self.protocol.has_sasl()
    }

    /// As Kafka writes it in `listeners`; `port` is the one that was bound.
    pub fn shown(&self, port: u16) -> String {
        format!("{}://{}:{port}", self.name, bracketed(&self.host))
    }

    /// As Kafka writes it in `advertised.listeners`.
    pub fn shown_advertised(&self, bound_port: u16) -> Option<String> {
        let Advertised { host, port } = self.advertised.as_ref()?;
        Some(format!("{}://{}:{}", self.name, bracketed(host), port.unwrap_or(bound_port)))
    }
}

/// All listeners, or what is wrong with them.
pub(super) fn listeners(
    listen: &Listen,
    security: &Security,
    oauth: &OAuth,
    is_given: &dyn Fn(&str) -> bool,
) -> Result<Vec<Listener>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut refuse = |variable: &str, message: &str| problems.push(Problem::new(variable, message));
    let usable = default_mechanisms(security, oauth);
    let listeners = match &listen.listeners {
        Some(places) => {
            for variable in
                ["PORT", "ADVERTISED_HOST", "ADVERTISED_PORT", "TLS_ENABLED", "SASL_ENABLED", "SASL_REQUIRED"]
            {
                if is_given(variable) {
                    refuse(
                        variable,
                        "means the one listener that there is without LISTENERS, which is set too",
                    );
                }
            }
            several(listen, security, &usable, places, &mut refuse)
        }
        None => {
            for variable in OF_SEVERAL {
                if is_given(variable) {
                    refuse(variable, "is about what LISTENERS names, which is not set");
                }
            }
            vec![single(listen, security, usable)]
        }
    };
    if problems.is_empty() { Ok(listeners) } else { Err(problems) }
}

/// Variables without meaning if `LISTENERS` is not set.
const OF_SEVERAL: &[&str] = &[
    "ADVERTISED_LISTENERS",
    "LISTENER_SECURITY_PROTOCOL_MAP",
    "LISTENER_SASL_MECHANISMS",
    "LISTENER_TLS_CLIENT_AUTH",
    "LISTENER_MAX_CONNECTIONS",
];

fn single(listen: &Listen, security: &Security, usable: Vec<Mechanism>) -> Listener {
    let protocol = Protocol::of(security.tls_enabled, security.sasl_enabled);
    Listener {
        name: protocol.word().to_owned(),
        host: listen.host.clone(),
        port: listen.port,
        advertised: Some(Advertised { host: listen.advertised_host.clone(), port: listen.advertised_port }),
        protocol,
        client_auth: if protocol.has_tls() { security.client_auth } else { ClientAuth::None },
        mechanisms: if protocol.has_sasl() { usable } else { Vec::new() },
        is_login_required: security.sasl_required.unwrap_or(true),
        max_connections: None,
    }
}

fn several(
    listen: &Listen,
    security: &Security,
    usable: &[Mechanism],
    places: &Entries<(String, u16)>,
    refuse: &mut impl FnMut(&str, &str),
) -> Vec<Listener> {
    let names = || places.iter().map(|(name, _)| name.as_str());
    let known = |variable: &str, name: &str, refuse: &mut dyn FnMut(&str, &str)| {
        if !names().any(|known| known == name) {
            refuse(variable, &format!("LISTENERS names no {name}"));
        }
    };
    let advertised = listen.advertised_listeners.as_ref();
    let protocols: BTreeMap<_, _> = listen.protocols.iter().flatten().cloned().collect();
    let mechanisms: BTreeMap<_, _> = listen.mechanisms.iter().flatten().cloned().collect();
    let client_auths: BTreeMap<_, _> = listen.client_auths.iter().flatten().cloned().collect();
    let connections: BTreeMap<_, _> = listen.max_connections.iter().flatten().cloned().collect();
    advertised
        .iter()
        .flat_map(|all| all.iter())
        .for_each(|(name, _)| known("ADVERTISED_LISTENERS", name, refuse));
    mechanisms.keys().for_each(|name| known("LISTENER_SASL_MECHANISMS", name, refuse));
    client_auths.keys().for_each(|name| known("LISTENER_TLS_CLIENT_AUTH", name, refuse));
    connections.keys().for_each(|name| known("LISTENER_MAX_CONNECTIONS", name, refuse));
    let mut listeners = Vec::new();
    for (name, (host, port)) in places {
        let protocol = protocols.get(name).copied().or_else(|| Protocol::named(name));
        let Some(protocol) = protocol else {
            let message = format!(
                "{name} is not the name of a protocol, and LISTENER_SECURITY_PROTOCOL_MAP does not say its"
            );
            refuse("LISTENERS", &message);
            continue;
        };
        if !protocol.has_sasl() && mechanisms.contains_key(name) {
            refuse("LISTENER_SASL_MECHANISMS", &format!("{name} is a listener without SASL"));
        }
        if !protocol.has_tls() && client_auths.contains_key(name) {
            refuse("LISTENER_TLS_CLIENT_AUTH", &format!("{name} is a listener without TLS"));
        }
        let client_auth = client_auths.get(name).copied().unwrap_or(security.client_auth);
        let own_mechanisms = mechanisms.get(name).cloned();
        listeners.push(Listener {
            name: name.clone(),
            host: host.clone(),
            port: *port,
            advertised: advertise(advertised, name, host, *port),
            protocol,
            client_auth: if protocol.has_tls() { client_auth } else { ClientAuth::None },
            mechanisms: match protocol.has_sasl() {
                true => own_mechanisms.unwrap_or_else(|| usable.to_vec()),
                false => Vec::new(),
            },
            is_login_required: true,
            max_connections: connections.get(name).copied(),
        });
    }
    listeners
}

fn advertise(
    advertised: Option<&Entries<(String, u16)>>,
    name: &str,
    host: &str,
    port: u16,
) -> Option<Advertised> {
    let port_of = |port: u16| (port != 0).then_some(port);
    match advertised {
        Some(all) => {
            let (_, (host, port)) = all.iter().find(|(other, _)| other == name)?;
            Some(Advertised { host: host.clone(), port: port_of(*port) })
        }
        None => {
            let host = if host.is_empty() || is_wildcard(host) { host_name() } else { host.to_owned() };
            Some(Advertised { host, port: port_of(port) })
        }
    }
}

/// The mechanisms of a listener that does not say: those that somebody can log in by.
pub(super) fn default_mechanisms(security: &Security, oauth: &OAuth) -> Vec<Mechanism> {
    if let Some(mechanisms) = &security.mechanisms {
        return mechanisms.clone();
    }
    let is_usable = |mechanism: &Mechanism| match mechanism {
        Mechanism::Plain | Mechanism::ScramSha256 | Mechanism::ScramSha512 => security.has_users(),
        Mechanism::OAuthBearer => oauth.has_issuers(),
    };
    Mechanism::ALL.into_iter().filter(is_usable).collect()
}
