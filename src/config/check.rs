//! Agreement between settings beyond the rules of the table, and warnings in the log at the start.

use std::num::NonZeroU16;

use super::Config;
use super::addresses::{is_loopback, is_wildcard, shares_host};
use super::built::Built;
use super::given::Problem;
use super::listeners::{Advertised, Listener};
use super::security;
use super::table::VARIABLES;
use super::variable::{Rule, Variable};
use crate::store::Backend;

/// Everything that is wrong between settings that are each right, and is not in the table's rules.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |variable: &str, message: &str| problems.push(Problem::new(variable, message));
    listen(config, &mut refuse);
    brokers(config, &mut refuse);
    security::check(config, &mut refuse);
    let plain = |endpoint: &Option<String>| {
        endpoint.as_ref().is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"))
    };
    match &config.store.backend {
        Backend::S3(s3) if plain(&s3.endpoint) && !s3.allow_http => {
            refuse("AWS_ENDPOINT", "has no TLS; set ALLOW_HTTP_S3=true if that is meant");
        }
        Backend::Azure(azure) if plain(&azure.endpoint) && !azure.allow_http => {
            refuse("AZURE_ENDPOINT", "has no TLS; set AZURE_ALLOW_HTTP=true if that is meant");
        }
        _ => {}
    }
    let named = config.listeners_variable("TLS_ENABLED");
    problems.extend(Built::THIS.problems_of_listeners(&config.clients.listeners, named));
    problems.extend(Built::THIS.problems_of_peers(config.has_peers(), config.cluster.raft_insecure));
    problems
}

/// Places that clients cannot be served at, or not be told of.
fn listeners(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let listen_variable = config.listeners_variable("PORT");
    let advertised_variable = match config.is_given("ADVERTISED_LISTENERS") {
        true => "ADVERTISED_LISTENERS",
        false => config.listeners_variable("ADVERTISED_HOST"),
    };
    for (position, listener) in config.clients.listeners.iter().enumerate() {
        let is_same = |other: &&Listener| {
            other.port == listener.port && other.port != 0 && shares_host(&other.host, &listener.host)
        };
        if let Some(other) = config.clients.listeners[..position].iter().find(is_same) {
            let message =
                format!("{} and {} have the same port {}", other.name, listener.name, listener.port);
            refuse(listen_variable, &message);
        }
        match &listener.advertised {
            Some(Advertised { host, .. }) if host.is_empty() => {
                refuse(
                    advertised_variable,
                    &format!("{} has no host, so clients cannot connect to it", listener.name),
                );
            }
            Some(Advertised { host, .. }) if is_wildcard(host) => refuse(
                advertised_variable,
                "a wildcard address is no place to connect to; name this broker as clients see it",
            ),
            _ => {}
        }
    }
    if config.clients.listeners.iter().all(|listener| listener.advertised.is_none()) {
        refuse(advertised_variable, "advertises no listener, so clients would find no broker");
    }
}

fn listen(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    listeners(config, refuse);
    let host = &config.clients.listen.host;
    let variable = config.listeners_variable("PORT");
    let health_port = config.operation.health_port.map(NonZeroU16::get);
    let raft = &config.cluster.raft_listen;
    // A broker that is alone listens for others only if told to.
    let listens = config.has_peers() || config.is_given("RAFT_LISTEN_ADDR");
    // Whoever moves a port onto the default of this one is told there.
    let to_blame = |other| if config.is_given("RAFT_LISTEN_ADDR") { "RAFT_LISTEN_ADDR" } else { other };
    for listener in &config.clients.listeners {
        if health_port == Some(listener.port) && shares_host(host, &listener.host) {
            refuse("HEALTH_PORT", &format!("the same as {variable}"));
        }
        if listens && raft.port != 0 && raft.port == listener.port && shares_host(&raft.host, &listener.host)
        {
            refuse(to_blame(variable), &format!("RAFT_LISTEN_ADDR and {variable} are the same"));
        }
    }
    if listens && shares_host(&raft.host, host) && Some(raft.port) == health_port {
        refuse(to_blame("HEALTH_PORT"), "RAFT_LISTEN_ADDR and HEALTH_PORT are the same");
    }
}

/// The brokers of a cluster, and how they talk to each other.
fn brokers(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let own = config.identity.broker_id;
    if config.has_peers() && config.raft_address().is_none() {
        let message = format!(
            "names other brokers, but not this one, whose BROKER_ID is {own}, and no \
             ADVERTISED_HOST tells where it is"
        );
        refuse("RAFT_PEERS", &message);
    }
    if config.cluster.raft_insecure && config.cluster.raft_tls_certificate.is_some() {
        refuse("RAFT_INSECURE", "turns off the TLS that RAFT_TLS_CERT_PATH is for");
    }
}

/// Settings that are accepted without effect.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = config.told.strangers.clone();
    for variable in VARIABLES.iter().filter(|variable| config.is_given(variable.name)) {
        let idle = variable.rules.iter().find_map(|rule| match rule {
            Rule::Idle(reason) => Some(reason),
            _ => None,
        });
        warnings.extend(idle.map(|reason| format!("{} is set, but {reason}", variable.name)));
    }
    if config.store.faults.is_some() {
        warnings.push(
            "STORE_FAULTS is set: the object store is made slow or faulty on purpose; for tests only"
                .to_owned(),
        );
    }
    warnings.extend(security::warnings(config));
    warnings.extend(between_brokers(config));
    if matches!(config.store.backend, Backend::Local(_)) && !config.is_given("DATA_PATH") {
        warnings.push(format!(
            "data is kept in {}, where a restart of the machine may remove it; set DATA_PATH to a place \
             that stays",
            config.data_place()
        ));
    }
    if let Backend::Local(local) = &config.store.backend
        && !local.fsync
    {
        warnings.push(
            "LOCAL_FSYNC is false: a power failure can lose acknowledged records; a crash of the broker \
             cannot"
                .to_owned(),
        );
    }
    let kind = config.store.backend.name();
    let is_needed = |variable: &&Variable| variable.rules.iter().any(|rule| matches!(rule, Rule::Needed));
    for variable in VARIABLES.iter().filter(is_needed).filter(|variable| config.is_given(variable.name)) {
        if variable.store.is_some_and(|store| store.word() != kind) {
            warnings
                .push(format!("{} is set, but has no effect with OBJECT_STORE_TYPE={kind}", variable.name));
        }
    }
    warnings
}

fn between_brokers(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let cluster = &config.cluster;
    let address = &cluster.raft_listen;
    if cluster.raft_insecure {
        warnings.push(
            "RAFT_INSECURE is true: whoever is on the way between brokers reads what they tell each other"
                .to_owned(),
        );
    }
    if cluster.secret.is_none() && !is_loopback(&address.host) {
        warnings.push(format!(
            "RAFT_LISTEN_ADDR={address} is open to others, and the cluster secret is kept with the data: \
             whoever can read those can join; set RAFT_CLUSTER_SECRET"
        ));
    }
    warnings
}
