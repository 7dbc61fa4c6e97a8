//! Listeners, TLS and logins of a whole broker.

use std::net::SocketAddr;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    alter_user_scram_credentials as alter, create_delegation_token, describe_cluster,
    describe_user_scram_credentials as describe, find_coordinator, metadata, sasl_authenticate,
    sasl_handshake,
};
use rcgen::DnType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Running;
use crate::certificates::Certificates;
use crate::client::Client;
use crate::configs::describing;
use crate::process::Process;

fn address(running: &Running, listener: &str) -> SocketAddr {
    let all = running.broker.addresses();
    all.iter().find(|(name, _)| name == listener).unwrap_or_else(|| panic!("{listener} of {all:?}")).1
}

pub async fn handshake(client: &mut Client, mechanism: &str) -> i16 {
    let request = sasl_handshake::Request { mechanism: mechanism.to_owned() };
    client.ask(&request, 1).await.error_code
}

pub async fn token(client: &mut Client, bytes: impl Into<Vec<u8>>) -> sasl_authenticate::Response {
    let request = sasl_authenticate::Request { auth_bytes: Bytes::from(bytes.into()) };
    client.ask(&request, 2).await
}

pub async fn log_in_plain(client: &mut Client, user: &str, password: &str) -> i16 {
    assert_eq!(handshake(client, "PLAIN").await, 0);
    token(client, format!("\0{user}\0{password}")).await.error_code
}

/// A login by SCRAM-SHA-256, as RFC 5802 has it; the broker's own proof is checked too.
pub async fn log_in_scram(client: &mut Client, user: &str, password: &str) -> i16 {
    assert_eq!(handshake(client, "SCRAM-SHA-256").await, 0);
    let bare = format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL");
    let first = token(client, format!("n,,{bare}")).await;
    assert_eq!(first.error_code, 0, "names are asked through to the proof");
    let first = String::from_utf8(first.auth_bytes.to_vec()).expect("text");
    let part = |key: &str| first.split(',').find_map(|part| part.strip_prefix(key)).expect("a part");
    let salt = BASE64.decode(part("s=")).expect("base64");
    let iterations = part("i=").parse::<u32>().expect("a count").try_into().expect("more than none");
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let mac =
        |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec();
    let client_key = mac(&salted, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, &client_key);
    let without_proof = format!("c=biws,r={}", part("r="));
    let message = format!("{bare},{first},{without_proof}");
    let signature = mac(stored_key.as_ref(), message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
    let last = token(client, format!("{without_proof},p={}", BASE64.encode(&proof))).await;
    if last.error_code == 0 {
        let server_key = mac(&salted, b"Server Key");
        let expected = format!("v={}", BASE64.encode(mac(&server_key, message.as_bytes())));
        assert_eq!(last.auth_bytes, expected.as_bytes());
    }
    last.error_code
}

#[tokio::test]
async fn each_listener_asks_for_what_it_should_and_tells_its_own_address() {
    let certificates = Certificates::new();
    let running = Running::with(&[
        ("LISTENERS", "INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0,HIDDEN://127.0.0.1:0"),
        ("ADVERTISED_LISTENERS", "INSIDE://inside:1111,OUTSIDE://outside:2222"),
        ("LISTENER_SECURITY_PROTOCOL_MAP", "INSIDE:PLAINTEXT,OUTSIDE:SASL_SSL,HIDDEN:SSL"),
        ("TLS_CERT_PATH", &certificates.file("broker.pem")),
        ("TLS_KEY_PATH", &certificates.file("broker.key")),
        ("SASL_USERS", "alice:secret"),
    ])
    .await;
    let mut inside = Client::connect(address(&running, "INSIDE")).await;
    let mut outside = certificates.connect(address(&running, "OUTSIDE"), None).await.expect("TLS");
    assert_eq!(log_in_plain(&mut outside, "alice", "secret").await, 0);
    let mut hidden = certificates.connect(address(&running, "HIDDEN"), None).await.expect("TLS");
    for (client, place) in [(&mut inside, ("inside", 1111)), (&mut outside, ("outside", 2222))] {
        let found = client.ask(&metadata::Request::default(), 12).await;
        assert_eq!((found.brokers[0].host.as_str(), found.brokers[0].port), place);
        let found =
            client.ask(&describe_cluster::Request { endpoint_type: 1, ..Default::default() }, 1).await;
        assert_eq!((found.brokers[0].host.as_str(), found.brokers[0].port), place);
        let asked = find_coordinator::Request { key: "group".to_owned(), ..Default::default() };
        let found = client.ask(&asked, 3).await;
        assert_eq!((found.host.as_str(), found.port), place);
    }
    // Nobody is advertised there, so nobody leads.
    let asked = metadata::MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let asked = metadata::Request {
        topics: Some(vec![asked]),
        allow_auto_topic_creation: true,
        ..metadata::Request::default()
    };
    let found = hidden.ask(&asked, 12).await;
    assert!(found.brokers.is_empty(), "{found:?}");
    let partition = &found.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id), (ErrorCode::ListenerNotFound.code(), -1));
    let found =
        hidden.ask(&find_coordinator::Request { key: "group".to_owned(), ..Default::default() }, 3).await;
    assert_eq!(found.error_code, ErrorCode::CoordinatorNotAvailable.code());
    running.stop().await;
}

