//! The network of one broker: its listener, its connections, and when they begin and end.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Transport;
use super::answering;
use super::calling::Calling;
use super::dial::by_tcp;
use super::hello::Versions;
use super::limits::MAX_STRANGERS;
use super::shared::{Member, Settings, Shared};
use super::wire::Dial;
use crate::runtime::strangers::Strangers;
use crate::runtime::{Complaints, Runtime, Shutdown, TaskKind};
use crate::types::BrokerId;

/// The pause after a failed accept: out of file descriptors, most likely, and there are none sooner.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time that connections may take to end.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// This broker among the brokers of its cluster.
pub struct Network {
    doors: Arc<Doors>,
    calling: Arc<Calling>,
    listener: Mutex<Listener>,
    /// Says when the last connection has ended.
    ended: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
}

enum Listener {
    /// Nobody is let in yet: callers wait.
    Bound(TcpListener),
    Serving(JoinHandle<()>),
    Closed,
}

/// The ways in for callers.
struct Doors {
    shared: Arc<Shared>,
    strangers: Strangers<(), Shutdown>,
    /// A copy goes with every connection.
    open: Mutex<Option<mpsc::Sender<Infallible>>>,
}

/// Another process has the id of this broker, and is newer: this one has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another process runs as broker {broker}, and is newer (incarnation {newer}, this one is \
     {incarnation}); give each broker a BROKER_ID of its own"
)]
pub struct Replaced {
    pub broker: BrokerId,
    pub incarnation: u64,
    pub newer: u64,
}

impl Network {
    /// A network whose callers wait, and whose calls fail, until [`Network::serve`].
    pub fn new(listener: TcpListener, settings: Settings, runtime: &Runtime) -> Network {
        let network = Network::without_listener(settings, Versions::OURS, by_tcp(&runtime.clock), runtime);
        *network.listener.lock() = Listener::Bound(listener);
        network
    }

    /// A network that calls, and that nobody can call.
    pub fn of_visitor(settings: Settings, runtime: &Runtime) -> Network {
        Network::over(settings, by_tcp(&runtime.clock), runtime)
    }

    /// A network over streams of any kind: `dial` opens those to peers, and theirs come by [`Network::take`].
    pub fn over(settings: Settings, dial: Dial, runtime: &Runtime) -> Network {
        Network::without_listener(settings, Versions::OURS, dial, runtime)
    }

    pub(super) fn without_listener(
        settings: Settings,
        versions: Versions,
        dial: Dial,
        runtime: &Runtime,
    ) -> Network {
        let shared = Arc::new(Shared::new(settings, versions, runtime));
        let (open, ended) = mpsc::channel(1);
        let calling = Arc::new(Calling::new(&shared, dial));
        let doors = Doors { shared, strangers: Strangers::new(MAX_STRANGERS), open: Mutex::new(Some(open)) };
        Network {
            doors: Arc::new(doors),
            calling,
            listener: Mutex::new(Listener::Closed),
            ended: tokio::sync::Mutex::new(ended),
        }
    }

    /// Calls to peers. Those before [`Network::serve`], and after [`Network::close`], fail.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.calling) as Arc<dyn Transport>
    }

    /// Lets peers in, and calls out. Does nothing the second time, or once it is closed.
    pub fn serve(&self, member: Member) {
        let shared = &self.doors.shared;
        if shared.member.set(member).is_err() {
            return;
        }
        let tasks = &shared.runtime.tasks;
        let secret = shared.settings.secret.clone();
        tasks.spawn(TaskKind::Periodic, secret.keep(shared.stop.clone()));
        let listener = &mut *self.listener.lock();
        *listener = match std::mem::replace(listener, Listener::Closed) {
            Listener::Bound(bound) => {
                let doors = Arc::clone(&self.doors);
                Listener::Serving(tasks.spawn(TaskKind::Listener, doors.accept(bound)))
            }
            other => other,
        };
    }

    /// Waits until a peer proves that a newer process has this one's id.
    pub async fn replaced(&self) -> Replaced {
        let shared = &self.doors.shared;
        let newer = shared.known.outdated().await;
        let incarnation = shared.member.get().map_or(0, |member| member.incarnation);
        Replaced { broker: shared.settings.broker, incarnation, newer }
    }

    /// Listens no more, and ends every connection: peers see it at once.
    pub async fn close(&self) {
        self.doors.shared.stop.request();
        drop(self.doors.open.lock().take());
        let listener = std::mem::replace(&mut *self.listener.lock(), Listener::Closed);
        if let Listener::Serving(task) = listener {
            // The task contains its own failures.
            let _ = task.await;
        }
        let mut ended = self.ended.lock().await;
        let _ = self.doors.shared.runtime.clock.timeout(CLOSE_LIMIT, ended.recv()).await;
    }

    /// Takes a stream that a peer has opened, and that did not come through the listener. `from` is where it comes from, for
    /// the log. Before [`Network::serve`] it is refused.
    pub fn take<S>(&self, stream: S, from: String)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.doors.enter(stream, from);
    }

    #[cfg(test)]
    pub(super) fn strangers(&self) -> usize {
        self.doors.strangers.count()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.doors.shared.stop.request();
    }
}

impl Doors {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let clock = &self.shared.runtime.clock;
        let complaints = Complaints::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.stop.requested() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    // Fails only on a connection that has ended, which the first read will show.
                    let _ = stream.set_nodelay(true);
                    self.enter(stream, address.to_string());
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => {
                    if let Some(left_out) = complaints.due("accept", clock.instant()) {
                        tracing::warn!(%error, left_out, "cannot accept connections of other brokers");
                    }
                    tokio::select! {
                        () = self.shared.stop.requested() => return,
                        () = clock.sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }

    fn enter<S>(&self, stream: S, from: String)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(open) = self.open.lock().clone() else { return };
        let running =
            answering::run(Arc::clone(&self.shared), stream, self.strangers.enter((), Shutdown::new()), from);
        self.shared.runtime.tasks.spawn(TaskKind::Peer, async move {
            running.await;
            drop(open);
        });
    }
}
