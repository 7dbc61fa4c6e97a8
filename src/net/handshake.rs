//! The TLS handshake of a connection: it has its own deadline, and takes its turn with the others.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

use super::budget::{Budget, Share};
use super::connection::{Client, Shared};
use super::first_bytes::Start;
use super::metrics::Dropped;
use super::service::CloseReason;
use crate::tls::{Acceptor, Stream};

/// Handshakes that each processor may have to compute at one time. The others wait, so that requests get their turn.
const PER_PROCESSOR: usize = 2;
/// Bytes of a handshake that are not counted: more than clients send that show no certificate ..
const FREE_BYTES: u64 = 8 * 1024;
/// .. and steps by which the others are: as much may be read at a time.
const STEP_BYTES: u32 = 4 * 1024;
/// The time that a client has to read why its handshake failed.
const LINGER: Duration = Duration::from_secs(1);

/// Turns for all handshakes of a server.
pub(super) fn turns() -> Arc<Semaphore> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(processors * PER_PROCESSOR))
}

/// Makes an encrypted stream of a connection, or says why there is none.
pub(super) async fn encrypt<S>(
    shared: &Shared<S>,
    client: &Client,
    acceptor: &Acceptor,
    stream: TcpStream,
) -> Result<Stream<TcpStream>, CloseReason> {
    let clock = &shared.clock;
    let started = clock.instant();
    let shake = clock.timeout(shared.limits.strangers.handshake, shake(shared, acceptor, stream));
    let shaken = tokio::select! {
        biased;
        reason = client.newcomer.closer.closed() => {
            client.metrics.dropped(Dropped::Room);
            return Err(reason);
        }
        () = shared.shutdown.requested() => return Err(CloseReason::Shutdown),
        shaken = shake => shaken,
    };
    let failed = match shaken {
        Ok(Ok(stream)) => {
            client.metrics.handshake(true, clock.instant().duration_since(started));
            return Ok(stream);
        }
        Ok(Err(failed)) => failed,
        Err(_) => Failed::Cut(Dropped::SlowHandshake),
    };
    client.metrics.handshake(false, clock.instant().duration_since(started));
    fail(shared, client, failed).await;
    Err(CloseReason::Handshake)
}

/// A handshake that came to nothing.
enum Failed {
    /// The client is left alone.
    Cut(Dropped),
    /// The client speaks another protocol.
    Protocol(Option<&'static str>),
    /// One side did not take the other's word.
    Refused(std::io::Error, TcpStream),
    Broken,
}

async fn shake<S>(
    shared: &Shared<S>,
    acceptor: &Acceptor,
    stream: TcpStream,
) -> Result<Stream<TcpStream>, Failed> {
    let mut start = [0; 4];
    let first_byte = shared.clock.timeout(shared.limits.strangers.first_byte, stream.peek(&mut start));
    match first_byte.await {
        Err(_) => return Err(Failed::Cut(Dropped::Silent)),
        Ok(Err(_) | Ok(0)) => return Err(Failed::Broken),
        Ok(Ok(count)) => match Start::of(&start[..count]) {
            Start::Tls => {}
            Start::Other(protocol) => return Err(Failed::Protocol(protocol)),
        },
    }
    // Boxed, as its room is of no use afterwards.
    let accepting = Box::pin(acceptor.accept_within(stream, memory(shared.strange_frames.budget.clone())));
    in_turn(&shared.handshakes, accepting).await.map_err(|(error, stream)| match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Failed::Broken,
        ErrorKind::QuotaExceeded => Failed::Cut(Dropped::Memory),
        _ => Failed::Refused(error, stream),
    })
}

/// Memory for a handshake, of which the first bytes are part of what any stranger costs. The others are those of long
/// chains of certificates, and come out of what strangers have for their requests.
fn memory(budget: Budget) -> impl FnMut(u64) -> bool + Send + Sync + 'static {
    let (mut share, mut paid) = (Share::default(), FREE_BYTES);
    move |arrived| {
        while paid < arrived + u64::from(STEP_BYTES) {
            if !budget.try_grow(&mut share, STEP_BYTES) {
                return false;
            }
            paid += u64::from(STEP_BYTES);
        }
        true
    }
}

async fn fail<S>(shared: &Shared<S>, client: &Client, failed: Failed) {
    let peer = client.peer.address;
    let now = shared.clock.instant();
    let due = |what| shared.complaints.due((peer.ip().to_canonical(), Some(what)), now);
    match failed {
        Failed::Cut(cause) => client.metrics.dropped(cause),
        Failed::Broken => client.metrics.dropped(Dropped::FailedHandshake),
        Failed::Protocol(protocol) => {
            client.metrics.dropped(Dropped::Protocol);
            if let Some(left_out) = due("no TLS") {
                tracing::info!(
                    %peer, listener = %client.peer.listener, protocol, left_out,
                    hint = "this listener takes TLS alone: security.protocol has to be SSL or SASL_SSL",
                    "a client speaks another protocol, connection closed"
                );
            }
        }
        Failed::Refused(error, mut stream) => {
            client.metrics.dropped(Dropped::FailedHandshake);
            if let Some(left_out) = due("TLS handshake") {
                let listener = &*client.peer.listener;
                tracing::info!(%peer, listener, %error, left_out, "a TLS handshake failed");
            }
            let linger = async {
                // Closing with bytes unread resets the connection, and the client may never see the alert.
                if stream.shutdown().await.is_ok() {
                    let mut unread = [0; 1024];
                    while stream.read(&mut unread).await.is_ok_and(|count| count > 0) {}
                }
            };
            tokio::select! {
                _ = shared.clock.timeout(LINGER, linger) => {}
                () = shared.kill.requested() => {}
            }
        }
    }
}

/// Runs `work`, each of whose steps waits until fewer others are being computed. A client that lets its handshake wait
/// holds up nobody.
async fn in_turn<F: Future>(turns: &Arc<Semaphore>, mut work: Pin<Box<F>>) -> F::Output {
    let mut turns = PollSemaphore::new(Arc::clone(turns));
    std::future::poll_fn(|cx| {
        // Never closed, so there is a turn.
        let _turn = ready!(turns.poll_acquire(cx));
        work.as_mut().poll(cx)
    })
    .await
}
