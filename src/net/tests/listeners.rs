use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::net::{Listener, MaxConnections, Server};

struct Running {
    runtime: Runtime,
    service: Arc<Manual>,
    address: SocketAddr,
    ended: oneshot::Receiver<()>,
}

async fn start(limits: Limits) -> Running {
    let runtime = Runtime::system();
    let service = Arc::new(Manual::default());
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = socket.local_addr().expect("has an address");
    let listener = Listener { socket, name: "PLAINTEXT".into(), tls: None, max_connections: None };
    let server = Server::new(Arc::clone(&service), limits, &runtime);
    let (end, ended) = oneshot::channel();
    runtime.tasks.spawn(TaskKind::Listener, async move {
        server.serve(listener).await;
        let _ = end.send(());
    });
    Running { runtime, service, address, ended }
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.expect("connects")
}

async fn ask(client: &mut TcpStream, request: &str) -> std::io::Result<String> {
    client.write_all(&frame(request.as_bytes())).await?;
    receive(client).await
}

async fn until(runtime: &Runtime, what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            runtime.clock.sleep(Duration::from_millis(2)).await;
        }
    };
    runtime.clock.timeout(Duration::from_secs(10), wait).await.expect("happens in time");
}

fn metric(running: &Running, name: &str) -> f64 {
    let families = running.runtime.metrics.gather();
    let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("no {name}"));
    family
        .get_metric()
        .iter()
        .map(|metric| metric.get_gauge().get_value() + metric.get_counter().get_value())
        .sum()
}

#[tokio::test]
async fn clients_are_served_and_counted() {
    let running = start(Limits::default()).await;
    let mut first = connect(&running).await;
    let mut second = connect(&running).await;
    assert_eq!(ask(&mut first, "a-one!").await.expect("answers"), "a-one!");
    assert_eq!(ask(&mut second, "a-two!").await.expect("answers"), "a-two!");
    assert_eq!(metric(&running, "kafkaesque_connections_open") as i64, 2);
    drop(first);
    until(&running.runtime, || metric(&running, "kafkaesque_connections_open") as i64 == 1).await;
    assert_eq!(metric(&running, "kafkaesque_connections_accepted_total") as i64, 2);
    assert_eq!(metric(&running, "kafkaesque_connections_closed_total") as i64, 1);
    assert_eq!(metric(&running, "kafkaesque_network_bytes_total") as i64, 4 * (4 + 6));
}

