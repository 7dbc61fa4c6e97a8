//! Encrypted answers, and clients that take them slowly. One connection in memory, whose buffer is small.

use tokio_rustls::client::TlsStream;

use super::*;
use crate::net::Pace;
use crate::tls::Acceptor;
use crate::tls::tests::support::{Authority, connect};

const PACE: Pace = Pace { grace: Duration::from_secs(2), bytes_per_second: 1000 };

/// The client's side, with what the world knows of the server's.
struct Encrypted {
    client: TlsStream<DuplexStream>,
    service: Arc<Manual>,
    reason: Arc<Mutex<Option<CloseReason>>>,
    runtime: Runtime,
}

impl Encrypted {
    async fn new() -> Encrypted {
        let (runtime, authority) = (Runtime::simulated(1), Authority::new());
        let acceptor = Acceptor::open("TEST", authority.server(), &runtime).expect("opens");
        let (near, far) = tokio::io::duplex(2048);
        let connector = authority.client(None, &runtime);
        let (client, server) = tokio::join!(connect(&connector, near), acceptor.accept(far));
        let server = server.map_err(|(error, _)| error).expect("accepts");
        let limits = Limits { pace: PACE, ..Limits::default() };
        // The world's own client is not used.
        let (unused, _) = tokio::io::duplex(1);
        let world = World::with_stream(limits, runtime, Manual::default(), unused, server.into_split());
        let World { runtime, service, reason, .. } = world;
        Encrypted { client: client.expect("connects"), service, reason, runtime }
    }

    async fn send(&mut self, request: &str) {
        self.client.write_all(&frame(request.as_bytes())).await.expect("is sent");
        self.client.flush().await.expect("leaves");
        self.runtime.clock.sleep(Duration::from_millis(1)).await;
    }

    async fn seconds(&self, seconds: f64) {
        self.runtime.clock.sleep(Duration::from_secs_f64(seconds)).await;
    }

    fn reason(&self) -> Option<CloseReason> {
        *self.reason.lock()
    }
}

/// The encryption takes all of it at once, and hardly any of it leaves.
#[tokio::test(start_paused = true)]
async fn bytes_that_the_encryption_took_have_not_left() {
    let mut world = Encrypted::new().await;
    world.send("f1").await;
    world.service.finish("f1", Answer::frame(vec![Bytes::from(vec![0; 20_000])]));
    world.seconds(2.5).await;
    assert_eq!(world.reason(), None);
    world.seconds(2.0).await;
    assert_eq!(world.reason(), Some(CloseReason::SlowReader));
}

/// Half of what is asked for is too slow, twice that is enough.
#[tokio::test(start_paused = true)]
async fn the_pace_of_a_slow_reader_is_that_of_bytes_that_left() {
    for (bytes_per_second, is_enough) in [(500.0, false), (2000.0, true)] {
        let mut world = Encrypted::new().await;
        world.send("f1").await;
        world.service.finish("f1", Answer::frame(vec![Bytes::from(vec![7; 20_000])]));
        let raw = world.client.get_mut().0;
        let mut read = 0;
        while read < 20_500 {
            let mut part = [0; 64];
            let Ok(count @ 1..) = raw.read(&mut part).await else { break };
            read += count;
            let pause = Duration::from_secs_f64(count as f64 / bytes_per_second);
            world.runtime.clock.sleep(pause).await;
        }
        world.runtime.clock.sleep(Duration::from_millis(100)).await;
        let expected = if is_enough { None } else { Some(CloseReason::SlowReader) };
        assert_eq!(*world.reason.lock(), expected, "{bytes_per_second} bytes per second, {read} read");
    }
}

/// Answers leave without another byte from the client, whatever their size.
#[tokio::test(start_paused = true)]
async fn each_answer_arrives_by_itself() {
    let mut world = Encrypted::new().await;
    for size in (16_300..16_420).chain([1, 2, 3, 32_768, 65_536, 65_537, 300_000]) {
        world.send(&format!("f{size}")).await;
        world.service.finish(&format!("f{size}"), Answer::frame(vec![Bytes::from(vec![7; size])]));
        let received = receive(&mut world.client);
        let received = world.runtime.clock.timeout(Duration::from_secs(1), received).await;
        assert_eq!(received.expect("at once").expect("arrives").len(), size);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_a_word() {
    let mut world = Encrypted::new().await;
    world.send("a1").await;
    world.service.finish("a1", text("no").closing(CloseReason::Authentication));
    let mut all = Vec::new();
    // A stream cut off would be an error.
    world.client.read_to_end(&mut all).await.expect("ends as it should");
    assert_eq!(all, frame(b"no"));
}
