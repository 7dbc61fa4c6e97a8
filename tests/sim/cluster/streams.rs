//! Connections of brokers and clients, as TCP gives them: streams of bytes that come late and in their order, wait while their
//! way is cut, end when a process does, and are reset now and then.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use kafkaesque::peer::{ByteStream, Dial, DialError};
use kafkaesque::runtime::clock::Instant;
use kafkaesque::runtime::{Runtime, TaskKind};
use kafkaesque::store::faults::Contact;
use kafkaesque::types::BrokerId;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::host::{Condition, Host};
use super::network::{Network, Weather};
use crate::simulate;

/// Bytes that either end of a connection takes before they are on their way.
const BUFFER_BYTES: usize = 64 * 1024;
/// The most bytes that travel as one.
const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks that are on one way at a time.
const MOST_CHUNKS: usize = 64;

/// All connections. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    network: Network,
    ports: Arc<Mutex<BTreeMap<BrokerId, Port>>>,
}

/// The place where a process can be called.
#[derive(Clone)]
struct Port {
    host: Host,
    backlog: mpsc::UnboundedSender<DuplexStream>,
}

/// Connections to one process that it has not accepted yet.
pub struct Listener {
    host: Host,
    backlog: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Streams {
    pub fn new(network: &Network) -> Streams {
        Streams { network: network.clone(), ports: Arc::default() }
    }

    /// A process can be called from now on, instead of the one before it.
    pub fn listen(&self, host: &Host) -> Listener {
        let (backlog, waiting) = mpsc::unbounded_channel();
        self.ports.lock().insert(host.id, Port { host: host.clone(), backlog });
        Listener { host: host.clone(), backlog: waiting }
    }

    /// The way in which a process opens connections.
    pub fn dial(&self, host: &Host) -> Dial {
        let (streams, host) = (self.clone(), host.clone());
        Box::new(move |place| streams.clone().connect(host.clone(), place).boxed())
    }

    async fn connect(self, host: Host, place: String) -> Result<Box<dyn ByteStream>, DialError> {
        let peer = broker_at(&place);
        host.condition.runs().await;
        self.pass(host.id, peer).await;
        let port = self.ports.lock().get(&peer).filter(|port| !port.host.condition.is_gone()).cloned();
        self.pass(peer, host.id).await;
        host.condition.runs().await;
        let refused = DialError { is_refused: true, reason: format!("{place}: connection refused") };
        let Some(port) = port else { return Err(refused) };
        let (near, far) = join(&self.network, &host, &port.host);
        if port.backlog.send(far).is_err() {
            return Err(refused);
        }
        Ok(Box::new(near))
    }

    /// Waits as long as a packet takes.
    async fn pass(&self, from: BrokerId, to: BrokerId) {
        self.network.sleep(self.network.latency()).await;
        self.network.until_open(from, to).await;
    }
}

/// The two ends of a new connection.
pub fn join(network: &Network, caller: &Host, called: &Host) -> (DuplexStream, DuplexStream) {
    let (near, far) = (tokio::io::duplex(BUFFER_BYTES), tokio::io::duplex(BUFFER_BYTES));
    let ((near_source, near_sink), (far_source, far_sink)) =
        (tokio::io::split(near.1), tokio::io::split(far.0));
    let connection = Connection { network: network.clone(), state: Condition::new() };
    let tasks = &network.runtime().tasks;
    let way = Way::new(connection.clone(), (caller, near_source), (called, far_sink));
    tasks.spawn(TaskKind::Peer, way.carry());
    let way = Way::new(connection, (called, far_source), (caller, near_sink));
    tasks.spawn(TaskKind::Peer, way.carry());
    (near.0, far.1)
}

impl Listener {
    /// The next connection. None once the process is gone.
    pub async fn accept(&mut self) -> Option<DuplexStream> {
        let stream = tokio::select! {
            biased;
            () = self.host.condition.gone() => return None,
            stream = self.backlog.recv() => stream?,
        };
        self.host.condition.runs_or_is_gone().await.then_some(stream)
    }
}

fn broker_at(place: &str) -> BrokerId {
    let id = place.strip_prefix("broker-").and_then(|place| place.strip_suffix(":9093"));
    BrokerId(id.and_then(|id| id.parse().ok()).expect("a place of a broker"))
}

/// A connection, both ways.
#[derive(Clone)]
struct Connection {
    network: Network,
    /// Gone once it was reset.
    state: Condition,
}

/// One direction of a connection.
struct Way {
    connection: Connection,
    from: Host,
    to: Host,
    source: ReadHalf<DuplexStream>,
    sink: WriteHalf<DuplexStream>,
    /// Chunks, with the time when they arrive. None is the end.
    travelling: VecDeque<(Instant, Option<Bytes>)>,
    has_ended: bool,
}

impl Way {
    fn new(
        connection: Connection,
        (from, source): (&Host, ReadHalf<DuplexStream>),
        (to, sink): (&Host, WriteHalf<DuplexStream>),
    ) -> Way {
        Way {
            connection,
            from: from.clone(),
            to: to.clone(),
            source,
            sink,
            travelling: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Carries what is written until either end is closed, its process gone, or the connection reset.
    async fn carry(mut self) {
        loop {
            let next = self.travelling.front().map(|(due, _)| *due);
            let has_room = !self.has_ended && self.travelling.len() < MOST_CHUNKS;
            tokio::select! {
                biased;
                () = self.connection.state.gone() => break,
                read = read(&mut self.source, &self.from.condition), if has_room => self.sent(read),
                arrived = arrive(&self.connection.network, &self.from, &self.to, next), if next.is_some() => {
                    let chunk = self.travelling.pop_front().and_then(|(_, chunk)| chunk);
                    let Some(chunk) = chunk.filter(|_| arrived) else { break };
                    if self.sink.write_all(&chunk).await.is_err() {
                        break;
                    }
                }
            }
        }
        // The other end may have closed it.
        let _ = self.sink.shutdown().await;
    }

    fn sent(&mut self, chunk: Option<Bytes>) {
        let network = &self.connection.network;
        if network.resets() {
            self.connection.state.set(Contact::Gone);
        }
        self.has_ended = chunk.is_none();
        let due = network.runtime().clock.instant() + network.latency() + network.loss_delay();
        let before = self.travelling.back().map_or(due, |(before, _)| *before);
        self.travelling.push_back((due.max(before), chunk));
    }
}

/// The next bytes of a process that runs. None when it has closed the connection, or is gone. Nothing is lost if this is dropped.
async fn read(source: &mut ReadHalf<DuplexStream>, condition: &Condition) -> Option<Bytes> {
    while condition.runs_or_is_gone().await {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        tokio::select! {
            biased;
            () = condition.stands_still() => {}
            read = source.read_buf(&mut chunk) => {
                return read.ok().filter(|count| *count > 0).map(|_| chunk.freeze());
            }
        }
    }
    None
}

/// Waits until bytes have come through. False if there is nobody to take them.
async fn arrive(network: &Network, from: &Host, to: &Host, due: Option<Instant>) -> bool {
    network.runtime().clock.reach(due).await;
    network.until_open(from.id, to.id).await;
    to.condition.runs_or_is_gone().await
}

/// A connection of broker 1 to broker 2, at both ends.
async fn connected(network: &Network, one: &Host, two: &Host) -> (Box<dyn ByteStream>, DuplexStream) {
    let streams = Streams::new(network);
    let mut listener = streams.listen(two);
    let near = streams.dial(one)("broker-2:9093".to_owned()).await.expect("it listens");
    (near, listener.accept().await.expect("it runs"))
}

fn host(id: i32) -> Host {
    Host { id: BrokerId(id), condition: Condition::new() }
}

#[test]
fn bytes_wait_while_their_way_is_cut_and_keep_their_order() {
    simulate(async {
        let network = Network::new(&Runtime::simulated(1));
        let (one, two) = (host(1), host(2));
        let (mut near, mut far) = connected(&network, &one, &two).await;
        network.set(Weather { latency: Duration::from_millis(20), loss: 50, ..Weather::default() });
        network.cut(one.id, two.id);
        for number in 0..100 {
            near.write_u8(number).await.expect("it is taken");
            network.sleep(Duration::from_millis(1)).await;
        }
        let clock = &network.runtime().clock;
        assert!(clock.timeout(Duration::from_secs(5), far.read_u8()).await.is_err(), "nothing comes");
        far.write_u8(100).await.expect("it is taken");
        assert_eq!(near.read_u8().await.expect("the other way is open"), 100);
        network.mend();
        let mut all = [0; 100];
        far.read_exact(&mut all).await.expect("all comes");
        assert!(all.iter().copied().eq(0..100));
    });
}

#[test]
fn a_process_that_stands_still_hears_nothing_and_one_that_is_gone_ends_its_connections() {
    simulate(async {
        let network = Network::new(&Runtime::simulated(1));
        let (one, two) = (host(1), host(2));
        let (mut near, mut far) = connected(&network, &one, &two).await;
        let (clock, soon) = (&network.runtime().clock, Duration::from_secs(1));
        two.condition.set(Contact::Paused);
        near.write_u8(1).await.expect("it is taken");
        assert!(clock.timeout(soon, far.read_u8()).await.is_err());
        two.condition.set(Contact::Full);
        assert_eq!(far.read_u8().await.expect("it hears"), 1);
        network.cut(two.id, one.id);
        two.condition.set(Contact::Gone);
        assert!(clock.timeout(soon, near.read(&mut [0])).await.is_err(), "nobody can say so");
        network.mend();
        assert_eq!(near.read(&mut [0]).await.expect("an end"), 0);
    });
}

#[test]
fn a_dial_is_refused_where_nobody_listens_and_hangs_where_nothing_passes() {
    simulate(async {
        let network = Network::new(&Runtime::simulated(1));
        let (one, two) = (host(1), host(2));
        let streams = Streams::new(&network);
        let _listener = streams.listen(&two);
        let dial = streams.dial(&one);
        let dial = || dial("broker-2:9093".to_owned());
        two.condition.set(Contact::Gone);
        assert!(dial().await.err().expect("nobody is there").is_refused);
        network.cut(two.id, one.id);
        let clock = &network.runtime().clock;
        assert!(clock.timeout(Duration::from_secs(10), dial()).await.is_err());
    });
}

#[test]
fn a_connection_that_is_reset_ends_at_both_ends() {
    simulate(async {
        let network = Network::new(&Runtime::simulated(1));
        let (one, two) = (host(1), host(2));
        let (mut near, mut far) = connected(&network, &one, &two).await;
        network.set(Weather { resets: 1_000, ..Weather::default() });
        near.write_u8(1).await.expect("it is taken");
        assert_eq!(far.read(&mut [0]).await.expect("an end"), 0);
        assert_eq!(near.read(&mut [0]).await.expect("an end"), 0);
    });
}