#[tokio::test]
async fn who_has_not_logged_in_gets_nothing_and_nothing_else_is_told_of_a_failure() {
    let running = Running::with(&[("SASL_ENABLED", "true"), ("SASL_USERS", "alice:secret")]).await;
    let mut early = running.client().await;
    early.send(&metadata::Request::default(), 12).await;
    assert_eq!(early.frame().await, None);
    for (user, password) in [("alice", "wrong"), ("nobody", "secret"), ("alice", "")] {
        let mut client = running.client().await;
        assert_eq!(
            log_in_plain(&mut client, user, password).await,
            ErrorCode::SaslAuthenticationFailed.code()
        );
        assert_eq!(client.frame().await, None);
        let mut client = running.client().await;
        assert_eq!(
            log_in_scram(&mut client, user, password).await,
            ErrorCode::SaslAuthenticationFailed.code()
        );
        assert_eq!(client.frame().await, None);
    }
    let mut client = running.client().await;
    assert_eq!(handshake(&mut client, "GSSAPI").await, ErrorCode::UnsupportedSaslMechanism.code());
    assert_eq!(client.frame().await, None);
    // A frame that is larger than those of strangers may be.
    let mut client = running.client().await;
    client.raw(&100_000_i32.to_be_bytes()).await;
    assert_eq!(client.frame().await, None);
    let mut client = running.client().await;
    assert_eq!(log_in_scram(&mut client, "alice", "secret").await, 0);
    assert_eq!(requester(&mut client).await, "User:alice");
    running.stop().await;
}

#[tokio::test]
async fn clients_are_named_by_their_certificates() {
    let certificates = Certificates::new();
    certificates.make("alice", &[(DnType::CommonName, "Alice"), (DnType::OrganizationName, "Example")]);
    let files =
        [certificates.file("broker.pem"), certificates.file("broker.key"), certificates.file("ca.pem")];
    let [certificate, key, authority] = &files;
    let tls = [
        ("TLS_ENABLED", "true"),
        ("TLS_CERT_PATH", certificate.as_str()),
        ("TLS_KEY_PATH", key),
        ("TLS_CLIENT_CA_PATH", authority),
    ];
    let running = Running::with(&[&tls[..], &[("TLS_CLIENT_AUTH", "requested")]].concat()).await;
    let mut alice = certificates.connect(running.broker.address(), Some("alice")).await.expect("TLS");
    assert_eq!(requester(&mut alice).await, "User:O=Example,CN=Alice");
    let mut nobody = certificates.connect(running.broker.address(), None).await.expect("TLS");
    assert_eq!(requester(&mut nobody).await, "User:ANONYMOUS");
    running.stop().await;
    let rules = "RULE:^.*CN=([^,]*).*$/$1/L,DEFAULT";
    let mapped = [("TLS_CLIENT_AUTH", "required"), ("TLS_PRINCIPAL_MAPPING_RULES", rules)];
    let running = Running::with(&[&tls[..], &mapped].concat()).await;
    let mut alice = certificates.connect(running.broker.address(), Some("alice")).await.expect("TLS");
    assert_eq!(requester(&mut alice).await, "User:alice");
    // In TLS 1.3 a client learns of it with the first bytes that it reads.
    if let Ok(mut nobody) = certificates.connect(running.broker.address(), None).await {
        let _ = nobody.send_raw(&[0, 0, 0, 1]).await;
        assert_eq!(nobody.frame().await, None);
    }
    running.stop().await;
}

/// The name under which the broker knows a client.
async fn requester(client: &mut Client) -> String {
    let found = client.ask(&create_delegation_token::Request::default(), 3).await;
    let expected = match found.token_requester_principal_name.as_str() {
        "ANONYMOUS" => ErrorCode::DelegationTokenRequestNotAllowed,
        _ => ErrorCode::DelegationTokenAuthDisabled,
    };
    assert_eq!(found.error_code, expected.code());
    format!("{}:{}", found.token_requester_principal_type, found.token_requester_principal_name)
}

