//! The listeners, and what health and metrics are told.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::doors::{Doors, acceptor};
use super::starting::StartError;
use crate::cluster::{ShardHost, Watch};
use crate::config::Config;
use crate::log::Unable;
use crate::metadata::Metadata;
use crate::ops::{self, Http, Readiness};
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::tls::{Acceptor, ClientAuth};
use crate::types::ShardId;

/// The parts that `/health` and `/metrics` tell of, once they are there.
pub(super) struct Parts {
    pub(super) shards: Arc<ShardHost>,
    pub(super) metadata: Metadata,
    pub(super) watch: OnceLock<Arc<Watch>>,
    /// TLS of the listeners.
    pub(super) acceptors: Vec<Acceptor>,
}

impl Parts {
    pub(super) fn new(shards: &Arc<ShardHost>, metadata: &Metadata, doors: &Doors) -> Parts {
        Parts {
            shards: shards.clone(),
            metadata: metadata.clone(),
            watch: OnceLock::new(),
            acceptors: doors.acceptors(),
        }
    }

    fn summary(&self) -> Map<String, Value> {
        let image = self.shards.image();
        let here = image.broker(self.metadata.broker_id()).and_then(|broker| broker.listeners.first());
        let facts = [
            ("connect", json!(here.map(|here| format!("{}:{}", here.host, here.port)))),
            ("broker", json!(self.metadata.broker_id().0)),
            ("cluster", json!(&*image.cluster_id)),
            ("topics", json!(image.topics.len())),
            ("open_shards", json!(self.shards.open_shards().len())),
        ];
        let problems: Vec<String> = self.acceptors.iter().filter_map(Acceptor::problem).collect();
        let tls = (!problems.is_empty()).then(|| ("tls", json!(problems)));
        let differences = image.configs.declared.differences();
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let settings = (!differences.is_empty()).then(|| ("settings", json!(differences)));
        facts.into_iter().chain(tls).chain(settings).map(|(name, fact)| (name.to_owned(), fact)).collect()
    }
}

/// The operations port opens first of all, so that a broker that is starting can say what it waits for.
pub(super) async fn serve(
    config: &Config,
    readiness: &Readiness,
    parts: &Arc<OnceLock<Parts>>,
    stop: &Shutdown,
    runtime: &Runtime,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(port) = config.operation.health_port else { return Ok(None) };
    let listener = listen("HEALTH_PORT", "HOST", &config.clients.listen.host, port.get()).await?;
    let address = local_address("HEALTH_PORT", &listener)?;
    let (shown, watched) = (Arc::clone(parts), Arc::clone(parts));
    let summary: ops::Summary = Arc::new(move || shown.get().map(Parts::summary).unwrap_or_default());
    let look: ops::Look = Arc::new(move || {
        let watch = watched.get().and_then(|parts| parts.watch.get()).cloned();
        async move {
            if let Some(watch) = watch {
                watch.look().await;
            }
        }
        .boxed()
    });
    let token = config.operation.metrics_token.as_ref().map(|token| token.reveal());
    let http = Http::new(readiness.clone(), summary, look, token, runtime);
    let tls = match config.clients.security.http_tls {
        true => Some(acceptor(config, "HTTP", ClientAuth::None, runtime)?),
        false => None,
    };
    let stop = stop.clone();
    runtime.tasks.spawn(TaskKind::Http, async move {
        if let Err(error) = http.serve(listener, tls, stop).await {
            tracing::error!(%error, "health and metrics are not served any more");
        }
    });
    Ok(Some(address))
}

pub(super) fn shard_states(shards: &Arc<ShardHost>) -> ops::ShardStates {
    let shards = Arc::clone(shards);
    Box::new(move || {
        let state = |(id, unable): (ShardId, Option<Unable>)| ops::ShardState {
            name: format!("shard {id}"),
            unable: unable.map(|unable| unable.cause.to_string()),
        };
        shards.states().into_iter().map(state).collect()
    })
}

/// `variable` is to blame if the port cannot be had, and `of_host` if it is the host.
pub(super) async fn listen(
    variable: &'static str,
    of_host: &'static str,
    host: &str,
    port: u16,
) -> Result<TcpListener, StartError> {
    let failed =
        |variable, source| StartError::Listen { variable, address: format!("{host}:{port}"), source };
    let addresses: Vec<_> = match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(source) => return Err(failed(of_host, source)),
    };
    TcpListener::bind(&*addresses).await.map_err(|source| match source.kind() {
        ErrorKind::AddrNotAvailable => failed(of_host, source),
        _ => failed(variable, source),
    })
}

pub(super) fn local_address(
    variable: &'static str,
    listener: &TcpListener,
) -> Result<SocketAddr, StartError> {
    let unknown = |source| StartError::Listen { variable, address: String::new(), source };
    listener.local_addr().map_err(unknown)
}
