//! Keys over https, from servers that behave, and others.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::*;

/// The behaviour of a server.
#[derive(Clone)]
enum Behaviour {
    Serves(Vec<u8>),
    Redirects(String),
    Fails,
    Hangs,
    /// Goes on without an end.
    Floods,
}

struct Server {
    behaviour: Mutex<Behaviour>,
    requests: AtomicUsize,
    /// The head of the last request.
    head: Mutex<String>,
    url: String,
    /// The certificate, in PEM.
    certificate: String,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Arc<Server> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config =
            config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Server {
            behaviour: Mutex::new(behaviour),
            requests: AtomicUsize::new(0),
            head: Mutex::default(),
            url: format!("https://localhost:{}/keys", listener.local_addr().unwrap().port()),
            certificate: made.cert.pem(),
        });
        let (acceptor, serving) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&server));
        Runtime::system().tasks.spawn(crate::runtime::TaskKind::Periodic, async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), Arc::clone(&serving));
                Runtime::system().tasks.spawn(crate::runtime::TaskKind::Periodic, async move {
                    server.answer(acceptor, stream).await;
                });
            }
        });
        server
    }

    async fn answer(&self, acceptor: TlsAcceptor, stream: TcpStream) {
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        *self.head.lock() = String::from_utf8(head).unwrap();
        self.requests.fetch_add(1, Ordering::SeqCst);
        let behaviour = self.behaviour.lock().clone();
        let answer = match behaviour {
            Behaviour::Serves(body) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                [head.into_bytes(), body].concat()
            }
            Behaviour::Redirects(to) => {
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
            }
            Behaviour::Fails => b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Floods => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b' '; 16 * 1024]).await.is_ok() {}
                return;
            }
        };
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Settings that name this server, with its certificate as the authority.
    fn settings(&self, folder: &Path) -> Settings {
        let authority = folder.join("ca.pem");
        std::fs::write(&authority, &self.certificate).unwrap();
        Settings {
            issuer: Some(ISSUER.to_owned()),
            audience: Some(AUDIENCE.to_owned()),
            jwks_url: Some(self.url.clone()),
            ca_path: Some(authority),
            ..Settings::default()
        }
    }
}

/// Lets `duration` pass for all timers, in no time.
async fn pass(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let clock = Runtime::system().clock;
    for _ in 0..4000 {
        if is_so() {
            return;
        }
        clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to be so");
}

#[tokio::test]
async fn keys_are_asked_for_with_the_token_of_the_file() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let server = Server::start(Behaviour::Serves(set_of(&[&signer]))).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "first-token\n").unwrap();
    let settings = Settings { token_file: Some(token_file.clone()), ..server.settings(folder.path()) };
    let verifier = open(&settings, &runtime);
    verifier.verify(&signer.token(&claims(&runtime))).await.unwrap();
    let head = server.head.lock().to_lowercase();
    assert!(head.starts_with("get /keys http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer first-token\r\n"), "{head}");

    // It is replaced while the process runs.
    std::fs::write(&token_file, "second-token").unwrap();
    let asked = server.requests();
    pass(Duration::from_secs(3600)).await;
    until(|| server.requests() > asked).await;
    assert!(server.head.lock().contains("second-token"));
    runtime.shutdown.request();
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_a_minute() {
    let runtime = Runtime::simulated(1);
    let (old, new, none) =
        (Signer::ec("old", "P-256"), Signer::ec("new", "P-256"), Signer::ec("none", "P-256"));
    let server = Server::start(Behaviour::Serves(set_of(&[&old]))).await;
    let folder = tempfile::tempdir().unwrap();
    let verifier = open(&server.settings(folder.path()), &runtime);
    let can = async |signer: &Signer| verifier.verify(&signer.token(&claims(&runtime))).await.is_ok();
    assert!(can(&old).await);
    let first = server.requests();

    *server.behaviour.lock() = Behaviour::Serves(set_of(&[&new]));
    assert!(can(&new).await && !can(&old).await);
    assert_eq!(server.requests(), first + 1);
    for _ in 0..20 {
        assert!(!can(&none).await && can(&new).await);
    }
    assert_eq!(server.requests(), first + 1);
    pass(Duration::from_secs(60)).await;
    let (one, two, three) = tokio::join!(can(&none), can(&none), can(&new));
    assert_eq!((one, two, three), (false, false, true));
    assert_eq!(server.requests(), first + 2);

    // Tokens that are no good anyway cause no question.
    pass(Duration::from_secs(60)).await;
    let expired = changed(claims(&runtime), json!({ "exp": 1 }));
    let foreign = changed(claims(&runtime), json!({ "iss": "https://other.test" }));
    for claims in [expired, foreign] {
        assert!(verifier.verify(&none.token(&claims)).await.is_err());
    }
    assert_eq!(server.requests(), first + 2);
    runtime.shutdown.request();
}

