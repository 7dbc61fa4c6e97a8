//! Brokers over TCP.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::{CLUSTER, LIMIT, SECRET, Script, secret, soon};
use crate::peer::{Answers, Member, Network, Service, Settings, Tls, Unreachable};
use crate::runtime::Runtime;
use crate::types::BrokerId;

struct Broker {
    network: Network,
    script: Arc<Script>,
    place: String,
}

/// A broker on a free port, whose peers are where `peers` says, or where they registered.
async fn broker(id: i32, peers: &[(i32, &str)], registered: &[(i32, &str)], runtime: &Runtime) -> Broker {
    let broker = bound(id, peers, runtime).await;
    broker.serve(registered);
    broker
}

/// A broker that does not serve yet.
async fn bound(id: i32, peers: &[(i32, &str)], runtime: &Runtime) -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let tls = Tls::ephemeral(&runtime.clock).unwrap();
    let settings = Settings { broker: BrokerId(id), peers: places(peers), secret: secret(SECRET), tls };
    let network = Network::new(listener, settings, runtime);
    Broker { network, script: Arc::default(), place }
}

fn places(all: &[(i32, &str)]) -> HashMap<BrokerId, String> {
    all.iter().map(|(id, place)| (BrokerId(*id), (*place).to_owned())).collect()
}

impl Broker {
    fn serve(&self, registered: &[(i32, &str)]) {
        let registered = places(registered);
        self.network.serve(Member {
            cluster_id: CLUSTER.to_owned(),
            incarnation: 1,
            answers: Arc::clone(&self.script) as Arc<dyn Answers>,
            registered: Box::new(move |id| registered.get(&id).cloned().into_iter().collect()),
        });
    }

    async fn ask(&self, peer: i32, request: &'static str) -> Result<Bytes, Unreachable> {
        let request = Bytes::from_static(request.as_bytes());
        self.network.transport().call(BrokerId(peer), Service::Raft, request, LIMIT).await
    }
}

/// A port on which nobody listens.
async fn free() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_peer_is_where_it_was_said_to_be_and_else_where_it_registered() {
    let runtime = Runtime::system();
    let two = broker(2, &[], &[], &runtime).await;
    let nobody = free().await;
    let one = broker(1, &[(2, &two.place)], &[(2, &nobody)], &runtime).await;
    assert_eq!(one.ask(2, "hello").await.unwrap(), "hello");
    let three = broker(3, &[], &[(2, &two.place.replace("127.0.0.1", "localhost"))], &runtime).await;
    assert_eq!(three.ask(2, "hello").await.unwrap(), "hello");
    let unknown = three.ask(1, "hello").await.unwrap_err();
    assert!(unknown.reason.contains("RAFT_PEERS") && !unknown.is_refused, "{unknown}");
    for broker in [one, two, three] {
        broker.network.close().await;
    }
    runtime.shutdown.request();
    assert!(runtime.tasks.join(LIMIT).await, "every task ends");
}

#[tokio::test]
async fn only_a_refused_connection_means_that_nobody_listens() {
    let runtime = Runtime::system();
    let nobody = free().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = (silent.local_addr().unwrap().to_string(), silent);
    let one = broker(1, &[(2, &nobody), (3, "no place"), (4, &silent.0)], &[], &runtime).await;
    assert!(one.ask(2, "hello").await.unwrap_err().is_refused);
    assert!(!one.ask(3, "hello").await.unwrap_err().is_refused);
    let limit = Duration::from_millis(200);
    let call = one.network.transport();
    let late = call.call(BrokerId(4), Service::Raft, Bytes::new(), limit).await.unwrap_err();
    assert!(!late.is_refused && late.reason.contains("200ms"), "{late}");
    one.network.close().await;
}

#[tokio::test]
async fn a_broker_that_closes_is_seen_to_do_so_at_once() {
    let runtime = Runtime::system();
    let two = broker(2, &[], &[], &runtime).await;
    let one = broker(1, &[(2, &two.place)], &[], &runtime).await;
    let begun = || two.script.begun.load(std::sync::atomic::Ordering::SeqCst);
    let started = runtime.clock.instant();
    let closing = async {
        soon(&runtime, "the call has begun", || begun() == 1).await;
        two.network.close().await;
    };
    let (missed, ()) = futures::join!(one.ask(2, "wait"), closing);
    assert!(missed.unwrap_err().is_refused, "the call was tried again, and nobody listened");
    assert!(runtime.clock.instant() - started < Duration::from_secs(2));
    assert!(TcpStream::connect(&two.place).await.is_err());
    one.network.close().await;
}

#[tokio::test]
async fn strangers_over_tcp_are_closed() {
    let runtime = Runtime::system();
    let two = broker(2, &[], &[], &runtime).await;
    let one = broker(1, &[(2, &two.place)], &[], &runtime).await;
    let mut stranger = TcpStream::connect(&two.place).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let closed = runtime.clock.timeout(Duration::from_secs(3), stranger.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "it is no TLS, and closed before the five seconds are over");
    assert_eq!(one.ask(2, "hello").await.unwrap(), "hello");
    one.network.close().await;
    two.network.close().await;
}

#[tokio::test]
async fn a_broker_that_is_not_ready_lets_its_callers_wait() {
    let runtime = Runtime::system();
    let two = bound(2, &[], &runtime).await;
    let one = broker(1, &[(2, &two.place)], &[], &runtime).await;
    let starting = async {
        runtime.clock.sleep(Duration::from_millis(100)).await;
        two.serve(&[]);
    };
    let (answered, ()) = futures::join!(one.ask(2, "hello"), starting);
    assert_eq!(answered.unwrap(), "hello");
    one.network.close().await;
    two.network.close().await;
    let never = bound(3, &[], &runtime).await;
    never.network.close().await;
    assert!(TcpStream::connect(&never.place).await.is_err(), "it listens no more");
}
