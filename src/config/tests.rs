use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::time::Duration;

use super::*;
use crate::runtime::Secret;
use crate::settings::{self, Scope, Target};
use crate::types::BrokerId;

pub(super) fn problems(given: &Given) -> Vec<Problem> {
    match Config::load(given) {
        Ok(_) => Vec::new(),
        Err(ConfigError(problems)) => problems,
    }
}

fn names(given: &Given) -> Vec<String> {
    problems(given).into_iter().map(|problem| problem.variable).collect()
}

fn environment(pairs: &[(&str, &str)]) -> Given {
    Given::from_variables(pairs.iter().map(|(name, value)| ((*name).to_owned(), Ok((*value).to_owned()))))
}

fn local() -> Given {
    Given::nothing().with("ADVERTISED_HOST", "localhost")
}

pub(super) fn s3() -> Given {
    Given::nothing().with("OBJECT_STORE_TYPE", "s3").with("S3_BUCKET", "bucket")
}

pub(super) fn azure() -> Given {
    Given::nothing()
        .with("OBJECT_STORE_TYPE", "azure")
        .with("AZURE_CONTAINER", "container")
        .with("AZURE_STORAGE_ACCOUNT", "account")
}

/// For each variable: what it is set beside, and values that are refused. `None` takes any text.
type Case = (&'static str, fn() -> Given, &'static [&'static str]);

const REFUSED: &[Case] = &[
    ("BROKER_ID", local, &["-1", "one", "2147483648", "1.0"]),
    ("HOST", local, &["localhost:9092", "http://localhost", "two words", "a/b"]),
    ("PORT", local, &["65536", "-1", "kafka"]),
    (
        "ADVERTISED_HOST",
        local,
        &["0.0.0.0", "::", "[::]", "two words", "localhost:9092", "[::1]:9092", "PLAINTEXT://a", "a,b"],
    ),
    ("ADVERTISED_PORT", local, &["0", "65536", "x"]),
    ("CLUSTER_ID", local, &["a b/c", "a/b", "ä"]),
    ("RACK", local, &["a\u{7}"]),
    ("OBJECT_STORE_TYPE", local, &["disk", "s3,gcs", "memory"]),
    ("DATA_PATH", local, &["s3://bucket/a", "~/data", "a\nb"]),
    ("LOCAL_FSYNC", local, &["maybe", "2"]),
    ("LOCAL_RESERVE_BYTES", local, &["-1", "some", "2048GiB"]),
    ("S3_BUCKET", s3, &["s3://b", "b/prefix", "a b"]),
    ("AWS_REGION", s3, &["eu central", "http://x"]),
    (
        "AWS_ENDPOINT",
        s3,
        &[
            "http://localhost:9000",
            "localhost:9000",
            "HTTP://localhost",
            "s3://bucket",
            "https://a:port",
            "https://",
        ],
    ),
    ("AWS_ACCESS_KEY_ID", s3, &[]),
    ("AWS_SECRET_ACCESS_KEY", s3, &[]),
    ("AWS_SECRET_ACCESS_KEY_FILE", s3, &["/nonexistent/key", "/dev/null"]),
    ("AWS_SESSION_TOKEN", s3, &[]),
    ("AWS_SESSION_TOKEN_FILE", s3, &["/nonexistent/token"]),
    ("ALLOW_HTTP_S3", s3, &["perhaps"]),
    ("GCS_BUCKET", gcs, &["gs://b", "b/c"]),
    ("GOOGLE_APPLICATION_CREDENTIALS", gcs, &["/nonexistent/credentials.json"]),
    ("AZURE_CONTAINER", azure, &["az://c", "a/b"]),
    ("AZURE_STORAGE_ACCOUNT", azure, &["https://account", "a b"]),
    ("AZURE_STORAGE_ACCESS_KEY", azure, &["not base64", "YWI"]),
    ("AZURE_STORAGE_ACCESS_KEY_FILE", azure, &["/nonexistent/key"]),
    ("AZURE_ENDPOINT", azure, &["http://127.0.0.1:10000/devstoreaccount1", "127.0.0.1"]),
    ("AZURE_ALLOW_HTTP", azure, &["x"]),
    ("STORE_START_TIMEOUT_MS", local, &["-1", "3600001", "30s"]),
    ("STORE_FAULTS", local, &["latency", "latency=40", "put_errors=2", "errors=0.1", "seed=x"]),
    ("COMMIT_INTERVAL_MS", local, &["-1", "10001", "1s"]),
    ("COMMIT_WINDOW", local, &["0", "65", "-1", "wide"]),
    ("SEGMENT_MAX_BYTES", local, &["0", "8 megabytes", "257MiB", "-1", "99999999999999999999", "KiB"]),
    ("SHARDS", local, &["0", "1025", "many"]),
    ("TAIL_CACHE_BYTES", local, &["-1", "2048GiB"]),
    ("BLOCK_CACHE_BYTES", local, &["lots"]),
    ("INDEX_CACHE_BYTES", local, &["0"]),
    (
        "RAFT_LISTEN_ADDR",
        local,
        &["9093", "host", ":9093", "::1:9093", "host:port", "two words:1", "127.0.0.1:9092"],
    ),
    ("RAFT_PEERS", local, &["a:1", "0=a", "x=a:1", "-1=a:1", "0=a:1,0=b:1"]),
    ("RAFT_CLUSTER_SECRET", local, &["fifteen bytes.."]),
    ("RAFT_CLUSTER_SECRET_FILE", local, &["/nonexistent/secret", "/dev/null"]),
    ("RAFT_TLS_CERT_PATH", local, &["/nonexistent/certificate.pem"]),
    ("RAFT_TLS_KEY_PATH", local, &["/nonexistent/key.pem"]),
    ("RAFT_TLS_CA_PATH", local, &["/nonexistent/ca.pem"]),
    ("RAFT_INSECURE", local, &["perhaps"]),
    ("BROKER_SESSION_TIMEOUT_MS", local, &["0", "499", "x"]),
    ("AUTO_CREATE_TOPICS", local, &["si"]),
    ("DEFAULT_NUM_PARTITIONS", local, &["0", "-1", "100001"]),
    ("MAX_MESSAGE_SIZE", local, &["0", "2GiB", "1TB", "200MiB"]),
    ("PRODUCE_VALIDATION", local, &["none", "true"]),
    ("LOG_RETENTION_MS", local, &["-2", "0", "7d"]),
    ("LOG_RETENTION_MINUTES", local, &["-2", "0", "2147483648"]),
    ("LOG_RETENTION_HOURS", local, &["-2", "0", "1.5"]),
    ("LOG_RETENTION_BYTES", local, &["-2", "1g"]),
    ("LOG_RETENTION_CHECK_INTERVAL_MS", local, &["0", "86400001", "often"]),
    ("GROUP_INITIAL_REBALANCE_DELAY_MS", local, &["-1", "3s"]),
    ("GROUP_MIN_SESSION_TIMEOUT_MS", local, &["0", "1800001"]),
    ("GROUP_MAX_SESSION_TIMEOUT_MS", local, &["0", "5999", "x"]),
    ("GROUP_MAX_SIZE", local, &["0", "many"]),
    ("GROUP_CONSUMER_SESSION_TIMEOUT_MS", local, &["0", "44999", "60001"]),
    ("GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS", local, &["0", "45001", "60001"]),
    ("GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS", local, &["0", "44999", "x"]),
    ("GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS", local, &["0", "4999", "15001"]),
    ("GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS", local, &["0", "5001", "15001"]),
    ("GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS", local, &["0", "4999", "x"]),
    ("GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS", local, &["-1", "15001"]),
    ("GROUP_CONSUMER_MAX_SIZE", local, &["0", "many"]),
    ("GROUP_CONSUMER_MIGRATION_POLICY", local, &["up"]),
    ("OFFSET_METADATA_MAX_BYTES", local, &["-1", "4k"]),
    ("OFFSETS_RETENTION_MINUTES", local, &["0", "7d"]),
    ("OFFSETS_RETENTION_CHECK_INTERVAL_MS", local, &["0", "86400001"]),
    ("MAX_CONNECTIONS", local, &["0", "x"]),
    ("CONNECTION_IDLE_TIMEOUT_MS", local, &["0", "x"]),
    ("TRANSFER_GRACE_MS", local, &["0", "x"]),
    ("MAX_REQUEST_SIZE", local, &["1", "2GiB"]),
    ("REQUEST_MEMORY_BYTES", local, &["0", "1MiB"]),
    ("REQUEST_TIMEOUT_MS", local, &["999", "600001", "x"]),
    ("RESPONSE_MEMORY_BYTES", local, &["0", "x"]),
    ("SHUTDOWN_TIMEOUT_MS", local, &["-1", "x"]),
    ("MAX_UNAUTHENTICATED_CONNECTIONS", local, &["0", "x"]),
    ("MAX_CONNECTIONS_PER_IP", local, &["-1", "x"]),
    ("MAX_CONNECTIONS_PER_IP_OVERRIDES", local, &["10.0.0.1", "here:5", "10.0.0.0/40:5", "::1:x"]),
    ("LISTENERS", Given::nothing, &["PLAINTEXT", "A://a:1", "PLAINTEXT://a:x", "PLAINTEXT://a b:1", ","]),
    ("ADVERTISED_LISTENERS", local, &["PLAINTEXT://a:1", "x"]),
    ("LISTENER_SECURITY_PROTOCOL_MAP", local, &["A:TLS", "A", "A:SSL"]),
    ("LISTENER_SASL_MECHANISMS", local, &["A:GSSAPI", "A:PLAIN"]),
    ("LISTENER_TLS_CLIENT_AUTH", local, &["A:perhaps", "A:none"]),
    ("LISTENER_MAX_CONNECTIONS", local, &["A:0", "A:1"]),
    ("TLS_ENABLED", local, &["x"]),
    ("TLS_MIN_VERSION", local, &["1.1", "TLSv1.3"]),
    ("TLS_CLIENT_AUTH", local, &["want", "required"]),
    ("SASL_ENABLED", local, &["true", "x"]),
    ("SASL_REQUIRED", local, &["true", "x"]),
    ("SASL_MECHANISMS", local, &["GSSAPI", "PLAIN"]),
    ("SASL_USERS", local, &["alice:secret"]),
    ("SASL_USERS_FILE", local, &["/nonexistent/users"]),
    ("SASL_MAX_REAUTH_MS", local, &["-1", "x"]),
    ("SASL_MAX_RECEIVE_BYTES", local, &["10", "2MiB"]),
    ("FAILED_AUTHENTICATION_DELAY_MS", local, &["-1", "60001"]),
    ("HTTP_TLS_ENABLED", local, &["x"]),
    ("TLS_CERT_PATH", local, &["/nonexistent/cert.pem"]),
    ("TLS_KEY_PATH", local, &["/nonexistent/key.pem"]),
    ("TLS_KEY_PASSWORD_FILE", local, &["/nonexistent/password"]),
    ("TLS_CLIENT_CA_PATH", local, &["/nonexistent/ca.pem"]),
    ("TLS_CRL_PATH", local, &["/nonexistent/crl.pem"]),
    ("TLS_PRINCIPAL_MAPPING_RULES", local, &["RULE:(a", "RULE:a/b/X"]),
    ("OAUTH_ISSUER", local, &[]),
    ("OAUTH_AUDIENCE", local, &[]),
    ("OAUTH_JWKS_URL", local, &["http://a/keys", "a"]),
    ("OAUTH_JWKS_FILE", local, &["/nonexistent/keys.json"]),
    ("OAUTH_SCOPE", local, &["kafka"]),
    ("OAUTH_PRINCIPAL_CLAIM", local, &["sub"]),
    ("OAUTH_GROUPS_CLAIM", local, &["groups"]),
    ("OAUTH_CA_PATH", local, &["/nonexistent/ca.pem"]),
    ("OAUTH_TOKEN_FILE", local, &["/nonexistent/token"]),
    ("OAUTH_ISSUERS_FILE", local, &["/nonexistent/issuers.json"]),
    ("ACL_ENABLED", local, &["true", "x"]),
    ("KAFKAESQUE_SUPER_USERS", local, &["User:admin"]),
    ("HEALTH_PORT", local, &["65536", "off", "9092"]),
    ("METRICS_AUTH_TOKEN", local, &[]),
    ("METRICS_AUTH_TOKEN_FILE", local, &["/nonexistent/token"]),
    ("METRICS_MAX_TOPICS", local, &["-1", "many"]),
    ("METRICS_MAX_GROUPS", local, &["-1", "many"]),
    ("LOG_FORMAT", local, &["xml"]),
    ("RUST_LOG", local, &["kafkaesque=loud", "verbose", "kafkaesque::logs=debug"]),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", local, &[]),
];

pub(super) fn gcs() -> Given {
    Given::nothing().with("OBJECT_STORE_TYPE", "gcs").with("GCS_BUCKET", "bucket")
}

#[test]
fn a_wrong_value_is_refused_and_names_its_variable() {
    for (variable, beside, values) in REFUSED {
        for value in *values {
            let found = names(&beside().with(variable, *value));
            assert!(found.contains(&(*variable).to_owned()), "{variable}={value} gave {found:?}");
            assert!(found.iter().all(|name| name == variable), "{variable}={value} gave {found:?}");
        }
    }
    let covered: BTreeSet<&str> = REFUSED.iter().map(|(variable, ..)| *variable).collect();
    let known: BTreeSet<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    assert_eq!(covered, known);
}

#[test]
fn nothing_set_is_a_local_broker_with_kafkas_defaults() {
    let config = Config::load(&Given::nothing()).expect("defaults are valid");
    assert_eq!(config.identity.broker_id, BrokerId(0));
    assert_eq!(config.identity.cluster_id, "kafkaesque");
    assert_eq!((config.clients.listen.host.as_str(), config.clients.listen.port), ("0.0.0.0", 9092));
    assert!(!addresses::is_wildcard(&config.clients.listen.advertised_host), "{:?}", config.clients.listen);
    assert_eq!(config.data_place(), "/tmp/kafkaesque-data");
    assert_eq!((config.log.commit_interval, config.log.commit_window), (Duration::ZERO, 1));
    assert_eq!(config.log.segment_max_bytes, 8 << 20);
    assert_eq!(config.operation.health_port.map(NonZeroU16::get), Some(8080));
    let warnings = config.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("HOST=0.0.0.0") && warnings[0].contains("9092"), "{warnings:?}");
    assert!(warnings[1].contains("/tmp/kafkaesque-data"), "{warnings:?}");
    let fixed = config.broker_settings(&[9092]);
    assert_eq!(fixed.get("num.partitions"), None, "a default is not a setting");
    assert_eq!(fixed["listeners"], "PLAINTEXT://0.0.0.0:9092");
}

#[test]
fn what_the_process_fixes_are_broker_configs_with_valid_values() {
    let config = Config::load(
        &local()
            .with("RACK", "a")
            .with("AUTO_CREATE_TOPICS", "no")
            .with("DEFAULT_NUM_PARTITIONS", "6")
            .with("MAX_MESSAGE_SIZE", "4MiB")
            .with("LOG_RETENTION_MS", "-1")
            .with("LOG_RETENTION_MINUTES", "5")
            .with("LOG_RETENTION_HOURS", "1")
            .with("LOG_RETENTION_BYTES", "1000")
            .with("MAX_CONNECTIONS", "5")
            .with("CONNECTION_IDLE_TIMEOUT_MS", "5000")
            .with("MAX_REQUEST_SIZE", "10MiB")
            .with("REQUEST_MEMORY_BYTES", "20MiB"),
    )
    .expect("all valid");
    let fixed = config.broker_settings(&[9092]);
    assert_eq!(fixed["message.max.bytes"], "4194304");
    assert_eq!(fixed["log.retention.ms"], "-1");
    assert_eq!(fixed["auto.create.topics.enable"], "false");
    assert_eq!(fixed["advertised.listeners"], "PLAINTEXT://localhost:9092");
    assert_eq!((&*fixed["log.retention.minutes"], &*fixed["log.retention.hours"]), ("5", "1"));
    assert_eq!(fixed.len(), 19);
    for (name, value) in &fixed {
        let definition = settings::lookup(Scope::Broker, name).unwrap_or_else(|| panic!("{name} is unknown"));
        definition.check(value).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(settings::validate(Target::Broker, "log.dirs", "/elsewhere").is_err(), "fixed means fixed");
}

#[test]
fn a_cloud_store_needs_its_bucket_and_waits_between_commits() {
    let config = Config::load(&s3()).expect("a bucket is enough");
    assert_eq!((config.log.commit_interval, config.log.commit_window), (Duration::from_millis(100), 16));
    assert_eq!(config.log.segment_max_bytes, 4 << 20);
    assert_eq!(config.data_place(), "s3://bucket/kafkaesque-data");
    let config = Config::load(
        &s3().with("DATA_PATH", "/a/b/").with("COMMIT_INTERVAL_MS", "0").with("COMMIT_WINDOW", "3"),
    )
    .expect("valid");
    assert_eq!(config.data_place(), "s3://bucket/a/b");
    assert_eq!((config.log.commit_interval, config.log.commit_window), (Duration::ZERO, 3));
    for (kind, missing) in [
        ("s3", vec!["S3_BUCKET"]),
        ("gcs", vec!["GCS_BUCKET"]),
        ("azure", vec!["AZURE_CONTAINER", "AZURE_STORAGE_ACCOUNT"]),
    ] {
        assert_eq!(names(&local().with("OBJECT_STORE_TYPE", kind)), missing);
    }
    assert_eq!(names(&s3().with("AWS_ACCESS_KEY_ID", "id")), ["AWS_SECRET_ACCESS_KEY"]);
    assert_eq!(names(&s3().with("AWS_SECRET_ACCESS_KEY", "s")), ["AWS_ACCESS_KEY_ID"]);
    assert!(
        problems(&s3().with("AWS_ENDPOINT", "http://localhost:9000").with("ALLOW_HTTP_S3", "true"))
            .is_empty()
    );
}

#[test]
fn protection_that_is_switched_off_in_words_starts() {
    let given = local()
        .with("SASL_ENABLED", "false")
        .with("SASL_USERS", "alice:secret")
        .with("TLS_ENABLED", "false")
        .with("TLS_CERT_PATH", "/cert.pem");
    assert!(problems(&given).is_empty(), "{:?}", problems(&given));
}

#[test]
fn this_broker_alone_among_its_peers_starts() {
    let config =
        Config::load(&local().with("BROKER_ID", "3").with("RAFT_PEERS", " 3=[::1]:9093 , ")).expect("valid");
    let alone = HostPort { host: "::1".to_owned(), port: 9093 };
    assert_eq!(alone.to_string(), "[::1]:9093");
    assert_eq!(config.cluster.raft_peers, Some(vec![(BrokerId(3), alone)]));
}

#[test]
fn the_advertised_host_follows_the_host_unless_that_is_a_wildcard() {
    let advertised = |host: &str| {
        Config::load(&Given::nothing().with("HOST", host)).expect("valid").clients.listen.advertised_host
    };
    assert_eq!(advertised("127.0.0.1"), "127.0.0.1");
    assert_eq!(advertised("broker-0.example"), "broker-0.example");
    assert_eq!(advertised("::"), addresses::host_name());
    assert_eq!(advertised("[::]"), addresses::host_name());
    assert_eq!(advertised("[::1]"), "::1");
    let config = Config::load(&Given::nothing().with("HOST", "::1")).expect("valid");
    assert_eq!(config.broker_settings(&[9092])["advertised.listeners"], "PLAINTEXT://[::1]:9092");
}

#[test]
fn every_wrong_setting_is_reported_at_once() {
    let given =
        local().with("PORT", "x").with("LOG_FORMAT", "y").with("TLS_MIN_VERSION", "1").with("NO_SUCH", "z");
    let mut found = names(&given);
    found.sort();
    assert_eq!(found, ["LOG_FORMAT", "NO_SUCH", "PORT", "TLS_MIN_VERSION"]);
    let message = Config::load(&given).expect_err("wrong").to_string();
    assert!(message.contains("PORT (--port): 'x' is not a whole number from 0 to 65535"), "{message}");
    assert_eq!(message.lines().count(), 4, "{message}");
}

#[test]
fn aliases_stand_in_and_must_agree() {
    let given =
        environment(&[("OBJECT_STORE_TYPE", "s3"), ("AWS_S3_BUCKET", "a"), ("S3_ENDPOINT", "https://s")]);
    let config = Config::load(&given).expect("aliases count");
    let store::Backend::S3(s3) = &config.store.backend else { panic!("not s3") };
    assert_eq!((s3.bucket.as_str(), s3.endpoint.as_deref()), ("a", Some("https://s")));
    let given = environment(&[("S3_BUCKET", "a"), ("AWS_S3_BUCKET", "b")]);
    assert_eq!(names(&given), ["AWS_S3_BUCKET"]);
    let given = environment(&[("S3_BUCKET", "a"), ("AWS_S3_BUCKET", "a")]);
    assert!(problems(&given).is_empty());
    let given = environment(&[("PORT", " "), ("RACK", "")]);
    assert!(problems(&given).is_empty(), "an empty variable is not set");
    let given = Given::from_variables([("HOST".to_owned(), Err(NotUnicode))]);
    assert_eq!(names(&given), ["HOST"]);
}

#[test]
fn what_a_platform_tells_of_the_chosen_store_is_taken_unless_it_is_empty() {
    let given = environment(&[
        ("OBJECT_STORE_TYPE", "s3"),
        ("S3_BUCKET", "bucket"),
        ("AWS_ROLE_ARN", "a"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", " "),
        ("AWS_PROFILE", "b"),
        ("AZURE_CLIENT_ID", "c"),
        ("HOME", "/home/me"),
    ]);
    let config = Config::load(&given).expect("valid");
    assert_eq!(config.store.platform, [("AWS_ROLE_ARN", Secret::new("a"))]);
    assert_eq!(config.warnings().len(), 1, "HOST is open: {:?}", config.warnings());
}

#[test]
fn a_variable_that_is_nearly_a_setting_is_a_warning() {
    let given = environment(&[
        ("HOST", "127.0.0.1"),
        ("DATA_PATH", "/data"),
        ("COMMIT_INTERVALL_MS", "5"),
        ("KAFKAESQUE_BROKER_ID", "1"),
        ("KAFKAESQUE_PORT_9092_TCP_ADDR", "10.0.0.1"),
    ]);
    let warnings = Config::load(&given).expect("valid").warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].starts_with("COMMIT_INTERVALL_MS") && warnings[0].contains("is COMMIT_INTERVAL_MS meant")
    );
    assert!(warnings[1].starts_with("KAFKAESQUE_BROKER_ID") && warnings[1].contains("is BROKER_ID meant"));
}

#[test]
fn secrets_are_read_from_files_and_never_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "from-a-file that is long enough\n").expect("written");
    let file = file.to_str().expect("text").to_owned();
    let given = s3()
        .with("RAFT_CLUSTER_SECRET_FILE", &file)
        .with("AWS_ACCESS_KEY_ID", "key-id")
        .with("AWS_SECRET_ACCESS_KEY", "hidden-1")
        .with("AWS_SESSION_TOKEN", "hidden-2")
        .with("METRICS_AUTH_TOKEN", "hidden-3")
        .with("SASL_ENABLED", "false")
        .with("SASL_USERS", "u:hidden-4");
    let config = Config::load(&given).expect("valid");
    assert_eq!(config.cluster.secret.as_ref().map(Secret::reveal), Some("from-a-file that is long enough"));
    let printed = format!("{config:?}");
    assert!(!printed.contains("hidden") && !printed.contains("from-a-file"), "{printed}");
    let both =
        local().with("RAFT_CLUSTER_SECRET_FILE", &file).with("RAFT_CLUSTER_SECRET", "sixteen bytes or more");
    assert_eq!(names(&both), ["RAFT_CLUSTER_SECRET_FILE"]);
}

