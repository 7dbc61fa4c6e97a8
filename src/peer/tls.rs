//! TLS 1.3 between brokers: by certificates of the operator's, by ones made for this process alone, or none.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use zeroize::Zeroizing;

use super::proof::Binding;
use super::wire::ByteStream;
use crate::runtime::Clock;
use crate::tls::{AnyCertificate, Time, certificates, private_key, provider};

/// Separates this use of a session's keying material from any other.
const EXPORTER: &[u8] = b"EXPORTER-kafkaesque-peer";
/// Ephemeral certificates name this, and nobody looks.
const EPHEMERAL_NAME: &str = "broker.invalid";

/// The encryption of connections between brokers.
#[derive(Clone, Debug)]
pub struct Tls(Option<Configs>);

#[derive(Clone, Debug)]
struct Configs {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// Certificates have to be of the host that was called.
    is_by_name: bool,
}

/// Files in PEM form. Each broker proves itself by its certificate to those that it calls, and to those that call it.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and what leads from it to the authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities whose certificates count.
    pub authority: PathBuf,
}

/// TLS between brokers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{variable}: {}: {reason}", path.display())]
    File { variable: &'static str, path: PathBuf, reason: String },
    #[error("a certificate for connections between brokers cannot be made: {0}")]
    Ephemeral(String),
}

impl Tls {
    /// By the operator's certificates, or else by one of this process's own, unless it is to be off.
    pub fn open(is_off: bool, files: Option<&TlsFiles>, clock: &Clock) -> Result<Tls, TlsError> {
        match files {
            _ if is_off => Ok(Tls::off()),
            Some(files) => Tls::of_files(files, clock),
            None => Tls::ephemeral(clock),
        }
    }

    /// No encryption. Brokers still prove that they know the secret.
    pub fn off() -> Tls {
        Tls(None)
    }

    /// Encryption by a certificate of this process's own, which proves nothing: who it is, is proven afterwards.
    pub fn ephemeral(clock: &Clock) -> Result<Tls, TlsError> {
        let failed = |error: &dyn fmt::Display| TlsError::Ephemeral(error.to_string());
        let made = rcgen::generate_simple_self_signed([EPHEMERAL_NAME.to_owned()]);
        let made = made.map_err(|error| failed(&error))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let server = server_builder(clock).map_err(|error| failed(&error))?;
        let server = server.with_no_client_auth().with_single_cert(vec![made.cert.into()], key);
        let client = client_builder(clock).map_err(|error| failed(&error))?;
        let client = client.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate));
        let server = server.map_err(|error| failed(&error))?;
        Ok(Tls(Some(Configs::new(server, client.with_no_client_auth(), false))))
    }

    /// Encryption by the operator's certificates, which both sides have to show.
    pub fn of_files(files: &TlsFiles, clock: &Clock) -> Result<Tls, TlsError> {
        let TlsFiles { certificate, key, authority } = files;
        let of_chain = |reason: &dyn fmt::Display| refused("RAFT_TLS_CERT_PATH", certificate, reason);
        let of_key = |reason: &dyn fmt::Display| refused("RAFT_TLS_KEY_PATH", key, reason);
        let of_roots = |reason: &dyn fmt::Display| refused("RAFT_TLS_CA_PATH", authority, reason);
        let chain = read(certificate).map_err(|reason| of_chain(&reason))?;
        let chain = certificates(&chain).map_err(|error| of_chain(&error))?;
        let key = Zeroizing::new(read(key).map_err(|reason| of_key(&reason))?);
        let key = private_key(&key, None).map_err(|error| of_key(&error))?;
        let mut roots = RootCertStore::empty();
        let authorities = read(authority).map_err(|reason| of_roots(&reason))?;
        for root in certificates(&authorities).map_err(|error| of_roots(&error))? {
            roots.add(root).map_err(|error| of_roots(&error))?;
        }
        let roots = Arc::new(roots);
        let callers = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider());
        let callers = callers.build().map_err(|error| of_roots(&error))?;
        let server = server_builder(clock).map_err(|error| of_chain(&error))?;
        let server = server.with_client_cert_verifier(callers);
        let server = server.with_single_cert(chain.clone(), key.clone_key());
        let server = server.map_err(|error| of_key(&error))?;
        let client = client_builder(clock).map_err(|error| of_chain(&error))?;
        let client = client.with_root_certificates(roots).with_client_auth_cert(chain, key);
        let client = client.map_err(|error| of_key(&error))?;
        Ok(Tls(Some(Configs::new(server, client, true))))
    }

    /// The caller's side. `host` is whom the other side's certificate has to be of.
    pub(super) async fn call(
        &self,
        stream: Box<dyn ByteStream>,
        host: &str,
    ) -> io::Result<(Box<dyn ByteStream>, Binding)> {
        let Some(configs) = &self.0 else { return Ok((stream, None)) };
        let name = if configs.is_by_name { host } else { EPHEMERAL_NAME };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(&configs.client)).connect(name, stream).await?;
        let binding = exported(|out| stream.get_ref().1.export_keying_material(out, EXPORTER, None))?;
        Ok((Box::new(stream), binding))
    }

    /// The called side.
    pub(super) async fn be_called<S>(&self, stream: S) -> io::Result<(Box<dyn ByteStream>, Binding)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(configs) = &self.0 else { return Ok((Box::new(stream), None)) };
        let stream = TlsAcceptor::from(Arc::clone(&configs.server)).accept(stream).await?;
        let binding = exported(|out| stream.get_ref().1.export_keying_material(out, EXPORTER, None))?;
        Ok((Box::new(stream), binding))
    }
}

impl Configs {
    /// Nothing of a session outlives its connection, or a certificate could be shown longer than it is valid.
    fn new(mut server: ServerConfig, mut client: ClientConfig, is_by_name: bool) -> Configs {
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        client.resumption = Resumption::disabled();
        Configs { server: Arc::new(server), client: Arc::new(client), is_by_name }
    }
}

type ServerBuilder = rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>;
type ClientBuilder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn server_builder(clock: &Clock) -> Result<ServerBuilder, rustls::Error> {
    ServerConfig::builder_with_details(provider(), Arc::new(Time(clock.clone())))
        .with_protocol_versions(&[&TLS13])
}

fn client_builder(clock: &Clock) -> Result<ClientBuilder, rustls::Error> {
    ClientConfig::builder_with_details(provider(), Arc::new(Time(clock.clone())))
        .with_protocol_versions(&[&TLS13])
}

fn refused(variable: &'static str, path: &Path, reason: &dyn fmt::Display) -> TlsError {
    TlsError::File { variable, path: path.to_owned(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}

fn exported(export: impl FnOnce([u8; 32]) -> Result<[u8; 32], rustls::Error>) -> io::Result<Binding> {
    export([0; 32]).map(Some).map_err(io::Error::other)
}
