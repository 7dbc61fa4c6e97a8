//! The words of two brokers that do not know each other yet.
//!
//! ```text
//! caller  magic 8 | length u16 | oldest u16, latest u16 | nonce 32 | service u8 | caller i32, incarnation u64
//!                 | called i32, its newest incarnation known u64 | length u8, cluster id
//! called  length u16 | 0 | version u16 | nonce 32 | called i32, incarnation u64       or a refusal
//! caller  length u16 | proof 32
//! called  length u16 | 0 | proof 32                                                   or a refusal | proof 32
//! ```
//!
//! Numbers are big-endian. What follows the last known field is of a later version, and left alone.

use std::io::{self, ErrorKind};

use bytes::{Buf, BufMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::types::BrokerId;

pub(super) const MAGIC: &[u8; 8] = b"\xffKfkPeer";
pub(super) const NONCE_BYTES: usize = 32;
pub(super) const PROOF_BYTES: usize = 32;
/// More than any of these takes.
const MAX_FRAME_BYTES: usize = 1024;

pub(super) type Nonce = [u8; NONCE_BYTES];

/// Versions of what is said between brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    pub oldest: u16,
    pub latest: u16,
}

impl Versions {
    pub const OURS: Versions = Versions { oldest: 1, latest: 1 };

    /// The lower of what both know best.
    pub fn agree(self, other: Versions) -> Option<u16> {
        let version = self.latest.min(other.latest);
        (version >= self.oldest.max(other.oldest)).then_some(version)
    }
}

/// The first words of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub versions: Versions,
    pub nonce: Nonce,
    pub service: u8,
    pub caller: BrokerId,
    pub incarnation: u64,
    pub called: BrokerId,
    /// The newest incarnation of the called broker that the caller knows, or 0.
    pub newest: u64,
    pub cluster_id: String,
}

/// Why a connection between brokers was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "it speaks versions {} to {} of the protocol between brokers, and this broker does not",
        .0.oldest, .0.latest
    )]
    Version(Versions),
    #[error("it belongs to another cluster (CLUSTER_ID)")]
    Cluster,
    #[error("broker {0} is there instead")]
    Broker(BrokerId),
    #[error("it does not know what it is called for")]
    Service,
    #[error("the cluster secret is not the same on both sides (RAFT_CLUSTER_SECRET)")]
    Proof,
    #[error("it knows a newer process of this broker, incarnation {0}")]
    Replaced(u64),
    #[error("it found out that a newer process has its id")]
    Outdated,
    #[error("it says no, by number {0}, which this version does not know")]
    Unknown(u8),
}

/// The first words of a called broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Welcome {
    pub version: u16,
    pub nonce: Nonce,
    pub broker: BrokerId,
    pub incarnation: u64,
}

impl Hello {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96 + self.cluster_id.len());
        bytes.put_u16(self.versions.oldest);
        bytes.put_u16(self.versions.latest);
        bytes.put_slice(&self.nonce);
        bytes.put_u8(self.service);
        bytes.put_i32(self.caller.0);
        bytes.put_u64(self.incarnation);
        bytes.put_i32(self.called.0);
        bytes.put_u64(self.newest);
        // A configured id has at most 128 bytes.
        bytes.put_u8(u8::try_from(self.cluster_id.len()).unwrap_or(u8::MAX));
        bytes.put_slice(&self.cluster_id.as_bytes()[..self.cluster_id.len().min(usize::from(u8::MAX))]);
        bytes
    }

    pub fn decode(mut bytes: &[u8]) -> Option<Hello> {
        let bytes = &mut bytes;
        let versions = Versions { oldest: bytes.try_get_u16().ok()?, latest: bytes.try_get_u16().ok()? };
        let nonce = nonce(bytes)?;
        let service = bytes.try_get_u8().ok()?;
        let caller = BrokerId(bytes.try_get_i32().ok()?);
        let incarnation = bytes.try_get_u64().ok()?;
        let called = BrokerId(bytes.try_get_i32().ok()?);
        let newest = bytes.try_get_u64().ok()?;
        let len = usize::from(bytes.try_get_u8().ok()?);
        let cluster_id = String::from_utf8(bytes.get(..len)?.to_vec()).ok()?;
        Some(Hello { versions, nonce, service, caller, incarnation, called, newest, cluster_id })
    }
}

