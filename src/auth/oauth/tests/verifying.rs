//! Tokens, good and bad, against keys in a file.

use std::time::Duration;

use serde_json::json;

use super::signer::encode;
use super::*;
use crate::auth::{Login, Principal};

async fn refused(verifier: &Verifier, token: &str) -> String {
    verifier.verify(token).await.expect_err(token)
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_key_logs_in() {
    let runtime = Runtime::simulated(1);
    let (rsa, ed) = (Signer::rsa("r"), Signer::ed("d"));
    let curves = ["P-256", "P-384", "P-521"].map(|curve| Signer::ec(curve, curve));
    let (_folder, settings) = with_file(&[&rsa, &ed, &curves[0], &curves[1], &curves[2]]);
    let verifier = open(&settings, &runtime);
    let claims = claims(&runtime);
    let by_rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let mut tokens: Vec<String> = by_rsa.iter().map(|name| rsa.token_by(name, &claims)).collect();
    tokens.extend(curves.iter().map(|signer| signer.token(&claims)));
    tokens.extend([ed.token(&claims), ed.token_by("Ed25519", &claims)]);
    // A token that names no key may be signed with any.
    tokens.push(curves[1].token_with(&json!({ "alg": "ES384" }), &claims));
    let expected = Login {
        principal: Principal::user("alice").unwrap(),
        groups: Vec::new(),
        expires_ms: claims["exp"].as_i64().map(|exp| exp * 1000),
    };
    for token in tokens {
        assert_eq!(verifier.verify(&token).await, Ok(expected.clone()), "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn signatures_of_others_are_refused() {
    let runtime = Runtime::simulated(1);
    let (ours, other, rsa) = (Signer::ec("k", "P-256"), Signer::ec("k", "P-256"), Signer::rsa("r"));
    let (_folder, settings) = with_file(&[&ours, &rsa]);
    let verifier = open(&settings, &runtime);
    let claims = claims(&runtime);
    let good = ours.token(&claims);
    verifier.verify(&good).await.unwrap();

    let signature = "the token's signature is not that of the issuer's key";
    assert_eq!(refused(&verifier, &other.token(&claims)).await, signature);
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(refused(&verifier, &format!("{signed}.")).await, signature);
    let (_, theirs) = good.split_once('.').unwrap();
    let header = encode(json!({ "alg": "ES256", "kid": "k", "typ": "JWT" }).to_string());
    assert_eq!(refused(&verifier, &format!("{header}.{theirs}")).await, signature);

    // The algorithm of a token is not believed: the key has one.
    for (signer, algorithm) in [
        (&ours, "none"),
        (&ours, "HS256"),
        (&ours, "RS256"),
        (&ours, "ES384"),
        (&ours, "EdDSA"),
        (&rsa, "none"),
        (&rsa, "ES256"),
        (&rsa, "RS257"),
        (&rsa, "rs256"),
        (&rsa, ""),
    ] {
        let reason = refused(&verifier, &signer.token_by(algorithm, &claims)).await;
        assert!(reason.ends_with(&format!("is for the algorithm {algorithm:?}")), "{reason}");
    }
    for signer in [&ours, &rsa] {
        let reason = refused(&verifier, &signer.token_by_public_key(&claims)).await;
        assert!(reason.ends_with("is for the algorithm \"HS256\""), "{reason}");
    }
    let none = encode(json!({ "alg": "none" }).to_string());
    let reason = refused(&verifier, &format!("{none}.{}.", encode(claims.to_string()))).await;
    assert_eq!(reason, "no key None of the issuer is for the algorithm \"none\"");
}

#[tokio::test(start_paused = true)]
async fn claims_are_held_against_the_settings() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let (_folder, settings) = with_file(&[&signer]);
    let verifier = open(&Settings { scope: Some("kafka write".to_owned()), ..settings }, &runtime);
    let now = runtime.clock.now_ms() / 1000;
    let good = changed(claims(&runtime), json!({ "scope": "write openid kafka" }));
    for (changes, reason) in [
        (json!({}), None),
        (json!({ "aud": ["other", AUDIENCE] }), None),
        (json!({ "scope": null, "scp": ["kafka", "write"] }), None),
        (json!({ "scope": ["kafka", "write"] }), None),
        (json!({ "exp": now - 29, "iat": now - 60 }), None),
        (json!({ "exp": now, "iat": now, "nbf": now }), None),
        (json!({ "sub": " alice\n" }), None),
        (json!({ "exp": now as f64 + 0.5, "iat": 0.5 }), None),
        (json!({ "exp": 1e30 }), None),
        (json!({ "nbf": now + 30 }), None),
        (json!({ "iss": null }), Some("is of an issuer that is not trusted")),
        (json!({ "iss": "https://issuer.test/" }), Some("is of an issuer that is not trusted")),
        (json!({ "iss": [ISSUER] }), Some("is of an issuer that is not trusted")),
        (json!({ "aud": null }), Some("is for another audience")),
        (json!({ "aud": "kafka2" }), Some("is for another audience")),
        (json!({ "aud": ["a", 1] }), Some("\"aud\" is neither a text nor a list of texts")),
        (json!({ "scope": null }), Some("scope lacks \"kafka\"")),
        (json!({ "scope": "kafka writer" }), Some("scope lacks \"write\"")),
        (json!({ "exp": null }), Some("does not expire")),
        (json!({ "iat": null }), Some("does not say when it was issued")),
        (json!({ "exp": now - 30 }), Some("expired 30 s ago")),
        (json!({ "exp": (now + 300).to_string() }), Some("\"exp\" is no number")),
        (json!({ "exp": -1 }), Some("\"exp\" is negative")),
        (json!({ "nbf": now + 31 }), Some("is not valid yet")),
        (json!({ "iat": now + 301 }), Some("ends before it begins")),
        (json!({ "exp": now + 9, "nbf": now + 10 }), Some("ends before it begins")),
        (json!({ "sub": null }), Some("has no text as its claim \"sub\"")),
        (json!({ "sub": 7 }), Some("has no text as its claim \"sub\"")),
        (json!({ "sub": "" }), Some("\"sub\" is no user: the name is empty")),
        (json!({ "sub": " \t" }), Some("\"sub\" is no user: the name is empty")),
        (json!({ "scope": 7 }), Some("\"scope\" is neither a text nor a list of texts")),
        (json!({ "sub": "*" }), Some("\"sub\" is no user: the name is *, which stands for everybody")),
        (json!({ "sub": "a\nb" }), Some("\"sub\" is no user: the name contains a control character")),
        (json!({ "sub": "x".repeat(256) }), Some("\"sub\" is no user: the name is longer than 255 bytes")),
    ] {
        let verdict = verifier.verify(&signer.token(&changed(good.clone(), changes.clone()))).await;
        match (verdict, reason) {
            (Ok(_), None) => {}
            (Err(said), Some(reason)) if said.ends_with(reason) => {}
            (verdict, _) => panic!("{changes}: {verdict:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_after_its_time_and_the_skew_of_clocks() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let (_folder, settings) = with_file(&[&signer]);
    let verifier = open(&settings, &runtime);
    let token = signer.token(&claims(&runtime));
    tokio::time::advance(Duration::from_secs(329)).await;
    verifier.verify(&token).await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(refused(&verifier, &token).await, "the token expired 30 s ago");
}

#[tokio::test(start_paused = true)]
async fn claims_of_choice_name_the_user_and_the_groups() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ed("k");
    let (_folder, settings) = with_file(&[&signer]);
    let settings = Settings {
        principal_claim: Some("preferred_username".to_owned()),
        groups_claim: Some("groups".to_owned()),
        ..settings
    };
    let verifier = open(&settings, &runtime);
    let token = |groups: Value| {
        let claims = changed(claims(&runtime), json!({ "preferred_username": "bob", "groups": groups }));
        signer.token(&claims)
    };
    let names: Vec<String> = (10..74).map(|number| format!("g{number}")).collect();
    // Nobody demands a scope.
    let scope = changed(claims(&runtime), json!({ "preferred_username": " bob ", "scope": 7 }));
    assert_eq!(verifier.verify(&signer.token(&scope)).await.unwrap().principal.to_string(), "User:bob");
    for (groups, expected) in [
        (json!(null), vec![]),
        (json!([]), vec![]),
        (json!("ops"), vec!["ops"]),
        (json!(["ops", "dev", "ops"]), vec!["dev", "ops"]),
        (json!(names), names.iter().map(String::as_str).collect()),
    ] {
        let login = verifier.verify(&token(groups)).await.unwrap();
        assert_eq!(login.principal.to_string(), "User:bob");
        let expected: Vec<String> = expected.iter().map(|name| format!("Group:{name}")).collect();
        assert_eq!(login.groups.iter().map(Principal::to_string).collect::<Vec<_>>(), expected);
    }
    let many: Vec<String> = (0..65).map(|number| format!("g{number}")).collect();
    for (groups, reason) in [
        (json!(many), "the token names 65 groups, more than 64"),
        (json!({ "ops": true }), "the token's claim \"groups\" is neither a text nor a list of texts"),
        (json!(["ops", 1]), "the token's claim \"groups\" is neither a text nor a list of texts"),
        (json!(["ops", ""]), "the token's claim \"groups\" has what is no group: the name is empty"),
    ] {
        assert_eq!(refused(&verifier, &token(groups)).await, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_none_are_refused() {
    let runtime = Runtime::simulated(1);
    let signer = Signer::ec("k", "P-256");
    let (_folder, settings) = with_file(&[&signer]);
    let verifier = open(&settings, &runtime);
    let claims = claims(&runtime);
    let header = |header: Value| signer.token_with(&header, &claims);
    let long = "k".repeat(1001);
    for (token, reason) in [
        (String::new(), "the token has not three parts"),
        ("a.b".to_owned(), "the token has not three parts"),
        ("a.b.c.d".to_owned(), "the token has not three parts"),
        ("a.b.c".to_owned(), "the token's header is not base64"),
        (format!("{}.b.c", encode("{}")), "the token's header is bad JSON, at byte 2"),
        (format!("{}.!.c", encode(r#"{"alg":"ES256"}"#)), "the token's body is not base64"),
        (
            format!("{}.{}.c", encode(r#"{"alg":"ES256"}"#), encode("[]")),
            "the token's body is bad JSON, at byte 0",
        ),
        (
            header(json!({ "alg": "ES256", "crit": ["b64"], "b64": false })),
            "the token's header demands an extension",
        ),
        (
            header(json!({ "alg": "ES256", "kid": long })),
            "the token's key has an identifier of more than 1000 bytes",
        ),
        (
            header(json!({ "alg": "ES256", "kid": "x" })),
            "no key Some(\"x\") of the issuer is for the algorithm \"ES256\"",
        ),
        (format!("{}=", signer.token(&claims)), "the token's signature is not base64"),
    ] {
        assert_eq!(refused(&verifier, &token).await, reason, "{token}");
    }
    // Another reader of the token might believe the other one.
    let twice = encode(claims.to_string().replacen('{', r#"{"sub":"bob","#, 1));
    let reason = refused(&verifier, &format!("{}.{twice}.c", encode(r#"{"alg":"ES256"}"#))).await;
    assert!(reason.starts_with("the token's body is bad JSON"), "{reason}");
    // Keys, and places of keys, that a token brings along are not looked at.
    let foreign = Signer::ec("k", "P-256");
    let brought =
        json!({ "alg": "ES256", "kid": "k", "jwk": foreign.public(), "jku": "https://127.0.0.1:1/keys" });
    let reason = refused(&verifier, &foreign.token_with(&brought, &claims)).await;
    assert_eq!(reason, "the token's signature is not that of the issuer's key");
}