#[test]
fn a_cluster_secret_is_long_enough_wherever_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    let of_file = |content: &str| {
        std::fs::write(&file, content).expect("written");
        let given = local().with("RAFT_CLUSTER_SECRET_FILE", file.to_str().expect("text"));
        Config::load(&given).map(|config| config.cluster.secret.map(|secret| secret.reveal().to_owned()))
    };
    let secret = "sixteen bytes...";
    for content in [secret.to_owned(), format!("{secret}\n"), format!("{secret}\r\n")] {
        assert_eq!(of_file(&content), Ok(Some(secret.to_owned())), "{content:?}");
    }
    assert_eq!(of_file(" sixteen bytes.. \n"), Ok(Some(" sixteen bytes.. ".to_owned())), "one newline goes");
    for content in ["fifteen bytes..\n", "", "\n"] {
        let ConfigError(problems) = of_file(content).expect_err("too short");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].variable, "RAFT_CLUSTER_SECRET_FILE");
        assert!(!problems[0].message.contains("fifteen"), "{problems:?}");
    }
    let refused = problems(&local().with("RAFT_CLUSTER_SECRET", "fifteen bytes.."));
    assert!(refused[0].message.contains("16 bytes"), "{refused:?}");
    assert!(problems(&local().with("RAFT_CLUSTER_SECRET", secret)).is_empty());
}

