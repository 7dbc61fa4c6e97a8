//! Logins by tokens beside Apache Kafka's: tokens of every kind, first messages, the round after a failure, and renewals.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use crate::brokers::Brokers;
use crate::connection::Connection;
use crate::free_port::free_port;
use crate::issuer::{AUDIENCE, ISSUER, Issuer, changed, claims, now};
use crate::logins::{ALICE, Scenario, Step, ask, play_both, shake, token};

const MECHANISM: &str = "OAUTHBEARER";
/// The client's word that it has seen the failure.
const SEEN: &[u8] = &[1];
/// Scenarios that are played beside each other.
const AT_ONCE: usize = 6;
/// A login of this many milliseconds has to be renewed.
const MAX_REAUTH_MS: &str = "4000";

fn their_settings(port: u16, keys: &str) -> String {
    let package = "org.apache.kafka.common.security";
    let listener = "listener.name.sasl_plaintext";
    format!(
        "SASL_PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,OAUTHBEARER
{listener}.plain.sasl.jaas.config={package}.plain.PlainLoginModule required user_alice=\"secret\";
{listener}.oauthbearer.sasl.jaas.config={package}.oauthbearer.OAuthBearerLoginModule required;
{listener}.oauthbearer.sasl.server.callback.handler.class={package}.oauthbearer.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwks.endpoint.url=file://{keys}
sasl.oauthbearer.expected.issuer={ISSUER}
sasl.oauthbearer.expected.audience={AUDIENCE}
connections.max.reauth.ms={MAX_REAUTH_MS}
"
    )
}

#[test]
fn tokens_are_kafkas() {
    let (our_plain, ours, theirs) = (free_port(), free_port(), free_port());
    let (folder, issuer) = (tempfile::tempdir().expect("a folder"), Issuer::new());
    let keys = folder.path().join("keys.json").display().to_string();
    std::fs::write(&keys, issuer.published()).expect("is written");
    let listeners = format!("PLAINTEXT://127.0.0.1:{our_plain},SASL_PLAINTEXT://127.0.0.1:{ours}");
    let variables = [
        ("LISTENERS", listeners.as_str()),
        ("SASL_USERS", "alice:secret"),
        ("SASL_MECHANISMS", "PLAIN,OAUTHBEARER"),
        ("OAUTH_ISSUER", ISSUER),
        ("OAUTH_AUDIENCE", AUDIENCE),
        ("OAUTH_JWKS_FILE", &keys),
        ("SASL_MAX_REAUTH_MS", MAX_REAUTH_MS),
    ];
    let allowed = "-Dorg.apache.kafka.sasl.oauthbearer.allowed";
    let java = format!("{allowed}.urls=file://{keys} {allowed}.files={keys}");
    let Some(_brokers) = Brokers::telling(our_plain, &their_settings(theirs, &keys), &variables, &java)
    else {
        return;
    };
    let ports = [ours, theirs];
    let all = [of_claims(&issuer), of_signatures(&issuer), of_messages(&issuer), renewals(&issuer)];
    let all: Vec<Scenario> = all.into_iter().flatten().collect();
    let mut differing = std::thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(AT_ONCE));
        let compare =
            |part: &[Scenario]| part.iter().filter_map(|one| differ(ports, one)).collect::<Vec<_>>();
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || compare(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("is compared")).collect::<Vec<_>>()
    });
    differing.extend(SHORT.iter().filter_map(|short| differ(ports, &short(&issuer))));
    let count = all.len() + SHORT.len();
    crate::tell(&format!("{count} ways to log in by a token, {} differ", differing.len()));
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// A scenario that has another outcome at ours than at Kafka's, unless that is meant.
fn differ(ports: [u16; 2], (name, steps): &Scenario) -> Option<String> {
    let [ours, theirs] = play_both(ports.map(Connection::new), steps);
    let differs = ours != theirs && permitted(name, &ours, &theirs).is_none();
    differs.then(|| format!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}"))
}

