//! The network between brokers, in memory: what is sent takes time, is lost, comes twice, and lines are cut, each way by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use kafkaesque::peer::{Answers, Service, Transport, Unreachable};
use kafkaesque::runtime::{Runtime, TaskKind};
use kafkaesque::types::BrokerId;
use parking_lot::Mutex;

use super::host::Host;

/// The share of calls that go wrong, and the longest that one takes on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub latency: Duration,
    /// Percent.
    pub loss: u64,
    /// Percent.
    pub twice: u64,
    /// Connections that end with what they carry, of a thousand times that they carry something.
    pub resets: u64,
}

/// All lines. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    runtime: Runtime,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    weather: Weather,
    /// From whom nothing reaches whom.
    cut: BTreeSet<(BrokerId, BrokerId)>,
    listening: BTreeMap<BrokerId, Listener>,
}

#[derive(Clone)]
struct Listener {
    answers: Arc<dyn Answers>,
    host: Host,
}

/// One process's end of the network.
pub struct Line {
    pub host: Host,
    pub network: Network,
}

impl Network {
    pub fn new(runtime: &Runtime) -> Network {
        Network { runtime: runtime.clone(), lines: Arc::default() }
    }

    pub fn set(&self, weather: Weather) {
        self.lines.lock().weather = weather;
    }

    pub fn cut(&self, from: BrokerId, to: BrokerId) {
        self.lines.lock().cut.insert((from, to));
    }

    /// Both ways between a broker and all others are as they should be.
    pub fn rejoin(&self, broker: BrokerId) {
        self.lines.lock().cut.retain(|(from, to)| *from != broker && *to != broker);
    }

    pub fn mend(&self) {
        self.lines.lock().cut.clear();
    }

    /// A process can be called from now on, instead of the one before it.
    pub fn listen(&self, host: &Host, answers: Arc<dyn Answers>) {
        self.lines.lock().listening.insert(host.id, Listener { answers, host: host.clone() });
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn is_cut(&self, from: BrokerId, to: BrokerId) -> bool {
        self.lines.lock().cut.contains(&(from, to))
    }

    fn loses(&self) -> bool {
        let loss = self.lines.lock().weather.loss;
        self.runtime.rng.below(100) < loss
    }

    fn passes(&self, from: BrokerId, to: BrokerId) -> bool {
        let is_cut = self.is_cut(from, to);
        !self.loses() && !is_cut
    }

    /// Time that the next packet takes.
    pub fn latency(&self) -> Duration {
        let latency = self.lines.lock().weather.latency;
        Duration::from_micros(50 + self.runtime.rng.below(latency.as_micros() as u64 + 1))
    }

    /// Time until a packet that may be lost was sent again.
    pub fn loss_delay(&self) -> Duration {
        match self.loses() {
            true => Duration::from_millis(200 + self.runtime.rng.below(800)),
            false => Duration::ZERO,
        }
    }

    /// True if the connection ends with the next packet.
    pub fn resets(&self) -> bool {
        let resets = self.lines.lock().weather.resets;
        resets > 0 && self.runtime.rng.below(1_000) < resets
    }

    pub async fn sleep(&self, duration: Duration) {
        self.runtime.clock.sleep(duration).await;
    }

    /// Returns when what was sent again and again has come through.
    pub async fn until_open(&self, from: BrokerId, to: BrokerId) {
        while self.is_cut(from, to) {
            self.sleep(Duration::from_millis(100 + self.runtime.rng.below(300))).await;
        }
    }

    async fn travel(&self) {
        self.sleep(self.latency()).await;
    }

    fn listener(&self, broker: BrokerId) -> Option<Listener> {
        let lines = self.lines.lock();
        lines.listening.get(&broker).filter(|listener| !listener.host.condition.is_gone()).cloned()
    }

    /// Delivers a call once more, when nobody waits for its answer.
    fn repeat(&self, from: BrokerId, to: BrokerId, service: Service, request: Bytes) {
        let twice = self.lines.lock().weather.twice;
        if self.runtime.rng.below(100) >= twice {
            return;
        }
        let network = self.clone();
        self.runtime.tasks.spawn(TaskKind::Peer, async move {
            let after = Duration::from_millis(network.runtime.rng.below(1_500));
            network.runtime.clock.sleep(after).await;
            if let Some(listener) = network.listener(to).filter(|_| network.passes(from, to)) {
                listener.host.condition.runs().await;
                listener.answers.answer(from, service, request).await;
            }
        });
    }

    async fn call(
        &self,
        from: BrokerId,
        to: BrokerId,
        service: Service,
        request: Bytes,
    ) -> Result<Bytes, bool> {
        self.travel().await;
        if !self.passes(from, to) {
            return std::future::pending().await;
        }
        let Some(listener) = self.listener(to) else {
            return if self.passes(to, from) { Err(true) } else { std::future::pending().await };
        };
        listener.host.condition.runs().await;
        self.repeat(from, to, service, request.clone());
        let answer = listener.answers.answer(from, service, request).await;
        listener.host.condition.runs().await;
        self.travel().await;
        if self.passes(to, from) { Ok(answer) } else { std::future::pending().await }
    }
}

#[async_trait]
impl Transport for Line {
    async fn call(
        &self,
        peer: BrokerId,
        service: Service,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        self.host.condition.runs().await;
        let clock = &self.network.runtime.clock;
        let called = clock.timeout(limit, self.network.call(self.host.id, peer, service, request)).await;
        self.host.condition.runs().await;
        let failed =
            |is_refused, reason: &str| Unreachable { broker: peer, is_refused, reason: reason.to_owned() };
        match called {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(is_refused)) => Err(failed(is_refused, "connection refused")),
            Err(_) => Err(failed(false, "no answer")),
        }
    }
}
