//! Handshakes: versions, certificates of clients, sessions that go on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rcgen::{KeyUsagePurpose, SerialNumber, date_time_ymd};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};

use super::support::{Authority, for_clients, meet};
use crate::runtime::Runtime;
use crate::tls::{Acceptor, ClientAuth, Files, Version, certificates};

fn open(files: Files, runtime: &Runtime) -> Acceptor {
    Acceptor::open("SSL", files, runtime).expect("opens")
}

#[tokio::test(start_paused = true)]
async fn bytes_pass_and_the_end_is_told() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let acceptor = open(authority.server(), &runtime);
    let (client, server) = meet(&acceptor, &authority.client(None, &runtime)).await;
    let (mut client, server) = (client.expect("connects"), server.expect("accepts"));
    assert!(server.certificate().is_none());
    let (mut reader, mut writer) = server.into_split();
    client.write_all(b"hello").await.expect("is sent");
    client.flush().await.expect("leaves");
    let mut word = [0; 5];
    reader.read_exact(&mut word).await.expect("comes");
    let before = writer.departed();
    writer.write_all(&word).await.expect("is taken");
    writer.flush().await.expect("leaves");
    assert!(writer.departed() - before > 5, "encrypted, it is more");
    writer.shutdown().await.expect("ends");
    let mut all = Vec::new();
    // A stream cut off would be an error.
    client.read_to_end(&mut all).await.expect("ends as it should");
    assert_eq!(all, b"hello");
}

#[tokio::test(start_paused = true)]
async fn the_lowest_version_is_kept_to() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    for (min_version, takes_old) in [(Version::Tls12, true), (Version::Tls13, false)] {
        let acceptor = open(Files { min_version, ..authority.server() }, &runtime);
        let (client, _) = meet(&acceptor, &authority.client_of(None, &[&TLS12], &runtime)).await;
        assert_eq!(client.is_ok(), takes_old);
        let (client, _) = meet(&acceptor, &authority.client_of(None, &[&TLS13], &runtime)).await;
        assert!(client.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn certificates_of_clients_count_if_their_authority_does() {
    let runtime = Runtime::simulated(1);
    let (authority, other) = (Authority::new(), Authority::new());
    let good = authority.pair("alice", for_clients);
    let foreign = other.pair("alice", for_clients);
    let expired = authority.pair("alice", |params| params.not_after = date_time_ymd(2023, 11, 1));
    for client_auth in [ClientAuth::None, ClientAuth::Requested, ClientAuth::Required] {
        let acceptor = open(Files { client_auth, ..authority.server() }, &runtime);
        for (own, counts) in
            [(None, false), (Some(&good), true), (Some(&foreign), false), (Some(&expired), false)]
        {
            let (_, server) = meet(&acceptor, &authority.client(own, &runtime)).await;
            let is_taken = match client_auth {
                ClientAuth::None => true,
                ClientAuth::Requested => own.is_none() || counts,
                ClientAuth::Required => counts,
            };
            assert_eq!(server.is_ok(), is_taken, "{client_auth:?}");
            let shown = server.ok().and_then(|server| server.certificate());
            let expected = own.filter(|_| counts && client_auth != ClientAuth::None);
            let expected =
                expected.map(|pair| certificates(pair.certificate.as_bytes()).expect("one").remove(0));
            assert_eq!(shown, expected, "{client_auth:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_whose_key_may_not_sign_does_not_count() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let acceptor = open(Files { client_auth: ClientAuth::Required, ..authority.server() }, &runtime);
    for (usage, counts) in
        [(KeyUsagePurpose::DigitalSignature, true), (KeyUsagePurpose::KeyEncipherment, false)]
    {
        let own = authority.pair("alice", |params| params.key_usages = vec![usage]);
        let (_, server) = meet(&acceptor, &authority.client(Some(&own), &runtime)).await;
        assert_eq!(server.is_ok(), counts, "{usage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_why_it_was_refused() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let acceptor = open(Files { client_auth: ClientAuth::Required, ..authority.server() }, &runtime);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let client = authority.client(None, &runtime);
    let asking = async {
        let mut client = super::support::connect(&client, near).await?;
        client.read_u8().await
    };
    let (asked, accepted) = tokio::join!(asking, acceptor.accept(far));
    assert!(accepted.is_err());
    let error = asked.expect_err("is refused").to_string();
    assert!(error.contains("CertificateRequired"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn revoked_certificates_do_not_count() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let client = |serial: u64| {
        let pair = authority.pair("alice", |params| params.serial_number = Some(SerialNumber::from(serial)));
        authority.client(Some(&pair), &runtime)
    };
    let files = Files {
        client_auth: ClientAuth::Required,
        revoked: Some(authority.write("revoked.pem", &authority.revoke(&[7]))),
        ..authority.server()
    };
    let acceptor = open(files, &runtime);
    assert!(meet(&acceptor, &client(6)).await.1.is_ok());
    assert!(meet(&acceptor, &client(7)).await.1.is_err());
}

/// Sends a byte each way, so that the client has its ticket.
async fn talk(acceptor: &Acceptor, client: &tokio_rustls::TlsConnector) -> Option<HandshakeKind> {
    let (client, server) = meet(acceptor, client).await;
    let (mut client, mut server) = (client.ok()?, server.ok()?);
    server.write_u8(1).await.ok()?;
    server.flush().await.ok()?;
    client.read_u8().await.ok()?;
    client.get_ref().1.handshake_kind()
}

#[tokio::test(start_paused = true)]
async fn sessions_go_on_by_tickets_at_the_same_listener() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let acceptor = open(authority.server(), &runtime);
        let client = authority.client_of(None, &[version], &runtime);
        assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Full));
        assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Resumed));
        let other = open(authority.server(), &runtime);
        assert_eq!(talk(&other, &client).await, Some(HandshakeKind::Full));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_does_not_outlive_its_clients_certificate() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    // The clock begins at the fourteenth.
    let short = authority.pair("alice", |params| params.not_after = date_time_ymd(2023, 11, 15));
    let acceptor = open(Files { client_auth: ClientAuth::Required, ..authority.server() }, &runtime);
    for version in [&TLS12, &TLS13] {
        let client = authority.client_of(Some(&short), &[version], &runtime);
        assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Full));
        assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Resumed));
    }
    let client = authority.client(Some(&short), &runtime);
    assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Full));
    runtime.clock.sleep(Duration::from_secs(2 * 3600)).await;
    assert!(meet(&acceptor, &client).await.1.is_err());
}

