//! The acquaintance of two brokers, on either side of a connection.
//!
//! The caller proves itself first, so that a stranger who calls learns nothing that was made from the secret. All else
//! that is refused is refused after the proof, and with one: nobody else can end a process by saying that it is replaced.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Service;
use super::hello::{
    Hello, MAGIC, PROOF_BYTES, Refusal, Versions, Welcome, read_frame, read_magic, write_frame,
};
use super::known::Known;
use super::proof::{Binding, Role, Transcript, nonce};
use super::secret::ClusterSecret;
use crate::types::BrokerId;

/// This process, as it presents itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Me<'a> {
    pub broker: BrokerId,
    pub incarnation: u64,
    pub cluster_id: &'a str,
    pub versions: Versions,
}

/// The process on the other side, and what the connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    pub broker: BrokerId,
    pub incarnation: u64,
    pub service: Service,
    pub version: u16,
}

/// Why two brokers did not come to know each other.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("{0}")]
    Broken(#[from] io::Error),
    #[error("it does not speak the protocol between brokers")]
    Garbled,
    #[error("{0}")]
    Refused(Refusal),
    /// The refusal is this side's.
    #[error("refused: {0}")]
    Refuses(Refusal),
    #[error("it does not know the cluster secret (RAFT_CLUSTER_SECRET)")]
    Proof,
    #[error("it is an older process, incarnation {incarnation}, while {newest} is known")]
    Older { incarnation: u64, newest: u64 },
    #[error("no random bytes")]
    Random(#[from] aws_lc_rs::error::Unspecified),
}

/// The caller's side.
pub(super) async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    binding: &Binding,
    me: Me<'_>,
    (called, service): (BrokerId, Service),
    secret: &ClusterSecret,
    known: &Known,
) -> Result<Proven, HandshakeError> {
    let hello = Hello {
        versions: me.versions,
        nonce: nonce()?,
        service: service.number(),
        caller: me.broker,
        incarnation: me.incarnation,
        called,
        newest: known.newest(called),
        cluster_id: me.cluster_id.to_owned(),
    };
    let hello = hello.encode();
    write_frame(stream, MAGIC, &hello).await?;
    let said = read_frame(stream).await?;
    let welcome = Welcome::decode(&said).ok_or(HandshakeError::Garbled)?;
    let welcome = welcome.map_err(HandshakeError::Refused)?;
    let is_known = (me.versions.oldest..=me.versions.latest).contains(&welcome.version);
    if !is_known || welcome.broker != called {
        return Err(HandshakeError::Garbled);
    }

    let mut transcript = Transcript::new(binding);
    transcript.add(&hello);
    transcript.add(&said);
    let key = secret.key();
    write_frame(stream, &[], &key.prove(&transcript, Role::Caller)).await?;
    let verdict = read_frame(stream).await?;
    if let Some(Some(Refusal::Proof)) = Refusal::decode(&mut &verdict[..]) {
        secret.read_again().await;
        return Err(HandshakeError::Refused(Refusal::Proof));
    }
    let (verdict, proof) = verdict.split_last_chunk::<PROOF_BYTES>().ok_or(HandshakeError::Garbled)?;
    transcript.add(verdict);
    if !key.accepts(&transcript, Role::Called, proof) {
        secret.read_again().await;
        return Err(HandshakeError::Proof);
    }
    if let Some(refusal) = Refusal::decode(&mut &verdict[..]).ok_or(HandshakeError::Garbled)? {
        if let Refusal::Replaced(newer) = refusal {
            known.be_outdated(newer);
        }
        return Err(HandshakeError::Refused(refusal));
    }
    let Welcome { version, broker, incarnation, .. } = welcome;
    known.see(broker, incarnation).map_err(|newest| HandshakeError::Older { incarnation, newest })?;
    Ok(Proven { broker, incarnation, service, version })
}

/// The called side.
pub(super) async fn be_called<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    binding: &Binding,
    me: Me<'_>,
    secret: &ClusterSecret,
    known: &Known,
) -> Result<Proven, HandshakeError> {
    read_magic(stream).await?;
    let said = read_frame(stream).await?;
    let hello = Hello::decode(&said).ok_or(HandshakeError::Garbled)?;
    let (version, service) = match terms(&hello, me) {
        Ok(terms) => terms,
        Err(refusal) => return refuse(stream, refusal, &[]).await,
    };
    let welcome = Welcome { version, nonce: nonce()?, broker: me.broker, incarnation: me.incarnation };
    let welcome = welcome.encode();
    write_frame(stream, &[], &welcome).await?;

    let mut transcript = Transcript::new(binding);
    transcript.add(&said);
    transcript.add(&welcome);
    let proof = read_frame(stream).await?;
    let mut key = secret.key();
    if !key.accepts(&transcript, Role::Caller, &proof) {
        secret.read_again().await;
        key = secret.key();
        if !key.accepts(&transcript, Role::Caller, &proof) {
            return refuse(stream, Refusal::Proof, &[]).await;
        }
    }
    let refusal = judge(&hello, me, known);
    let verdict = refusal.map_or_else(|| vec![0], Refusal::encode);
    transcript.add(&verdict);
    let proof = key.prove(&transcript, Role::Called);
    match refusal {
        Some(refusal) => refuse(stream, refusal, &proof).await,
        None => {
            write_frame(stream, &[], &[&verdict[..], &proof].concat()).await?;
            let (broker, incarnation) = (hello.caller, hello.incarnation);
            Ok(Proven { broker, incarnation, service, version })
        }
    }
}

/// The terms of a connection, whoever the caller is.
fn terms(hello: &Hello, me: Me<'_>) -> Result<(u16, Service), Refusal> {
    let version = me.versions.agree(hello.versions).ok_or(Refusal::Version(me.versions))?;
    if hello.cluster_id != me.cluster_id {
        return Err(Refusal::Cluster);
    }
    if hello.called != me.broker || hello.caller == me.broker {
        return Err(Refusal::Broker(me.broker));
    }
    let service = Service::numbered(hello.service).ok_or(Refusal::Service)?;
    Ok((version, service))
}

/// The verdict over a caller that knows the secret.
fn judge(hello: &Hello, me: Me<'_>, known: &Known) -> Option<Refusal> {
    if let Err(newer) = known.see(hello.caller, hello.incarnation) {
        return Some(Refusal::Replaced(newer));
    }
    if hello.newest > me.incarnation {
        known.be_outdated(hello.newest);
    }
    (known.newest(me.broker) > me.incarnation).then_some(Refusal::Outdated)
}

async fn refuse<S: AsyncWrite + Unpin>(
    stream: &mut S,
    refusal: Refusal,
    proof: &[u8],
) -> Result<Proven, HandshakeError> {
    write_frame(stream, &[], &[&refusal.encode()[..], proof].concat()).await?;
    Err(HandshakeError::Refuses(refusal))
}