/// Scenarios that differ, by how their names begin, each with its reason.
const MEANT: &[(&str, &str)] = &[
    ("an empty scope", "a scope is looked at where one is demanded"),
    ("a scope twice", "a scope is looked at where one is demanded"),
    ("scopes of which one is a number", "Kafka's broker fails, and closes"),
    ("a jti that is a number", "a claim without a meaning for logins"),
    ("padding behind it", "the parts of a token have no padding"),
    ("message another scheme", "Kafka's broker fails, and closes"),
    ("failed, then a good token", "whoever has failed begins anew"),
    ("failed, then a bad token", "whoever has failed begins anew"),
];

/// Differences that are meant, each with its reason.
fn permitted(name: &str, ours: &[String], theirs: &[String]) -> Option<&'static str> {
    if let Some((_, why)) = MEANT.iter().find(|(start, _)| name.starts_with(start)) {
        return Some(why);
    }
    let is_refusal = |seen: &String| seen.contains("SaslAuthenticate 58");
    let is_alike = |(our, their)| our == their || (is_refusal(our) && is_refusal(their));
    if ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_alike) {
        return Some("one sentence for every reason, where Kafka has several");
    }
    if let ([ours @ .., end], [theirs @ .., answer, their_end]) = (ours, theirs)
        && ours == theirs
        && end == their_end
        && end == "closed"
        && (answer == "Metadata" || answer == "SaslHandshake 34 {}")
    {
        return Some("amid a login Kafka answers ILLEGAL_SASL_STATE before it closes");
    }
    None
}

fn first(header: &str, pairs: &str) -> Vec<u8> {
    format!("{header}|{pairs}|").replace('|', "\u{1}").into_bytes()
}

fn bearer(token: &str) -> Vec<u8> {
    first("n,,", &format!("auth=Bearer {token}|"))
}

/// A login by a token, the word of the client that it has seen a failure, and a token after that.
fn logging_in(name: &str, issuer: &Issuer, jwt: &str) -> [Scenario; 3] {
    let (message, good) = (bearer(jwt), bearer(&issuer.token(&claims("alice"))));
    [
        (format!("{name}, then on"), vec![shake(MECHANISM, 1), token(&message, 2), ask(), ask()]),
        (
            format!("{name}, seen"),
            vec![shake(MECHANISM, 1), token(&message, 2), token(SEEN, 2), token(&good, 2), ask()],
        ),
        (
            format!("{name}, raw"),
            vec![shake(MECHANISM, 0), Step::Raw(message), Step::Raw(SEEN.to_vec()), ask()],
        ),
    ]
}

