//! Strangers at the doors of a broker with TLS and logins, which is a process of its own, with its defaults.
//! They must never keep a client that is logged in from its acknowledgements, nor take memory without a bound.
//! Entry point: [`Besieged::hold`], which runs an attack beside such a client.
//! Invariant: each attack prints its figures, and those of `benches/README.md` are gathered as for `attacks.rs`.
#![cfg(target_os = "linux")]

mod figures;
mod handshakes;
mod keys;
mod noise;
mod ratios;
mod renewal;
mod strangers;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::{ClientConfig, ClientConnection};
use tokio::net::{TcpSocket, TcpStream};

use crate::admin::{create, topic};
use crate::attacks::{Acks, BEFORE, DURING, acks_of, is_measured, scatter};
use crate::certificates::{Certificates, server_name};
use crate::client::Client;
use crate::free_port;
use crate::process::Process;
use crate::security::log_in_plain;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A broker, and a client that is logged in.
struct Besieged {
    broker: Process,
    certificates: Certificates,
    config: Arc<ClientConfig>,
    /// A listener with TLS and logins ..
    sasl_ssl: SocketAddr,
    /// .. with logins alone ..
    sasl: SocketAddr,
    /// .. and with neither.
    open: SocketAddr,
    client: Client,
    /// Its memory before the first attack.
    memory_kib: u64,
}

/// The bounds of an attack.
struct Bounds {
    /// Times of an acknowledgement, of what they are without it.
    slower: f64,
    /// Memory beyond what there was before any attack.
    mib: u64,
}

impl Besieged {
    async fn start(more: &[(&str, &str)]) -> Besieged {
        let certificates = Certificates::new();
        let ports = [0; 3].map(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let [sasl_ssl, sasl, open] = ports;
        let listeners = format!("SASL_SSL://{sasl_ssl},SASL_PLAINTEXT://{sasl},PLAINTEXT://{open}");
        let tls = certificates.variables();
        let mut variables = vec![("LISTENERS", listeners.as_str()), ("SASL_USERS", "alice:secret")];
        variables.extend(tls.iter().map(|(name, value)| (*name, value.as_str())));
        // Those of the test come last, and win.
        variables.extend(more);
        let broker = Process::start(&variables);
        let config = certificates.client_config(None);
        let mut client = logged_in(&certificates, sasl_ssl).await;
        assert_eq!(create(&mut client, vec![topic("beside", 1, 1)]).await[0].error_code, 0);
        acks_of(&mut client, Duration::from_millis(500)).await;
        let memory_kib = broker.resident_kib();
        Besieged { broker, certificates, config, sasl_ssl, sasl, open, client, memory_kib }
    }

    /// Runs `attack`, which keeps what it has opened, and looks at the client beside it meanwhile and for a while after.
    async fn hold<T>(&mut self, name: &str, bounds: Bounds, attack: impl Future<Output = T>) -> T {
        let before = acks_of(&mut self.client, BEFORE).await;
        self.broker.resident_kib();
        let (kept, during) = beside(&mut self.client, attack).await;
        let mib = self.broker.peak_kib().saturating_sub(self.memory_kib) / 1024;
        println!("{name}: before {before}; during {during}; {mib} MiB more");
        let (before, during): (&Acks, &Acks) = (&before, &during);
        assert!(
            during.percent(99) <= before.percent(99).mul_f64(bounds.slower) + scatter(),
            "{name}: {during}"
        );
        // A slow machine has more of the attack under way at a time.
        let most = if is_measured() { bounds.mib } else { 2 * bounds.mib };
        assert!(mib <= most, "{name}: {mib} MiB more, {most} allowed");
        // Others can log in, too.
        logged_in(&self.certificates, self.sasl_ssl).await;
        kept
    }

    /// The first message of a client to a listener with TLS.
    fn hello(&self) -> Vec<u8> {
        let mut client = ClientConnection::new(Arc::clone(&self.config), server_name()).expect("a client");
        let mut hello = Vec::new();
        client.write_tls(&mut hello).expect("memory takes it");
        hello
    }
}

/// Acknowledgements while `work` goes on, and for a while at least.
async fn beside<T>(client: &mut Client, work: impl Future<Output = T>) -> (T, Acks) {
    let is_over = AtomicBool::new(false);
    let work = async {
        let done = work.await;
        is_over.store(true, Ordering::Relaxed);
        done
    };
    let look = async {
        let mut acks = acks_of(client, DURING).await;
        while !is_over.load(Ordering::Relaxed) {
            acks.add(acks_of(client, Duration::from_millis(200)).await);
        }
        acks
    };
    tokio::join!(work, look)
}

async fn logged_in(certificates: &Certificates, address: SocketAddr) -> Client {
    let mut client = certificates.connect(address, None).await.expect("TLS");
    assert_eq!(log_in_plain(&mut client, "alice", "secret").await, 0);
    client
}

/// A connection from one of many addresses of loopback.
async fn stranger(to: SocketAddr) -> std::io::Result<TcpStream> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = Ipv4Addr::new(127, 0, 9, 1 + (NEXT.fetch_add(1, Ordering::Relaxed) % 16) as u8);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((own, 0)))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// `wanted` connections, or as many as this process may have.
fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("a limit");
    let files = limit.maximum.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    let count = wanted.min(files.saturating_sub(1000));
    assert!(count > 500, "there is something to attack with");
    count
}
