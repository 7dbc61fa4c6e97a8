//! Certificates that both brokers use, and clients that show some of their own.

use std::sync::Arc;

use kafkaesque::tls::provider;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Files of the brokers, and certificates of clients by what is special about them.
pub struct Certificates {
    dir: TempDir,
    authority: Authority,
    clients: Vec<Client>,
}

/// A certificate of a client, with what stands between it and the authority, and its key.
struct Client {
    name: &'static str,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

const CLIENTS: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];
const SERVERS: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ServerAuth];

impl Certificates {
    pub fn new() -> Certificates {
        let dir = tempfile::tempdir().expect("a folder");
        let (authority, other) = (authority("authority", None), authority("another authority", None));
        let between = self::authority("between", Some(&authority));
        let write =
            |name: &str, text: String| std::fs::write(dir.path().join(name), text).expect("is written");
        write("ca.pem", authority.pem());
        let key = KeyPair::generate().expect("a key");
        let broker = params(&[(DnType::CommonName, "localhost")], SERVERS);
        let pem = broker.signed_by(&key, &authority).expect("is signed").pem();
        write("broker.pem", pem.clone());
        write("broker.key", key.serialize_pem());
        write("broker.both", key.serialize_pem() + &pem);
        let clients = clients(&authority, &other, &between);
        Certificates { dir, authority, clients }
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// The names of all certificates of clients.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.clients.iter().map(|client| client.name)
    }

    /// A client that speaks these versions, and shows a certificate if it has one, whatever authorities it is told of.
    pub fn client(
        &self,
        own: Option<&str>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        self.client_of(own, versions, &provider())
    }

    /// The same with algorithms of its own.
    pub fn client_of(
        &self,
        own: Option<&str>,
        versions: &[&'static SupportedProtocolVersion],
        provider: &Arc<CryptoProvider>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("an authority");
        // A client that has no suite of a version does not speak it.
        let has = |version: &&SupportedProtocolVersion| {
            provider.cipher_suites.iter().any(|suite| suite.version().version == version.version)
        };
        let versions: Vec<&'static SupportedProtocolVersion> = versions.iter().copied().filter(has).collect();
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
        let builder = builder.with_protocol_versions(&versions).expect("versions");
        let builder = builder.with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let client = self.clients.iter().find(|client| client.name == name).expect("a client");
                let key = client.key.clone_key();
                builder.with_client_auth_cert(client.chain.clone(), key).expect("they fit")
            }
        })
    }
}

fn authority(name: &str, of: Option<&Authority>) -> Authority {
    let mut params = params(&[(DnType::CommonName, name)], &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    match of {
        None => CertifiedIssuer::self_signed(params, key).expect("an authority"),
        Some(of) => CertifiedIssuer::signed_by(params, key, of).expect("an authority"),
    }
}

fn params(subject: &[(DnType, &str)], purposes: &[ExtendedKeyUsagePurpose]) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.distinguished_name = DistinguishedName::new();
    for (kind, text) in subject {
        params.distinguished_name.push(kind.clone(), *text);
    }
    params.extended_key_usages = purposes.to_vec();
    params
}

fn clients(authority: &Authority, other: &Authority, between: &Authority) -> Vec<Client> {
    let carol = || of_unit("clients");
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = carol();
        change(&mut params);
        params
    };
    let nameless = params(&[], CLIENTS);
    let stranger = params(&[(DnType::CommonName, "stranger")], CLIENTS);
    let mut through = client("by an authority between", carol(), between, &rcgen::PKCS_ECDSA_P256_SHA256);
    through.chain.push(between.der().clone());
    let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
    vec![
        client("good", carol(), authority, p256),
        client("good, of P-384", carol(), authority, &rcgen::PKCS_ECDSA_P384_SHA384),
        client("good, of Ed25519", carol(), authority, &rcgen::PKCS_ED25519),
        client("of a name that is mapped", of_unit("mapped"), authority, p256),
        client("of a name without a rule", stranger, authority, p256),
        client("without a name", nameless, authority, p256),
        client("expired", with(|params| params.not_after = date_time_ymd(2020, 1, 1)), authority, p256),
        client("to come", with(|params| params.not_before = date_time_ymd(2090, 1, 1)), authority, p256),
        client("foreign", carol(), other, p256),
        client("for servers", with(|params| params.extended_key_usages = SERVERS.to_vec()), authority, p256),
        client("for anything", with(|params| params.extended_key_usages.clear()), authority, p256),
        client(
            "for any purpose, it says",
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            authority,
            p256,
        ),
        client(
            "that may not sign",
            with(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            authority,
            p256,
        ),
        through,
        client("by an authority between that is left out", carol(), between, p256),
        by_itself(carol()),
    ]
}

/// Java writes such a name with an escape.
fn of_unit(unit: &str) -> CertificateParams {
    let subject = [
        (DnType::OrganizationName, "Example, Inc."),
        (DnType::OrganizationalUnitName, unit),
        (DnType::CommonName, "carol"),
    ];
    params(&subject, CLIENTS)
}

fn client(
    name: &'static str,
    params: CertificateParams,
    by: &Authority,
    algorithm: &'static rcgen::SignatureAlgorithm,
) -> Client {
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let certificate = params.signed_by(&key, by).expect("is signed");
    Client { name, chain: vec![certificate.der().clone()], key: private(&key) }
}

fn by_itself(params: CertificateParams) -> Client {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("is signed");
    Client { name: "by itself", chain: vec![certificate.der().clone()], key: private(&key) }
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).expect("a key")
}
