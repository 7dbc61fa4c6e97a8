//! What must agree between settings, and what is asked for but not there yet.

use std::net::IpAddr;

use super::given::{Given, Problem, Reader};
use super::{Config, Listen, Security, consumer_groups, syntax};
use crate::store::Backend;

/// Whether a host stands for all addresses of the machine.
pub(super) fn is_wildcard(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Settings of protection without the switch that says whether it is wanted: accepting them would leave a door open
/// that looks closed.
pub(super) fn unsupported(given: &Given, reader: &mut Reader<'_>) {
    let companions = [
        ("SASL_ENABLED", "SASL_USERS"),
        ("SASL_ENABLED", "SASL_USERS_FILE"),
        ("TLS_ENABLED", "TLS_CERT_PATH"),
        ("TLS_ENABLED", "TLS_KEY_PATH"),
        ("ACL_ENABLED", "KAFKAESQUE_SUPER_USERS"),
    ];
    for (switch, companion) in companions {
        if reader.text(companion).is_some() && !given.is_set(switch) {
            reader.refuse(
                companion,
                &format!(
                    "not supported yet by this version; unset it, or say {switch}=false to run without that protection"
                ),
            );
        }
    }
}

/// Everything that is wrong between settings that are each right.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |variable: &str, message: &str| problems.push(Problem::new(variable, message));
    listen(config, &mut refuse);
    if let Err(wrong) = syntax::id(&config.identity.cluster_id) {
        refuse("CLUSTER_ID", wrong);
    }
    if config.topics.max_message_bytes as u64 > u64::from(config.network.max_request_bytes) {
        refuse("MAX_MESSAGE_SIZE", "larger than MAX_REQUEST_SIZE: such a batch could never arrive");
    }
    for (variable, time) in [
        ("LOG_RETENTION_MS", config.topics.retention_ms),
        ("LOG_RETENTION_MINUTES", config.topics.retention_minutes.map(i64::from)),
        ("LOG_RETENTION_HOURS", config.topics.retention_hours.map(i64::from)),
    ] {
        // As Kafka's `AbstractKafkaConfig.logRetentionTimeMillis`.
        if time == Some(0) {
            refuse(variable, "must be unlimited (-1) or at least 1");
        }
    }
    if config.groups.min_session_timeout_ms > config.groups.max_session_timeout_ms {
        let variable = ["GROUP_MIN_SESSION_TIMEOUT_MS", "GROUP_MAX_SESSION_TIMEOUT_MS"];
        let given = variable.into_iter().find(|variable| config.is_given(variable));
        refuse(given.unwrap_or_default(), "the smallest session timeout is above the largest");
    }
    consumer_groups::problems(config, &mut refuse);
    if u64::from(config.network.max_request_bytes) > config.network.request_memory_bytes {
        refuse("REQUEST_MEMORY_BYTES", "smaller than MAX_REQUEST_SIZE: such a request could never be read");
    }
    security(&config.security, &mut refuse);
    cluster(config, &mut refuse);
    store(&config.store.backend, &mut refuse);
    problems
}

fn listen(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let Listen { host, port, advertised_host, .. } = &config.listen;
    if let Err(wrong) = syntax::host(host) {
        refuse("HOST", wrong);
    }
    // The name of the machine stands for it otherwise, which clients may know better than this grammar.
    if config.is_given("ADVERTISED_HOST")
        && let Err(wrong) = syntax::host(advertised_host)
    {
        refuse("ADVERTISED_HOST", wrong);
    }
    if is_wildcard(advertised_host) {
        refuse(
            "ADVERTISED_HOST",
            "a wildcard address is no place to connect to; name this broker as clients see it",
        );
    }
    let health_port = config.operation.health_port;
    if health_port == Some(*port) {
        refuse("HEALTH_PORT", "the same as PORT");
    }
    let raft = &config.cluster.raft_listen;
    if let Err(wrong) = syntax::host(&raft.host) {
        refuse("RAFT_LISTEN_ADDR", wrong);
    }
    let same_host = raft.host == *host || is_wildcard(host) || is_wildcard(&raft.host);
    // Whoever moves a port onto the default of this one is told there.
    let to_blame = |other| if config.is_given("RAFT_LISTEN_ADDR") { "RAFT_LISTEN_ADDR" } else { other };
    if same_host && raft.port != 0 && raft.port == *port {
        refuse(to_blame("PORT"), "RAFT_LISTEN_ADDR and PORT are the same");
    }
    if same_host && Some(raft.port) == health_port {
        refuse(to_blame("HEALTH_PORT"), "RAFT_LISTEN_ADDR and HEALTH_PORT are the same");
    }
}

fn security(security: &Security, refuse: &mut impl FnMut(&str, &str)) {
    let switches = [
        ("SASL_ENABLED", security.sasl, "SASL"),
        ("SASL_REQUIRED", security.sasl_required, "SASL"),
        ("TLS_ENABLED", security.tls, "TLS"),
        ("ACL_ENABLED", security.acl, "authorization by ACLs"),
    ];
    for (variable, value, what) in switches {
        if value == Some(true) {
            refuse(
                variable,
                &format!(
                    "{what} is not supported yet by this version, and starting without it would open a door"
                ),
            );
        }
    }
}