fn of_claims(issuer: &Issuer) -> Vec<Scenario> {
    let now = now();
    let cases: Vec<(&str, Json)> = vec![
        ("good", json!({})),
        ("expired", json!({ "iat": now - 600, "exp": now - 60 })),
        ("expired a moment ago", json!({ "iat": now - 600, "exp": now - 5 })),
        ("good for a thousand years", json!({ "exp": now + 31_556_926_000_i64 })),
        ("no exp", json!({ "exp": null })),
        ("exp as a text", json!({ "exp": (now + 600).to_string() })),
        ("exp with a fraction", json!({ "exp": now as f64 + 600.5 })),
        ("exp below zero", json!({ "exp": -1 })),
        ("not yet valid", json!({ "nbf": now + 60 })),
        ("valid in a moment", json!({ "nbf": now + 10 })),
        ("nbf as a text", json!({ "nbf": "now" })),
        ("nbf behind exp", json!({ "nbf": now + 20, "exp": now + 10 })),
        ("no iat", json!({ "iat": null })),
        ("iat as a text", json!({ "iat": "now" })),
        ("iat below zero", json!({ "iat": -1 })),
        ("iat to come", json!({ "iat": now + 300 })),
        ("iat behind exp", json!({ "iat": now + 900 })),
        ("another issuer", json!({ "iss": "https://other.test" })),
        ("another case of the issuer", json!({ "iss": "https://ISSUER.test" })),
        ("no issuer", json!({ "iss": null })),
        ("issuer as a list", json!({ "iss": [ISSUER] })),
        ("another audience", json!({ "aud": "other" })),
        ("no audience", json!({ "aud": null })),
        ("an empty audience", json!({ "aud": "" })),
        ("a list of audiences", json!({ "aud": ["other", AUDIENCE] })),
        ("a list of other audiences", json!({ "aud": ["other", "another"] })),
        ("an empty list of audiences", json!({ "aud": [] })),
        ("an audience that is a number", json!({ "aud": 7 })),
        ("audiences of which one is a number", json!({ "aud": [AUDIENCE, 7] })),
        ("no sub", json!({ "sub": null })),
        ("an empty sub", json!({ "sub": "" })),
        ("sub of blanks", json!({ "sub": "  " })),
        ("sub with blanks around it", json!({ "sub": " alice " })),
        ("sub of two words", json!({ "sub": "alice and bob" })),
        ("sub in other letters", json!({ "sub": "ünï çødé" })),
        ("sub that is a number", json!({ "sub": 7 })),
        ("sub that is a list", json!({ "sub": ["alice"] })),
        ("a scope", json!({ "scope": "read write" })),
        ("an empty scope", json!({ "scope": "" })),
        ("a scope that is a number", json!({ "scope": 7 })),
        ("a list of scopes", json!({ "scope": ["read", "write"] })),
        ("an empty list of scopes", json!({ "scope": [] })),
        ("a scope twice", json!({ "scope": ["read", "read"] })),
        ("an empty scope of several", json!({ "scope": ["read", ""] })),
        ("scopes of which one is a number", json!({ "scope": ["read", 7] })),
        ("other claims", json!({ "jti": "1", "typ": 7, "nonce": null, "azp": ["x"] })),
        ("a jti that is a number", json!({ "jti": 7 })),
    ];
    let scenarios =
        cases.into_iter().map(|(name, changes)| logging_in(name, issuer, &issuer.token(&changed(&changes))));
    scenarios.flatten().collect()
}

