//! Process settings as Kafka's broker configs, for DescribeConfigs: TLS and SASL of the listeners among them, and no secret.
//! Variables that mean one config set it themselves.

use std::collections::BTreeMap;

use super::Config;
use super::entries::Entries;
use super::listeners::{Listener, default_mechanisms};
use crate::auth::Mechanism;
use crate::settings::LISTENER_PREFIX;
use crate::tls::{ClientAuth, Version};

impl Config {
    /// Kafka's broker configs that the process settings fix: those that always stand, and those that somebody set.
    /// `bound_ports` are those that the listeners have, in their order, which port 0 leaves open.
    pub fn broker_settings(&self, bound_ports: &[u16]) -> BTreeMap<String, String> {
        let bound = || self.clients.listeners.iter().zip(bound_ports);
        let listed = |texts: Vec<String>| texts.join(",");
        let protocols =
            self.clients.listeners.iter().map(|all| format!("{}:{}", all.name, all.protocol.word()));
        let advertised = bound().filter_map(|(listener, port)| listener.shown_advertised(*port));
        let own = [
            ("advertised.listeners", listed(advertised.collect())),
            ("broker.id", self.identity.broker_id.to_string()),
            ("listener.security.protocol.map", listed(protocols.collect())),
            ("listeners", listed(bound().map(|(listener, port)| listener.shown(*port)).collect())),
            ("log.dirs", self.data_place()),
            ("node.id", self.identity.broker_id.to_string()),
            ("process.roles", "broker,controller".to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        self.configs.clone().into_iter().chain(own).chain(security(self)).collect()
    }
}

/// Names with their values; those of one listener are under its prefix.
fn security(config: &Config) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let mut show = |name: &str, value: String| shown.push((name.to_owned(), value));
    let listeners = &config.clients.listeners;
    if listeners.iter().any(Listener::has_tls) {
        tls(config, &mut show);
    }
    let mechanisms = default_mechanisms(&config.clients.security, &config.clients.oauth);
    if listeners.iter().any(Listener::has_sasl) && !mechanisms.is_empty() {
        show("sasl.enabled.mechanisms", words(&mechanisms));
    }
    if let (Some(file), None) = (&config.clients.oauth.jwks_file, &config.clients.oauth.jwks_url) {
        show("sasl.oauthbearer.jwks.endpoint.url", format!("file://{}", file.display()));
    }
    let listen = &config.clients.listen;
    of_listeners(&listen.client_auths, "ssl.client.auth", &|auth| word(*auth).to_owned(), &mut show);
    of_listeners(&listen.mechanisms, "sasl.enabled.mechanisms", &|all| words(all), &mut show);
    shown
}

fn tls(config: &Config, show: &mut impl FnMut(&str, String)) {
    let files = &config.clients.tls;
    let stores = [("ssl.keystore", &files.certificate), ("ssl.truststore", &files.client_authority)];
    for (store, file) in stores {
        if let Some(file) = file {
            show(&format!("{store}.type"), "PEM".to_owned());
            show(&format!("{store}.location"), file.display().to_string());
        }
    }
    if config.is_given("TLS_MIN_VERSION") {
        let versions = match config.clients.security.min_version {
            Version::Tls12 => "TLSv1.2,TLSv1.3",
            Version::Tls13 => "TLSv1.3",
        };
        show("ssl.enabled.protocols", versions.to_owned());
    }
    if config.is_given("TLS_CLIENT_AUTH") {
        show("ssl.client.auth", word(config.clients.security.client_auth).to_owned());
    }
}

fn of_listeners<T>(
    entries: &Option<Entries<T>>,
    config: &str,
    shown: &dyn Fn(&T) -> String,
    show: &mut impl FnMut(&str, String),
) {
    for (listener, value) in entries.iter().flatten() {
        show(&format!("{LISTENER_PREFIX}{}.{config}", listener.to_ascii_lowercase()), shown(value));
    }
}

fn word(client_auth: ClientAuth) -> &'static str {
    match client_auth {
        ClientAuth::None => "none",
        ClientAuth::Requested => "requested",
        ClientAuth::Required => "required",
    }
}

fn words(mechanisms: &[Mechanism]) -> String {
    mechanisms.iter().map(|mechanism| mechanism.name()).collect::<Vec<_>>().join(",")
}
