//! The way in which the calls of one process come to others: each call by itself, or the transport of real brokers on streams
//! of bytes.

use std::collections::HashMap;
use std::sync::Arc;

use kafkaesque::cluster::Answering;
use kafkaesque::metadata::{Metadata, Voter};
use kafkaesque::peer::{self, Answers, ClusterSecret, Member, Settings, Tls, Transport};
use kafkaesque::runtime::{Runtime, Secret, TaskKind};
use parking_lot::Mutex;

use super::host::Host;
use super::network::{Line, Network};
use super::streams::{Listener, Streams};

const SECRET: &str = "of this simulation";

/// The carriers of the calls of all processes.
#[derive(Clone)]
pub enum Carriers {
    /// Calls are lost, or come twice.
    Calls(Network),
    /// Bytes are late, or come never.
    Streams(Streams),
}

/// The carrier of the calls of one process.
pub struct Carrier {
    host: Host,
    runtime: Runtime,
    kind: Kind,
}

enum Kind {
    Calls(Network),
    Transport { network: Arc<peer::Network>, listener: Mutex<Option<Listener>> },
}

impl Carriers {
    pub fn new(network: &Network, is_streamed: bool) -> Carriers {
        match is_streamed {
            true => Carriers::Streams(Streams::new(network)),
            false => Carriers::Calls(network.clone()),
        }
    }

    /// That of a process which nobody can call yet, and which knows where some others are.
    pub fn of(&self, host: Host, known: &[Voter], runtime: &Runtime) -> Carrier {
        let kind = match self {
            Carriers::Calls(network) => Kind::Calls(network.clone()),
            Carriers::Streams(streams) => {
                let others = known.iter().filter(|voter| voter.id != host.id);
                let settings = Settings {
                    broker: host.id,
                    peers: others.map(|voter| (voter.id, voter.address.clone())).collect::<HashMap<_, _>>(),
                    secret: ClusterSecret::given(&Secret::new(SECRET)).expect("a secret that is long enough"),
                    tls: Tls::off(),
                };
                let network = peer::Network::over(settings, streams.dial(&host), runtime);
                let listener = Mutex::new(Some(streams.listen(&host)));
                Kind::Transport { network: Arc::new(network), listener }
            }
        };
        Carrier { host, runtime: runtime.clone(), kind }
    }
}

impl Carrier {
    pub fn transport(&self) -> Arc<dyn Transport> {
        match &self.kind {
            Kind::Calls(network) => Arc::new(Line { host: self.host.clone(), network: network.clone() }),
            Kind::Transport { network, .. } => network.transport(),
        }
    }

    /// Others are answered from now on.
    pub fn serve(&self, metadata: &Metadata, answers: Answering) {
        let answers: Arc<dyn Answers> = Arc::new(answers);
        let (network, listener) = match &self.kind {
            Kind::Calls(network) => return network.listen(&self.host, answers),
            Kind::Transport { network, listener } => (network, listener.lock().take()),
        };
        let registered = metadata.clone();
        network.serve(Member {
            cluster_id: metadata.cluster_id().to_owned(),
            incarnation: metadata.incarnation().0,
            answers,
            registered: Box::new(move |broker| registered.addresses(broker)),
        });
        let tasks = &self.runtime.tasks;
        let listener = listener.expect("a process serves once");
        tasks.spawn(TaskKind::Listener, accept(listener, Arc::clone(network)));
        tasks.spawn(
            TaskKind::Periodic,
            end_when_replaced(self.host.clone(), Arc::clone(network), self.runtime.clone()),
        );
    }

    pub async fn close(&self) {
        if let Kind::Transport { network, .. } = &self.kind {
            network.close().await;
        }
    }
}

async fn accept(mut listener: Listener, network: Arc<peer::Network>) {
    while let Some(stream) = listener.accept().await {
        network.take(stream, "a broker".to_owned());
    }
}

async fn end_when_replaced(host: Host, network: Arc<peer::Network>, runtime: Runtime) {
    tokio::select! {
        () = host.condition.gone() => {}
        reason = network.replaced() => runtime.tasks.fail(reason.to_string()),
    }
}