#[test]
fn tls_between_brokers_has_all_its_files_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.pem");
    std::fs::write(&file, "pem").expect("written");
    let file = file.to_str().expect("text");
    let all = ["RAFT_TLS_CERT_PATH", "RAFT_TLS_KEY_PATH", "RAFT_TLS_CA_PATH"];
    for missing in all {
        let given =
            all.iter().filter(|name| **name != missing).fold(local(), |given, name| given.with(name, file));
        let found: BTreeSet<String> = names(&given).into_iter().collect();
        assert_eq!(found, BTreeSet::from([missing.to_owned()]));
    }
    let given = all.iter().fold(local(), |given, name| given.with(name, file));
    let files = Config::load(&given).expect("valid").cluster.tls_files().expect("all are there");
    assert_eq!(files.certificate.to_str(), Some(file));
    assert_eq!(names(&given.with("RAFT_INSECURE", "true")), ["RAFT_INSECURE"]);
    assert!(Config::load(&local()).expect("valid").cluster.tls_files().is_none());
}

#[test]
fn a_broker_that_is_not_in_the_list_is_called_as_clients_call_it() {
    let address = |given: &Given| Config::load(given).expect("valid").raft_address();
    assert_eq!(address(&local().with("RAFT_PEERS", "0=a:1,1=b:1")).as_deref(), Some("a:1"));
    let joins = local().with("RAFT_PEERS", "1=a:1,2=b:1").with("ADVERTISED_HOST", "broker-0");
    let joins = joins.with("RAFT_LISTEN_ADDR", "0.0.0.0:9093");
    assert_eq!(address(&joins).as_deref(), Some("broker-0:9093"));
}

