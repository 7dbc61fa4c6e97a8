//! Connections that come and do not go on: some drip, some announce much.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kafkaesque::protocol::header::request_frame;
use kafkaesque::protocol::messages::{api_versions, sasl_handshake};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Besieged, Bounds, KIB, MIB, connections, stranger};
use crate::attacks::patient;
use crate::certificates::encrypt;

/// A byte each.
const DRIP: Duration = Duration::from_millis(900);
/// As many may be strangers by default.
const STRANGERS: f64 = 1000.0;

/// Places at which a connection stops going on.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// It sends nothing.
    Silent,
    /// In the first message of TLS.
    Hello(Vec<u8>),
    /// Within the first frame after TLS.
    Encrypted(Arc<ClientConfig>),
    /// Within the token of a login.
    Login,
}

/// Goes as far as `stop` says, then sends a byte now and then, for as long as the broker has it.
async fn drip(to: SocketAddr, stop: Stop) -> std::io::Result<()> {
    let mut stream = stranger(to).await?;
    match stop {
        Stop::Silent => {
            stream.read_u8().await?;
        }
        Stop::Hello(hello) => {
            stream.write_all(&hello[..hello.len() / 2]).await?;
            go_on(&mut stream, &hello[hello.len() / 2..]).await?;
        }
        Stop::Encrypted(config) => {
            let mut stream = encrypt(&config, stream).await?;
            go_on(&mut stream, &[0; 64]).await?;
        }
        Stop::Login => {
            let request = sasl_handshake::Request { mechanism: "PLAIN".to_owned() };
            ask(&mut stream, &request_frame(&api_versions::Request::default(), 0, 1, None)).await?;
            ask(&mut stream, &request_frame(&request, 1, 2, None)).await?;
            stream.write_all(&[0, 0, 0, 100]).await?;
            go_on(&mut stream, &[0; 64]).await?;
        }
    }
    Ok(())
}

async fn ask<S, E>(stream: &mut S, frame: &Result<Vec<bytes::Bytes>, E>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: std::fmt::Debug,
{
    for part in frame.as_ref().expect("a request") {
        stream.write_all(part).await?;
    }
    let length = stream.read_u32().await?;
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await?;
    Ok(())
}

async fn go_on<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        sleep(DRIP).await;
    }
    stream.read_u8().await?;
    Ok(())
}

/// Every place to stop at, with the listener that has it.
pub(super) fn stops(besieged: &Besieged) -> [(&'static str, SocketAddr, Stop); 4] {
    [
        ("before TLS", besieged.sasl_ssl, Stop::Silent),
        ("within TLS", besieged.sasl_ssl, Stop::Hello(besieged.hello())),
        ("after TLS", besieged.sasl_ssl, Stop::Encrypted(Arc::clone(&besieged.config))),
        ("within SASL", besieged.sasl, Stop::Login),
    ]
}

/// So many connections, one after the other.
pub(super) async fn come(count: usize, to: SocketAddr, stop: Stop) -> JoinSet<std::io::Result<()>> {
    // Not all at once: who attacks computes on the same processors here, as much as the broker does.
    let burst = if matches!(stop, Stop::Encrypted(_)) { 12 } else { 50 };
    let mut all = JoinSet::new();
    while all.len() < count {
        for _ in 0..burst {
            all.spawn(drip(to, stop.clone()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_that_drip() {
    let mut besieged = Besieged::start(&[]).await;
    let count = connections(5000);
    for (place, to, stop) in stops(&besieged) {
        let attack = come(count, to, stop);
        let name = format!("{count} connections {place}");
        let mut all = besieged.hold(&name, Bounds { slower: 1.5, mib: 50 }, attack).await;
        let open = besieged.broker.metric("kafkaesque_connections_open", "");
        let dropped = besieged.broker.metric("kafkaesque_strangers_dropped_total", "room");
        println!("  {open} open, {dropped} dropped for room");
        assert!(dropped > 0.0 && open < STRANGERS + 50.0, "no more than there is room for");
        all.shutdown().await;
    }
}

/// A connection that sends `bytes` as far as they are taken, and stays until it is closed.
async fn announce(to: SocketAddr, bytes: Arc<Vec<u8>>) -> std::io::Result<()> {
    let mut stream = stranger(to).await?;
    let _ = stream.write_all(&bytes).await;
    stream.read_u8().await?;
    Ok(())
}

fn frame(announced: usize, sent: usize) -> Arc<Vec<u8>> {
    Arc::new([&u32::try_from(announced).expect("a length").to_be_bytes()[..], &vec![0; sent]].concat())
}

/// The beginning of a first message of TLS that says to be as long as any may, in records that are.
fn long_hello() -> Arc<Vec<u8>> {
    let message = [&[1, 0, 0xff, 0xf0][..], &vec![0; 60 * KIB]].concat();
    let records = message.chunks(16 * KIB).flat_map(|part| {
        [&[0x16, 3, 1][..], &u16::try_from(part.len()).expect("a record").to_be_bytes(), part].concat()
    });
    Arc::new(records.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_that_announce_much() {
    let mut besieged = Besieged::start(&[]).await;
    let cases = [
        ("16 MiB before a login", besieged.sasl, frame(16 * MIB, MIB)),
        ("64 KiB before a login", besieged.sasl, frame(64 * KIB, 63 * KIB)),
        ("64 KiB within TLS", besieged.sasl_ssl, long_hello()),
        // These are no strangers: they have a part of the memory for requests.
        ("16 MiB where there is no login", besieged.open, frame(16 * MIB, 16 * KIB)),
    ];
    for (what, to, bytes) in cases {
        let mib = if to == besieged.open { 100 } else { 50 };
        let attack = async {
            let mut all = JoinSet::new();
            for _ in 0..1000 {
                all.spawn(announce(to, Arc::clone(&bytes)));
            }
            sleep(Duration::from_secs(4)).await;
            all
        };
        let name = format!("1000 that announce {what}");
        let mut all = besieged.hold(&name, Bounds { slower: 1.5, mib }, attack).await;
        all.shutdown().await;
    }
}

#[tokio::test]
async fn a_frame_of_two_gibibytes() {
    let besieged = Besieged::start(&[]).await;
    let memory = besieged.broker.resident_kib();
    for length in [i32::MAX, i32::MIN, -1, 64 * 1024 + 1] {
        let bytes = Arc::new([&length.to_be_bytes()[..], &[0; 64]].concat());
        let mut encrypted = encrypt(&besieged.config, stranger(besieged.sasl_ssl).await.expect("connects"))
            .await
            .expect("TLS");
        encrypted.write_all(&bytes).await.expect("is sent");
        encrypted.flush().await.expect("leaves");
        let ends = async {
            assert!(announce(besieged.sasl, Arc::clone(&bytes)).await.is_err());
            assert!(encrypted.read_u8().await.is_err());
        };
        timeout(patient(Duration::from_secs(5)), ends).await.expect("both are closed");
    }
    let more = besieged.broker.peak_kib().saturating_sub(memory);
    assert!(more <= 4 * 1024, "{more} KiB more");
}