fn of_signatures(issuer: &Issuer) -> Vec<Scenario> {
    let (claims, foreign) = (claims("alice"), Issuer::new());
    let good = issuer.token(&claims);
    let text = claims.to_string();
    let with = |header: Json| issuer.token_with(&header, &text);
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let mut tokens: Vec<(String, String)> = Issuer::algorithms()
        .into_iter()
        .map(|(algorithm, kid)| (format!("by {algorithm}"), with(json!({ "alg": algorithm, "kid": kid }))))
        .collect();
    let cases = [
        ("a foreign key", foreign.token(&claims)),
        ("a foreign curve", foreign.token_with(&json!({ "alg": "ES256", "kid": "P-256" }), &text)),
        ("alg none", with(json!({ "alg": "none" }))),
        ("alg none of a key", with(json!({ "alg": "none", "kid": "rsa" }))),
        ("alg NONE", with(json!({ "alg": "NONE", "kid": "rsa" }))),
        ("HS256 by the public key", with(json!({ "alg": "HS256", "kid": "rsa" }))),
        ("HS256 of no key", with(json!({ "alg": "HS256" }))),
        ("no alg", with(json!({ "kid": "rsa" }))),
        ("an alg that is none", with(json!({ "alg": "XS256", "kid": "rsa" }))),
        ("an alg in small letters", with(json!({ "alg": "rs256", "kid": "rsa" }))),
        ("another alg than was signed by", {
            let header = json!({ "alg": "RS512", "kid": "rsa" }).to_string();
            let head = crate::issuer::encode(header);
            format!("{head}.{}.{signature}", signed.split('.').nth(1).expect("a body"))
        }),
        ("a curve's alg for another curve", with(json!({ "alg": "ES256", "kid": "P-384" }))),
        ("an RSA alg for a curve", with(json!({ "alg": "RS256", "kid": "P-256" }))),
        ("an unknown kid", with(json!({ "alg": "RS256", "kid": "other" }))),
        ("no kid", with(json!({ "alg": "RS256" }))),
        ("no kid, by a curve", with(json!({ "alg": "ES256" }))),
        ("an empty kid", with(json!({ "alg": "RS256", "kid": "" }))),
        ("a kid that is a number", with(json!({ "alg": "RS256", "kid": 7 }))),
        ("a long kid", with(json!({ "alg": "RS256", "kid": "k".repeat(1001) }))),
        ("typ JWT", with(json!({ "alg": "RS256", "kid": "rsa", "typ": "JWT" }))),
        ("a demand", with(json!({ "alg": "RS256", "kid": "rsa", "crit": ["x"], "x": 1 }))),
        ("a demand for exp", with(json!({ "alg": "RS256", "kid": "rsa", "crit": ["exp"], "exp": 1 }))),
        ("a body that is no JSON", issuer.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), "{\"iss\":")),
        ("a body that is a list", issuer.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), "[]")),
        ("an empty body", issuer.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), "")),
        ("a header that is a list", issuer.token_with(&json!([]), &text)),
        ("a header that is no base64", format!("e.{}", good.split_once('.').expect("parts").1)),
        ("no signature", format!("{signed}.")),
        ("a cut signature", good[..good.len() - 4].to_owned()),
        ("padding behind it", format!("{good}==")),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{good}.x")),
        ("five parts", format!("{good}.x.y")),
        ("dots", "..".to_owned()),
        ("a word", "token".to_owned()),
        ("a claim twice", {
            let twice = text.replacen('{', "{\"sub\":\"bob\",", 1);
            issuer.token_with(&json!({ "alg": "RS256", "kid": "rsa" }), &twice)
        }),
    ];
    tokens.extend(cases.into_iter().map(|(name, token)| (name.to_owned(), token)));
    tokens.iter().flat_map(|(name, token)| logging_in(name, issuer, token)).collect()
}

