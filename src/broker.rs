//! The composition root: builds the layers from the bottom up, and stops them from the top down.

mod cluster;
mod doors;
mod http;
mod layers;
mod sources;
mod starting;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{join_all, select_all, try_join_all};

use crate::api::{self, Security, Service};
use crate::cluster::{
    Departures, HostOptions, ShardHost, Watch, WatchLimits, outage, register_state_metrics,
};
use crate::config::{Config, LogFormat};
use crate::coordinator::Coordinators;
use crate::log::{LogMetrics, Reads, Shared};
use crate::metadata::Metadata;
use crate::net::Server;
use crate::ops::{self, Phase, Readiness};
use crate::runtime::{Runtime, Shutdown, TaskKind};
use crate::store::{self, Store, database::Databases};

use cluster::Membership;
use doors::Doors;
use http::Parts;
pub(crate) use layers::metadata_settings;
pub use starting::StartError;
use starting::TELL_INTERVAL;

/// The time that the start may wait for the broker's shards to open.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// The same of a broker of several.
const OPEN_LIMIT_AMONG_OTHERS: Duration = Duration::from_secs(5);
/// The time between two looks whether they have.
const OPEN_POLL: Duration = Duration::from_millis(5);
/// The time that a leader that stops waits for others to open what it gave away.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(2);
/// The time that a stop waits for tasks that were told to end.
const JOIN_LIMIT: Duration = Duration::from_secs(10);

/// A broker that serves.
pub struct Broker {
    runtime: Runtime,
    /// Addresses at which clients are served, each with the listener's name.
    clients: Vec<(String, SocketAddr)>,
    health: Option<SocketAddr>,
    shards: Arc<ShardHost>,
    membership: Arc<Membership>,
    readiness: Readiness,
    /// Time for giving shards away.
    leave_limit: Duration,
    /// Stops the listeners, then what stands behind them.
    stop_clients: Shutdown,
    stop_http: Shutdown,
    serving: tokio::task::JoinHandle<()>,
}

/// Runs a broker until the process is told to stop.
pub fn run(config: Config) -> ExitCode {
    run_all(vec![config])
}

/// Runs several brokers in one process, until it is told to stop, or one of them fails.
pub fn run_all(configs: Vec<Config>) -> ExitCode {
    let tokio = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(tokio) => tokio,
        Err(error) => return fail(&format!("the asynchronous runtime did not start: {error}")),
    };
    tokio.block_on(async {
        if let Some(Config { operation, .. }) = configs.first()
            && let Err(error) =
                ops::log_to_stderr(&operation.log_filter, operation.log_format == LogFormat::Json)
        {
            return fail(&StartError::from(error).to_string());
        }
        let runtimes: Vec<Runtime> = configs.iter().map(|_| Runtime::system()).collect();
        #[cfg(feature = "flaws")]
        let runtimes = match crate::config::flaws() {
            Ok(flaws) => runtimes.into_iter().map(|runtime| Runtime { flaws, ..runtime }).collect::<Vec<_>>(),
            Err(none) => return fail(&none),
        };
        let starting = configs.iter().zip(&runtimes).map(|(config, runtime)| Broker::start(config, runtime));
        let started = tokio::select! {
            started = try_join_all(starting) => started,
            () = told_to_stop() => return ExitCode::SUCCESS,
        };
        let brokers = match started {
            Ok(brokers) => brokers,
            Err(error) => return fail(&error.to_string()),
        };
        let failing = runtimes.iter().map(|runtime| runtime.shutdown.requested().boxed());
        tokio::select! {
            () = told_to_stop() => tracing::info!("told to stop"),
            _ = select_all(failing) => {}
        }
        join_all(brokers.into_iter().map(Broker::stop)).await;
        match runtimes.iter().find_map(|runtime| runtime.tasks.failure()) {
            None => ExitCode::SUCCESS,
            Some(reason) => fail(&reason),
        }
    })
}

fn fail(reason: &str) -> ExitCode {
    tracing::error!("{reason}");
    if !tracing::enabled!(tracing::Level::ERROR) {
        // The last word is said whatever the filter leaves out.
        let _ = writeln!(std::io::stderr(), "{reason}");
    }
    ExitCode::FAILURE
}

/// SIGTERM, or SIGINT from a terminal.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process, which is safe at any time.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

