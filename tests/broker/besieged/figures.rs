//! Figures of encrypted connections and of refused logins, by hand, of a release build that `KAFKAESQUE_BIN` names:
//! `cargo test --test broker besieged::figures -- --ignored --nocapture --test-threads 1`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kafkaesque::protocol::messages::{alter_user_scram_credentials as alter, api_versions};
use rustls::client::Resumption;
use rustls::{ClientConfig, HandshakeKind};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Besieged, connections};
use crate::certificates::encrypt;
use crate::client::Client;
use crate::security::{handshake, token};

const TURNS: usize = 5;
const HANDSHAKES: usize = 4000;
/// Connections that stay.
const IDLE: usize = 4000;
/// Refusals of each kind of name, and those before any is counted.
const SAMPLES: usize = 10_000;
const WARMING: usize = 2000;
/// The value of a standard normal distribution beyond which lies 1 %, both sides together.
const BOUND: f64 = 2.576;

/// A connection that has asked for the versions once.
async fn connect(to: SocketAddr, config: Option<&Arc<ClientConfig>>) -> (Client, Option<HandshakeKind>) {
    let stream = TcpStream::connect(to).await.expect("connects");
    let (mut client, kind) = match config {
        None => (Client::over(stream), None),
        Some(config) => {
            let stream = encrypt(config, stream).await.expect("TLS");
            let kind = stream.get_ref().1.handshake_kind();
            (Client::over(stream), kind)
        }
    };
    assert_eq!(client.ask(&api_versions::Request::default(), 0).await.error_code, 0);
    (client, kind)
}

/// The broker's processor time for a connection, in microseconds: the least of some turns.
async fn cost(besieged: &Besieged, config: Option<&Arc<ClientConfig>>, kind: Option<HandshakeKind>) -> f64 {
    let to = if config.is_some() { besieged.sasl_ssl } else { besieged.sasl };
    let mut least = f64::MAX;
    for _ in 0..TURNS {
        connect(to, config).await;
        let before = besieged.broker.cpu_seconds();
        for _ in 0..HANDSHAKES {
            assert_eq!(connect(to, config).await.1, kind);
        }
        least = least.min((besieged.broker.cpu_seconds() - before) / HANDSHAKES as f64);
    }
    least * 1e6
}

#[tokio::test]
#[ignore = "figures of a release build"]
async fn handshakes_of_a_core() {
    let besieged = Besieged::start(&[]).await;
    let mut fresh = (*besieged.config).clone();
    fresh.resumption = Resumption::disabled();
    let plain = cost(&besieged, None, None).await;
    println!("a connection without TLS that asks once: {plain:.0} us of the broker's processor time");
    let kinds = [
        ("full", Arc::new(fresh), HandshakeKind::Full),
        ("resumed", Arc::clone(&besieged.config), HandshakeKind::Resumed),
    ];
    for (name, config, kind) in kinds {
        let cost = cost(&besieged, Some(&config), Some(kind)).await;
        println!("with TLS, {name}: {cost:.0} us, {:.0} a second and core", 1e6 / cost);
        println!(
            "  the handshake alone: {:.0} us, {:.0} a second and core",
            cost - plain,
            1e6 / (cost - plain)
        );
    }
}

#[tokio::test]
#[ignore = "figures of a release build"]
async fn memory_of_idle_connections() {
    let count = connections(IDLE).to_string();
    let besieged = Besieged::start(&[("MAX_UNAUTHENTICATED_CONNECTIONS", &count)]).await;
    for (name, to, config) in
        [("without", besieged.sasl, None), ("with", besieged.sasl_ssl, Some(&besieged.config))]
    {
        // The allocator gives back what it does not need after ten seconds.
        drop(connect(to, config).await);
        sleep(Duration::from_secs(15)).await;
        let before = besieged.broker.resident_kib();
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            let mut client = connect(to, config).await.0;
            assert_eq!(handshake(&mut client, "PLAIN").await, 0);
            assert_eq!(token(&mut client, "\0alice\0secret").await.error_code, 0);
            idle.push(client);
        }
        sleep(Duration::from_secs(15)).await;
        let each = (besieged.broker.resident_kib() - before) as f64 / IDLE as f64;
        println!("an idle connection {name} TLS, logged in: {each:.1} KiB");
        assert!(each <= 40.0, "{each} KiB");
    }
}

