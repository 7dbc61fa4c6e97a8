//! Secrets, which nothing that a broker says has in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kafkaesque::protocol::messages::describe_user_scram_credentials as describe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{log_in_plain, log_in_scram};
use crate::client::Client;
use crate::configs::describing;
use crate::process::Process;

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