#[tokio::test]
async fn a_client_that_came_through_no_socket_is_served_like_others() {
    let runtime = Runtime::system();
    let limits = Limits { max_connections: Arc::new(|| 1), ..Limits::default() };
    let server = Arc::new(Server::new(Arc::new(Manual::default()), limits, &runtime));
    let connect = || {
        let (client, broker) = tokio::io::duplex(1024);
        let (server, address) = (Arc::clone(&server), ([127, 0, 0, 1], 1).into());
        runtime.tasks.spawn(TaskKind::Connection, async move {
            server.serve_stream(broker, address, "PLAINTEXT".into()).await;
        });
        client
    };
    let mut first = connect();
    for request in ["a-one!", "a-two!"] {
        first.write_all(&frame(request.as_bytes())).await.expect("is sent");
        assert_eq!(receive(&mut first).await.expect("answers"), request);
    }
    let mut second = connect();
    assert_eq!(second.read(&mut [0]).await.expect("reads"), 0, "there is room for one");
    drop(first);
    assert!(runtime.tasks.join(Duration::from_secs(10)).await, "every connection ends");
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_others_stay() {
    let running = start(Limits { max_connections: Arc::new(|| 2), ..Limits::default() }).await;
    let mut first = connect(&running).await;
    assert_eq!(ask(&mut first, "a1!").await.expect("answers"), "a1!");
    let mut second = connect(&running).await;
    assert_eq!(ask(&mut second, "a2!").await.expect("answers"), "a2!");
    let mut third = connect(&running).await;
    assert!(ask(&mut third, "a3!").await.is_err());
    drop(second);
    until(&running.runtime, || metric(&running, "kafkaesque_connections_open") as i64 == 1).await;
    let mut fourth = connect(&running).await;
    assert_eq!(ask(&mut fourth, "a4!").await.expect("answers"), "a4!");
    assert_eq!(ask(&mut first, "a5!").await.expect("answers"), "a5!");
}

#[tokio::test]
async fn the_most_connections_can_change_while_some_are_open() {
    let most = Arc::new(AtomicUsize::new(1));
    let asked = Arc::clone(&most);
    let max_connections: MaxConnections = Arc::new(move || asked.load(Ordering::Relaxed));
    let running = start(Limits { max_connections, ..Limits::default() }).await;
    let open = || metric(&running, "kafkaesque_connections_open") as i64;
    let serves = async |client: &mut TcpStream| ask(client, "a!").await.is_ok();
    let mut first = connect(&running).await;
    assert!(serves(&mut first).await);
    assert!(!serves(&mut connect(&running).await).await);
    most.store(3, Ordering::Relaxed);
    let mut second = connect(&running).await;
    let mut third = connect(&running).await;
    assert!(serves(&mut second).await && serves(&mut third).await);
    assert!(!serves(&mut connect(&running).await).await);
    most.store(2, Ordering::Relaxed);
    assert!(!serves(&mut connect(&running).await).await);
    assert!(serves(&mut first).await && serves(&mut second).await && serves(&mut third).await);
    drop(third);
    until(&running.runtime, || open() == 2).await;
    assert!(!serves(&mut connect(&running).await).await);
    drop(second);
    until(&running.runtime, || open() == 1).await;
    assert!(serves(&mut connect(&running).await).await);
    drop(first);
    running.runtime.shutdown.request();
    running.ended.await.expect("ends");
}

#[tokio::test]
async fn strangers_that_ask_nothing_make_room_for_clients() {
    let running = start(Limits { max_connections: Arc::new(|| 8), ..Limits::default() }).await;
    let mut client = connect(&running).await;
    assert_eq!(ask(&mut client, "a1!").await.expect("answers"), "a1!");
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(connect(&running).await);
    }
    let mut late = connect(&running).await;
    assert_eq!(ask(&mut late, "a2!").await.expect("answers"), "a2!");
    assert_eq!(ask(&mut client, "a3!").await.expect("answers"), "a3!");
    assert!(metric(&running, "kafkaesque_connections_open") as i64 <= 8);
    assert!(receive(&mut strangers[0]).await.is_err(), "the oldest went");
}

#[tokio::test]
async fn a_malformed_frame_costs_its_own_connection_only() {
    let running = start(Limits::default()).await;
    let mut good = connect(&running).await;
    let mut bad = connect(&running).await;
    bad.write_all(&[0xff; 16]).await.expect("is sent");
    assert_eq!(receive(&mut bad).await.expect_err("is closed").kind(), ErrorKind::UnexpectedEof);
    assert_eq!(ask(&mut good, "a1!").await.expect("answers"), "a1!");
    drop(bad);
    until(&running.runtime, || metric(&running, "kafkaesque_frames_malformed_total") as i64 == 1).await;
}

#[tokio::test]
async fn a_stop_finishes_what_was_accepted() {
    let running = start(Limits::default()).await;
    let mut busy = connect(&running).await;
    let mut quiet = connect(&running).await;
    assert_eq!(ask(&mut quiet, "a0!").await.expect("answers"), "a0!");
    busy.write_all(&frame(b"p1")).await.expect("is sent");
    until(&running.runtime, || running.service.admitted().contains(&"p1".to_owned())).await;
    running.runtime.shutdown.request();
    assert!(receive(&mut quiet).await.is_err(), "is closed");
    running.service.echo("p1");
    assert_eq!(receive(&mut busy).await.expect("is answered"), "p1");
    assert!(receive(&mut busy).await.is_err(), "is closed then");
    drop((busy, quiet));
    running.ended.await.expect("ends");
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_stop_cuts_off_what_does_not_finish() {
    let limits = Limits { drain: Duration::from_millis(100), ..Limits::default() };
    let running = start(limits).await;
    let mut client = connect(&running).await;
    client.write_all(&frame(b"p1")).await.expect("is sent");
    until(&running.runtime, || running.service.admitted().len() == 1).await;
    running.runtime.shutdown.request();
    let ended = running.runtime.clock.timeout(Duration::from_secs(5), running.ended).await;
    ended.expect("in time").expect("ends");
    assert!(receive(&mut client).await.is_err());
}
