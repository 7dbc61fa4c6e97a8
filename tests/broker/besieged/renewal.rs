//! Certificates that are replaced under load, and connections that come and go.
//!
//! `RENEWAL_SECONDS=60` replaces them for that long; the figures are of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rcgen::DnType;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Besieged, logged_in};
use crate::attacks::scatter;
use crate::certificates::encrypt;
use crate::client::Client;
use crate::produce_fetch::{batch, bytes, produce};
use crate::security::log_in_plain;

/// New connections see a new certificate within this time.
const SEEN_WITHIN: Duration = Duration::from_secs(6);

/// Certificates in the order in which they were there, each with its key.
#[derive(Default)]
struct Written(Mutex<Vec<(CertificateDer<'static>, Instant)>>);

impl Written {
    fn add(&self, pem: &str) {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        self.0.lock().push((certificate, Instant::now()));
    }

    /// Notes that a connection which began at `began` saw this one. Says for how long there had been a newer one.
    fn seen(&self, certificate: &CertificateDer<'_>, began: Instant) -> Duration {
        let written = self.0.lock();
        let place = written.iter().position(|(known, _)| known == certificate).expect("one that was there");
        written.get(place + 1).map_or(Duration::ZERO, |(_, at)| began.saturating_duration_since(*at))
    }

    fn is_last(&self, certificate: &CertificateDer<'_>) -> bool {
        self.0.lock().last().is_some_and(|(last, _)| last == certificate)
    }
}

/// Makes certificates and puts them where the broker finds them.
struct Renewal<'a> {
    besieged: &'a Besieged,
    written: Arc<Written>,
    number: usize,
}

impl Renewal<'_> {
    fn next(&mut self) -> (String, String) {
        self.number += 1;
        let name = format!("broker {}", self.number);
        self.besieged.certificates.issue(&[(DnType::CommonName, &name)])
    }

    /// Every second file is written in place, the others are renamed over it.
    fn put(&self, name: &str, text: &str) {
        let path = self.besieged.certificates.path(name);
        if self.number.is_multiple_of(2) {
            std::fs::write(path, text).expect("is written");
        } else {
            let beside = path.with_extension("new");
            std::fs::write(&beside, text).expect("is written");
            std::fs::rename(beside, path).expect("is replaced");
        }
    }

    async fn replace(&mut self, pause: Duration) {
        let (certificate, key) = self.next();
        self.put("broker.key", &key);
        sleep(pause).await;
        self.put("broker.pem", &certificate);
        self.written.add(&certificate);
    }

    async fn replace_by_halves(&mut self) {
        let (certificate, key) = self.next();
        for (name, text) in [("broker.pem", &certificate), ("broker.key", &key)] {
            std::fs::write(self.besieged.certificates.path(name), &text[..text.len() / 2])
                .expect("is written");
        }
        sleep(Duration::from_secs(3)).await;
        self.put("broker.key", &key);
        self.put("broker.pem", &certificate);
        self.written.add(&certificate);
    }

    async fn until_seen(&self) {
        let began = Instant::now();
        loop {
            let certificate = seen(self.besieged).await;
            if self.written.is_last(&certificate) {
                println!("  seen {:?} after it was there", began.elapsed());
                return;
            }
            assert!(began.elapsed() < SEEN_WITHIN + scatter(), "it is not seen");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The certificate that a new connection is shown.
async fn seen(besieged: &Besieged) -> CertificateDer<'static> {
    let stream = TcpStream::connect(besieged.sasl_ssl).await.expect("connects");
    let stream = encrypt(&besieged.config, stream).await.expect("TLS");
    let certificates = stream.get_ref().1.peer_certificates().expect("it shows one");
    certificates[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_under_load() {
    let seconds = std::env::var("RENEWAL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let besieged = Besieged::start(&[]).await;
    let (written, is_over) = (Arc::new(Written::default()), Arc::new(AtomicBool::new(false)));
    let first = std::fs::read_to_string(besieged.certificates.path("broker.pem")).expect("a certificate");
    written.add(&first);
    let mut load = JoinSet::new();
    for _ in 0..4 {
        let mut client = logged_in(&besieged.certificates, besieged.sasl_ssl).await;
        let is_over = Arc::clone(&is_over);
        load.spawn(async move {
            let mut records = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(produce(&mut client, "beside", bytes(batch(&["under load"]))).await.error_code, 0);
                records += 1;
            }
            records
        });
    }
    let look = async {
        let (mut longest, mut looks) = (Duration::ZERO, 0);
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            longest = longest.max(written.seen(&seen(&besieged).await, began));
            looks += 1;
            sleep(Duration::from_millis(50)).await;
        }
        (longest, looks)
    };
    let renew = async {
        let mut renewal = Renewal { besieged: &besieged, written: Arc::clone(&written), number: 0 };
        for _ in 0..seconds {
            renewal.replace(Duration::ZERO).await;
            sleep(Duration::from_secs(1)).await;
        }
        renewal.until_seen().await;
        renewal.replace(Duration::from_secs(3)).await;
        renewal.until_seen().await;
        renewal.replace_by_halves().await;
        renewal.until_seen().await;
        is_over.store(true, Ordering::Relaxed);
    };
    let ((longest, looks), ()) = tokio::join!(look, renew);
    let records: u64 = load.join_all().await.iter().sum();
    println!("{looks} new connections, the last to see an old certificate {longest:?} after the new one");
    println!("{records} records on connections that were there all the time");
    assert!(longest < SEEN_WITHIN + scatter(), "{longest:?}");
    assert_eq!(besieged.broker.metric("kafkaesque_tls_files_refused", ""), 0.0);
    besieged.broker.stop();
}

/// Connections that are made, used and closed, some at a time.
async fn come_and_go(besieged: &Besieged, count: usize) {
    let mut all = JoinSet::new();
    for number in 0..count {
        let (config, sasl_ssl, sasl) = (Arc::clone(&besieged.config), besieged.sasl_ssl, besieged.sasl);
        all.spawn(async move {
            let mut client = if number.is_multiple_of(2) {
                let stream = TcpStream::connect(sasl_ssl).await.expect("connects");
                Client::over(encrypt(&config, stream).await.expect("TLS"))
            } else {
                Client::connect(sasl).await
            };
            assert_eq!(log_in_plain(&mut client, "alice", "secret").await, 0);
        });
        while all.len() >= 50 {
            all.join_next().await.expect("one of them").expect("it got on");
        }
    }
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_leave_no_memory_behind() {
    let besieged = Besieged::start(&[]).await;
    come_and_go(&besieged, 2000).await;
    let before = besieged.broker.resident_kib();
    come_and_go(&besieged, 10_000).await;
    let after = besieged.broker.resident_kib();
    println!("10000 connections: {before} KiB before, {after} KiB after");
    assert!(after < before + 8 * 1024, "{before} KiB before, {after} KiB after");
    assert!(besieged.broker.metric("kafkaesque_connections_open", "") < 60.0);
}