#[tokio::test]
async fn users_that_a_request_makes_log_in_until_one_deletes_them() {
    let running = Running::with(&[
        ("LISTENERS", "PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0"),
        ("SASL_MECHANISMS", "SCRAM-SHA-256"),
    ])
    .await;
    let outside = address(&running, "SASL_PLAINTEXT");
    let mut admin = running.client().await;
    let salt = b"a salt that is random".to_vec();
    let mut salted = [0; 32];
    let iterations = 4096.try_into().expect("more than none");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, b"pencil", &mut salted);
    let upsertion = alter::ScramCredentialUpsertion {
        name: "carol".to_owned(),
        mechanism: 1,
        iterations: 4096,
        salt: salt.into(),
        salted_password: salted.to_vec().into(),
    };
    let made = alter::Request { upsertions: vec![upsertion], ..Default::default() };
    assert_eq!(admin.ask(&made, 0).await.results[0].error_code, 0);
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pencil").await, 0);
    let refused = ErrorCode::SaslAuthenticationFailed.code();
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pen").await, refused);
    let described = admin.ask(&describe::Request::default(), 0).await;
    assert_eq!(described.results.len(), 1);
    let told = &described.results[0];
    assert_eq!((told.user.as_str(), told.credential_infos[0].iterations), ("carol", 4096));
    let deletion = alter::ScramCredentialDeletion { name: "carol".to_owned(), mechanism: 1 };
    let gone = alter::Request { deletions: vec![deletion], ..Default::default() };
    assert_eq!(admin.ask(&gone, 0).await.results[0].error_code, 0);
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pencil").await, refused);
    running.stop().await;
}

/// Texts that a secret could be seen in: itself, and in base64 wherever it begins in there.
fn traces(secret: &str) -> Vec<String> {
    let mut traces = vec![secret.to_owned()];
    for before in 0..3 {
        let text = BASE64.encode([&vec![b'x'; before][..], secret.as_bytes()].concat());
        // The first and the last digits have bits of what is beside it.
        traces.push(text[4..text.len() - 4].to_owned());
    }
    traces
}

/// The configs of the broker, and the users that it keeps.
async fn ask_for_everything(client: &mut Client, seen: &mut Vec<u8>) {
    for (resource_type, resource_name) in [(4, "0"), (4, ""), (8, "0")] {
        client.send(&describing(resource_type, resource_name), 4).await;
        seen.extend(client.frame().await.expect("an answer"));
    }
    client.send(&describe::Request::default(), 0).await;
    seen.extend(client.frame().await.expect("an answer"));
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_answer_or_a_metric() {
    let secrets = [
        "first-marked-password",
        "second-marked-token",
        "third-marked-cluster-secret",
        "fourth-wrong-marked",
    ];
    let [password, bearer, cluster, wrong] = secrets;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let data = folder.path().join("data").display().to_string();
    let process = Process::on_store(
        &[
            ("DATA_PATH", &data),
            ("RUST_LOG", "trace"),
            ("SASL_ENABLED", "true"),
            ("SASL_USERS", &format!("alice:{password}")),
            ("METRICS_AUTH_TOKEN", bearer),
            ("RAFT_CLUSTER_SECRET", cluster),
        ],
        &log,
    )
    .expect("it starts");
    let mut seen = Vec::new();
    for password in [password, wrong] {
        let is_good = password != wrong;
        let mut plain = Client::connect(process.clients).await;
        assert_eq!(log_in_plain(&mut plain, "alice", password).await == 0, is_good);
        let mut scram = Client::connect(process.clients).await;
        assert_eq!(log_in_scram(&mut scram, "alice", password).await == 0, is_good);
        if is_good {
            ask_for_everything(&mut plain, &mut seen).await;
        }
    }
    for path in ["/", "/health", "/metrics"] {
        let mut stream = TcpStream::connect(process.health).await.expect("connects");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let before = seen.len();
        stream.read_to_end(&mut seen).await.expect("is read");
        assert!(seen[before..].starts_with(b"HTTP/1.1 200"), "{path}");
    }
    process.stop();
    seen.extend(std::fs::read(&log).expect("a log"));
    let seen = String::from_utf8_lossy(&seen);
    assert!(
        seen.contains("login failed") && seen.contains("sasl.enabled.mechanisms"),
        "there is something to look through"
    );
    for secret in secrets {
        for trace in traces(secret) {
            let at = seen.find(&trace).map(|at| &seen[at.saturating_sub(200)..(at + 40).min(seen.len())]);
            assert_eq!(at, None, "{secret}");
        }
    }
}
