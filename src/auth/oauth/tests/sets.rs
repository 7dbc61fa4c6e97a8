//! Sets of keys as issuers publish them.

use super::super::keys::Keys;
use super::super::token::Token;
use super::*;

fn verdict(set: &Value, token: &str) -> Result<(), String> {
    Keys::read(set.to_string().as_bytes())?.verify(&Token::read(token).unwrap())
}

#[test]
fn a_key_is_for_what_it_says_and_nothing_else() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::rsa("k");
    let claims = claims(&runtime);
    let key = |changes: Value| json!({ "keys": [changed(signer.public(), changes)] });
    let token = |algorithm| signer.token_by(algorithm, &claims);
    assert_eq!(verdict(&key(json!({ "alg": "RS384", "use": "sig" })), &token("RS384")), Ok(()));
    assert_eq!(verdict(&key(json!({ "key_ops": ["verify"] })), &token("PS512")), Ok(()));
    let other = verdict(&key(json!({ "alg": "RS384" })), &token("RS256"));
    assert_eq!(other, Err("no key Some(\"k\") of the issuer is for the algorithm \"RS256\"".to_owned()));
    let none = "it holds no key that can verify a signature by RS, PS, ES or EdDSA";
    for useless in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "EC" }),
        json!({ "n": null }),
        json!({ "n": "AQAB" }),
        json!({ "e": "!" }),
    ] {
        assert_eq!(verdict(&key(useless.clone()), &token("RS256")), Err(none.to_owned()), "{useless}");
    }
}

#[test]
fn points_that_are_on_no_curve_are_no_keys() {
    for signer in [Signer::ec("k", "P-256"), Signer::ec("k", "P-521"), Signer::ed("k")] {
        let good = signer.public();
        assert_eq!(
            Keys::read(json!({ "keys": [good] }).to_string().as_bytes()).map(|keys| keys.len()),
            Ok(1)
        );
        for bad in
            [json!({ "x": "AAAA" }), json!({ "crv": "P-384" }), json!({ "x": 1 }), json!({ "x": null })]
        {
            let set = json!({ "keys": [changed(good.clone(), bad.clone())] });
            assert!(Keys::read(set.to_string().as_bytes()).is_err(), "{set}");
        }
    }
    let mut moved = Signer::ec("k", "P-256").public();
    moved["y"] = moved["x"].clone();
    assert!(Keys::read(json!({ "keys": [moved] }).to_string().as_bytes()).is_err());
}

#[test]
fn keys_that_are_not_known_do_not_spoil_the_others() {
    let runtime = Runtime::simulated(1);
    let (first, second) = (Signer::ec("k", "P-256"), Signer::ec("k", "P-256"));
    let set = json!({ "keys": [
        { "kty": "future" }, 7, null, { "kty": "oct", "kid": "k", "k": "AAAA" },
        first.public(), second.public(),
    ], "more": {} });
    // Two keys of one name are tried in turn.
    for signer in [first, second] {
        assert_eq!(verdict(&set, &signer.token(&claims(&runtime))), Ok(()));
    }
    for none in [json!({ "keys": [] }), json!({ "keys": [{ "kty": "future" }] }), json!({}), json!([])] {
        assert!(Keys::read(none.to_string().as_bytes()).is_err());
    }
}
