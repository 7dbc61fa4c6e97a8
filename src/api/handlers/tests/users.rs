//! SCRAM credentials: set at one broker, known at all of them.

use std::time::Duration;

use super::support::{Cluster, Node};
use crate::api::handlers::alter_user_scram_credentials::AlterUserScramCredentials;
use crate::api::handlers::describe_user_scram_credentials::DescribeUserScramCredentials;
use crate::auth::{Credentials as _, Scram, ScramCredential};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    alter_user_scram_credentials as alter, describe_user_scram_credentials as describe,
};

const SHA_256: i8 = 1;
const SHA_512: i8 = 2;

fn set(name: &str, mechanism: i8, iterations: i32) -> alter::ScramCredentialUpsertion {
    alter::ScramCredentialUpsertion {
        name: name.to_owned(),
        mechanism,
        iterations,
        salt: b"salt".to_vec().into(),
        salted_password: b"salted password".to_vec().into(),
    }
}

fn deletion(name: &str, mechanism: i8) -> alter::ScramCredentialDeletion {
    alter::ScramCredentialDeletion { name: name.to_owned(), mechanism }
}

type Told = Vec<(String, i16, Option<String>)>;

async fn change(
    node: &Node,
    deletions: Vec<alter::ScramCredentialDeletion>,
    upsertions: Vec<alter::ScramCredentialUpsertion>,
) -> Told {
    let request = alter::Request { deletions, upsertions };
    let response = node.ask::<AlterUserScramCredentials>(0, request).await;
    response
        .results
        .into_iter()
        .map(|result| (result.user, result.error_code, result.error_message))
        .collect()
}

async fn ask(node: &Node, users: Option<&[&str]>) -> Vec<describe::DescribeUserScramCredentialsResult> {
    let name = |name: &&str| describe::UserName { name: (*name).to_owned() };
    let request = describe::Request { users: users.map(|users| users.iter().map(name).collect()) };
    let response = node.ask::<DescribeUserScramCredentials>(0, request).await;
    assert_eq!((response.error_code, response.error_message.as_deref()), (0, Some("")), "as Kafka");
    response.results
}

/// Users with their mechanisms and iterations.
async fn described(node: &Node, users: Option<&[&str]>) -> Vec<(String, i16, Vec<(i8, i32)>)> {
    let infos = |infos: Vec<describe::CredentialInfo>| {
        infos.into_iter().map(|info| (info.mechanism, info.iterations)).collect()
    };
    let results = ask(node, users).await.into_iter();
    results.map(|result| (result.user, result.error_code, infos(result.credential_infos))).collect()
}

fn done(name: &str) -> (String, i16, Option<String>) {
    (name.to_owned(), 0, None)
}

fn failed(name: &str, code: ErrorCode, message: &str) -> (String, i16, Option<String>) {
    (name.to_owned(), code.code(), Some(message.to_owned()))
}

fn with(name: &str, infos: &[(i8, i32)]) -> (String, i16, Vec<(i8, i32)>) {
    (name.to_owned(), 0, infos.to_vec())
}

#[tokio::test]
async fn what_one_broker_acknowledged_every_broker_tells() {
    let cluster = Cluster::new().await;
    let [one, two, three] = &cluster.brokers[..] else { panic!("three brokers") };
    assert!(described(one, None).await.is_empty());
    assert_eq!(
        change(one, vec![], vec![set("bob", SHA_512, 5000), set("alice", SHA_256, 4096)]).await,
        [done("alice"), done("bob")]
    );
    assert_eq!(change(two, vec![], vec![set("alice", SHA_512, 16_384)]).await, [done("alice")]);
    let all = [with("alice", &[(SHA_256, 4096), (SHA_512, 16_384)]), with("bob", &[(SHA_512, 5000)])];
    assert_eq!(described(three, None).await, all);
    assert_eq!(described(one, Some(&[])).await, all);
    assert_eq!(described(two, Some(&["bob"])).await, all[1..]);
    assert_eq!(change(three, vec![deletion("alice", SHA_256)], vec![]).await, [done("alice")]);
    assert_eq!(described(one, Some(&["alice"])).await, [with("alice", &[(SHA_512, 16_384)])]);
    let gone = failed(
        "alice",
        ErrorCode::ResourceNotFound,
        "Attempt to delete a user credential that does not exist",
    );
    assert_eq!(change(two, vec![deletion("alice", SHA_256)], vec![]).await, [gone]);
    cluster.end().await;
}

