//! The configuration of a server, made of the contents of its files.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::certificate::Facts;
use super::files::{CERTIFICATE, CLIENT_AUTHORITY, Contents, Error, Files, KEY, KEY_PASSWORD, REVOKED};
use super::provider::{Time, provider};
use super::signers::Signers;
use super::{PemError, pem};
use crate::runtime::Clock;

/// Certificates of clients, as Kafka's `ssl.client.auth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Clients are not asked.
    #[default]
    None,
    /// A client may show none, but not one that does not count.
    Requested,
    Required,
}

/// The lowest version of TLS that clients may speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    #[default]
    Tls12,
    Tls13,
}

impl Version {
    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Version::Tls12 => &ALL,
            Version::Tls13 => &ALL[..1],
        }
    }
}

/// A configuration in use, and the certificates in it.
pub(super) struct Config {
    pub server: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    /// Each with the name that its metric has; the server's own comes first.
    pub certificates: Vec<(String, Facts)>,
    time: Time,
}

impl Config {
    /// Checks everything that can be checked before the first client comes.
    pub fn new(
        files: &Files,
        contents: &Contents,
        tickets: &Arc<dyn ProducesTickets>,
        clock: &Clock,
    ) -> Result<Config, Error> {
        let provider = provider();
        let mut certificates = Vec::new();
        let own = own_certificate(files, contents, &provider, clock, &mut certificates)?;
        let clients = verifier(files, contents, &provider, &mut certificates)?;
        let failed = |error: rustls::Error| Error::of(CERTIFICATE, &files.certificate, &error);
        let builder = ServerConfig::builder_with_details(provider, Arc::new(Time(clock.clone())));
        let builder = builder.with_protocol_versions(files.min_version.and_later()).map_err(failed)?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        // Clients keep their sessions themselves, and send nothing before the handshake is done.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.ticketer = Arc::clone(tickets);
        server.max_early_data_size = 0;
        Ok(Config { server: Arc::new(server), clients, certificates, time: Time(clock.clone()) })
    }

    /// A session that goes on by a ticket does not show its client's certificate again, which may have expired since, or
    /// been revoked.
    pub fn check_resumed(&self, session: &ServerConnection) -> Result<(), rustls::Error> {
        let is_resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        match (&self.clients, session.peer_certificates()) {
            (Some(clients), Some([leaf, others @ ..])) if is_resumed => {
                clients.verify_client_cert(leaf, others, self.time.now()).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

/// The server's certificate with its key.
fn own_certificate(
    files: &Files,
    contents: &Contents,
    provider: &CryptoProvider,
    clock: &Clock,
    certificates: &mut Vec<(String, Facts)>,
) -> Result<CertifiedKey, Error> {
    let of_chain = |reason: &dyn std::fmt::Display| Error::of(CERTIFICATE, &files.certificate, reason);
    let of_key = |reason: &dyn std::fmt::Display| Error::of(KEY, &files.key, reason);
    let chain = pem::certificates(&contents.certificate).map_err(|error| of_chain(&error))?;
    for (number, certificate) in chain.iter().enumerate() {
        let facts = Facts::of(certificate).map_err(|error| of_chain(&error))?;
        if number == 0 {
            facts.check(clock.now_ms()).map_err(|error| of_chain(&error))?;
        }
        let name = if number == 0 { "server".to_owned() } else { format!("chain-{number}") };
        certificates.push((name, facts));
    }
    let password = contents.key_password.as_ref().map(|password| &password[..]);
    let key = pem::private_key(&contents.key, password).map_err(|error| match error {
        PemError::NoPassword => of_key(&format_args!("{error}: {KEY_PASSWORD} names the file that has it")),
        error => of_key(&error),
    })?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| of_key(&error))?;
    let fits = |chain: &[CertificateDer<'static>]| {
        let fits = CertifiedKey::new(chain.to_vec(), Arc::clone(&key)).keys_match();
        !matches!(fits, Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)))
    };
    if !fits(&chain) {
        return Err(match (1..chain.len()).any(|first| fits(&chain[first..])) {
            true => of_chain(
                &"the server's own certificate has to come first, then those that lead to an authority",
            ),
            false => of_key(&format_args!("it is not the key of the certificate in {CERTIFICATE}")),
        });
    }
    Ok(CertifiedKey::new(chain, key))
}

/// The judge of clients' certificates, if they are asked for any.
fn verifier(
    files: &Files,
    contents: &Contents,
    provider: &Arc<CryptoProvider>,
    certificates: &mut Vec<(String, Facts)>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    if files.client_auth == ClientAuth::None {
        return Ok(None);
    }
    let (Some(path), Some(text)) = (&files.client_authority, &contents.client_authority) else {
        let reason = "clients are asked for certificates, so there have to be authorities".to_owned();
        return Err(Error { variable: CLIENT_AUTHORITY, path: None, reason });
    };
    let roots = roots(path, text, certificates)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match files.client_auth {
        ClientAuth::Requested => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Required => builder,
    };
    let (builder, variable, path) = match (&files.revoked, &contents.revoked) {
        (Some(list), Some(text)) => {
            let lists = pem::revocations(text).map_err(|error| Error::of(REVOKED, list, &error))?;
            (builder.with_crls(lists).only_check_end_entity_revocation(), REVOKED, list)
        }
        _ => (builder, CLIENT_AUTHORITY, path),
    };
    let judge = builder.build().map_err(|error| Error::of(variable, path, &error))?;
    Ok(Some(Arc::new(Signers { judge })))
}

fn roots(path: &Path, text: &[u8], certificates: &mut Vec<(String, Facts)>) -> Result<RootCertStore, Error> {
    let failed = |reason: &dyn std::fmt::Display| Error::of(CLIENT_AUTHORITY, path, reason);
    let mut roots = RootCertStore::empty();
    let all = pem::certificates(text).map_err(|error: PemError| failed(&error))?;
    for (root, number) in all.into_iter().zip(1..) {
        let facts = Facts::of(&root).map_err(|error| failed(&error))?;
        roots.add(root).map_err(|error| failed(&error))?;
        certificates.push((format!("client-authority-{number}"), facts));
    }
    Ok(roots)
}
