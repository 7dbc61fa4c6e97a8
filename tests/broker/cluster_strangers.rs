//! Strangers at the port that brokers call each other by: each is closed, and no call between brokers fails for it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use kafkaesque::protocol::header;
use kafkaesque::protocol::messages::api_versions;
use kafkaesque::runtime::Rng;

use crate::cluster::TURN;
use crate::process::program;
use crate::processes::Cluster;

const SILENT: usize = 1_000;
/// Far more than anybody gets, for a machine that is busy.
const CLOSING: Duration = Duration::from_secs(60);
/// Sieges, of which one has to cost the brokers no call: a busy machine may cost them one as well.
const SIEGES: usize = 8;
const FAILED: &str = "kafkaesque_peer_calls_failed_total";

/// First words that no broker says.
fn words() -> Vec<(&'static str, Vec<u8>)> {
    let asked = header::request_frame(&api_versions::Request::default(), 3, 1, Some("a client"));
    let mut frame = 0x7fff_ffff_u32.to_be_bytes().to_vec();
    frame.extend([0; 4_096]);
    // A TLS record that announces more than any has.
    let record = [&[22, 3, 1, 0xff, 0xff][..], &[0; 4_096]].concat();
    let random = Rng::seeded(8);
    vec![
        ("a Kafka client", asked.expect("a request").concat()),
        ("HTTP/1", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("HTTP/2 without a proof", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("random bytes", (0..4_096).map(|_| random.below(256) as u8).collect()),
        ("a frame of 2 GiB", frame),
        ("a record of TLS without end", record),
    ]
}

fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(CLOSING)).expect("a limit");
    stream
}

/// Waits until the broker closes the connection. What it says before is nobody's.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

/// All strangers at once, at one broker. Returns when all of them are closed.
fn besiege(port: u16) {
    let silent: Vec<TcpStream> = (0..SILENT).map(|_| connect(port)).collect();
    for (name, words) in words() {
        let mut stream = connect(port);
        // It may be closed while it speaks.
        let _ = stream.write_all(&words);
        assert!(is_closed(stream), "{name} is not closed");
    }
    for (number, stream) in silent.into_iter().enumerate() {
        assert!(is_closed(stream), "connection {number}, which says nothing, is not closed");
    }
}

fn failed_calls(cluster: &Cluster) -> f64 {
    cluster.ids().map(|id| cluster.metric(id, FAILED).expect("an answer")).sum()
}

/// Waits until brokers have called each other for a moment without a failure.
fn calm(cluster: &Cluster) -> f64 {
    let begun = Instant::now();
    let mut failed = failed_calls(cluster);
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let now = failed_calls(cluster);
        if now <= failed {
            return now;
        }
        assert!(begun.elapsed() < CLOSING, "{now} calls have failed");
        failed = now;
    }
}

fn strangers_are_closed(insecure: &str) {
    let variables = [
        ("LOCAL_FSYNC", "false"),
        ("LOCAL_RESERVE_BYTES", "0"),
        ("RUST_LOG", "info"),
        ("RAFT_INSECURE", insecure),
    ];
    let cluster = Cluster::start(&program(), 3, &variables);
    let leader = cluster.leader().expect("somebody leads the metadata").broker;
    let mut costs = Vec::new();
    while !costs.contains(&0.0) {
        assert!(costs.len() < SIEGES, "calls that failed in each siege: {costs:?}");
        let before = calm(&cluster);
        besiege(cluster.raft_port(leader));
        costs.push(failed_calls(&cluster) - before);
    }
    assert_eq!(cluster.voters(leader).as_deref(), Some(&[0, 1, 2][..]));
}

/// With TLS they end at its handshake, without it at the hello.
#[test]
fn strangers_at_the_port_of_brokers_are_closed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        scope.spawn(|| strangers_are_closed("true"));
        if cfg!(feature = "tls") {
            strangers_are_closed("false");
        }
    });
}
