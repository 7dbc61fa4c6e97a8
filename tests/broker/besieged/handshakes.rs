//! TLS handshakes that go no further than what costs the broker most.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Besieged, Bounds, stranger};
use crate::attacks::DURING;

const TICK: Duration = Duration::from_millis(20);
const PER_TICK: usize = 10;

/// Handshakes for so long, each of which ends behind the broker's first answer. Counts those.
pub(super) async fn rush(
    time: Duration,
    to: SocketAddr,
    hello: Arc<Vec<u8>>,
    answered: Arc<AtomicUsize>,
) -> JoinSet<std::io::Result<usize>> {
    let mut all = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for _ in 0..time.as_millis() / TICK.as_millis() {
        ticks.tick().await;
        for _ in 0..PER_TICK {
            let (hello, answered) = (Arc::clone(&hello), Arc::clone(&answered));
            all.spawn(async move {
                let mut stream = stranger(to).await?;
                stream.write_all(&hello).await?;
                // The broker has signed by now.
                stream.read_u8().await?;
                answered.fetch_add(1, Ordering::Relaxed);
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await
            });
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_handshakes_a_second_that_go_no_further() {
    let mut besieged = Besieged::start(&[]).await;
    let hello = Arc::new(besieged.hello());
    let answered = Arc::new(AtomicUsize::new(0));
    let attack = rush(DURING, besieged.sasl_ssl, hello, Arc::clone(&answered));
    let bounds = Bounds { slower: 2.0, mib: 50 };
    let mut all = besieged.hold("500 handshakes a second that go no further", bounds, attack).await;
    let answered = answered.load(Ordering::Relaxed);
    println!("  {answered} of {} were answered", all.len());
    assert!(answered > 500, "there was something to compute");
    all.shutdown().await;
}
