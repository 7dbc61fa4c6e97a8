//! Listeners, TLS and logins of a whole broker.

mod left_out;
#[cfg(all(feature = "sasl", feature = "tls"))]
mod listeners;
#[cfg(feature = "sasl")]
mod logins;
#[cfg(feature = "tls")]
mod named;
#[cfg(feature = "sasl")]
mod secrets;

use std::net::SocketAddr;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{create_delegation_token, sasl_authenticate, sasl_handshake};

use crate::Running;
use crate::client::Client;

fn address(running: &Running, listener: &str) -> SocketAddr {
    let all = running.broker.addresses();
    all.iter().find(|(name, _)| name == listener).unwrap_or_else(|| panic!("{listener} of {all:?}")).1
}

pub async fn handshake(client: &mut Client, mechanism: &str) -> i16 {
    let request = sasl_handshake::Request { mechanism: mechanism.to_owned() };
    client.ask(&request, 1).await.error_code
}

pub async fn token(client: &mut Client, bytes: impl Into<Vec<u8>>) -> sasl_authenticate::Response {
    let request = sasl_authenticate::Request { auth_bytes: Bytes::from(bytes.into()) };
    client.ask(&request, 2).await
}

pub async fn log_in_plain(client: &mut Client, user: &str, password: &str) -> i16 {
    assert_eq!(handshake(client, "PLAIN").await, 0);
    token(client, format!("\0{user}\0{password}")).await.error_code
}

/// A login by SCRAM-SHA-256, as RFC 5802 has it; the broker's own proof is checked too.
pub async fn log_in_scram(client: &mut Client, user: &str, password: &str) -> i16 {
    assert_eq!(handshake(client, "SCRAM-SHA-256").await, 0);
    let bare = format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL");
    let first = token(client, format!("n,,{bare}")).await;
    assert_eq!(first.error_code, 0, "names are asked through to the proof");
    let first = String::from_utf8(first.auth_bytes.to_vec()).expect("text");
    let part = |key: &str| first.split(',').find_map(|part| part.strip_prefix(key)).expect("a part");
    let salt = BASE64.decode(part("s=")).expect("base64");
    let iterations = part("i=").parse::<u32>().expect("a count").try_into().expect("more than none");
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let mac =
        |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec();
    let client_key = mac(&salted, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, &client_key);
    let without_proof = format!("c=biws,r={}", part("r="));
    let message = format!("{bare},{first},{without_proof}");
    let signature = mac(stored_key.as_ref(), message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
    let last = token(client, format!("{without_proof},p={}", BASE64.encode(&proof))).await;
    if last.error_code == 0 {
        let server_key = mac(&salted, b"Server Key");
        let expected = format!("v={}", BASE64.encode(mac(&server_key, message.as_bytes())));
        assert_eq!(last.auth_bytes, expected.as_bytes());
    }
    last.error_code
}

/// The name under which the broker knows a client.
async fn requester(client: &mut Client) -> String {
    let found = client.ask(&create_delegation_token::Request::default(), 3).await;
    let expected = match found.token_requester_principal_name.as_str() {
        "ANONYMOUS" => ErrorCode::DelegationTokenRequestNotAllowed,
        _ => ErrorCode::DelegationTokenAuthDisabled,
    };
    assert_eq!(found.error_code, expected.code());
    format!("{}:{}", found.token_requester_principal_type, found.token_requester_principal_name)
}
