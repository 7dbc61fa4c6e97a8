//! Accepts connections and starts a task for each.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::budget::Budget;
use super::connection::{self, Shared};
use super::frame::FrameLimits;
use super::limits::Limits;
use super::metrics::Metrics;
use super::newcomers::Newcomers;
use super::peer::Peer;
use super::places::{Place, Places};
use super::service::{CloseReason, Service};
use crate::runtime::{Complaints, Runtime, Shutdown, TaskKind};

/// The pause after a failed accept: out of file descriptors, most likely, and there are none sooner.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time that a connection which has to make room may take to notice.
const ROOM_TIME: Duration = Duration::from_secs(1);
/// The time that connections which were cut off may take to notice.
const KILL_TIME: Duration = Duration::from_secs(1);

/// Serves clients on any number of listeners, within limits that they share.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
    places: Places,
    runtime: Runtime,
}

impl<S: Service> Server<S> {
    pub fn new(service: Arc<S>, limits: Limits, runtime: &Runtime) -> Server<S> {
        let frames = FrameLimits {
            max_frame_bytes: limits.max_frame_bytes,
            budget: Budget::new(limits.request_memory_bytes, &runtime.clock),
            pace: limits.pace,
            clock: runtime.clock.clone(),
        };
        let places = Places::new(Arc::clone(&limits.max_connections));
        let shared = Shared {
            service,
            frames,
            metrics: Metrics::register(&runtime.metrics),
            strangers: Complaints::default(),
            newcomers: Newcomers::default(),
            clock: runtime.clock.clone(),
            shutdown: runtime.shutdown.clone(),
            kill: Shutdown::new(),
            limits,
        };
        Server { shared: Arc::new(shared), places, runtime: runtime.clone() }
    }

    /// Accepts connections until the runtime's shutdown is requested, then waits until what they admitted is answered, for
    /// as long as the limits say. `name` is the listener's, as clients are told of it.
    pub async fn serve(&self, listener: TcpListener, name: &str) {
        let name: Arc<str> = name.into();
        let complaints = Complaints::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.shutdown.requested() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.accept(stream, address, &name, &complaints).await,
                Err(error) if of_one_connection(error.kind()) => {}
                Err(error) => {
                    if let Some(left_out) = complaints.due("accept", self.shared.clock.instant()) {
                        tracing::warn!(listener = %name, %error, left_out, "cannot accept connections");
                    }
                    tokio::select! {
                        () = self.shared.shutdown.requested() => break,
                        () = self.shared.clock.sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
        drop(listener);
        self.drain().await;
    }

    async fn accept(
        &self,
        stream: TcpStream,
        address: std::net::SocketAddr,
        name: &Arc<str>,
        complaints: &Complaints<&'static str>,
    ) {
        self.shared.metrics.accepted.inc();
        let Some(place) = self.place().await else {
            self.shared.metrics.closed(CloseReason::TooMany);
            if let Some(left_out) = complaints.due("limit", self.shared.clock.instant()) {
                let limit = self.places.most();
                tracing::warn!(listener = %name, limit, left_out, "refusing connections: too many are open");
            }
            return;
        };
        // Both fail only when the client has gone already, which the first read will show.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(address);
        let peer = Peer { address, local, listener: Arc::clone(name) };
        let open = Open::new(Arc::clone(&self.shared), place);
        let newcomer = self.shared.newcomers.add();
        self.runtime.tasks.spawn(TaskKind::Connection, async move {
            let mut open = open;
            let (reader, writer) = stream.into_split();
            let reason = connection::run(&open.shared, &peer, &newcomer, reader, writer).await;
            tracing::debug!(peer = %peer.address, ?reason, "connection closed");
            open.reason = reason;
        });
    }

    /// A place for a connection, that of one that sent nothing if there is no other.
    async fn place(&self) -> Option<Place> {
        if let Some(free) = self.places.take() {
            return Some(free);
        }
        if self.places.is_overfull() || !self.shared.newcomers.make_room() {
            return None;
        }
        self.shared.clock.timeout(ROOM_TIME, self.places.wait()).await.ok()?
    }

    async fn drain(&self) {
        let clock = &self.shared.clock;
        if clock.timeout(self.shared.limits.drain, self.places.all_left()).await.is_err() {
            let open = self.shared.metrics.open.get();
            tracing::warn!(open, "cutting off connections that did not finish in time");
            self.shared.kill.request();
            let _ = clock.timeout(KILL_TIME, self.places.all_left()).await;
        }
    }
}

/// Errors of accept that concern the connection which was to be accepted, not the listener.
fn of_one_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Counts a connection for as long as its task lives, however that ends.
struct Open<S> {
    shared: Arc<Shared<S>>,
    reason: CloseReason,
    _place: Place,
}

impl<S> Open<S> {
    fn new(shared: Arc<Shared<S>>, place: Place) -> Open<S> {
        shared.metrics.open.inc();
        Open { shared, reason: CloseReason::Broken, _place: place }
    }
}

impl<S> Drop for Open<S> {
    fn drop(&mut self) {
        self.shared.metrics.open.dec();
        self.shared.metrics.closed(self.reason);
    }
}
