//! The doors for clients: sockets, certificates, and the users that may come in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::task::JoinHandle;

use super::http::{listen, local_address};
use super::starting::StartError;
use crate::api::{Sasl, Security, Service};
use crate::auth::oauth::{self, Verifier};
use crate::auth::{self, Authenticator, UserSources, Users};
use crate::config::{self, Config};
use crate::metadata::Metadata;
use crate::net::{Listener, Server};
use crate::runtime::{Runtime, TaskKind};
use crate::tls::{Acceptor, ClientAuth, Files};

/// Open sockets, behind which nobody serves yet.
pub(super) struct Doors {
    listeners: Vec<Listener>,
    addresses: Vec<(String, SocketAddr)>,
    users: Arc<Users>,
    verifier: Option<Arc<Verifier>>,
}

impl Doors {
    pub(super) async fn open(config: &Config, runtime: &Runtime) -> Result<Doors, StartError> {
        let mut doors = Doors {
            listeners: Vec::new(),
            addresses: Vec::new(),
            users: users(config, runtime)?,
            verifier: Verifier::open(&issuers(config), runtime)?,
        };
        let (of_port, of_host) = (config.listeners_variable("PORT"), config.listeners_variable("HOST"));
        for wanted in &config.clients.listeners {
            let host = if wanted.host.is_empty() { "0.0.0.0" } else { &wanted.host };
            let socket = listen(of_port, of_host, host, wanted.port).await?;
            doors.addresses.push((wanted.name.clone(), local_address(of_port, &socket)?));
            doors.listeners.push(Listener {
                socket,
                name: wanted.name.as_str().into(),
                tls: match wanted.has_tls() {
                    true => Some(acceptor(config, &wanted.name, wanted.client_auth, runtime)?),
                    false => None,
                },
                max_connections: wanted.max_connections,
            });
        }
        Ok(doors)
    }

    /// Serves clients at all of them, until the server is told to stop.
    pub(super) fn serve(self, server: Server<Service>, runtime: &Runtime) -> JoinHandle<()> {
        runtime.tasks.spawn(TaskKind::Listener, async move {
            join_all(self.listeners.into_iter().map(|listener| server.serve(listener))).await;
        })
    }

    /// Addresses at which clients of each listener are served, by its name.
    pub(super) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.addresses.clone()
    }

    pub(super) fn acceptors(&self) -> Vec<Acceptor> {
        self.listeners.iter().filter_map(|listener| listener.tls.clone()).collect()
    }

    pub(super) fn ports(&self) -> Vec<u16> {
        self.addresses.iter().map(|(_, address)| address.port()).collect()
    }

    /// Authentication of all listeners.
    pub(super) fn security(&self, config: &Config, metadata: &Metadata, runtime: &Runtime) -> Security {
        let (users, verifier) = (Arc::clone(&self.users), self.verifier.clone());
        let authenticator = Authenticator::new(users, Arc::new(metadata.clone()), verifier, runtime);
        let with_sasl = config.clients.listeners.iter().filter(|listener| listener.has_sasl());
        let sasl = with_sasl.map(|listener: &config::Listener| {
            let sasl =
                Sasl { mechanisms: listener.mechanisms.clone(), is_required: listener.is_login_required };
            (listener.name.clone(), sasl)
        });
        let max_life = u64::try_from(config.clients.security.max_reauth_ms).ok().filter(|ms| *ms > 0);
        Security {
            authenticator: Arc::new(authenticator),
            sasl: sasl.collect(),
            mapping: config.clients.tls.mapping.clone(),
            max_life: max_life.map(Duration::from_millis),
            failed_delay: config.clients.security.failed_delay,
        }
    }
}

/// TLS by the process's certificate, whose files are watched from now on.
pub(super) fn acceptor(
    config: &Config,
    name: &str,
    client_auth: ClientAuth,
    runtime: &Runtime,
) -> Result<Acceptor, StartError> {
    let files = &config.clients.tls;
    let files = Files {
        certificate: files.certificate.clone().unwrap_or_default(),
        key: files.key.clone().unwrap_or_default(),
        key_password: files.key_password_file.clone(),
        client_authority: files.client_authority.clone(),
        revoked: files.revoked.clone(),
        client_auth,
        min_version: config.clients.security.min_version,
    };
    let acceptor = Acceptor::open(name, files, runtime)?;
    runtime.tasks.spawn(TaskKind::Periodic, acceptor.clone().watch());
    Ok(acceptor)
}

fn users(config: &Config, runtime: &Runtime) -> Result<Arc<Users>, StartError> {
    let sources = UserSources {
        list: config.clients.security.users.clone(),
        file: config.clients.security.users_file.clone(),
    };
    let failed = |error: auth::UsersError| {
        let variable = if error.is_of_file() { "SASL_USERS_FILE" } else { "SASL_USERS" };
        StartError::Users { variable, error }
    };
    let users = Arc::new(Users::open(&sources, runtime).map_err(failed)?);
    runtime.tasks.spawn(TaskKind::Periodic, Arc::clone(&users).watch());
    Ok(users)
}

fn issuers(config: &Config) -> oauth::Settings {
    let given = config.clients.oauth.clone();
    oauth::Settings {
        issuer: given.issuer,
        audience: given.audience,
        scope: given.scope,
        principal_claim: given.principal_claim,
        groups_claim: given.groups_claim,
        jwks_url: given.jwks_url,
        jwks_file: given.jwks_file,
        ca_path: given.authority,
        token_file: given.token_file,
        issuers_file: given.issuers_file,
    }
}
