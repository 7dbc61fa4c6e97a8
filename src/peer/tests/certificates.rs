//! TLS between brokers: certificates that count, and those that do not.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;

use super::support::{Broker, CLUSTER, SECRET, Traits, World, pipe, secret};
use crate::peer::handshake::{HandshakeError, Me, be_called, call};
use crate::peer::hello::{Refusal, Versions};
use crate::peer::known::Known;
use crate::peer::{Service, Tls, TlsError, TlsFiles};
use crate::runtime::{Clock, Runtime};
use crate::types::BrokerId;

/// An authority, and the files of brokers that it vouches for.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer, folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn files(&self, host: &str, change: impl Fn(&mut CertificateParams)) -> TlsFiles {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        TlsFiles {
            certificate: self.write(&format!("{host}.pem"), &certificate.pem()),
            key: self.write(&format!("{host}.key"), &key.serialize_pem()),
            authority: self.write("ca.pem", &self.issuer.pem()),
        }
    }
}

fn traits(files: &TlsFiles, clock: &Clock) -> Traits {
    Traits { tls: Tls::of_files(files, clock).unwrap(), ..Traits::default() }
}

async fn talk(one: &Broker, two: &Broker) {
    for service in Service::ALL {
        assert_eq!(one.ask(2, service, "hello").await.unwrap(), "hello");
        assert_eq!(two.ask(1, service, vec![1; 1 << 20]).await.unwrap().len(), 1 << 20);
    }
}