/// A revocation that comes later counts for sessions, too.
#[tokio::test(start_paused = true)]
async fn a_session_does_not_outlive_a_revocation() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let pair = authority.pair("alice", |params| params.serial_number = Some(SerialNumber::from(7)));
    let files = Files {
        client_auth: ClientAuth::Required,
        revoked: Some(authority.write("revoked.pem", &authority.revoke(&[1]))),
        ..authority.server()
    };
    let acceptor = open(files, &runtime);
    let client = authority.client(Some(&pair), &runtime);
    assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Full));
    assert_eq!(talk(&acceptor, &client).await, Some(HandshakeKind::Resumed));
    authority.write("revoked.pem", &authority.revoke(&[1, 7]));
    acceptor.look().await;
    assert!(meet(&acceptor, &client).await.1.is_err());
}

/// Bytes of a client that mean nothing, at every place of its first words.
#[tokio::test(start_paused = true)]
async fn damaged_handshakes_fail_and_do_no_harm() {
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let acceptor = open(authority.server(), &runtime);
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let connector = authority.client(None, &runtime);
    let mut hello = vec![0; 16 * 1024];
    let saying = super::support::connect(&connector, near);
    let length = tokio::select! {
        _ = saying => panic!("nobody answered"),
        length = far.read(&mut hello) => length.expect("says hello"),
    };
    hello.truncate(length);
    for at in 0..length {
        for byte in [0, 0xff, hello[at] ^ 1] {
            let mut damaged = hello.clone();
            damaged[at] = byte;
            for part in [&damaged[..], &damaged[..at]] {
                let (mut client, server) = tokio::io::duplex(64 * 1024);
                client.write_all(part).await.expect("is sent");
                client.shutdown().await.expect("ends");
                assert!(acceptor.accept(server).await.is_err(), "byte {at} is {byte}");
            }
        }
    }
}

/// Counts how often it is read from.
struct Watched {
    stream: DuplexStream,
    readings: Arc<AtomicUsize>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.readings.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn much_is_read_in_large_parts() {
    const MIB: usize = 1024 * 1024;
    let runtime = Runtime::simulated(1);
    let authority = Authority::new();
    let acceptor = open(authority.server(), &runtime);
    let (near, far) = tokio::io::duplex(256 * 1024);
    let readings = Arc::new(AtomicUsize::new(0));
    let far = Watched { stream: far, readings: Arc::clone(&readings) };
    let connector = authority.client(None, &runtime);
    let (client, server) = tokio::join!(super::support::connect(&connector, near), acceptor.accept(far));
    let (mut client, server) = (client.expect("connects"), server.ok().expect("accepts"));
    let (mut reader, _writer) = server.into_split();
    let sent: Vec<u8> = (0..9 * MIB).map(|number| (number / 251) as u8).collect();
    let expected = sent.clone();
    let sending = async move {
        client.write_all(&sent).await.expect("is sent");
        client.shutdown().await.expect("ends");
        client
    };
    let reading = async move {
        let mut first = vec![0; MIB + MIB / 8];
        reader.read_exact(&mut first).await.expect("comes");
        let before = readings.load(Ordering::Relaxed);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.expect("comes");
        (first, rest, readings.load(Ordering::Relaxed) - before)
    };
    let (_, (first, rest, count)) = tokio::join!(sending, reading);
    assert!([first, rest].concat() == expected);
    assert!(count < 8 * 1024 / 32, "{count} readings of 8 MiB");
}
