use std::path::Path;

use super::super::tests::problems;
use super::super::{Config, Given, Protocol};
use super::*;

/// Settings of several listeners, with files that are there.
fn several(listeners: &str) -> Given {
    Given::nothing().with("LISTENERS", listeners)
}

fn load(given: &Given) -> Config {
    Config::load(given).unwrap_or_else(|error| panic!("{error}"))
}

/// Any file will do: what is in it is looked at when the broker opens it.
fn file() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").display().to_string()
}

fn with_tls(given: Given) -> Given {
    given.with("TLS_CERT_PATH", file()).with("TLS_KEY_PATH", file())
}

#[test]
fn one_listener_is_named_by_its_protocol() {
    let plain = load(&Given::nothing().with("ADVERTISED_HOST", "a"));
    assert_eq!(plain.clients.listeners[0].shown_advertised(9092).as_deref(), Some("PLAINTEXT://a:9092"));
    let both = with_tls(Given::nothing().with("TLS_ENABLED", "true").with("SASL_ENABLED", "true"))
        .with("SASL_USERS", "alice:secret");
    let both = load(&both);
    let listener = &both.clients.listeners[0];
    assert_eq!((listener.name.as_str(), listener.protocol), ("SASL_SSL", Protocol::SaslSsl));
    let of_users = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];
    assert_eq!((&listener.mechanisms[..], listener.is_login_required), (&of_users[..], true));
    assert_eq!(both.broker_settings(&[9092])["listener.security.protocol.map"], "SASL_SSL:SASL_SSL");
}

#[test]
fn several_listeners_are_read_in_kafkas_syntax() {
    let given = with_tls(several("external://0.0.0.0:9093, INTERNAL://:9092,V6://[::1]:9094"))
        .with("ADVERTISED_LISTENERS", "EXTERNAL://kafka.example.com:443,INTERNAL://node0:9092")
        .with("LISTENER_SECURITY_PROTOCOL_MAP", "EXTERNAL:SASL_SSL,INTERNAL:PLAINTEXT,V6:ssl")
        .with("LISTENER_SASL_MECHANISMS", "EXTERNAL:SCRAM-SHA-512|PLAIN")
        .with("LISTENER_TLS_CLIENT_AUTH", "V6:required")
        .with("TLS_CLIENT_CA_PATH", file())
        .with("LISTENER_MAX_CONNECTIONS", "EXTERNAL:5000")
        .with("SASL_USERS", "alice:a");
    let config = load(&given);
    let [external, internal, v6] = &config.clients.listeners[..] else {
        panic!("{:?}", config.clients.listeners)
    };
    assert_eq!(
        (external.name.as_str(), external.host.as_str(), external.port),
        ("EXTERNAL", "0.0.0.0", 9093)
    );
    assert_eq!(external.mechanisms, [Mechanism::ScramSha512, Mechanism::Plain]);
    assert_eq!((external.max_connections, internal.max_connections), (Some(5000), None));
    assert_eq!((internal.host.as_str(), internal.protocol), ("", Protocol::Plaintext));
    assert_eq!((v6.host.as_str(), v6.client_auth, &v6.advertised), ("::1", ClientAuth::Required, &None));
    let shown = config.broker_settings(&[9093, 9092, 9094]);
    assert_eq!(shown["listeners"], "EXTERNAL://0.0.0.0:9093,INTERNAL://:9092,V6://[::1]:9094");
    assert_eq!(shown["advertised.listeners"], "EXTERNAL://kafka.example.com:443,INTERNAL://node0:9092");
    assert_eq!(shown["listener.security.protocol.map"], "EXTERNAL:SASL_SSL,INTERNAL:PLAINTEXT,V6:SSL");
}

