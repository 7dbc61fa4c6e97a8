//! Strangers at the port for brokers: nothing that they do keeps brokers from each other.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::support::{Broker, MEMORY, Traits, World, pipe};
use crate::peer::hello::MAGIC;
use crate::peer::limits::{MAX_STRANGERS, PROOF_LIMIT};
use crate::peer::{Service, Tls};

fn connect(broker: &Broker) -> DuplexStream {
    let (here, there) = pipe();
    broker.network.take(there, MEMORY.to_owned());
    here
}

/// Waits for the end of a connection, whatever comes before.
async fn end(stream: &mut DuplexStream) {
    let mut answer = [0; 1024];
    while stream.read(&mut answer).await.is_ok_and(|len| len > 0) {}
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mut random = vec![0; 4096];
    StdRng::seed_from_u64(1).fill_bytes(&mut random);
    let frames_of_two_gib: Vec<u8> = [0x7f, 0xff, 0xff, 0xff, 0x00].repeat(1000);
    let api_versions = b"\0\0\0\x17\0\x12\0\x03\0\0\0\x01\0\x05kcat1\0\x05kcat\x04\x031.0\0";
    let large_frame = [&MAGIC[..], &[0xff; 4096]].concat();
    let short_hello = [&MAGIC[..], &[0, 4, 0, 1, 0, 1]].concat();
    let client_hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03garbage";
    vec![
        ("nothing", Vec::new()),
        ("HTTP/1", b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("Kafka", api_versions.to_vec()),
        ("random", random),
        ("frames of 2 GiB", frames_of_two_gib),
        ("a greeting that is too large", large_frame),
        ("a greeting that is cut", short_hello),
        ("a magic alone", MAGIC.to_vec()),
        ("TLS", client_hello.to_vec()),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_gone_after_five_seconds_at_the_latest() {
    let world = World::new();
    for tls in [Tls::off(), Tls::ephemeral(&world.runtime.clock).unwrap()] {
        let one = world.broker(1, &Traits { tls, ..Traits::default() });
        for (name, bytes) in hostile() {
            let started = world.runtime.clock.instant();
            let mut stranger = connect(&one);
            // It may be closed already.
            let _ = stranger.write_all(&bytes).await;
            let ended = world.runtime.clock.timeout(PROOF_LIMIT, end(&mut stranger)).await;
            let took = world.runtime.clock.instant() - started;
            assert!(ended.is_ok() || took <= PROOF_LIMIT, "{name}: {took:?}");
            world.runtime.clock.sleep(Duration::from_millis(1)).await;
            assert_eq!(one.network.strangers(), 0, "{name}");
            end(&mut stranger).await;
        }
        assert_eq!(one.begun(), 0);
        one.network.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_too_many_strangers_the_oldest_goes() {
    let world = World::new();
    let one = world.broker(1, &Traits::default());
    let mut all: Vec<DuplexStream> = (0..MAX_STRANGERS).map(|_| connect(&one)).collect();
    world.runtime.clock.sleep(Duration::from_millis(10)).await;
    assert_eq!(one.network.strangers(), MAX_STRANGERS);
    let started = world.runtime.clock.instant();
    let _newest = connect(&one);
    end(&mut all[0]).await;
    assert_eq!(world.runtime.clock.instant(), started, "it went at once");
    assert_eq!(one.network.strangers(), MAX_STRANGERS);
}

#[tokio::test(start_paused = true)]
async fn strangers_fail_no_call_between_brokers() {
    let world = World::new();
    let (one, two) = world.pair();
    let clock = &world.runtime.clock;
    let mut kept = Vec::new();
    for round in 0..30 {
        for _ in 0..12 {
            for (_, bytes) in hostile() {
                let mut stranger = connect(&two);
                let _ = stranger.write_all(&bytes).await;
                kept.push(stranger);
            }
        }
        let started = clock.instant();
        let service = Service::ALL[round % Service::ALL.len()];
        assert_eq!(one.ask(2, service, "hello").await.unwrap(), "hello", "round {round}");
        assert!(clock.instant() - started < Duration::from_millis(100));
        clock.sleep(Duration::from_millis(100)).await;
        if round == 20 {
            // Connections that brokers have to make anew find a way too.
            kept.truncate(2000);
        }
    }
    assert!(two.network.strangers() <= MAX_STRANGERS);
    assert_eq!(two.begun(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_made_among_strangers() {
    let world = World::new();
    let two = world.broker(2, &Traits::default());
    let _kept: Vec<DuplexStream> = (0..2 * MAX_STRANGERS).map(|_| connect(&two)).collect();
    let one = world.broker(1, &Traits::default());
    let started = world.runtime.clock.instant();
    assert_eq!(one.ask(2, Service::Liveness, "hello").await.unwrap(), "hello");
    assert!(world.runtime.clock.instant() - started < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_a_broker_that_is_not_ready_and_are_let_in_then() {
    let world = World::new();
    let one = world.broker(1, &Traits::default());
    let two = world.bound(2, &Traits::default());
    assert!(!one.ask(2, Service::Raft, "early").await.unwrap_err().is_refused);
    two.network.serve(two.member(&Traits::default()));
    assert_eq!(one.ask(2, Service::Raft, "hello").await.unwrap(), "hello");
}