/// Neither calls the other.
async fn strange(one: &Broker, two: &Broker) {
    one.refusal(2).await;
    two.refusal(1).await;
    assert_eq!((one.begun(), two.begun()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn brokers_with_certificates_of_one_authority_talk() {
    let world = World::new();
    let authority = Authority::new();
    let one = world.broker(1, &traits(&authority.files("broker-1", |_| {}), &world.runtime.clock));
    let two = world.broker(2, &traits(&authority.files("broker-2", |_| {}), &world.runtime.clock));
    talk(&one, &two).await;
}

#[tokio::test(start_paused = true)]
async fn without_certificates_the_proof_is_enough() {
    let world = World::new();
    let clock = &world.runtime.clock;
    let ephemeral = || Traits { tls: Tls::ephemeral(clock).unwrap(), ..Traits::default() };
    let (one, two) = (world.broker(1, &ephemeral()), world.broker(2, &ephemeral()));
    talk(&one, &two).await;
    let other = Traits { secret: secret("another secret than theirs"), ..ephemeral() };
    let three = world.broker(3, &other);
    assert!(three.refusal(2).await.contains("RAFT_CLUSTER_SECRET"));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_alone_makes_nobody_a_broker() {
    let world = World::new();
    let authority = Authority::new();
    let own = traits(&authority.files("broker-1", |_| {}), &world.runtime.clock);
    let one = world.broker(1, &Traits { secret: secret("another secret than theirs"), ..own });
    let two = world.broker(2, &traits(&authority.files("broker-2", |_| {}), &world.runtime.clock));
    assert!(one.refusal(2).await.contains("RAFT_CLUSTER_SECRET"));
    strange(&one, &two).await;
}

#[tokio::test(start_paused = true)]
async fn certificates_that_do_not_count_let_nobody_in() {
    let world = World::new();
    let clock = &world.runtime.clock;
    let (authority, other) = (Authority::new(), Authority::new());
    let two = world.broker(2, &traits(&authority.files("broker-2", |_| {}), clock));

    let foreign = other.files("broker-1", |_| {});
    let mixed = TlsFiles { authority: authority.files("x", |_| {}).authority, ..foreign.clone() };
    let expired = authority.files("broker-1", |params| params.not_after = date_time_ymd(2023, 11, 1));
    let early = authority.files("broker-1", |params| params.not_before = date_time_ymd(2024, 1, 1));
    for files in [foreign, mixed, expired, early] {
        let one = world.broker(1, &traits(&files, clock));
        strange(&one, &two).await;
        one.network.close().await;
    }
    for tls in [Tls::ephemeral(clock).unwrap(), Tls::off()] {
        let one = world.broker(1, &Traits { tls, ..Traits::default() });
        strange(&one, &two).await;
        one.network.close().await;
    }
    // It is not the host that was called, but may call.
    let one = world.broker(1, &traits(&authority.files("broker-7", |_| {}), clock));
    assert!(two.refusal(1).await.contains("TLS"));
    assert_eq!(one.ask(2, Service::Raft, "hello").await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_runs_out_ends_new_connections() {
    let world = World::new();
    let clock = &world.runtime.clock;
    let authority = Authority::new();
    let one = world.broker(1, &traits(&authority.files("broker-1", |_| {}), clock));
    // The clock begins at the fourteenth.
    let short = authority.files("broker-2", |params| params.not_after = date_time_ymd(2023, 11, 15));
    let two = world.broker(2, &traits(&short, clock));
    assert_eq!(two.ask(1, Service::Raft, "hello").await.unwrap(), "hello");
    clock.sleep(Duration::from_secs(86_400)).await;
    assert!(one.refusal(2).await.contains("xpired"));
}

#[tokio::test(start_paused = true)]
async fn with_and_without_tls_brokers_do_not_talk() {
    let world = World::new();
    let started = world.runtime.clock.instant();
    let tls = Tls::ephemeral(&world.runtime.clock).unwrap();
    let one = world.broker(1, &Traits { tls, ..Traits::default() });
    let two = world.broker(2, &Traits::default());
    strange(&one, &two).await;
    assert!(world.runtime.clock.instant() - started < Duration::from_secs(1), "both see it at once");
}

/// Somebody who has TLS with both, and carries every byte from one to the other.
#[tokio::test(start_paused = true)]
async fn nobody_can_stand_in_the_middle() {
    let clock = Runtime::simulated(1).clock;
    let tls = || Tls::ephemeral(&clock).unwrap();
    let me = |id| Me { broker: BrokerId(id), incarnation: 1, cluster_id: CLUSTER, versions: Versions::OURS };
    let (here, near) = pipe();
    let (far, there) = pipe();
    let calling = async {
        let (mut stream, binding) = tls().call(Box::new(here), "broker-2").await.unwrap();
        let to = (BrokerId(2), Service::Raft);
        call(&mut stream, &binding, me(1), to, &secret(SECRET), &Known::new(BrokerId(1))).await
    };
    let called = async {
        let (mut stream, binding) = tls().be_called(there).await.unwrap();
        be_called(&mut stream, &binding, me(2), &secret(SECRET), &Known::new(BrokerId(2))).await
    };
    let middle = async {
        let own = tls();
        let (near, far) = futures::join!(own.be_called(near), own.call(Box::new(far), "broker-2"));
        let (mut near, mut far) = (near.unwrap().0, far.unwrap().0);
        copy_bidirectional(&mut near, &mut far).await
    };
    let (caller, called, _) = futures::join!(calling, called, middle);
    assert!(matches!(caller, Err(HandshakeError::Refused(Refusal::Proof))), "{caller:?}");
    assert!(matches!(called, Err(HandshakeError::Refuses(Refusal::Proof))), "{called:?}");
}

#[test]
fn a_file_that_is_of_no_use_is_named_with_its_variable() {
    let clock = Runtime::system().clock;
    let authority = Authority::new();
    let good = authority.files("broker-1", |_| {});
    let other = authority.files("broker-2", |_| {});
    let text = authority.write("text", "no certificate\n");
    let missing = PathBuf::from("/nonexistent.pem");
    let cases = [
        (TlsFiles { certificate: text.clone(), ..good.clone() }, "RAFT_TLS_CERT_PATH"),
        (TlsFiles { certificate: missing.clone(), ..good.clone() }, "RAFT_TLS_CERT_PATH"),
        (TlsFiles { key: text.clone(), ..good.clone() }, "RAFT_TLS_KEY_PATH"),
        (TlsFiles { key: other.key, ..good.clone() }, "RAFT_TLS_KEY_PATH"),
        (TlsFiles { authority: text, ..good.clone() }, "RAFT_TLS_CA_PATH"),
        (TlsFiles { authority: missing, ..good.clone() }, "RAFT_TLS_CA_PATH"),
    ];
    for (files, expected) in cases {
        match Tls::of_files(&files, &clock) {
            Err(TlsError::File { variable, .. }) => assert_eq!(variable, expected, "{files:?}"),
            other => panic!("{files:?} gave {other:?}"),
        }
    }
    assert!(Tls::of_files(&good, &clock).is_ok());
}