#[tokio::test]
async fn old_keys_hold_while_the_url_fails() {
    let runtime = Runtime::simulated(1);
    let (old, new) = (Signer::ec("old", "P-256"), Signer::ec("new", "P-256"));
    let server = Server::start(Behaviour::Serves(set_of(&[&old]))).await;
    let target = Server::start(Behaviour::Serves(set_of(&[&new]))).await;
    let folder = tempfile::tempdir().unwrap();
    let verifier = open(&server.settings(folder.path()), &runtime);
    let can = async |signer: &Signer| verifier.verify(&signer.token(&claims(&runtime))).await.is_ok();
    assert!(can(&old).await);
    let mut large = set_of(&[&new]);
    large.resize(256 * 1024 + 1, b' ');
    for behaviour in [
        Behaviour::Redirects(target.url.clone()),
        Behaviour::Fails,
        Behaviour::Floods,
        Behaviour::Serves(large),
        Behaviour::Serves(b"{}".to_vec()),
    ] {
        *server.behaviour.lock() = behaviour;
        let asked = server.requests();
        pass(Duration::from_secs(60)).await;
        assert!(!can(&new).await && can(&old).await);
        assert!(server.requests() > asked);
    }
    assert_eq!(target.requests(), 0);
    assert!(keys_age_seconds(&runtime) >= 299.0, "what failed has made them no younger");
    // The hour passes, too.
    let asked = server.requests();
    pass(Duration::from_secs(3600)).await;
    until(|| server.requests() > asked).await;
    assert!(can(&old).await);

    *server.behaviour.lock() = Behaviour::Serves(set_of(&[&old, &new]));
    pass(Duration::from_secs(60)).await;
    assert!(can(&new).await && can(&old).await);
    assert!(keys_age_seconds(&runtime) < 60.0);
    runtime.shutdown.request();
}

/// The metric of the one issuer.
fn keys_age_seconds(runtime: &Runtime) -> f64 {
    let families = runtime.metrics.gather();
    let age = families.iter().find(|family| family.name() == "kafkaesque_oauth_keys_age_seconds");
    let age = &age.expect("a metric").get_metric()[0];
    assert_eq!(age.get_label()[0].value(), ISSUER);
    age.get_gauge().get_value()
}

#[tokio::test]
async fn logins_with_known_keys_do_not_wait_for_a_url_that_hangs() {
    let runtime = Runtime::simulated(1);
    let (old, new) = (Signer::ec("old", "P-256"), Signer::ec("new", "P-256"));
    let server = Server::start(Behaviour::Serves(set_of(&[&old]))).await;
    let folder = tempfile::tempdir().unwrap();
    let verifier = open(&server.settings(folder.path()), &runtime);
    let verify = async |signer: &Signer| verifier.verify(&signer.token(&claims(&runtime))).await;
    verify(&old).await.unwrap();
    *server.behaviour.lock() = Behaviour::Hangs;
    let asked = server.requests();
    let mut waiting = Box::pin(verify(&new));
    tokio::select! {
        verdict = &mut waiting => panic!("{verdict:?}"),
        () = until(|| server.requests() > asked) => {}
    }
    verify(&old).await.unwrap();
    pass(Duration::from_secs(10)).await;
    assert!(waiting.await.is_err());
    runtime.shutdown.request();
}

#[tokio::test]
async fn a_url_that_answers_later_is_asked_until_it_does() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let server = Server::start(Behaviour::Fails).await;
    let folder = tempfile::tempdir().unwrap();
    let verifier = open(&server.settings(folder.path()), &runtime);
    until(|| server.requests() > 0).await;
    let token = signer.token(&claims(&runtime));
    assert_eq!(verifier.verify(&token).await, Err("the issuer's keys could not be read yet".to_owned()));
    *server.behaviour.lock() = Behaviour::Serves(set_of(&[&signer]));
    let asked = server.requests();
    // Without a login that would ask for them.
    until(|| server.requests() > asked).await;
    until(|| {
        futures::FutureExt::now_or_never(verifier.verify(&token)).is_some_and(|verdict| verdict.is_ok())
    })
    .await;
    runtime.shutdown.request();
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_believed() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let server = Server::start(Behaviour::Serves(set_of(&[&signer]))).await;
    let other = Server::start(Behaviour::Fails).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = server.settings(folder.path());
    std::fs::write(settings.ca_path.clone().unwrap(), &other.certificate).unwrap();
    let token = signer.token(&claims(&runtime));
    for settings in [Settings { ca_path: None, ..settings.clone() }, settings] {
        let verifier = open(&settings, &runtime);
        assert_eq!(verifier.verify(&token).await, Err("the issuer's keys could not be read yet".to_owned()));
    }
    assert_eq!(server.requests(), 0);
    runtime.shutdown.request();
}
