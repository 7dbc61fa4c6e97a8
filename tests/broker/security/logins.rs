//! Logins by PLAIN and SCRAM.

use aws_lc_rs::pbkdf2;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    alter_user_scram_credentials as alter, describe_user_scram_credentials as describe, metadata,
};

use super::{address, handshake, log_in_plain, log_in_scram, requester};
use crate::Running;
use crate::client::Client;

#[tokio::test]
async fn who_has_not_logged_in_gets_nothing_and_nothing_else_is_told_of_a_failure() {
    let running = Running::with(&[("SASL_ENABLED", "true"), ("SASL_USERS", "alice:secret")]).await;
    let mut early = running.client().await;
    early.send(&metadata::Request::default(), 12).await;
    assert_eq!(early.frame().await, None);
    for (user, password) in [("alice", "wrong"), ("nobody", "secret"), ("alice", "")] {
        let mut client = running.client().await;
        assert_eq!(
            log_in_plain(&mut client, user, password).await,
            ErrorCode::SaslAuthenticationFailed.code()
        );
        assert_eq!(client.frame().await, None);
        let mut client = running.client().await;
        assert_eq!(
            log_in_scram(&mut client, user, password).await,
            ErrorCode::SaslAuthenticationFailed.code()
        );
        assert_eq!(client.frame().await, None);
    }
    let mut client = running.client().await;
    assert_eq!(handshake(&mut client, "GSSAPI").await, ErrorCode::UnsupportedSaslMechanism.code());
    assert_eq!(client.frame().await, None);
    // A frame that is larger than those of strangers may be.
    let mut client = running.client().await;
    client.raw(&100_000_i32.to_be_bytes()).await;
    assert_eq!(client.frame().await, None);
    let mut client = running.client().await;
    assert_eq!(log_in_scram(&mut client, "alice", "secret").await, 0);
    assert_eq!(requester(&mut client).await, "User:alice");
    running.stop().await;
}

#[tokio::test]
async fn users_that_a_request_makes_log_in_until_one_deletes_them() {
    let running = Running::with(&[
        ("LISTENERS", "PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0"),
        ("SASL_MECHANISMS", "SCRAM-SHA-256"),
    ])
    .await;
    let outside = address(&running, "SASL_PLAINTEXT");
    let mut admin = running.client().await;
    let salt = b"a salt that is random".to_vec();
    let mut salted = [0; 32];
    let iterations = 4096.try_into().expect("more than none");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, b"pencil", &mut salted);
    let upsertion = alter::ScramCredentialUpsertion {
        name: "carol".to_owned(),
        mechanism: 1,
        iterations: 4096,
        salt: salt.into(),
        salted_password: salted.to_vec().into(),
    };
    let made = alter::Request { upsertions: vec![upsertion], ..Default::default() };
    assert_eq!(admin.ask(&made, 0).await.results[0].error_code, 0);
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pencil").await, 0);
    let refused = ErrorCode::SaslAuthenticationFailed.code();
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pen").await, refused);
    let described = admin.ask(&describe::Request::default(), 0).await;
    assert_eq!(described.results.len(), 1);
    let told = &described.results[0];
    assert_eq!((told.user.as_str(), told.credential_infos[0].iterations), ("carol", 4096));
    let deletion = alter::ScramCredentialDeletion { name: "carol".to_owned(), mechanism: 1 };
    let gone = alter::Request { deletions: vec![deletion], ..Default::default() };
    assert_eq!(admin.ask(&gone, 0).await.results[0].error_code, 0);
    assert_eq!(log_in_scram(&mut Client::connect(outside).await, "carol", "pencil").await, refused);
    running.stop().await;
}
