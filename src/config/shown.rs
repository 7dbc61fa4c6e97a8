//! TLS and SASL of the listeners as Kafka's broker configs, for DescribeConfigs. Variables that mean one config set it
//! themselves; no secret is among them.

use super::Config;
use super::listeners::{Entries, Listener, default_mechanisms};
use crate::auth::Mechanism;
use crate::settings::LISTENER_PREFIX;
use crate::tls::{ClientAuth, Version};

/// Names with their values; those of one listener are under its prefix.
pub(super) fn security(config: &Config) -> Vec<(String, String)> {
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
