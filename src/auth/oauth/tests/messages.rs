//! The exchange with a client, message by message.

use proptest::prelude::*;

use super::super::message::Message;
use super::super::token::Token;
use super::super::{Exchange, keys::Keys};
use super::*;
use crate::auth::{Mechanism, Refusal, Reply, Step};

fn first(name: &str, token: &str) -> Vec<u8> {
    format!("n,{name},\u{1}auth=Bearer {token}\u{1}\u{1}").into_bytes()
}

#[test]
fn first_messages_are_read_as_kafka_reads_them() {
    let message = |authzid: Option<&str>, token| Ok((authzid.map(str::to_owned), token));
    for (text, expected) in [
        ("n,,|auth=Bearer a.b.c||", message(None, "a.b.c")),
        ("n,,|auth=bEARER   a-_~+/.9==||", message(None, "a-_~+/.9==")),
        ("n,a=al=2Cice=3D,|auth=Bearer t||", message(Some("al,ice="), "t")),
        ("n,,|host=h x|auth=Bearer t|port=9||", message(None, "t")),
        ("n,,|auth=Basic x|auth=Bearer t||", message(None, "t")),
        ("", Err("the first message wants a channel to be bound")),
        ("y,,|auth=Bearer t||", Err("the first message wants a channel to be bound")),
        ("p=tls-exporter,,|auth=Bearer t||", Err("the first message wants a channel to be bound")),
        ("n,", Err("the first message has no end of its header")),
        ("n,alice,|auth=Bearer t||", Err("the first message names nobody")),
        ("n,a=,|auth=Bearer t||", Err("the first message names nobody")),
        ("n,a=x=41,|auth=Bearer t||", Err("the first message names nobody")),
        ("n,a=ä,|auth=Bearer t||", Err("the first message names nobody")),
        ("n,,auth=Bearer t||", Err("the first message does not begin and end as it must")),
        ("n,,|auth=Bearer t", Err("the first message does not begin and end as it must")),
        ("n,,|", Err("the first message does not begin and end as it must")),
        ("n,,|auth=Bearer t|", Err("the first message has a pair without an end")),
        ("n,,||auth=Bearer t||", Err("the first message has a pair that is none")),
        ("n,,|auth=Bearer t|||", Err("the first message has a pair that is none")),
        ("n,,|k1=v|auth=Bearer t||", Err("the first message has a pair that is none")),
        ("n,,|key=|auth=Bearer t||", Err("the first message has a pair that is none")),
        ("n,,|key=ä|auth=Bearer t||", Err("the first message has a pair that is none")),
        ("n,,||", Err("the first message has no token")),
        ("n,,|key=value||", Err("the first message has no token")),
        ("n,,|auth=Basic t||", Err("the first message has a token that is none")),
        ("n,,|auth=Bearer||", Err("the first message has a token that is none")),
        ("n,,|auth=Bearer ==||", Err("the first message has a token that is none")),
        ("n,,|auth=Bearer a=b||", Err("the first message has a token that is none")),
        ("n,,|auth=Bearer a b||", Err("the first message has a token that is none")),
    ] {
        let bytes = text.replace('|', "\u{1}").into_bytes();
        let read = Message::read(&bytes).map(|message| (message.authzid, message.token));
        assert_eq!(read, expected, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_one_message() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let (_folder, settings) = with_file(&[&signer]);
    let verifier = open(&settings, &runtime);
    let token = signer.token(&claims(&runtime));
    for name in ["", "a=alice"] {
        let mut exchange = Exchange::new(Arc::clone(&verifier));
        match exchange.step(&first(name, &token)).await {
            Step::Done { last, login } => {
                assert_eq!((last, login.principal.to_string()), (Vec::new(), "User:alice".to_owned()));
            }
            step => panic!("{step:?}"),
        }
        assert!(matches!(exchange.step(&first(name, &token)).await, Step::Refused(_)));
    }
    let mut exchange = Exchange::new(verifier);
    match exchange.step(&first("a=bob", &token)).await {
        Step::Refused(Refusal { reply, reason }) => {
            assert_eq!(reason, "it wants to be another than User:alice");
            assert_eq!(reply, Reply::Of(Mechanism::OAuthBearer), "it names nobody");
        }
        step => panic!("{step:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_token_takes_a_second_round() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let (_folder, settings) = with_file(&[&signer]);
    let verifier = open(&settings, &runtime);
    let json = r#"{"status":"invalid_token"}"#;
    for token in ["a.b.c".to_owned(), signer.token(&changed(claims(&runtime), json!({ "aud": "other" })))] {
        let mut exchange = Exchange::new(Arc::clone(&verifier));
        assert_eq!(exchange.step(&first("", &token)).await, Step::Challenge(json.into()));
        match exchange.step(&[1]).await {
            Step::Refused(refusal) => {
                assert_eq!(refusal.reply, Reply::Own(json));
                assert!(refusal.reason.starts_with("the token"), "{}", refusal.reason);
            }
            step => panic!("{step:?}"),
        }
        assert!(matches!(exchange.step(&[1]).await, Step::Refused(_)));
    }
    // A second try in the same exchange would be one more guess.
    let mut exchange = Exchange::new(verifier);
    assert_eq!(exchange.step(&first("", "a.b.c")).await, Step::Challenge(json.into()));
    let good = signer.token(&claims(&runtime));
    assert!(matches!(exchange.step(&first("", &good)).await, Step::Refused(_)));
}

/// A first message, or almost.
const MESSAGE: &str =
    "[ny](a=)?[a-z=,]{0,8},\u{1}?((auth|[a-z1]{0,3})=(Bearer )?[a-zA-Z=. ]{0,9}\u{1}?){0,3}\u{1}{0,2}";
/// A header of a token, or almost; the same of a body.
const HEADER: &str = r#"\{("(alg|kid|crit)":("[a-z]{0,3}"|1|null|\[\]),?){0,3}\}|.{0,20}"#;
const BODY: &str = r#"\{("(exp|aud)":("x"|-?[0-9]{1,30}|null|\[\]),?){0,3}\}|.{0,20}"#;
/// A set of keys, or almost.
const SET: &str = concat!(
    r#"\{"keys":\[(\{("(kty|crv|n|e|x|y|use|key_ops)":"#,
    r#"("(RSA|EC|OKP|P-256|Ed25519|AQAB|[A-Za-z0-9_-]{43})"|1|null|\[\]),?){0,6}\},?){0,3}\]\}|.{0,40}"#
);

proptest! {
    #[test]
    fn random_first_messages_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::read(&bytes);
    }

    #[test]
    fn almost_first_messages_are_read_or_refused(text in MESSAGE) {
        if let Ok(message) = Message::read(text.as_bytes()) {
            prop_assert!(!message.token.is_empty() && text.contains(message.token));
        }
    }

    #[test]
    fn random_tokens_are_read_or_refused(text in r"[a-zA-Z0-9_.=-]{0,120}|.{0,60}") {
        let _ = Token::read(&text);
    }

    #[test]
    fn tokens_of_any_json_are_read_or_refused(header in HEADER, body in BODY) {
        let text = format!("{}.{}.AA", signer::encode(header), signer::encode(body));
        let _ = Token::read(&text);
    }

    #[test]
    fn sets_of_any_json_are_read_or_refused(text in SET) {
        let _ = Keys::read(text.as_bytes());
    }
}