impl Broker {
    /// Starts everything, and returns once clients can be served.
    pub async fn start(config: &Config, runtime: &Runtime) -> Result<Broker, StartError> {
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let readiness = Readiness::starting("opening the object store");
        register_metrics(&readiness, runtime)?;
        let parts = Arc::new(OnceLock::new());
        let stop_http = Shutdown::new();
        let health = http::serve(config, &readiness, &parts, &stop_http, runtime).await?;
        let doors = Doors::open(config, runtime).await?;
        cluster::check_address(config).await?;
        let store = open_store(config, &readiness, runtime).await?;
        let databases = Databases::new(&store, config.log.index_cache_bytes, runtime);
        readiness.set(Phase::Starting("joining the cluster".to_owned()));
        let configs = config.broker_settings(&doors.ports());
        let settings = layers::metadata_settings(config, &doors.ports(), &store);
        let membership = Membership::open(config, &settings, &store, &databases, runtime).await?;
        let metadata = membership.metadata.clone();
        membership.join(&readiness, runtime).await?;
        let reads = reads(config, &store, runtime);
        let shards = host_shards(config, &configs, &store, databases, &reads, &metadata, runtime);
        // Nothing else sets it.
        let _ = parts.set(Parts::new(&shards, &metadata, &doors));
        readiness.set(Phase::Starting("opening shards".to_owned()));
        readiness.set_shards(http::shard_states(&shards));
        membership.run(&shards, runtime);
        wait_for_shards(&shards, &metadata, runtime).await?;
        runtime.tasks.spawn(TaskKind::Periodic, outage::watch(shards.clone(), runtime.clone()));

        let stop_clients = runtime.shutdown.child();
        let coordinators = coordinate(config, &configs, &metadata, &shards, runtime);
        let watch = watch(config, &shards, &coordinators, runtime)?;
        register_state_metrics(&metadata, &runtime.metrics)?;
        // Nothing else sets it.
        let _ = parts.get().map(|parts: &Parts| parts.watch.set(watch));
        let security = doors.security(config, &metadata, runtime);
        let options = layers::api_options(config, &configs);
        let service =
            service(options, membership.departures(), &shards, reads, coordinators, security, runtime)?;
        let limits = layers::net_limits(config, &shards);
        let until_stopped = Runtime { shutdown: stop_clients.clone(), ..runtime.clone() };
        let clients = doors.addresses();
        let serving = doors.serve(Server::new(Arc::new(service), limits, &until_stopped), runtime);
        readiness.set(Phase::Ready);
        let broker = Broker {
            runtime: runtime.clone(),
            clients,
            health,
            shards,
            membership: Arc::new(membership),
            readiness,
            leave_limit: config.network.shutdown_timeout / 2,
            stop_clients,
            stop_http,
            serving,
        };
        broker.end_when_replaced();
        broker.announce(config);
        Ok(broker)
    }

    /// The address at which clients of the first listener are served.
    pub fn address(&self) -> SocketAddr {
        // There is at least one listener.
        self.clients[0].1
    }

    /// Addresses at which clients of each listener are served, by its name.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.clients
    }

    /// The address of `/health`, `/live`, `/ready` and `/metrics`, if they have one.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health
    }

    /// Finishes what was accepted, and ends every task.
    pub async fn stop(self) {
        self.readiness.set(Phase::Stopping("told to stop".to_owned()));
        self.shards.leave_cluster(self.leave_limit).await;
        self.membership.hand_over(HAND_OVER_LIMIT, &self.runtime).await;
        self.stop_clients.request();
        // The task contains its own failures.
        let _ = self.serving.await;
        self.shards.close().await;
        self.membership.close().await;
        self.stop_http.request();
        self.runtime.shutdown.request();
        if !self.runtime.tasks.join(JOIN_LIMIT).await {
            tracing::warn!(running = self.runtime.tasks.running(), "tasks did not end in time");
        }
        tracing::info!("stopped");
    }

    fn end_when_replaced(&self) {
        let (membership, tasks) = (Arc::clone(&self.membership), self.runtime.tasks.clone());
        let stop = self.runtime.shutdown.clone();
        self.runtime.tasks.spawn(TaskKind::Periodic, async move {
            tokio::select! {
                () = stop.requested() => {}
                reason = membership.replaced() => tasks.fail(reason),
                () = membership.removed() => {
                    tracing::warn!("this broker was removed from the cluster for good: it ends");
                    stop.request();
                }
            }
        });
    }

    fn announce(&self, config: &Config) {
        let ports = self.clients.iter().map(|(_, address)| address.port());
        let bound = config.clients.listeners.iter().zip(ports);
        let places = bound.filter_map(|(listener, port)| listener.shown_advertised(port));
        let places: Vec<String> = places.collect();
        let to = match &places[..] {
            [one] => one.split_once("://").map_or(one.as_str(), |(_, place)| place).to_owned(),
            several => several.join(", "),
        };
        tracing::info!(
            broker = %config.identity.broker_id,
            cluster = %config.identity.cluster_id,
            data = %config.data_place(),
            "kafkaesque {} is ready: connect Kafka clients to {to}",
            env!("CARGO_PKG_VERSION"),
        );
        if let Some(health) = self.health {
            tracing::info!("health and metrics: http://{health}/health and /metrics");
        }
    }
}

