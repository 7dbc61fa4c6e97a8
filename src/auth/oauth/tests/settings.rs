//! Settings, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

fn refusal(settings: &Settings) -> String {
    let runtime = Runtime::simulated(1);
    Verifier::open(settings, &runtime).expect_err("a refusal").to_string()
}

#[tokio::test]
async fn nothing_set_is_no_verifier() {
    assert!(Verifier::open(&Settings::default(), &Runtime::simulated(1)).unwrap().is_none());
}

const SECOND: &str = "https://second.test";

type Change = fn(&mut Settings, &Path);

/// Holds what each change makes of `good` against the refusal that it must cause.
fn all_refused(good: &Settings, folder: &Path, changes: &[(Change, &str)]) {
    for (change, expected) in changes {
        let mut settings = good.clone();
        change(&mut settings, folder);
        let said = refusal(&settings);
        assert!(said.starts_with(expected), "{said:?} is not {expected:?}");
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A file with this content.
fn file(folder: &Path, content: &str) -> Option<PathBuf> {
    let path = folder.join("file");
    std::fs::write(&path, content).unwrap();
    Some(path)
}

fn missing(folder: &Path) -> Option<PathBuf> {
    Some(folder.join("missing"))
}

#[tokio::test]
async fn bad_settings_are_refused_by_the_name_of_their_variable() {
    let signer = Signer::ec("k", "P-256");
    let (folder, good) = with_file(&[&signer]);
    let changes: &[(Change, &str)] = &[
        (|s, _| s.issuer = None, "OAUTH_ISSUER: must be set"),
        (|s, _| s.issuer = text(""), "OAUTH_ISSUER: must be set"),
        (|s, _| s.audience = None, "OAUTH_AUDIENCE: must be set: an issuer's tokens are for others too"),
        (|s, _| s.audience = text(" , "), "OAUTH_AUDIENCE: must be set"),
        (|s, _| s.principal_claim = text(""), "OAUTH_PRINCIPAL_CLAIM: is empty"),
        (|s, _| s.groups_claim = text(""), "OAUTH_GROUPS_CLAIM: is empty"),
        (|s, _| s.jwks_file = None, "OAUTH_JWKS_URL: or a file of keys must be set"),
        (|s, _| s.jwks_url = text("https://127.0.0.1/"), "OAUTH_JWKS_FILE: excludes the URL of keys"),
        (|s, folder| s.jwks_file = missing(folder), "OAUTH_JWKS_FILE: "),
        (|s, folder| s.jwks_file = file(folder, "[]"), "OAUTH_JWKS_FILE: it is not a set of keys"),
        (|s, folder| s.jwks_file = file(folder, r#"{"keys":[]}"#), "OAUTH_JWKS_FILE: it holds no key"),
        (|s, folder| s.jwks_file = file(folder, &" ".repeat(256 * 1024 + 1)), "OAUTH_JWKS_FILE: "),
        (|s, folder| s.ca_path = missing(folder), "OAUTH_CA_PATH: is for a URL of keys"),
        (|s, folder| s.token_file = missing(folder), "OAUTH_TOKEN_FILE: is for a URL of keys"),
        (|s, folder| s.issuers_file = missing(folder), "OAUTH_ISSUERS_FILE: excludes the variables of"),
    ];
    all_refused(&good, folder.path(), changes);
    let changes: &[(Change, &str)] = &[
        (|s, folder| s.issuers_file = missing(folder), "OAUTH_ISSUERS_FILE: "),
        (|s, _| s.scope = text("kafka"), "OAUTH_JWKS_URL: or a file of keys must be set"),
    ];
    all_refused(&Settings::default(), folder.path(), changes);
}

#[tokio::test]
async fn bad_urls_and_what_goes_with_them_are_refused() {
    let (folder, good) = with_file(&[&Signer::ec("k", "P-256")]);
    let good = Settings { jwks_file: None, jwks_url: text("https://127.0.0.1/keys"), ..good };
    let changes: &[(Change, &str)] = &[
        (|s, _| s.jwks_url = text("http://127.0.0.1/keys"), "OAUTH_JWKS_URL: is not https"),
        (|s, _| s.jwks_url = text("file:///keys"), "OAUTH_JWKS_URL: is not https"),
        (|s, _| s.jwks_url = text("keys"), "OAUTH_JWKS_URL: is no URL"),
        (|s, _| s.jwks_url = text("https://a:b@127.0.0.1/"), "OAUTH_JWKS_URL: holds a user or password"),
        (|s, folder| s.ca_path = missing(folder), "OAUTH_CA_PATH: "),
        (|s, folder| s.ca_path = file(folder, "no"), "OAUTH_CA_PATH: "),
        (|s, folder| s.token_file = missing(folder), "OAUTH_TOKEN_FILE: "),
        (|s, folder| s.token_file = file(folder, "\n"), "OAUTH_TOKEN_FILE: "),
        (|s, folder| s.token_file = file(folder, "a b"), "OAUTH_TOKEN_FILE: "),
    ];
    all_refused(&good, folder.path(), changes);
}

#[tokio::test]
async fn several_issuers_have_their_own_keys_and_rules() {
    let runtime = Runtime::simulated(1);
    let (first, second) = (Signer::ec("k", "P-256"), Signer::ed("k"));
    let (folder, one) = with_file(&[&first]);
    let (_other, two) = with_file(&[&second]);
    let issuers = folder.path().join("issuers.json");
    let listed = json!([
        { "issuer": ISSUER, "audience": [AUDIENCE], "jwks_file": one.jwks_file },
        { "issuer": SECOND, "audience": "a, b", "scope": ["kafka"], "groups_claim": "groups",
          "principal_claim": "email", "jwks_file": two.jwks_file },
    ]);
    std::fs::write(&issuers, listed.to_string()).unwrap();
    let verifier = open(&Settings { issuers_file: Some(issuers), ..Settings::default() }, &runtime);
    let of_first = claims(&runtime);
    assert!(verifier.verify(&first.token(&of_first)).await.is_ok());
    let of_second = changed(
        of_first.clone(),
        json!({ "iss": SECOND, "aud": "b", "scope": "kafka", "email": "eve@x", "groups": "ops" }),
    );
    let login = verifier.verify(&second.token(&of_second)).await.unwrap();
    assert_eq!((login.principal.to_string(), login.groups.len()), ("User:eve@x".to_owned(), 1));
    // One issuer's key is worth nothing for another's tokens.
    for token in [second.token(&of_first), first.token(&of_second)] {
        assert!(verifier.verify(&token).await.is_err());
    }
}

#[tokio::test]
async fn bad_files_of_issuers_are_refused() {
    let signer = Signer::ec("k", "P-256");
    let (folder, one) = with_file(&[&signer]);
    let issuers = folder.path().join("issuers.json");
    let good = json!({ "issuer": ISSUER, "audience": AUDIENCE, "jwks_file": one.jwks_file });
    let path = issuers.display();
    for (listed, expected) in [
        (json!([]), format!("{path} names no issuer")),
        (json!({}), format!("{path}: invalid type: map, expected a sequence at line 1 column 0")),
        (json!([good, good]), "issuer of issuer 2 is there twice".to_owned()),
        (
            json!([changed(good.clone(), json!({ "audience": null }))]),
            "audience of issuer 1 must be set".to_owned(),
        ),
        (
            json!([good, { "issuer": "x", "audience": "y", "jwks_url": "http://z" }]),
            "jwks_url of issuer 2 is not https".to_owned(),
        ),
        (json!([changed(good.clone(), json!({ "jwks": "x" }))]), format!("{path}: unknown field `jwks`")),
    ] {
        std::fs::write(&issuers, listed.to_string()).unwrap();
        let said = refusal(&Settings { issuers_file: Some(issuers.clone()), ..Settings::default() });
        assert!(said.starts_with(&format!("OAUTH_ISSUERS_FILE: {expected}")), "{said:?} is not {expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_keys_is_read_again_by_its_content() {
    let runtime = Runtime::simulated(1);
    let (old, new) = (Signer::ec("old", "P-256"), Signer::ec("new", "P-256"));
    let (_folder, settings) = with_file(&[&old]);
    let file = settings.jwks_file.clone().unwrap();
    let verifier = open(&settings, &runtime);
    let claims = claims(&runtime);
    let can = async |signer: &Signer| verifier.verify(&signer.token(&claims)).await.is_ok();
    assert!(can(&old).await);

    std::fs::write(&file, set_of(&[&new])).unwrap();
    runtime.clock.sleep(Duration::from_secs(6)).await;
    assert!(can(&new).await && !can(&old).await);

    // A file that is bad, or gone, changes nothing.
    std::fs::write(&file, "{").unwrap();
    runtime.clock.sleep(Duration::from_secs(6)).await;
    assert!(can(&new).await);
    std::fs::remove_file(&file).unwrap();
    runtime.clock.sleep(Duration::from_secs(6)).await;
    assert!(can(&new).await);

    std::fs::write(&file, set_of(&[&old, &new])).unwrap();
    runtime.clock.sleep(Duration::from_secs(6)).await;
    assert!(can(&new).await && can(&old).await);
}
