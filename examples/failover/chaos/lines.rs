//! Lines between brokers: one proxy before each broker's internal address, through which all others reach it. A line is cut, slowed
//! or mended for each pair of brokers, each way by itself; who calls is known by the process that has the connection's other end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// From whom to whom.
pub type Way = (usize, usize);

/// Somebody who is no broker.
const NOBODY: usize = usize::MAX;
const CHUNK: usize = 64 << 10;
/// The kernel's table of connections is read piece by piece, and may lack one that is there: it is read so often before the caller
/// counts as somebody else.
const LOOKS: usize = 3;

/// What is wrong with the lines.
#[derive(Clone, Debug, Default)]
struct State {
    cut: BTreeSet<Way>,
    delays: BTreeMap<Way, Duration>,
    /// Connections made before are ended when this rises.
    resets: u64,
}

/// All lines between the brokers of a cluster.
pub struct Lines {
    state: watch::Sender<State>,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    /// The processes of brokers.
    pids: Mutex<BTreeMap<usize, u32>>,
    held: AtomicU64,
    connections: AtomicU64,
    strangers: AtomicU64,
}

/// What has passed, or not.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "it is printed")]
pub struct Counts {
    connections: u64,
    /// Connections of somebody who is no broker, or could not be found out. Nothing cuts them.
    strangers: u64,
    /// Pieces that a cut has held.
    held: u64,
}

impl Lines {
    /// Opens a line to each broker: on the first port of a pair, for what listens on the second.
    pub fn open(ports: &[(u16, u16)]) -> Lines {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let lines = Lines { state: watch::Sender::default(), shared: Arc::default(), _runtime: runtime };
        for (to, (open, behind)) in ports.iter().enumerate() {
            let listener = lines._runtime.block_on(TcpListener::bind(("127.0.0.1", *open)));
            let listener = listener.expect("a port for a proxy");
            let (state, shared, behind) = (lines.state.subscribe(), Arc::clone(&lines.shared), *behind);
            lines._runtime.spawn(accept(listener, to, behind, state, shared));
        }
        lines
    }

    /// Tells which process a broker is.
    pub fn is_process(&self, broker: usize, pid: u32) {
        self.shared.pids.lock().insert(broker, pid);
    }

    /// Nothing passes this way any more. What was sent arrives when the line is mended.
    pub fn cut(&self, ways: impl IntoIterator<Item = Way>) {
        self.state.send_modify(|state| state.cut.extend(ways));
    }

    /// Whatever passes takes so long.
    pub fn slow(&self, ways: impl IntoIterator<Item = Way>, delay: Duration) {
        self.state.send_modify(|state| state.delays.extend(ways.into_iter().map(|way| (way, delay))));
    }

    /// Ends all connections.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }

    pub fn mend(&self) {
        self.state.send_modify(|state| {
            state.cut.clear();
            state.delays.clear();
        });
    }

    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Shared { held, connections, strangers, .. } = &*self.shared;
        Counts { connections: read(connections), strangers: read(strangers), held: read(held) }
    }
}

async fn accept(
    listener: TcpListener,
    to: usize,
    behind: u16,
    state: watch::Receiver<State>,
    shared: Arc<Shared>,
) {
    while let Ok((stream, address)) = listener.accept().await {
        let (state, shared) = (state.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let from = shared.caller(address.port()).await;
            shared.connections.fetch_add(1, Ordering::Relaxed);
            let resets = state.borrow().resets;
            let mut reset = state.clone();
            tokio::select! {
                // An end of either side is told to the other by dropping both.
                _ = carry(stream, (from, to), behind, state, &shared) => {}
                _ = reset.wait_for(|state| state.resets > resets) => {}
            }
        });
    }
}

async fn carry(
    near: TcpStream,
    (from, to): Way,
    behind: u16,
    state: watch::Receiver<State>,
    shared: &Shared,
) -> std::io::Result<()> {
    // A connection needs both ways.
    pass(&state, (from, to), shared).await;
    pass(&state, (to, from), shared).await;
    let far = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], behind))).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    tokio::select! {
        ended = pump(from_near, to_far, (from, to), &state, shared) => ended,
        ended = pump(from_far, to_near, (to, from), &state, shared) => ended,
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    state: &watch::Receiver<State>,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = from.read(&mut buffer).await;
        // Neither bytes nor an end pass while the line is cut.
        pass(state, way, shared).await;
        match read? {
            0 => return Ok(()),
            read => to.write_all(&buffer[..read]).await?,
        }
    }
}

/// Returns when something may pass this way.
async fn pass(state: &watch::Receiver<State>, way: Way, shared: &Shared) {
    let delay = state.borrow().delays.get(&way).copied();
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    if state.borrow().cut.contains(&way) {
        shared.held.fetch_add(1, Ordering::Relaxed);
        // The sender lives as long as the lines do.
        let _ = state.clone().wait_for(|state| !state.cut.contains(&way)).await;
    }
}

impl Shared {
    /// The broker that has this port of loopback as its end of a connection.
    async fn caller(self: &Arc<Self>, port: u16) -> usize {
        let shared = Arc::clone(self);
        let look = move || (0..LOOKS).find_map(|_| shared.broker_of(port));
        // The table may be long, and nobody waits for it who carries something.
        if let Ok(Some(broker)) = tokio::task::spawn_blocking(look).await {
            return broker;
        }
        self.strangers.fetch_add(1, Ordering::Relaxed);
        NOBODY
    }

    fn broker_of(&self, port: u16) -> Option<usize> {
        let inode = socket(port)?;
        let pids = self.pids.lock().clone();
        pids.into_iter().find(|(_, pid)| has(*pid, &inode)).map(|(broker, _)| broker)
    }
}

/// The inode of the connection that comes from a port of loopback.
fn socket(port: u16) -> Option<String> {
    let local = format!(" 0100007F:{port:04X} ");
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    // The remote address comes after the local one; the tenth field is the inode.
    let of_port = |line: &&str| line.find(&local).is_some_and(|at| line[..at].matches(':').count() == 1);
    let inodes = table.lines().filter(of_port).filter_map(|line| line.split_whitespace().nth(9));
    // A connection that is over has none.
    inodes.into_iter().find(|inode| *inode != "0").map(str::to_owned)
}

fn has(pid: u32, inode: &str) -> bool {
    let name = PathBuf::from(format!("socket:[{inode}]"));
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == name))
}
