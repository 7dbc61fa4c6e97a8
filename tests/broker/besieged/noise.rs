//! Random bytes at every step of a connection, seeded: they end their connection, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kafkaesque::protocol::header::request_frame;
use kafkaesque::protocol::messages::{sasl_authenticate, sasl_handshake};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Besieged, Bounds, stranger};
use crate::attacks::patient;
use crate::certificates::encrypt;

const SEED: u64 = 7;
/// Connections of each of seven kinds. All together are fewer than there may be strangers, or some had to make room.
const ROUNDS: usize = 60;
/// The longest that a stranger whose bytes make no sense may stay: they may announce more than comes.
const PATIENCE: Duration = Duration::from_secs(22);
const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    let length = rng.usize(1..most);
    std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
}

/// The same bytes with some of them changed, or their end left out.
fn damaged(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.usize(1..8) {
        let at = rng.usize(..bytes.len());
        bytes[at] = rng.u8(..);
    }
    if rng.bool() {
        bytes.truncate(rng.usize(1..=bytes.len()));
    }
    bytes
}

/// Tokens that are nearly some.
fn odd_token(rng: &mut Rng) -> Vec<u8> {
    let tokens: [&[u8]; 5] = [
        b"\0alice\0secret",
        b"n,,n=alice,r=fyko+d2lbbFgONRv9qkxdawL",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"n,a=alice,\x01auth=Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA\x01\x01",
        b"\x01",
    ];
    let chosen = *rng.choice(tokens.iter()).expect("some");
    if rng.bool() { damaged(rng, chosen) } else { noise(rng, 600) }
}

fn frame<E: std::fmt::Debug>(frame: Result<Vec<bytes::Bytes>, E>) -> Vec<u8> {
    frame.expect("a request").concat()
}

/// A login whose tokens make no sense, and whatever is answered is not read.
fn odd_login(rng: &mut Rng) -> Vec<u8> {
    let mechanism = (*rng.choice(MECHANISMS.iter()).expect("some")).to_owned();
    let version = rng.i16(0..=1);
    let request = sasl_handshake::Request { mechanism };
    let mut bytes = frame(request_frame(&request, version, 1, None));
    for step in 2..2 + rng.i32(1..4) {
        let token = odd_token(rng);
        if version == 0 {
            bytes.extend(u32::try_from(token.len()).expect("a length").to_be_bytes());
            bytes.extend(token);
        } else {
            let request = sasl_authenticate::Request { auth_bytes: token.into() };
            bytes.extend(frame(request_frame(&request, rng.i16(0..=2), step, None)));
        }
    }
    if rng.bool() { damaged(rng, &bytes) } else { bytes }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: Vec<u8>) {
    let exchange = async {
        if stream.write_all(&bytes).await.is_ok() && stream.shutdown().await.is_ok() {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
        }
    };
    timeout(patient(PATIENCE), exchange).await.expect("the broker closes it");
}

/// Records of TLS behind a good first message.
async fn noise_in_handshake(to: SocketAddr, hello: Arc<Vec<u8>>, bytes: Vec<u8>) -> std::io::Result<()> {
    let mut stream = stranger(to).await?;
    stream.write_all(&hello).await?;
    stream.read_u8().await?;
    send(stream, [&[0x16, 3, 3][..], &bytes].concat()).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes_at_every_step() {
    let mut besieged = Besieged::start(&[]).await;
    let (hello, rng) = (Arc::new(besieged.hello()), &mut Rng::with_seed(SEED));
    let (sasl_ssl, sasl, config) = (besieged.sasl_ssl, besieged.sasl, Arc::clone(&besieged.config));
    let attack = async {
        let mut all = JoinSet::new();
        for _ in 0..ROUNDS {
            let (first, changed) = (noise(rng, 2000), damaged(rng, &hello));
            let record = [&[0x16, 3, 1][..], &noise(rng, 2000)].concat();
            for (to, bytes) in
                [(sasl_ssl, first.clone()), (sasl_ssl, changed), (sasl_ssl, record), (sasl, first)]
            {
                all.spawn(async move { send(stranger(to).await.expect("connects"), bytes).await });
            }
            let (hello, bytes) = (Arc::clone(&hello), noise(rng, 2000));
            all.spawn(async move {
                let _ = noise_in_handshake(sasl_ssl, hello, bytes).await;
            });
            let (config, bytes) =
                (Arc::clone(&config), if rng.bool() { noise(rng, 500) } else { odd_login(rng) });
            all.spawn(async move {
                let stream = stranger(sasl_ssl).await.expect("connects");
                // A handshake that stood in line for too long is none.
                if let Ok(stream) = encrypt(&config, stream).await {
                    send(stream, bytes).await;
                }
            });
            let bytes = odd_login(rng);
            all.spawn(async move { send(stranger(sasl).await.expect("connects"), bytes).await });
        }
        while let Some(ended) = all.join_next().await {
            ended.expect("the broker closes it");
        }
    };
    besieged.hold("random bytes", Bounds { slower: 2.0, mib: 50 }, attack).await;
    besieged.broker.stop();
}