fn cluster(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let peers = &config.cluster.raft_peers;
    let own = config.identity.broker_id;
    if peers.iter().any(|(id, _)| *id != own) {
        refuse(
            "RAFT_PEERS",
            "names other brokers; a cluster of several brokers is not supported yet by this version",
        );
    }
}

fn store(backend: &Backend, refuse: &mut impl FnMut(&str, &str)) {
    let plain = |endpoint: &Option<String>| {
        endpoint.as_ref().is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"))
    };
    let mut check = |variable: &str, text: Option<&str>, form: fn(&str) -> Result<(), &'static str>| {
        if let Some(Err(wrong)) = text.filter(|text| !text.is_empty()).map(form) {
            refuse(variable, wrong);
        }
    };
    match backend {
        Backend::S3(s3) => {
            check("S3_BUCKET", Some(&s3.bucket), syntax::bucket);
            check("AWS_REGION", s3.region.as_deref(), syntax::word);
            check("AWS_ENDPOINT", s3.endpoint.as_deref(), syntax::url);
        }
        Backend::Gcs(gcs) => check("GCS_BUCKET", Some(&gcs.bucket), syntax::bucket),
        Backend::Azure(azure) => {
            check("AZURE_CONTAINER", Some(&azure.container), syntax::bucket);
            check("AZURE_STORAGE_ACCOUNT", Some(&azure.account), syntax::word);
            check(
                "AZURE_STORAGE_ACCESS_KEY",
                azure.access_key.as_ref().map(|key| key.reveal()),
                syntax::base64,
            );
            check("AZURE_ENDPOINT", azure.endpoint.as_deref(), syntax::url);
        }
        Backend::Local(_) | Backend::Memory => {}
    }
    match backend {
        Backend::S3(s3) => {
            if s3.bucket.is_empty() {
                refuse("S3_BUCKET", "missing; OBJECT_STORE_TYPE=s3 needs it");
            }
            match (&s3.access_key_id, &s3.secret_access_key) {
                (Some(_), None) => refuse("AWS_SECRET_ACCESS_KEY", "missing, while AWS_ACCESS_KEY_ID is set"),
                (None, Some(_)) => refuse("AWS_ACCESS_KEY_ID", "missing, while AWS_SECRET_ACCESS_KEY is set"),
                _ => {}
            }
            if plain(&s3.endpoint) && !s3.allow_http {
                refuse("AWS_ENDPOINT", "has no TLS; set ALLOW_HTTP_S3=true if that is meant");
            }
        }
        Backend::Gcs(gcs) => {
            if gcs.bucket.is_empty() {
                refuse("GCS_BUCKET", "missing; OBJECT_STORE_TYPE=gcs needs it");
            }
            if let Some(path) = &gcs.credentials_path
                && !path.is_file()
            {
                refuse("GOOGLE_APPLICATION_CREDENTIALS", &format!("'{}' is no file", path.display()));
            }
        }
        Backend::Azure(azure) => {
            if azure.container.is_empty() {
                refuse("AZURE_CONTAINER", "missing; OBJECT_STORE_TYPE=azure needs it");
            }
            if azure.account.is_empty() {
                refuse("AZURE_STORAGE_ACCOUNT", "missing; OBJECT_STORE_TYPE=azure needs it");
            }
            if plain(&azure.endpoint) && !azure.allow_http {
                refuse("AZURE_ENDPOINT", "has no TLS; set AZURE_ALLOW_HTTP=true if that is meant");
            }
        }
        Backend::Local(_) | Backend::Memory => {}
    }
}

/// Settings that are accepted without effect.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.is_given("OTEL_EXPORTER_OTLP_ENDPOINT") {
        warnings.push("OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces are not exported yet".to_owned());
    }
    if config.store.faults.is_some() {
        warnings.push(
            "STORE_FAULTS is set: the object store is made slow or faulty on purpose; for tests only"
                .to_owned(),
        );
    }
    if !is_loopback(&config.listen.host) {
        warnings.push(format!(
            "HOST={} is open to others, and clients are not authenticated: whoever reaches port {} can read and write \
             everything",
            config.listen.host, config.listen.port
        ));
    }
    if matches!(config.store.backend, Backend::Local(_)) && !config.is_given("DATA_PATH") {
        warnings.push(format!(
            "data is kept in {}, where a restart of the machine may remove it; set DATA_PATH to a place that stays",
            config.data_place()
        ));
    }
    if let Backend::Local(local) = &config.store.backend
        && !local.fsync
    {
        warnings.push(
            "LOCAL_FSYNC is false: a power failure can lose acknowledged records; a crash of the broker cannot".to_owned(),
        );
    }
    let foreign: &[&str] = match &config.store.backend {
        Backend::Local(_) => &["S3_BUCKET", "GCS_BUCKET", "AZURE_CONTAINER"],
        Backend::S3(_) => &["GCS_BUCKET", "AZURE_CONTAINER"],
        Backend::Gcs(_) => &["S3_BUCKET", "AZURE_CONTAINER"],
        Backend::Azure(_) => &["S3_BUCKET", "GCS_BUCKET"],
        Backend::Memory => &[],
    };
    for variable in foreign.iter().filter(|variable| config.is_given(variable)) {
        let kind = config.store.backend.name();
        warnings.push(format!("{variable} is set, but has no effect with OBJECT_STORE_TYPE={kind}"));
    }
    warnings
}
