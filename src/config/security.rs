//! TLS and SASL of the listeners: what belongs together, and warnings of doors that stand open.

use super::Config;
use super::addresses::is_loopback;
use super::listeners::Listener;
use super::table::{OAuth, Security};
use crate::auth::Mechanism;
use crate::tls::ClientAuth;

impl Security {
    /// True if there are users of a list or a file.
    pub(super) fn has_users(&self) -> bool {
        self.users.is_some() || self.users_file.is_some()
    }
}

impl OAuth {
    pub(super) fn has_issuers(&self) -> bool {
        self.issuer.is_some() || self.issuers_file.is_some()
    }
}

pub(super) fn check(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    tls(config, refuse);
    sasl(config, refuse);
    oauth(config, refuse);
}

fn tls(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let has_tls = config.clients.listeners.iter().any(Listener::has_tls);
    let wanted_by = if has_tls { config.listeners_variable("TLS_ENABLED") } else { "HTTP_TLS_ENABLED" };
    if has_tls || config.clients.security.http_tls {
        let files =
            [("TLS_CERT_PATH", &config.clients.tls.certificate), ("TLS_KEY_PATH", &config.clients.tls.key)];
        for (variable, _) in files.iter().filter(|(_, file)| file.is_none()) {
            refuse(variable, &format!("missing, while {wanted_by} asks for TLS"));
        }
    }
    if !has_tls && !config.clients.security.http_tls && !config.is_given("TLS_ENABLED") {
        let asks_nobody = config.clients.security.client_auth == ClientAuth::None;
        let means_nothing = |variable: &&&str| **variable == "TLS_CLIENT_AUTH" && asks_nobody;
        let given = OF_TLS.iter().filter(|variable| config.is_given(variable));
        for variable in given.filter(|variable| !means_nothing(variable)) {
            refuse(variable, "there is no listener with TLS; set TLS_ENABLED=true, or false to run without");
        }
    }
    let asks = |listener: &&Listener| listener.client_auth != ClientAuth::None;
    if let Some(listener) = config.clients.listeners.iter().find(asks)
        && config.clients.tls.client_authority.is_none()
    {
        let message = format!("missing, while {} asks clients for certificates", listener.name);
        refuse("TLS_CLIENT_CA_PATH", &message);
    }
}

/// Without a listener that has TLS these would look like protection.
const OF_TLS: &[&str] = &[
    "TLS_CERT_PATH",
    "TLS_KEY_PATH",
    "TLS_KEY_PASSWORD_FILE",
    "TLS_CLIENT_CA_PATH",
    "TLS_CRL_PATH",
    "TLS_CLIENT_AUTH",
];
const OF_SASL: &[&str] =
    &["SASL_USERS", "SASL_USERS_FILE", "SASL_MECHANISMS", "OAUTH_ISSUER", "OAUTH_ISSUERS_FILE"];

fn sasl(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let security = &config.clients.security;
    if security.users.is_some() && security.users_file.is_some() {
        refuse("SASL_USERS_FILE", "SASL_USERS is set too; only one of them can be");
    }
    if config.is_given("SASL_REQUIRED") && !security.sasl_enabled && !config.is_given("SASL_ENABLED") {
        refuse("SASL_REQUIRED", "means something with SASL_ENABLED alone");
    }
    if !config.clients.listeners.iter().any(Listener::has_sasl) {
        if !config.is_given("SASL_ENABLED") {
            for variable in OF_SASL.iter().filter(|variable| config.is_given(variable)) {
                refuse(
                    variable,
                    "there is no listener with SASL; set SASL_ENABLED=true, or false to run without",
                );
            }
        }
        return;
    }
    for listener in config.clients.listeners.iter().filter(|listener| listener.has_sasl()) {
        if listener.mechanisms.is_empty() {
            let message = format!(
                "nobody could log in at {}: set SASL_USERS_FILE, OAUTH_ISSUER, or SASL_MECHANISMS for users \
                 that are kept with the data",
                listener.name
            );
            refuse(config.listeners_variable("SASL_ENABLED"), &message);
        }
        let named = match config.is_given("LISTENER_SASL_MECHANISMS") {
            true => "LISTENER_SASL_MECHANISMS",
            false => "SASL_MECHANISMS",
        };
        if listener.mechanisms.contains(&Mechanism::Plain) && !security.has_users() {
            refuse(
                named,
                &format!("{} has PLAIN, and there are no users; set SASL_USERS_FILE", listener.name),
            );
        }
        if listener.mechanisms.contains(&Mechanism::OAuthBearer) && !config.clients.oauth.has_issuers() {
            refuse(
                named,
                &format!("{} has OAUTHBEARER, and there is no issuer; set OAUTH_ISSUER", listener.name),
            );
        }
    }
}

fn oauth(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let oauth = &config.clients.oauth;
    match (&oauth.jwks_url, &oauth.jwks_file) {
        (Some(_), Some(_)) => refuse("OAUTH_JWKS_FILE", "OAUTH_JWKS_URL is set too; only one of them can be"),
        (None, None) if oauth.issuer.is_some() => {
            refuse("OAUTH_ISSUER", "its keys are missing; set OAUTH_JWKS_URL or OAUTH_JWKS_FILE");
        }
        _ => {}
    }
    if oauth.issuer.is_some() && oauth.issuers_file.is_some() {
        refuse("OAUTH_ISSUERS_FILE", "OAUTH_ISSUER is set too; only one of them can be");
    }
}

pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let has_sasl = config.clients.listeners.iter().any(Listener::has_sasl);
    for listener in &config.clients.listeners {
        let host = if listener.host.is_empty() { "0.0.0.0" } else { &listener.host };
        let variable = config.listeners_variable("HOST");
        let (name, port) = (&listener.name, listener.port);
        let is_open = !is_loopback(host);
        let proves = listener.client_auth == ClientAuth::Required
            || (listener.has_sasl() && listener.is_login_required);
        if is_open && !proves && has_sasl && !listener.has_sasl() {
            warnings.push(format!(
                "{variable}: listener {name} at {host}:{port} is open to others without a login, \
                 beside a listener with SASL"
            ));
        } else if is_open && !proves {
            warnings.push(format!(
                "{variable}={host} is open to others, and clients are not authenticated: whoever reaches \
                 port {port} can read and write everything"
            ));
        }
        if is_open && !listener.has_tls() && listener.mechanisms.contains(&Mechanism::Plain) {
            warnings.push(format!(
                "{variable}: listener {name} takes passwords by PLAIN without TLS: whoever is on the way \
                 reads them"
            ));
        }
    }
    warnings
}