impl Welcome {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.put_u16(self.version);
        bytes.put_slice(&self.nonce);
        bytes.put_i32(self.broker.0);
        bytes.put_u64(self.incarnation);
        bytes
    }

    pub fn decode(mut bytes: &[u8]) -> Option<Result<Welcome, Refusal>> {
        let bytes = &mut bytes;
        if let Some(refusal) = Refusal::decode(bytes)? {
            return Some(Err(refusal));
        }
        let version = bytes.try_get_u16().ok()?;
        let nonce = nonce(bytes)?;
        let broker = BrokerId(bytes.try_get_i32().ok()?);
        let incarnation = bytes.try_get_u64().ok()?;
        Some(Ok(Welcome { version, nonce, broker, incarnation }))
    }
}

impl Refusal {
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Refusal::Version(Versions { oldest, latest }) => {
                bytes.put_u8(1);
                bytes.put_u16(oldest);
                bytes.put_u16(latest);
            }
            Refusal::Cluster => bytes.put_u8(2),
            Refusal::Broker(BrokerId(id)) => {
                bytes.put_u8(3);
                bytes.put_i32(id);
            }
            Refusal::Service => bytes.put_u8(4),
            Refusal::Proof => bytes.put_u8(5),
            Refusal::Replaced(newer) => {
                bytes.put_u8(6);
                bytes.put_u64(newer);
            }
            Refusal::Outdated => bytes.put_u8(7),
            Refusal::Unknown(number) => bytes.put_u8(number),
        }
        bytes
    }

    /// `Some(None)` if it is none.
    pub fn decode(bytes: &mut &[u8]) -> Option<Option<Refusal>> {
        Some(Some(match bytes.try_get_u8().ok()? {
            0 => return Some(None),
            1 => {
                let (oldest, latest) = (bytes.try_get_u16().ok()?, bytes.try_get_u16().ok()?);
                Refusal::Version(Versions { oldest, latest })
            }
            2 => Refusal::Cluster,
            3 => Refusal::Broker(BrokerId(bytes.try_get_i32().ok()?)),
            4 => Refusal::Service,
            5 => Refusal::Proof,
            6 => Refusal::Replaced(bytes.try_get_u64().ok()?),
            7 => Refusal::Outdated,
            number => Refusal::Unknown(number),
        }))
    }
}

fn nonce(bytes: &mut &[u8]) -> Option<Nonce> {
    let mut nonce = [0; NONCE_BYTES];
    bytes.try_copy_to_slice(&mut nonce).ok()?;
    Some(nonce)
}

/// Reads a caller's magic, byte by byte as it comes: who says something else has said enough.
pub(super) async fn read_magic(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut found = [0; MAGIC.len()];
    let mut len = 0;
    while len < MAGIC.len() {
        let read = stream.read(&mut found[len..]).await?;
        len += read;
        if read == 0 || found[..len] != MAGIC[..len] {
            return Err(io::Error::new(ErrorKind::InvalidData, "this is no broker's greeting"));
        }
    }
    Ok(())
}

pub(super) async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let len = usize::from(stream.read_u16().await?);
    if len > MAX_FRAME_BYTES {
        return Err(io::Error::new(ErrorKind::InvalidData, "this is no broker's greeting"));
    }
    let mut frame = vec![0; len];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// `prefix` stands before the length.
pub(super) async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    prefix: &[u8],
    frame: &[u8],
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(prefix.len() + 2 + frame.len());
    bytes.put_slice(prefix);
    bytes.put_u16(u16::try_from(frame.len()).map_err(|_| ErrorKind::InvalidInput)?);
    bytes.put_slice(frame);
    stream.write_all(&bytes).await?;
    stream.flush().await
}
