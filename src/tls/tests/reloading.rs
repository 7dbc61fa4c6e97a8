//! Files that change while they are used.

use std::time::Duration;

use rcgen::date_time_ymd;

use super::support::{Authority, HOST, meet};
use crate::runtime::{Runtime, TaskKind};
use crate::tls::{Acceptor, CertificateDer, certificates};

struct World {
    runtime: Runtime,
    authority: Authority,
    acceptor: Acceptor,
}

impl World {
    fn new() -> World {
        let (runtime, authority) = (Runtime::simulated(1), Authority::new());
        let acceptor = Acceptor::open("SSL", authority.server(), &runtime).expect("opens");
        runtime.tasks.spawn(TaskKind::Periodic, acceptor.clone().watch());
        World { runtime, authority, acceptor }
    }

    /// The certificate that a new client is shown.
    async fn shown(&self) -> CertificateDer<'static> {
        let (client, _) = meet(&self.acceptor, &self.authority.client(None, &self.runtime)).await;
        let client = client.expect("connects");
        client.get_ref().1.peer_certificates().expect("one")[0].clone()
    }

    async fn seconds(&self, seconds: u64) {
        self.runtime.clock.sleep(Duration::from_secs(seconds)).await;
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.runtime.metrics.gather();
        let family = families.iter().find(|family| family.name() == name).expect("the metric");
        let metric = &family.get_metric()[0];
        assert_eq!(
            metric.get_label().iter().find(|label| label.name() == "listener").expect("a label").value(),
            "SSL"
        );
        metric.get_gauge().get_value() + metric.get_counter().get_value()
    }
}

fn first(pem: &str) -> CertificateDer<'static> {
    certificates(pem.as_bytes()).expect("one").remove(0)
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_used_within_seconds() {
    let world = World::new();
    let before = world.shown().await;
    let pair = world.authority.pair(HOST, |_| {});
    world.authority.files(&pair);
    world.seconds(6).await;
    assert_ne!(before, first(&pair.certificate));
    assert_eq!(world.shown().await, first(&pair.certificate));
    assert_eq!((world.metric("kafkaesque_tls_reloads_total"), world.acceptor.problem()), (1.0, None));
}

#[tokio::test(start_paused = true)]
async fn key_and_certificate_that_come_apart_are_used_together() {
    let world = World::new();
    let before = world.shown().await;
    let pair = world.authority.pair(HOST, |_| {});
    world.authority.write("server.pem", &pair.certificate);
    world.seconds(6).await;
    assert_eq!(world.shown().await, before);
    let problem = world.acceptor.problem().expect("a problem");
    assert!(problem.contains("TLS_KEY_PATH"), "{problem}");
    assert_eq!(world.metric("kafkaesque_tls_files_refused"), 1.0);
    world.authority.write("server.key", &pair.key);
    world.seconds(6).await;
    assert_eq!(world.shown().await, first(&pair.certificate));
    assert_eq!((world.metric("kafkaesque_tls_files_refused"), world.acceptor.problem()), (0.0, None));
}

#[tokio::test(start_paused = true)]
async fn half_a_file_and_none_leave_the_old_one_in_place() {
    let world = World::new();
    let before = world.shown().await;
    let pair = world.authority.pair(HOST, |_| {});
    let half = &pair.certificate[..pair.certificate.len() / 2];
    let path = world.authority.write("server.pem", half);
    world.seconds(6).await;
    assert!(world.acceptor.problem().expect("a problem").contains("TLS_CERT_PATH"));
    std::fs::remove_file(&path).expect("is removed");
    world.seconds(6).await;
    assert!(world.acceptor.problem().expect("a problem").contains("TLS_CERT_PATH"));
    assert_eq!(world.shown().await, before);
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_does_not_replace_one_that_is_not() {
    let world = World::new();
    let before = world.shown().await;
    let old = world.authority.pair(HOST, |params| params.not_after = date_time_ymd(2023, 11, 1));
    world.authority.files(&old);
    world.seconds(6).await;
    assert!(world.acceptor.problem().expect("a problem").contains("expired"));
    assert_eq!(world.shown().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_expires_in_use_is_told() {
    let world = World::new();
    // The clock begins at the fourteenth, in the evening.
    let short = world.authority.pair(HOST, |params| params.not_after = date_time_ymd(2023, 11, 16));
    world.authority.files(&short);
    world.seconds(6).await;
    assert!((1.0..1.2).contains(&world.metric("kafkaesque_tls_certificate_days_left")));
    assert_eq!(world.acceptor.problem(), None);
    world.seconds(2 * 86_400).await;
    assert!(world.acceptor.problem().expect("a problem").contains("expired"));
    assert!(world.metric("kafkaesque_tls_certificate_days_left") < 0.0);
}

/// Every second another one, as in the worst of loads.
#[tokio::test(start_paused = true)]
async fn files_that_never_rest_are_followed() {
    let world = World::new();
    let pairs: Vec<_> = (0..20).map(|_| world.authority.pair(HOST, |_| {})).collect();
    for (number, pair) in pairs.iter().enumerate() {
        world.authority.files(pair);
        world.seconds(1).await;
        let shown = world.shown().await;
        let recent = &pairs[number.saturating_sub(6)..=number];
        assert!(number < 6 || recent.iter().any(|pair| first(&pair.certificate) == shown), "{number} s");
    }
}
