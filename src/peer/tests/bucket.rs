//! The cluster's secret in the bucket: made once, read by all, written back, and kept from other users.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::support::{Traits, World};
use crate::peer::proof::{Role, Transcript};
use crate::peer::{ClusterSecret, SecretError, Service};
use crate::runtime::{Runtime, Secret};
use crate::store::{self, Backend, Config, Local, Store};

const PATH: &str = "cluster.secret";

fn same(one: &ClusterSecret, two: &ClusterSecret) -> bool {
    let said = Transcript::new(&None);
    two.key().accepts(&said, Role::Caller, &one.key().prove(&said, Role::Caller))
}

async fn stored(store: &Store) -> Option<Bytes> {
    let found = store.object_store().get(&store.path(PATH)).await.ok()?;
    found.bytes().await.ok()
}

async fn store_secret(store: &Store, bytes: &[u8]) {
    let payload = PutPayload::from(bytes.to_vec());
    store.object_store().put(&store.path(PATH), payload).await.unwrap();
}

async fn delete(store: &Store) {
    store.object_store().delete(&store.path(PATH)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_first_broker_makes_the_secret_and_the_others_read_it() {
    let runtime = Runtime::simulated(1);
    let store = Store::memory(&runtime);
    let (one, two) = futures::join!(
        ClusterSecret::of_bucket(&store, &runtime),
        ClusterSecret::of_bucket(&store, &runtime)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(same(&one, &two));
    assert_eq!(stored(&store).await.unwrap().len(), 32);
    let other = Store::memory(&runtime);
    let elsewhere = ClusterSecret::of_bucket(&other, &Runtime::simulated(1)).await.unwrap();
    assert!(!same(&one, &elsewhere), "no seed tells it");
}

#[tokio::test(start_paused = true)]
async fn brokers_that_run_write_a_deleted_secret_back() {
    let world = World::new();
    let store = Store::memory(&world.runtime);
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let made = stored(&store).await.unwrap();
    let broker = world.broker(1, &Traits { secret, ..Traits::default() });
    delete(&store).await;
    world.runtime.clock.sleep(Duration::from_secs(31)).await;
    assert_eq!(stored(&store).await, Some(made));
    broker.network.close().await;
    delete(&store).await;
    world.runtime.clock.sleep(Duration::from_secs(90)).await;
    assert_eq!(stored(&store).await, None, "it runs no more");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_made_anew_is_read_after_a_refused_proof() {
    let world = World::new();
    let store = Store::memory(&world.runtime);
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let one = world.broker(1, &Traits { secret, ..Traits::default() });
    delete(&store).await;
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let two = world.broker(2, &Traits { secret, ..Traits::default() });
    // Whoever has the older one reads the other: as the one that is called, and as the one that calls.
    assert_eq!(two.ask(1, Service::Raft, "hello").await.unwrap(), "hello");
    store_secret(&store, b"a third one of enough bytes").await;
    world.runtime.clock.sleep(Duration::from_secs(2)).await;
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let _three = world.broker(3, &Traits { secret, ..Traits::default() });
    let refused = one.ask(3, Service::Raft, "hello").await;
    assert!(refused.unwrap_err().reason.contains("RAFT_CLUSTER_SECRET"));
    assert_eq!(one.ask(3, Service::Raft, "hello").await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_secret_stops_a_start_and_disturbs_nobody_who_runs() {
    let world = World::new();
    let store = Store::memory(&world.runtime);
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let made = secret.clone();
    let (one, two) = (
        world.broker(1, &Traits { secret: secret.clone(), ..Traits::default() }),
        world.broker(2, &Traits { secret: secret.clone(), ..Traits::default() }),
    );
    store_secret(&store, b"cut").await;
    let refused = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap_err();
    assert!(matches!(&refused, SecretError::Damaged { path, len: 3 } if path == PATH), "{refused}");
    world.runtime.clock.sleep(Duration::from_secs(65)).await;
    assert!(same(&secret, &made));
    assert_eq!(one.ask(2, Service::Raft, "hello").await.unwrap(), "hello");
    assert_eq!(two.ask(1, Service::Raft, "hello").await.unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn strangers_do_not_make_a_broker_read_the_secret_over_and_over() {
    let world = World::new();
    let store = Store::memory(&world.runtime);
    let secret = ClusterSecret::of_bucket(&store, &world.runtime).await.unwrap();
    let one = world.broker(1, &Traits::default());
    let _two = world.broker(2, &Traits { secret, ..Traits::default() });
    let reads = || store.metrics().requests(store::RequestKind::Get);
    let before = reads();
    for _ in 0..20 {
        one.refusal(2).await;
    }
    assert!(reads() - before <= 2, "{}", reads() - before);
}

#[tokio::test]
async fn in_a_directory_the_secret_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    for fsync in [true, false] {
        let runtime = Runtime::system();
        let path = folder.path().join(format!("fsync-{fsync}"));
        let local = Local { path: path.clone(), fsync, reserve_bytes: 0 };
        let store = store::open(&Config::new(Backend::Local(local)), &runtime, |_, _| {}).await.unwrap();
        let one = ClusterSecret::of_bucket(&store, &runtime).await.unwrap();
        let file = path.join(PATH);
        let mode = |file: &std::path::Path| file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        let names = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
        let left = names.filter(|name| name.to_string_lossy().starts_with(PATH));
        assert_eq!(left.count(), 1, "nothing unfinished is left");
        // A copy of the directory may have lost that.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let two = ClusterSecret::of_bucket(&store, &runtime).await.unwrap();
        assert!(same(&one, &two));
        assert_eq!(mode(&file), 0o600);
        let again = store.create_private(&Path::from(PATH), Bytes::from_static(b"another")).await;
        assert!(matches!(again, Err(object_store::Error::AlreadyExists { .. })), "{again:?}");
    }
}

#[test]
fn a_given_secret_has_sixteen_bytes_at_least() {
    assert!(matches!(ClusterSecret::given(&Secret::new("fifteen bytes..")), Err(SecretError::Short(15))));
    let secret = ClusterSecret::given(&Secret::new("sixteen bytes...")).unwrap();
    assert!(!format!("{secret:?}").contains("sixteen"), "{secret:?}");
}