/// The times from the first message of a login to the answer, and from the last to its refusal, in nanoseconds. By PLAIN
/// they are one.
async fn refusal(to: SocketAddr, mechanism: &str, name: &str) -> [u64; 2] {
    let mut client = Client::connect(to).await;
    assert_eq!(handshake(&mut client, mechanism).await, 0);
    let (first, proof) = match mechanism {
        "PLAIN" => (format!("\0{name}\0wrong"), None),
        "SCRAM-SHA-256" => (format!("n,,n={name},r=nonce"), Some(format!("{}=", "A".repeat(43)))),
        _ => (format!("n,,n={name},r=nonce"), Some(format!("{}==", "A".repeat(86)))),
    };
    let nanos = |began: Instant| u64::try_from(began.elapsed().as_nanos()).expect("a short time");
    let began = Instant::now();
    let answer = token(&mut client, first).await;
    let to_answer = nanos(began);
    let Some(proof) = proof else {
        assert_ne!(answer.error_code, 0);
        return [to_answer; 2];
    };
    let answer = String::from_utf8(answer.auth_bytes.to_vec()).expect("text");
    let nonce = answer.split(',').next().expect("a nonce");
    let last = format!("c=biws,{nonce},p={proof}");
    let began = Instant::now();
    assert_ne!(token(&mut client, last).await.error_code, 0);
    [to_answer, nanos(began)]
}

fn of_step(times: &[[u64; 2]], step: usize) -> Vec<u64> {
    times.iter().map(|steps| steps[step]).collect()
}

/// The distance of the sum of ranks of `one` from what chance makes it, in standard deviations (Mann and Whitney).
fn deviation(one: &[u64], other: &[u64]) -> f64 {
    let of_one = one.iter().map(|time| (*time, true));
    let mut all: Vec<(u64, bool)> = of_one.chain(other.iter().map(|time| (*time, false))).collect();
    all.sort_unstable();
    let ranks: f64 =
        all.iter().zip(1..).filter(|((_, is_one), _)| *is_one).map(|(_, rank)| f64::from(rank)).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    (ranks - n * (n + m + 1.0) / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Users of the process, but for SCRAM-SHA-512 those that are kept with the data. Nobody has an odd number.
#[tokio::test]
#[ignore = "needs a quiet machine"]
async fn time_to_refuse_known_and_unknown_users() {
    let users = (10..100).step_by(2).map(|n| format!("user{n}:password{n}")).collect::<Vec<_>>().join(",");
    let users = format!("alice:secret,{users}");
    let besieged = Besieged::start(&[("SASL_USERS", &users), ("FAILED_AUTHENTICATION_DELAY_MS", "1")]).await;
    let upsertions = (10..100).step_by(2).map(|n| alter::ScramCredentialUpsertion {
        name: format!("kept{n}"),
        mechanism: 2,
        iterations: 4096,
        salt: b"3kz1k5p9q7b8w2c4x6v0m1n2b3".to_vec().into(),
        salted_password: vec![7; 64].into(),
    });
    let made = alter::Request { upsertions: upsertions.collect(), ..alter::Request::default() };
    let made = Client::connect(besieged.open).await.ask(&made, 0).await;
    assert!(made.results.iter().all(|result| result.error_code == 0), "{made:?}");
    let rng = &mut Rng::with_seed(11);
    let mut told_apart = Vec::new();
    for (mechanism, prefix) in [("PLAIN", "user"), ("SCRAM-SHA-256", "user"), ("SCRAM-SHA-512", "kept")] {
        let (mut times, mut round) = ([Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)], 0);
        while times.iter().any(|times| times.len() < SAMPLES) {
            let is_known = rng.bool();
            let name = format!("{prefix}{}", 10 + 2 * rng.u32(..45) + u32::from(!is_known));
            let took = refusal(besieged.sasl, mechanism, &name).await;
            round += 1;
            let kind = &mut times[usize::from(is_known)];
            if round > WARMING && kind.len() < SAMPLES {
                kind.push(took);
            }
        }
        for (step, name) in ["first answer", "refusal"].into_iter().enumerate() {
            let [mut unknown, mut known] = times.each_ref().map(|times| of_step(times, step));
            let deviation = deviation(&known, &unknown);
            let [known, unknown] =
                [&mut known, &mut unknown].map(|times| *times.select_nth_unstable(SAMPLES / 2).1);
            println!(
                "{mechanism}, {name}: median {known} ns known, {unknown} ns unknown, deviation {deviation:.2}"
            );
            if deviation.abs() >= BOUND {
                told_apart.push((mechanism, name));
            }
        }
    }
    assert!(told_apart.is_empty(), "{told_apart:?}");
}
