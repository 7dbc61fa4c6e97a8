//! Users of the cluster, through restarts and beside older brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::support::{Bucket, Process, Switchboard, settings};
use crate::auth::{Credentials as _, Scram, ScramCredential};
use crate::metadata::{Applied, Command, MetadataSettings, Outcome, ProposeError};
use crate::types::BrokerId;

fn credential(iterations: u32) -> ScramCredential {
    ScramCredential { salt: vec![1; 26], stored_key: vec![2; 32], server_key: vec![3; 32], iterations }
}

async fn set(process: &Process, user: &str, iterations: u32) -> Result<Outcome, ProposeError> {
    let credential = Some(credential(iterations));
    let command = Command::AlterScram { user: user.into(), mechanism: Scram::Sha256, credential };
    process.metadata.propose(command).await
}

/// Users with the iterations of their credentials.
fn users(process: &Process) -> BTreeMap<String, u32> {
    let image = process.metadata.image();
    let users = image.configs.users.with_scram();
    users.map(|(user, credentials)| (user.to_string(), credentials[&Scram::Sha256].iterations)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_the_key_of_salts_outlive_a_process() {
    let bucket = Bucket::new();
    let settings = MetadataSettings { snapshot_log_bytes: 4096, ..settings(0) };
    let first = bucket.try_start(&settings).await.expect("a start");
    let key = first.metadata.salt_key().expect("a key from the first start on");
    for n in 0..100 {
        assert_eq!(set(&first, &format!("in-the-snapshot-{n}"), 4096 + n).await, Ok(Ok(Applied::Done)));
    }
    let clock = &first.runtime.clock;
    let deadline = clock.instant() + Duration::from_secs(10);
    while first.metadata.snapshot_index() == 0 {
        assert!(clock.instant() < deadline, "no snapshot was taken");
        clock.sleep(Duration::from_millis(20)).await;
    }
    set(&first, "in-the-log", 5000).await.expect("an outcome").expect("set");
    let before = users(&first);
    assert_eq!(before.len(), 101);

    let second = bucket.try_start(&settings).await.expect("a start");
    assert!(second.metadata.snapshot_index() > 0);
    assert_eq!(users(&second), before);
    assert_eq!(second.metadata.salt_key(), Some(key));
    let found = second.metadata.scram(Scram::Sha256, "in-the-log");
    assert_eq!(found.as_deref(), Some(&credential(5000)));
    assert_eq!(second.metadata.scram(Scram::Sha512, "in-the-log"), None);
    second.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_start_together_agree_on_the_key_of_salts() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = bucket.start_cluster(3, &switchboard).await;
    for broker in &brokers {
        broker.metadata.sync().await.expect("up to date");
    }
    let key = brokers[0].metadata.salt_key();
    assert!(key.is_some() && brokers.iter().all(|broker| broker.metadata.salt_key() == key));
    futures::future::join_all(brokers.iter().map(|broker| broker.metadata.close())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_users_while_a_broker_does_not_know_of_them() {
    let bucket = Bucket::new();
    let process = bucket.start_beside(BrokerId(7), 3).await;
    let refused = set(&process, "alice", 4096).await;
    assert_eq!(refused, Err(ProposeError::NotSupported { needed: 4, known: 3 }));
    assert!(users(&process).is_empty());
    process.metadata.close().await;
}
