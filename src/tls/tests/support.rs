//! An authority, files that it makes, and clients that trust it.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::runtime::Runtime;
use crate::tls::{Acceptor, ClientAuth, Files, Stream, Time, Version, certificates, private_key, provider};

pub(crate) const HOST: &str = "broker.test";

/// An authority, and a folder for the files that it makes.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub folder: TempDir,
}

/// A certificate and its key, in PEM form.
#[derive(Clone)]
pub(crate) struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        Authority { issuer, folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("is written");
        path
    }

    /// A certificate of this authority.
    pub fn pair(&self, name: &str, change: impl Fn(&mut CertificateParams)) -> Pair {
        self.pair_of(&KeyPair::generate().expect("a key"), name, change)
    }

    pub fn pair_of(&self, key: &KeyPair, name: &str, change: impl Fn(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let certificate = params.signed_by(key, &self.issuer).expect("is signed");
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Files of a server with this certificate, which asks clients for none.
    pub fn files(&self, pair: &Pair) -> Files {
        Files {
            certificate: self.write("server.pem", &pair.certificate),
            key: self.write("server.key", &pair.key),
            key_password: None,
            client_authority: Some(self.write("ca.pem", &self.pem())),
            revoked: None,
            client_auth: ClientAuth::None,
            min_version: Version::Tls12,
        }
    }

    /// Files of a server of this authority.
    pub fn server(&self) -> Files {
        self.files(&self.pair(HOST, |_| {}))
    }

    /// A list of certificates that do not count any more, by their serial numbers.
    pub fn revoke(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2023, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2023, 1, 1),
            next_update: date_time_ymd(2033, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("is signed").pem().expect("a text")
    }

    /// A client that trusts this authority, and shows a certificate if it has one.
    pub fn client(&self, own: Option<&Pair>, runtime: &Runtime) -> TlsConnector {
        self.client_of(own, &[&TLS13, &TLS12], runtime)
    }

    pub fn client_of(
        &self,
        own: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
        runtime: &Runtime,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        let time = Arc::new(Time(runtime.clock.clone()));
        let builder = ClientConfig::builder_with_details(provider(), time);
        let builder = builder.with_protocol_versions(versions).expect("versions");
        let builder = builder.with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => builder
                .with_client_auth_cert(
                    certificates(pair.certificate.as_bytes()).expect("a certificate"),
                    private_key(pair.key.as_bytes(), None).expect("a key"),
                )
                .expect("they fit"),
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// For clients alone.
pub(crate) fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

pub(crate) async fn connect<S>(client: &TlsConnector, stream: S) -> std::io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    client.connect(ServerName::try_from(HOST).expect("a name"), stream).await
}

/// Both ends of a connection, if both sides agree to it. A client's refusal, and the server's, come as they were.
pub(crate) async fn meet(
    acceptor: &Acceptor,
    client: &TlsConnector,
) -> (std::io::Result<TlsStream<DuplexStream>>, std::io::Result<Stream<DuplexStream>>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accepted = async { acceptor.accept(far).await.map_err(|(error, _)| error) };
    tokio::join!(connect(client, near), accepted)
}
