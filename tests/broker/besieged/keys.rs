//! Issuers whose keys come no more, or come in a flood: logins with keys that are known go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafkaesque::tls::provider;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::{Besieged, Bounds, MIB};
use crate::attacks::patient;
use crate::certificates::Certificates;
use crate::client::Client;
use crate::security::{handshake, token};

/// Ways to give no keys.
const WAYS: [&str; 4] = ["redirect", "hang", "flood", "fail"];
/// The longest that a login may wait for keys: two questions one after the other.
const PATIENCE: Duration = Duration::from_secs(25);

/// A server of keys, for one issuer of each way.
struct Keys {
    pair: EcdsaKeyPair,
    is_good: AtomicBool,
    redirected: AtomicUsize,
    flooded: AtomicUsize,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Keys {
    async fn serve(certificates: &Certificates) -> (Arc<Keys>, u16) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let keys = Keys {
            pair,
            is_good: AtomicBool::new(true),
            redirected: AtomicUsize::new(0),
            flooded: AtomicUsize::new(0),
        };
        let keys = Arc::new(keys);
        let chain = CertificateDer::from_pem_file(certificates.path("broker.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(certificates.path("broker.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("fits");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serving = Arc::clone(&keys);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).answer(acceptor.clone(), stream));
            }
        });
        (keys, port)
    }

    async fn answer(self: Arc<Self>, acceptor: TlsAcceptor, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = acceptor.accept(stream).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        let way = head.strip_prefix("GET /").and_then(|path| path.split(' ').next()).expect("a path");
        let answer = match way {
            _ if self.is_good.load(Ordering::Relaxed) => {
                let set = self.set();
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len())
            }
            "redirect" => {
                "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            "elsewhere" => {
                self.redirected.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            "hang" => std::future::pending().await,
            "flood" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b' '; 16 * 1024]).await?;
                    self.flooded.fetch_add(16 * 1024, Ordering::Relaxed);
                }
            }
            _ => "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }

    fn set(&self) -> String {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (encode(x), encode(y));
        json!({ "keys": [{ "kid": "known", "kty": "EC", "crv": "P-256", "x": x, "y": y }] }).to_string()
    }

    /// The first message of a login by the issuer of a way.
    fn message(&self, way: &str, kid: &str) -> String {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
        let header = json!({ "alg": "ES256", "kid": kid }).to_string();
        let claims = json!({ "iss": way, "aud": "kafka", "sub": "alice", "iat": now, "exp": now + 300 });
        let signed = format!("{}.{}", encode(header), encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("n,,\x01auth=Bearer {signed}.{}\x01\x01", encode(signature.as_ref()))
    }
}

/// The time that a login took that succeeded, or was refused as it has to be.
async fn log_in(to: SocketAddr, message: String) -> (bool, Duration) {
    let began = Instant::now();
    let mut client = Client::connect(to).await;
    assert_eq!(handshake(&mut client, "OAUTHBEARER").await, 0);
    let step = token(&mut client, message).await;
    assert_eq!(step.error_code, 0, "a failure has a second round");
    let is_done = step.auth_bytes.is_empty();
    if !is_done {
        assert_ne!(token(&mut client, [1]).await.error_code, 0);
    }
    (is_done, began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_do_not_come_keep_nobody_out_whose_key_is_known() {
    let certificates = Certificates::new();
    let (keys, port) = Keys::serve(&certificates).await;
    let authority = certificates.file("ca.pem");
    let issuers = WAYS.map(|way| {
        let url = format!("https://localhost:{port}/{way}");
        json!({ "issuer": way, "audience": "kafka", "jwks_url": url, "ca_path": authority })
    });
    let file = certificates.path("issuers.json");
    std::fs::write(&file, json!(issuers).to_string()).expect("is written");
    let mut besieged = Besieged::start(&[("OAUTH_ISSUERS_FILE", &file.display().to_string())]).await;
    for way in WAYS {
        while !log_in(besieged.sasl, keys.message(way, "known")).await.0 {
            sleep(Duration::from_millis(50)).await;
        }
    }
    keys.is_good.store(false, Ordering::Relaxed);
    let messages = |kid| WAYS.map(|way| keys.message(way, kid));
    let (known, unknown) = (messages("known"), messages("unknown"));
    let to = besieged.sasl;
    let attack = async {
        // Twenty of each, of which one has the issuer asked.
        let twenty = unknown.iter().cycle().take(20 * WAYS.len());
        twenty.map(|message| tokio::spawn(log_in(to, message.clone()))).collect::<Vec<_>>()
    };
    let waiting = besieged.hold("keys that do not come", Bounds { slower: 2.0, mib: 50 }, attack).await;
    for message in known {
        let (is_done, took) = log_in(besieged.sasl, message).await;
        assert!(is_done && took < patient(Duration::from_secs(2)), "{took:?}");
    }
    let mut longest = Duration::ZERO;
    for refusal in waiting {
        let (is_done, took) = refusal.await.expect("an answer");
        assert!(!is_done, "nobody has that key");
        longest = longest.max(took);
    }
    println!("  unknown keys were refused after at most {longest:?}");
    assert!(longest < patient(PATIENCE), "{longest:?}");
    assert_eq!(keys.redirected.load(Ordering::Relaxed), 0, "nobody else is asked");
    let flooded = keys.flooded.load(Ordering::Relaxed);
    assert!(flooded < 64 * MIB, "{flooded} bytes were taken of a flood");
}