fn of_messages(issuer: &Issuer) -> Vec<Scenario> {
    let good = issuer.token(&claims("alice"));
    let blanks = issuer.token(&changed(&json!({ "sub": " alice " })));
    let auth = format!("auth=Bearer {good}|");
    let bad = format!("auth=Bearer {}|", issuer.token(&changed(&json!({ "aud": "other" }))));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("of nothing", Vec::new()),
        ("seen, at once", SEEN.to_vec()),
        ("no text", vec![0xff, 0, 0xff]),
        ("of another mechanism", ALICE.to_vec()),
        ("an authzid", first("n,a=alice,", &auth)),
        ("another authzid", first("n,a=bob,", &auth)),
        ("another authzid, bad token", first("n,a=bob,", &bad)),
        ("an empty authzid", first("n,a=,", &auth)),
        ("an authzid without its key", first("n,alice,", &auth)),
        ("an authzid in other letters", first("n,a=älice,", &auth)),
        ("an authzid with an escape that is none", first("n,a=al=69ce,", &auth)),
        ("an authzid with a comma", first("n,a=alice=2C,", &auth)),
        ("an authzid, sub with blanks", first("n,a=alice,", &format!("auth=Bearer {blanks}|"))),
        ("an authzid with blanks, sub with blanks", first("n,a= alice ,", &format!("auth=Bearer {blanks}|"))),
        ("y", first("y,,", &auth)),
        ("channel binding", first("p=tls-exporter,,", &auth)),
        ("N", first("N,,", &auth)),
        ("no header", first("", &auth)),
        ("half a header", first("n,", &auth)),
        ("no separator", format!("n,,{auth}|").replace('|', "\u{1}").into_bytes()),
        ("no end", format!("n,,|{auth}").replace('|', "\u{1}").into_bytes()),
        ("bytes behind the end", first("n,,", &format!("{auth}|x"))),
        ("no pairs", first("n,,", "")),
        ("no auth", first("n,,", "host=x|")),
        ("an empty auth", first("n,,", "auth=|")),
        ("auth in large letters", first("n,,", &auth.to_uppercase())),
        ("another scheme", first("n,,", &format!("auth=Basic {good}|"))),
        ("the scheme in small letters", first("n,,", &format!("auth=bearer {good}|"))),
        ("no scheme", first("n,,", &format!("auth={good}|"))),
        ("several blanks", first("n,,", &format!("auth=Bearer   {good}|"))),
        ("a tab", first("n,,", &format!("auth=Bearer\t{good}|"))),
        ("a blank behind the token", first("n,,", &format!("auth=Bearer {good} |"))),
        ("no token", first("n,,", "auth=Bearer |")),
        ("auth twice", first("n,,", &format!("{auth}{bad}"))),
        ("auth twice, the last is good", first("n,,", &format!("{bad}{auth}"))),
        ("extensions", first("n,,", &format!("host=x|{auth}port=9092|"))),
        ("an extension of two words", first("n,,", &format!("{auth}key=two words\r\n\t|"))),
        ("an extension with an equals sign", first("n,,", &format!("{auth}key=a=b|"))),
        ("an extension twice", first("n,,", &format!("{auth}key=a|key=b|"))),
        ("an empty extension", first("n,,", &format!("{auth}key=|"))),
        ("an extension without a key", first("n,,", &format!("{auth}=value|"))),
        ("an extension without a value", first("n,,", &format!("{auth}key|"))),
        ("an extension with a digit in its key", first("n,,", &format!("{auth}k1=a|"))),
        ("an extension in other letters", first("n,,", &format!("{auth}key=ä|"))),
        ("an extension with a zero", first("n,,", &format!("{auth}key=a\0b|"))),
        ("extensions and a bad token", first("n,,", &format!("{bad}key=value|"))),
    ];
    let mut all = Vec::new();
    for (name, message) in cases {
        let steps = vec![shake(MECHANISM, 1), token(&message, 2), token(SEEN, 2), ask()];
        all.push((format!("message {name}"), steps));
        let steps = vec![shake(MECHANISM, 0), Step::Raw(message), ask()];
        all.push((format!("message {name}, raw"), steps));
    }
    all.extend(after_failures(issuer));
    all
}

/// Steps that may follow a token that was not good, and each version of the requests.
fn after_failures(issuer: &Issuer) -> Vec<Scenario> {
    let good = bearer(&issuer.token(&claims("alice")));
    let bad = bearer(&issuer.token(&changed(&json!({ "aud": "other" }))));
    let failed = |more: Vec<Step>| {
        let mut steps = vec![shake(MECHANISM, 1), token(&bad, 2)];
        steps.extend(more);
        steps
    };
    let mut all: Vec<Scenario> = vec![
        ("failed, then nothing of it".into(), failed(vec![token(&[], 2), ask()])),
        ("failed, then seen twice".into(), failed(vec![token(&[1, 1], 2), ask()])),
        ("failed, then a good token".into(), failed(vec![token(&good, 2), ask()])),
        ("failed, then a bad token".into(), failed(vec![token(&bad, 2), token(SEEN, 2), ask()])),
        ("failed, then a request".into(), failed(vec![ask(), ask()])),
        ("failed, then a handshake".into(), failed(vec![shake(MECHANISM, 1), token(&good, 2), ask()])),
        ("done, then seen".into(), vec![shake(MECHANISM, 1), token(&good, 2), token(SEEN, 2), ask()]),
        ("two handshakes".into(), vec![shake(MECHANISM, 1), shake(MECHANISM, 1), ask()]),
    ];
    for version in 0..=3 {
        for (name, message) in [("good", &good), ("bad", &bad)] {
            let steps = vec![shake(MECHANISM, 1), token(message, version), token(SEEN, version), ask()];
            all.push((format!("{name} by version {version}"), steps));
        }
    }
    all
}