#[test]
fn tls_and_sasl_are_shown_as_kafkas_configs_without_their_secrets() {
    let given = with_tls(several("SASL_SSL://:9093,SSL://:9094"))
        .with("LISTENER_SASL_MECHANISMS", "SASL_SSL:PLAIN")
        .with("LISTENER_TLS_CLIENT_AUTH", "SSL:required")
        .with("TLS_CLIENT_CA_PATH", file())
        .with("TLS_MIN_VERSION", "1.3")
        .with("SASL_MAX_REAUTH_MS", "60000")
        .with("SASL_MAX_RECEIVE_BYTES", "32KiB")
        .with("SASL_USERS", "alice:wonderland");
    let shown = load(&given).broker_settings(&[9093, 9094]);
    for (name, value) in [
        ("connections.max.reauth.ms", "60000"),
        ("listener.name.sasl_ssl.sasl.enabled.mechanisms", "PLAIN"),
        ("listener.name.ssl.ssl.client.auth", "required"),
        ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
        ("sasl.server.max.receive.size", "32768"),
        ("ssl.enabled.protocols", "TLSv1.3"),
        ("ssl.keystore.type", "PEM"),
        ("ssl.truststore.location", &file()),
    ] {
        assert_eq!(shown.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!shown.values().any(|value| value.contains("wonderland")));
    let plain = load(&Given::nothing()).broker_settings(&[9092]);
    assert!(!plain.keys().any(|name| name.starts_with("ssl.") || name.starts_with("sasl.")), "{plain:?}");
}

#[test]
fn a_port_that_is_left_open_is_told_once_it_is_known() {
    let config =
        load(&several("SSL_IN://127.0.0.1:0").with("LISTENER_SECURITY_PROTOCOL_MAP", "SSL_IN:PLAINTEXT"));
    assert_eq!(
        config.clients.listeners[0].shown_advertised(4711).as_deref(),
        Some("SSL_IN://127.0.0.1:4711")
    );
}

#[test]
fn what_does_not_go_together_is_refused_by_its_variable() {
    let plain = || Given::nothing().with("ADVERTISED_HOST", "a");
    let sasl = || plain().with("SASL_ENABLED", "true");
    let two = || several("PLAINTEXT://a:1,SSL://a:2");
    let cases: Vec<(&str, Given)> = vec![
        ("LISTENERS", several("A://a:1")),
        ("LISTENERS", several("PLAINTEXT://a:1,PLAINTEXT://a:2")),
        ("LISTENERS", with_tls(several("PLAINTEXT://a:1,SSL://:1"))),
        ("LISTENERS", several("PLAINTEXT://::1:9092")),
        ("LISTENERS", several("PLAINTEXT:a:1")),
        ("PORT", several("PLAINTEXT://a:1").with("PORT", "9092")),
        ("TLS_ENABLED", several("PLAINTEXT://a:1").with("TLS_ENABLED", "false")),
        ("ADVERTISED_LISTENERS", plain().with("ADVERTISED_LISTENERS", "PLAINTEXT://a:1")),
        (
            "ADVERTISED_LISTENERS",
            several("PLAINTEXT://:1").with("ADVERTISED_LISTENERS", "PLAINTEXT://0.0.0.0:1"),
        ),
        ("ADVERTISED_LISTENERS", several("PLAINTEXT://:1").with("ADVERTISED_LISTENERS", "PLAINTEXT://:1")),
        ("ADVERTISED_LISTENERS", several("PLAINTEXT://:1").with("ADVERTISED_LISTENERS", "SSL://a:1")),
        ("LISTENER_SECURITY_PROTOCOL_MAP", two().with("LISTENER_SECURITY_PROTOCOL_MAP", "SSL:TLS")),
        (
            "LISTENER_SASL_MECHANISMS",
            several("PLAINTEXT://a:1").with("LISTENER_SASL_MECHANISMS", "PLAINTEXT:PLAIN"),
        ),
        (
            "LISTENER_SASL_MECHANISMS",
            several("PLAINTEXT://a:1").with("LISTENER_SASL_MECHANISMS", "PLAINTEXT:GSSAPI"),
        ),
        ("LISTENER_TLS_CLIENT_AUTH", two().with("LISTENER_TLS_CLIENT_AUTH", "SSL:want")),
        (
            "LISTENER_TLS_CLIENT_AUTH",
            several("PLAINTEXT://a:1").with("LISTENER_TLS_CLIENT_AUTH", "PLAINTEXT:none"),
        ),
        (
            "LISTENER_MAX_CONNECTIONS",
            several("PLAINTEXT://a:1").with("LISTENER_MAX_CONNECTIONS", "PLAINTEXT:0"),
        ),
        (
            "TLS_CLIENT_CA_PATH",
            with_tls(plain().with("TLS_ENABLED", "true").with("TLS_CLIENT_AUTH", "required")),
        ),
        ("TLS_KEY_PATH", plain().with("TLS_KEY_PATH", file())),
        ("SASL_ENABLED", sasl()),
        ("SASL_MECHANISMS", sasl().with("SASL_MECHANISMS", "PLAIN")),
        ("SASL_MECHANISMS", sasl().with("SASL_MECHANISMS", "OAUTHBEARER").with("SASL_USERS", "a:b")),
        ("SASL_MECHANISMS", sasl().with("SASL_MECHANISMS", "SCRAM")),
        ("SASL_USERS_FILE", sasl().with("SASL_USERS", "a:b").with("SASL_USERS_FILE", file())),
        ("SASL_USERS", plain().with("SASL_USERS", "a:b")),
        ("SASL_REQUIRED", plain().with("SASL_REQUIRED", "false")),
        ("OAUTH_AUDIENCE", sasl().with("OAUTH_ISSUER", "i").with("OAUTH_JWKS_FILE", file())),
        ("OAUTH_ISSUER", sasl().with("OAUTH_ISSUER", "i").with("OAUTH_AUDIENCE", "a")),
        (
            "OAUTH_JWKS_URL",
            sasl().with("OAUTH_ISSUER", "i").with("OAUTH_AUDIENCE", "a").with("OAUTH_JWKS_URL", "http://a/"),
        ),
        ("TLS_PRINCIPAL_MAPPING_RULES", plain().with("TLS_PRINCIPAL_MAPPING_RULES", "RULE:(a")),
    ];
    for (variable, given) in cases {
        let found: Vec<String> = problems(&given).into_iter().map(|problem| problem.variable).collect();
        assert!(found.iter().any(|name| name == variable), "{variable}: {found:?}");
    }
}

#[test]
fn scram_users_may_be_with_the_data_alone() {
    let given = Given::nothing().with("SASL_ENABLED", "true").with("SASL_MECHANISMS", "scram-sha-256");
    assert_eq!(load(&given).clients.listeners[0].mechanisms, [Mechanism::ScramSha256]);
}

#[test]
fn doors_that_stand_open_are_named_at_the_start() {
    let warnings = |given: &Given| load(given).warnings().join("\n");
    let beside = several("PLAINTEXT://:9092,SASL_PLAINTEXT://127.0.0.1:9093").with("SASL_USERS", "a:b");
    assert!(warnings(&beside).contains("open to others without a login, beside a listener with SASL"));
    let plain = Given::nothing().with("SASL_ENABLED", "true").with("SASL_USERS", "a:b");
    assert!(warnings(&plain).contains("takes passwords by PLAIN without TLS"), "{}", warnings(&plain));
    let fine =
        several("PLAINTEXT://127.0.0.1:9092,SASL_PLAINTEXT://localhost:9093").with("SASL_USERS", "a:b");
    assert!(!warnings(&fine).contains("login"), "{}", warnings(&fine));
}
