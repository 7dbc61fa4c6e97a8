//! Networks that are connected in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::io::DuplexStream;

use crate::peer::hello::Versions;
use crate::peer::wire::{ByteStream, Dial, DialError};
use crate::peer::{Answers, ClusterSecret, Member, Network, Service, Settings, Tls, Unreachable};
use crate::runtime::{Runtime, Secret, Shutdown};
use crate::types::BrokerId;

pub const CLUSTER: &str = "a-cluster";
pub const SECRET: &str = "sixteen bytes or more";
/// The place that streams in memory come from.
pub const MEMORY: &str = "memory";
/// Enough for anything that is to succeed.
pub const LIMIT: Duration = Duration::from_secs(10);
/// Bytes that a connection in memory takes before its reader does.
const PIPE_BYTES: usize = 64 * 1024;

pub fn secret(text: &str) -> ClusterSecret {
    ClusterSecret::given(&Secret::new(text)).unwrap()
}

pub fn pipe() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(PIPE_BYTES)
}

/// Answers with what was asked, now or later.
#[derive(Default)]
pub struct Script {
    /// Calls that were begun, and futures of calls that were dropped.
    pub begun: AtomicUsize,
    pub dropped: AtomicUsize,
    pub callers: Mutex<Vec<(BrokerId, Service)>>,
    held: Shutdown,
}

impl Script {
    /// Calls for "slow" wait until the result is requested.
    pub fn hold(&self) -> Shutdown {
        self.held.clone()
    }
}

struct Dropped<'a>(&'a AtomicUsize);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Answers for Script {
    async fn answer(&self, caller: BrokerId, service: Service, request: Bytes) -> Bytes {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.callers.lock().push((caller, service));
        let _dropped = Dropped(&self.dropped);
        match &request[..] {
            request if request.starts_with(b"wait") => std::future::pending().await,
            b"slow" => {
                self.held.requested().await;
                request
            }
            b"too large" => Bytes::from(vec![0; crate::peer::MAX_MESSAGE_BYTES + 1]),
            _ => request,
        }
    }
}

/// Places in memory. A broker is at `broker-ID:9093`.
#[derive(Clone)]
pub struct World {
    pub runtime: Runtime,
    places: Arc<Mutex<HashMap<String, Listening>>>,
}

/// Takes a connection; false if nobody is there any more.
type Listening = Arc<dyn Fn(DuplexStream) -> bool + Send + Sync>;

/// A broker of a [`World`].
pub struct Broker {
    pub network: Arc<Network>,
    pub script: Arc<Script>,
}

/// The traits by which a broker differs from the others.
#[derive(Clone)]
pub struct Traits {
    pub incarnation: u64,
    pub cluster_id: &'static str,
    pub secret: ClusterSecret,
    pub tls: Tls,
    pub versions: Versions,
}

impl Default for Traits {
    fn default() -> Traits {
        Traits {
            incarnation: 1,
            cluster_id: CLUSTER,
            secret: secret(SECRET),
            tls: Tls::off(),
            versions: Versions::OURS,
        }
    }
}

pub fn place(id: i32) -> String {
    format!("broker-{id}:9093")
}

impl World {
    pub fn new() -> World {
        World { runtime: Runtime::simulated(1), places: Arc::default() }
    }

    fn dial(&self) -> Dial {
        let places = Arc::clone(&self.places);
        Box::new(move |place| {
            let listening = places.lock().get(&place).cloned();
            async move {
                let (here, there) = pipe();
                match listening.is_some_and(|take| take(there)) {
                    true => Ok(Box::new(here) as Box<dyn ByteStream>),
                    false => Err(DialError { is_refused: true, reason: format!("{place}: nobody") }),
                }
            }
            .boxed()
        })
    }

    /// A broker that does not serve yet.
    pub fn bound(&self, id: i32, traits: &Traits) -> Broker {
        let settings = Settings {
            broker: BrokerId(id),
            peers: HashMap::new(),
            secret: traits.secret.clone(),
            tls: traits.tls.clone(),
        };
        let network = Network::without_listener(settings, traits.versions, self.dial(), &self.runtime);
        let network = Arc::new(network);
        let listening = Arc::downgrade(&network);
        self.listen(id, move |stream| {
            listening.upgrade().map(|network| network.take(stream, MEMORY.to_owned())).is_some()
        });
        Broker { network, script: Arc::default() }
    }

    pub fn broker(&self, id: i32, traits: &Traits) -> Broker {
        let broker = self.bound(id, traits);
        broker.network.serve(broker.member(traits));
        broker
    }

    /// Connections to this broker are taken so.
    pub fn listen(&self, id: i32, take: impl Fn(DuplexStream) -> bool + Send + Sync + 'static) {
        self.places.lock().insert(place(id), Arc::new(take));
    }

    /// Nobody is there any more.
    pub fn forget(&self, id: i32) {
        self.places.lock().remove(&place(id));
    }

    /// Two brokers that have nothing peculiar.
    pub fn pair(&self) -> (Broker, Broker) {
        (self.broker(1, &Traits::default()), self.broker(2, &Traits::default()))
    }
}

impl Broker {
    pub fn member(&self, traits: &Traits) -> Member {
        Member {
            cluster_id: traits.cluster_id.to_owned(),
            incarnation: traits.incarnation,
            answers: Arc::clone(&self.script) as Arc<dyn Answers>,
            registered: Box::new(|id| vec![place(id.0)]),
        }
    }

    pub async fn ask(
        &self,
        peer: i32,
        service: Service,
        request: impl Into<Bytes>,
    ) -> Result<Bytes, Unreachable> {
        self.network.transport().call(BrokerId(peer), service, request.into(), LIMIT).await
    }

    /// The reason why nothing came back.
    pub async fn refusal(&self, peer: i32) -> String {
        let refused = self.ask(peer, Service::Raft, "hello").await.unwrap_err();
        assert!(!refused.is_refused, "{refused}");
        refused.reason
    }

    pub fn begun(&self) -> usize {
        self.script.begun.load(Ordering::SeqCst)
    }

    pub fn dropped(&self) -> usize {
        self.script.dropped.load(Ordering::SeqCst)
    }
}

/// Waits for something that is about to become true.
pub async fn soon(runtime: &Runtime, what: &str, is_true: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_true() {
            return;
        }
        runtime.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came: {what}");
}
