//! Certificates of brokers and clients, and connections that use them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kafkaesque::tls::provider;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Client;

/// An authority, and certificates by it, as files.
pub struct Certificates {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    pub fn new() -> Certificates {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority");
        let ca = params.self_signed(&key).expect("an authority");
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).expect("is written");
        let certificates = Certificates { dir, issuer: Issuer::new(params, key) };
        certificates.make("broker", &[(DnType::CommonName, "localhost")]);
        certificates
    }

    /// `NAME.pem` and `NAME.key`.
    pub fn make(&self, name: &str, subject: &[(DnType, &str)]) {
        let (certificate, key) = self.issue(subject);
        std::fs::write(self.path(&format!("{name}.pem")), certificate).expect("is written");
        std::fs::write(self.path(&format!("{name}.key")), key).expect("is written");
    }

    /// A certificate and its key, in PEM.
    pub fn issue(&self, subject: &[(DnType, &str)]) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.distinguished_name = DistinguishedName::new();
        for (kind, text) in subject {
            params.distinguished_name.push(kind.clone(), *text);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Variables with which a broker uses them.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("TLS_CERT_PATH", self.file("broker.pem")), ("TLS_KEY_PATH", self.file("broker.key"))]
    }

    /// The side of clients, with the certificate of this name if there is one.
    pub fn client_config(&self, own: Option<&str>) -> Arc<ClientConfig> {
        let chain = |path: &Path| CertificateDer::from_pem_file(path).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(chain(&self.path("ca.pem"))).expect("an authority");
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).expect("a key");
                let chain = vec![chain(&self.path(&format!("{name}.pem")))];
                builder.with_client_auth_cert(chain, key).expect("fits")
            }
        })
    }

    /// A client over TLS, with the certificate of this name if there is one.
    pub async fn connect(&self, address: SocketAddr, own: Option<&str>) -> std::io::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        Ok(Client::over(encrypt(&self.client_config(own), stream).await?))
    }
}

/// Does the handshake of a client.
pub async fn encrypt(config: &Arc<ClientConfig>, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::clone(config)).connect(server_name(), stream).await
}

pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}