#[tokio::test]
async fn a_user_with_one_change_that_cannot_be_gets_none_and_the_others_get_theirs() {
    let cluster = Cluster::new().await;
    let node = &cluster.brokers[0];
    let twice = |name| {
        let message = "A user credential cannot be altered twice in the same request";
        failed(name, ErrorCode::DuplicateResource, message)
    };
    let deletions = vec![deletion("", SHA_256), deletion("gone", SHA_256), deletion("odd", 3)];
    let mut salty = set("salty", SHA_256, 4096);
    salty.salt = vec![0; 1025].into();
    let upsertions = vec![
        set("fine", SHA_256, 4096),
        set("few", SHA_256, 4095),
        set("many", SHA_512, 16_385),
        set("negative", SHA_512, -1),
        set("twice", SHA_256, 4096),
        set("twice", SHA_512, 4096),
        set("odd", SHA_256, 4096),
        set("zero", 0, 4096),
        set("*", SHA_256, 4096),
        salty,
    ];
    let unacceptable = |name, message| failed(name, ErrorCode::UnacceptableCredential, message);
    let unknown = |name| failed(name, ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism");
    let not_found = "Attempt to delete a user credential that does not exist";
    assert_eq!(
        change(node, deletions, upsertions).await,
        [
            unacceptable("", "Username must not be empty"),
            unacceptable("*", "Bad username: the name is *, which stands for everybody"),
            unacceptable("few", "Too few iterations"),
            done("fine"),
            failed("gone", ErrorCode::ResourceNotFound, not_found),
            unacceptable("many", "Too many iterations"),
            unacceptable("negative", "Too few iterations"),
            unknown("odd"),
            unacceptable("salty", "Salt too long"),
            twice("twice"),
            unknown("zero"),
        ]
    );
    assert_eq!(described(node, None).await, [with("fine", &[(SHA_256, 4096)])]);
    assert_eq!(
        change(node, vec![deletion("fine", SHA_256)], vec![set("fine", SHA_512, 4096)]).await,
        [twice("fine")]
    );
    assert_eq!(described(node, None).await, [with("fine", &[(SHA_256, 4096)])]);
    cluster.end().await;
}

#[tokio::test]
async fn users_who_are_not_there_or_named_twice_are_told_apart() {
    let cluster = Cluster::new().await;
    let node = &cluster.brokers[0];
    change(node, vec![], vec![set("alice", SHA_256, 4096)]).await;
    let told = ask(node, Some(&["bob", "alice", "carol", "carol"])).await;
    let told: Told =
        told.into_iter().map(|result| (result.user, result.error_code, result.error_message)).collect();
    assert_eq!(
        told,
        [
            ("alice".to_owned(), 0, Some(String::new())),
            failed(
                "bob",
                ErrorCode::ResourceNotFound,
                "Attempt to describe a user credential that does not exist: bob"
            ),
            failed(
                "carol",
                ErrorCode::DuplicateResource,
                "Cannot describe SCRAM credentials for the same user twice in a single request: carol"
            ),
        ]
    );
    cluster.end().await;
}

#[tokio::test]
async fn a_new_user_can_log_in_at_every_broker_within_a_second() {
    let cluster = Cluster::new().await;
    change(&cluster.brokers[1], vec![], vec![set("alice", SHA_256, 4096)]).await;
    let expected =
        ScramCredential::of_salted_password(Scram::Sha256, b"salt".to_vec(), 4096, b"salted password");
    let clock = &cluster.brokers[0].runtime.clock;
    let deadline = clock.instant() + Duration::from_secs(1);
    let known = |node: &&Node| node.metadata.scram(Scram::Sha256, "alice").as_deref() == Some(&expected);
    while cluster.brokers.iter().filter(known).count() < 3 {
        assert!(clock.instant() < deadline, "not known everywhere");
        clock.sleep(Duration::from_millis(10)).await;
    }
    let keys = cluster.brokers.iter().map(|node| node.metadata.salt_key());
    let keys: Vec<_> = keys.collect();
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "one key for salts");
    cluster.end().await;
}

#[tokio::test]
async fn without_a_majority_credentials_may_be_set_again() {
    let cluster = Cluster::new().await;
    cluster.switchboard.cut(1);
    cluster.switchboard.cut(2);
    let told = change(&cluster.brokers[0], vec![deletion("bob", 9)], vec![set("alice", SHA_256, 4096)]).await;
    let codes: Vec<_> = told.iter().map(|(name, code, _)| (name.as_str(), *code)).collect();
    let no_controller = ErrorCode::NotController.code();
    assert_eq!(codes, [("alice", no_controller), ("bob", no_controller)]);
    cluster.end().await;
}
