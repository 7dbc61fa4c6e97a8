//! Files that an acceptor opens, and those that it refuses.

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::support::{Authority, HOST, Pair, for_clients};
use crate::runtime::Runtime;
use crate::tls::{Acceptor, ClientAuth, Error, Files};

fn open(files: &Files) -> Result<Acceptor, Error> {
    Acceptor::open("SSL", files.clone(), &Runtime::system())
}

fn refused(files: &Files) -> (&'static str, String) {
    let error = open(files).expect_err("is refused");
    assert!(error.to_string().starts_with(error.variable), "{error}");
    (error.variable, error.reason)
}

#[test]
fn what_is_missing_or_no_pem_is_named_by_its_variable() {
    let authority = Authority::new();
    let good = Files {
        key_password: Some(authority.write("password", "a password")),
        revoked: Some(authority.write("revoked.pem", &authority.revoke(&[1]))),
        client_auth: ClientAuth::Required,
        ..authority.server()
    };
    open(&good).expect("opens");
    let text = authority.write("text", "no certificate\n");
    let half = authority.write("half.pem", &authority.pem()[..200]);
    for bad in [&text, &half, &"/nonexistent.pem".into()] {
        let cases = [
            (Files { certificate: bad.clone(), ..good.clone() }, "TLS_CERT_PATH"),
            (Files { key: bad.clone(), ..good.clone() }, "TLS_KEY_PATH"),
            (Files { client_authority: Some(bad.clone()), ..good.clone() }, "TLS_CLIENT_CA_PATH"),
            (Files { revoked: Some(bad.clone()), ..good.clone() }, "TLS_CRL_PATH"),
        ];
        for (files, variable) in cases {
            assert_eq!(refused(&files).0, variable, "{}", bad.display());
        }
    }
    let no_password = Files { key_password: Some("/nonexistent".into()), ..good.clone() };
    assert_eq!(refused(&no_password).0, "TLS_KEY_PASSWORD_FILE");
    let no_authority = Files { client_authority: None, ..good };
    assert_eq!(refused(&no_authority).0, "TLS_CLIENT_CA_PATH");
}

#[test]
fn an_encrypted_key_without_its_password_is_told() {
    let authority = Authority::new();
    let mut files = authority.server();
    std::fs::write(&files.key, include_bytes!("keys/ec-aes256-sha256.pem")).expect("is written");
    let (variable, reason) = refused(&files);
    assert_eq!(variable, "TLS_KEY_PATH");
    assert!(reason.contains("encrypted") && reason.contains("TLS_KEY_PASSWORD_FILE"), "{reason}");
    files.key_password = Some(authority.write("password", "another"));
    let (variable, reason) = refused(&files);
    assert!(
        variable == "TLS_KEY_PATH" && reason.contains("password") && !reason.contains("another"),
        "{reason}"
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let files = authority.server();
    authority.write("server.key", &authority.pair(HOST, |_| {}).key);
    let (variable, reason) = refused(&files);
    assert!(variable == "TLS_KEY_PATH" && reason.contains("TLS_CERT_PATH"), "{reason}");
}

#[test]
fn the_servers_own_certificate_comes_first() {
    let authority = Authority::new();
    let pair = authority.pair(HOST, |_| {});
    let chain = |parts: [&str; 2]| Pair { certificate: parts.concat(), ..pair.clone() };
    open(&authority.files(&chain([&pair.certificate, &authority.pem()]))).expect("opens");
    let (variable, reason) = refused(&authority.files(&chain([&authority.pem(), &pair.certificate])));
    assert!(variable == "TLS_CERT_PATH" && reason.contains("first"), "{reason}");
}

#[test]
fn certificates_that_are_of_no_use_to_a_server_are_refused() {
    let authority = Authority::new();
    let refused = |pair: &Pair| refused(&authority.files(pair));
    let expired = authority.pair(HOST, |params| params.not_after = date_time_ymd(2024, 1, 1));
    let early = authority.pair(HOST, |params| params.not_before = date_time_ymd(2120, 1, 1));
    for (pair, word) in
        [(expired, "expired"), (early, "not valid yet"), (authority.pair(HOST, for_clients), "serverAuth")]
    {
        let (variable, reason) = refused(&pair);
        assert!(variable == "TLS_CERT_PATH" && reason.contains(word), "{reason}");
    }
    for usage in [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::Any] {
        let pair = authority.pair(HOST, |params| params.extended_key_usages = vec![usage.clone()]);
        open(&authority.files(&pair)).expect("opens");
    }
}

#[test]
fn files_of_clients_are_not_read_where_clients_are_not_asked() {
    let authority = Authority::new();
    let files = Files {
        client_authority: Some("/nonexistent.pem".into()),
        revoked: Some("/nonexistent.pem".into()),
        ..authority.server()
    };
    open(&files).expect("opens");
}