/// A store that may come up by itself is waited for, and the log says every few seconds why.
async fn open_store(config: &Config, readiness: &Readiness, runtime: &Runtime) -> Result<Store, StartError> {
    let mut told = None;
    let not_yet = |error: &store::OpenError, left: Duration| {
        let variable = config.to_look_at(error.trouble());
        readiness.set(Phase::Starting(format!("opening the object store ({variable}): {error}")));
        let now = runtime.clock.instant();
        if told.is_none_or(|told| now.duration_since(told) >= TELL_INTERVAL) {
            told = Some(now);
            tracing::warn!("{variable}: {error}; tried again for {} s more", left.as_secs());
        }
    };
    let opened = store::open(&config.store, runtime, not_yet).await;
    opened.map_err(|error| StartError::Store { variable: config.to_look_at(error.trouble()), error })
}

fn reads(config: &Config, store: &Store, runtime: &Runtime) -> Reads {
    let reads = Reads::new(store, layers::read_limits(config), runtime);
    runtime.tasks.spawn(TaskKind::Periodic, reads.clone().keep_recent());
    reads
}

fn host_shards(
    config: &Config,
    configs: &BTreeMap<String, String>,
    store: &Store,
    databases: Databases,
    reads: &Reads,
    metadata: &Metadata,
    runtime: &Runtime,
) -> Arc<ShardHost> {
    let metrics = LogMetrics::register(&runtime.metrics);
    let shared = Shared { runtime: runtime.clone(), databases, reads: reads.clone(), metrics };
    let session = config.cluster.broker_session_timeout;
    let options = HostOptions {
        limits: layers::log_limits(config),
        session,
        configs: configs.clone(),
        store: store.clone(),
        shared,
    };
    let shards = ShardHost::new(metadata.clone(), options, runtime.clone());
    runtime.tasks.spawn(TaskKind::Controller, Arc::clone(&shards).run());
    shards
}

fn register_metrics(readiness: &Readiness, runtime: &Runtime) -> Result<(), prometheus::Error> {
    ops::register_process_metrics(&runtime.metrics)?;
    ops::register_task_metrics(&runtime.metrics, runtime.tasks.clone())?;
    ops::register_readiness_metrics(&runtime.metrics, readiness.clone(), runtime.tasks.clone())
}

/// A broker that is alone serves once all its shards do. One of several serves what it has, and no shard keeps it from that.
async fn wait_for_shards(
    shards: &ShardHost,
    metadata: &Metadata,
    runtime: &Runtime,
) -> Result<(), StartError> {
    let opened = async {
        while !shards.is_ready() {
            runtime.clock.sleep(OPEN_POLL).await;
        }
    };
    let limit = if metadata.is_alone() { OPEN_LIMIT } else { OPEN_LIMIT_AMONG_OTHERS };
    match runtime.clock.timeout(limit, opened).await {
        Err(_) if metadata.is_alone() => Err(StartError::Shards(limit)),
        _ => Ok(()),
    }
}

fn coordinate(
    config: &Config,
    configs: &BTreeMap<String, String>,
    metadata: &Metadata,
    shards: &Arc<ShardHost>,
    runtime: &Runtime,
) -> Arc<Coordinators> {
    let coordinators = Arc::new(Coordinators::new(
        layers::group_settings(config),
        sources::metadata_source(config, configs, shards),
        runtime.clone(),
    ));
    runtime.tasks.spawn(TaskKind::Coordinator, Arc::clone(&coordinators).run(shards.follow_shards()));
    let topics = sources::topic_source(metadata, shards);
    let keeping =
        Arc::clone(&coordinators).keep_offsets(topics, config.groups.offsets_retention_check_interval);
    runtime.tasks.spawn(TaskKind::Coordinator, keeping);
    coordinators
}

fn watch(
    config: &Config,
    shards: &Arc<ShardHost>,
    coordinators: &Arc<Coordinators>,
    runtime: &Runtime,
) -> Result<Arc<Watch>, prometheus::Error> {
    let limits = WatchLimits {
        topics: config.operation.metrics_max_topics,
        groups: config.operation.metrics_max_groups,
    };
    Watch::register(Arc::clone(shards), Arc::clone(coordinators), limits, &runtime.clock, &runtime.metrics)
}

fn service(
    options: api::Options,
    departures: Departures,
    shards: &Arc<ShardHost>,
    reads: Reads,
    coordinators: Arc<Coordinators>,
    security: Security,
    runtime: &Runtime,
) -> Result<Service, prometheus::Error> {
    let broker = api::Broker::new(departures, shards.clone(), reads, coordinators, options, runtime.clone());
    Service::new(Arc::new(broker), security)
}