#[test]
fn a_port_for_brokers_that_is_open_to_others_wants_a_secret() {
    let quiet = local().with("HOST", "127.0.0.1").with("DATA_PATH", "/data");
    let warnings = |given: &Given| Config::load(given).expect("valid").warnings();
    for (address, expected) in
        [("127.0.0.1:9093", 0), ("[::1]:9093", 0), ("0.0.0.0:9093", 1), ("broker-0:9093", 1)]
    {
        let given = quiet.clone().with("RAFT_LISTEN_ADDR", address);
        assert_eq!(warnings(&given).len(), expected, "{address}");
        let given = given.with("RAFT_CLUSTER_SECRET", "sixteen bytes or more");
        assert!(warnings(&given).is_empty(), "{address}");
    }
    let insecure = warnings(&quiet.with("RAFT_INSECURE", "true"));
    assert!(insecure.len() == 1 && insecure[0].contains("RAFT_INSECURE"), "{insecure:?}");
}

#[test]
fn sizes_take_units() {
    let size =
        |text: &str| Config::load(&local().with("TAIL_CACHE_BYTES", text)).map(|c| c.log.tail_cache_bytes);
    for (text, bytes) in [("0", 0), ("4096", 4096), ("1KiB", 1024), ("2 MiB", 2 << 20), ("1g", 1 << 30)] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn settings_without_effect_are_named() {
    let quiet = local().with("HOST", "127.0.0.1").with("DATA_PATH", "/data");
    let warnings = |given: &Given| Config::load(given).expect("valid").warnings();
    assert!(warnings(&quiet).is_empty(), "{:?}", warnings(&quiet));
    assert!(warnings(&quiet.clone().with("HOST", "localhost")).is_empty());
    let given = quiet
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
        .with("LOCAL_FSYNC", "false")
        .with("GCS_BUCKET", "b");
    assert_eq!(warnings(&given).len(), 3, "{:?}", warnings(&given));
}