fn renewals(issuer: &Issuer) -> Vec<Scenario> {
    let by = |user: &str| token(&bearer(&issuer.token(&claims(user))), 2);
    let bad = token(&bearer(&issuer.token(&changed(&json!({ "exp": now() - 60 })))), 2);
    let logged_in = |more: Vec<Step>| {
        let mut steps = vec![shake(MECHANISM, 1), by("alice"), ask()];
        steps.extend(more);
        steps
    };
    let later = || Step::Wait(Duration::from_millis(1200));
    let past = || Step::Wait(Duration::from_millis(4300));
    let again = || shake(MECHANISM, 1);
    vec![
        ("renewal at once".into(), logged_in(vec![again(), by("alice"), ask()])),
        ("renewals at once".into(), logged_in(vec![again(), by("alice"), again(), ask()])),
        ("renewals".into(), logged_in(vec![again(), by("alice"), later(), again(), by("alice"), ask()])),
        ("renewal by another".into(), logged_in(vec![later(), again(), by("bob"), ask()])),
        ("renewal by PLAIN".into(), logged_in(vec![later(), shake("PLAIN", 1), token(ALICE, 2), ask()])),
        (
            "renewal of PLAIN".into(),
            vec![shake("PLAIN", 1), token(ALICE, 2), ask(), later(), again(), by("alice"), ask()],
        ),
        ("renewal by a bad token".into(), logged_in(vec![later(), again(), bad, token(SEEN, 2), ask()])),
        ("renewal by no message".into(), logged_in(vec![later(), again(), token(b"n,,", 2), ask()])),
        ("renewal by an older handshake".into(), logged_in(vec![later(), shake(MECHANISM, 0), ask()])),
        ("request amid a renewal".into(), logged_in(vec![later(), again(), ask(), by("alice"), ask()])),
        ("past the end".into(), logged_in(vec![past(), ask()])),
        ("renewal past the end".into(), logged_in(vec![past(), again(), by("alice"), ask()])),
    ]
}

/// Scenarios of a token that is good for some two and a half seconds, made when it is their turn.
const SHORT: [fn(&Issuer) -> Scenario; 4] = [
    |issuer| ("a short token".into(), with_a_short_one(issuer, vec![Step::Wait(LIFE), ask()])),
    |issuer| {
        let good = token(&bearer(&issuer.token(&claims("alice"))), 2);
        let renewed = vec![shake(MECHANISM, 1), good, Step::Wait(LIFE), ask()];
        ("a short token, renewed by a longer one".into(), with_a_short_one(issuer, renewed))
    },
    |issuer| {
        let good = token(&bearer(&issuer.token(&claims("alice"))), 2);
        let renewed = vec![Step::Wait(LIFE), shake(MECHANISM, 1), good, ask()];
        ("a short token, renewed past its end".into(), with_a_short_one(issuer, renewed))
    },
    |issuer| {
        let renewed = with_a_short_one(issuer, vec![Step::Wait(LIFE), ask()]);
        let good = token(&bearer(&issuer.token(&claims("alice"))), 2);
        let steps = [shake(MECHANISM, 1), good, ask()].into_iter().chain(renewed).collect();
        ("a token, renewed by a shorter one".into(), steps)
    },
];
const LIFE: Duration = Duration::from_millis(3200);

fn with_a_short_one(issuer: &Issuer, more: Vec<Step>) -> Vec<Step> {
    // What is left of it is then the same number of seconds at both, rounded up.
    let since = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").subsec_millis();
    while !(300..400).contains(&since()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let short = issuer.token(&changed(&json!({ "exp": now() + 3 })));
    let mut steps = vec![shake(MECHANISM, 1), token(&bearer(&short), 2), ask()];
    steps.extend(more);
    steps
}
