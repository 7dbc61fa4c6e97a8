//! SASL and TLS of listeners. A listener speaks PLAINTEXT only so far, so nothing obeys them, as on a PLAINTEXT listener
//! of Kafka's.

use super::machinery::NO_CLASSES;
use crate::settings::definition::Definition;
use crate::settings::definition::Importance::Low;
use crate::settings::definition::Status::{self, NoMeaningHere};
use crate::settings::definition::Type::{Class, Double, List, Long, Password, Short, String};
use crate::settings::validator::Validator::{Items, OneOf};

const PLAINTEXT: Status = NoMeaningHere("a listener speaks PLAINTEXT only so far");

pub(in crate::settings) const DEFINITIONS: &[Definition] = &[
    Definition::new("sasl.enabled.mechanisms", List, Some("GSSAPI"), "Mechanisms that clients may use.")
        .valid(Items { may_be_empty: true })
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("sasl.jaas.config", Password, None, "What a SASL login is made of.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("sasl.kerberos.kinit.cmd", String, Some("/usr/bin/kinit"), "Path of kinit.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new(
        "sasl.kerberos.min.time.before.relogin",
        Long,
        Some("60000"),
        "Milliseconds between two tries of a Kerberos login.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.kerberos.principal.to.local.rules",
        List,
        Some("DEFAULT"),
        "How principals become short names.",
    )
    .valid(Items { may_be_empty: true })
    .per_broker()
    .status(PLAINTEXT),
    Definition::new("sasl.kerberos.service.name", String, None, "The principal that the broker runs as.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new(
        "sasl.kerberos.ticket.renew.jitter",
        Double,
        Some("0.05"),
        "Random part of the time until a ticket is renewed.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.kerberos.ticket.renew.window.factor",
        Double,
        Some("0.8"),
        "Part of a ticket's life after which it is renewed.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.login.refresh.buffer.seconds",
        Short,
        Some("300"),
        "Seconds before its end at which a credential is renewed at the latest.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.login.refresh.min.period.seconds",
        Short,
        Some("60"),
        "Least seconds between two renewals of a credential.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.login.refresh.window.factor",
        Double,
        Some("0.8"),
        "Part of a credential's life after which it is renewed.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.login.refresh.window.jitter",
        Double,
        Some("0.05"),
        "Random part of the time until a credential is renewed.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "sasl.mechanism.inter.broker.protocol",
        String,
        Some("GSSAPI"),
        "Mechanism between brokers.",
    )
    .per_broker()
    .status(PLAINTEXT),
    Definition::new("ssl.cipher.suites", List, Some(""), "Cipher suites that may be used.")
        .valid(Items { may_be_empty: true })
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("ssl.client.auth", String, Some("none"), "Whether clients are asked for a certificate.")
        .valid(OneOf(&["required", "requested", "none"]))
        .per_broker()
        .status(PLAINTEXT),
    Definition::new(
        "ssl.enabled.protocols",
        List,
        Some("TLSv1.2,TLSv1.3"),
        "Versions of TLS that may be used.",
    )
    .valid(Items { may_be_empty: true })
    .per_broker()
    .status(PLAINTEXT),
    Definition::new(
        "ssl.endpoint.identification.algorithm",
        String,
        Some("https"),
        "How the name in a certificate is checked.",
    )
    .importance(Low)
    .per_broker()
    .status(PLAINTEXT),
    Definition::new("ssl.engine.factory.class", Class, None, "What makes TLS engines.")
        .importance(Low)
        .per_broker()
        .status(NO_CLASSES),
    Definition::new("ssl.key.password", Password, None, "Password of the private key.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.keymanager.algorithm", String, Some("SunX509"), "What keeps the keys.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("ssl.keystore.certificate.chain", Password, None, "The broker's certificates.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.keystore.key", Password, None, "The broker's private key.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.keystore.location", String, None, "File with the broker's key and certificates.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.keystore.password", Password, None, "Password of that file.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.keystore.type", String, Some("JKS"), "Format of that file.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.protocol", String, Some("TLSv1.3"), "Version of TLS that is preferred.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("ssl.provider", String, None, "What provides TLS.").per_broker().status(PLAINTEXT),
    Definition::new(
        "ssl.secure.random.implementation",
        String,
        None,
        "Where random numbers for TLS come from.",
    )
    .importance(Low)
    .per_broker()
    .status(PLAINTEXT),
    Definition::new("ssl.trustmanager.algorithm", String, Some("PKIX"), "What checks certificates.")
        .per_broker()
        .status(PLAINTEXT),
    Definition::new("ssl.truststore.certificates", Password, None, "Certificates that are trusted.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.truststore.location", String, None, "File with the certificates that are trusted.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.truststore.password", Password, None, "Password of that file.")
        .per_listener()
        .status(PLAINTEXT),
    Definition::new("ssl.truststore.type", String, Some("JKS"), "Format of that file.")
        .per_listener()
        .status(PLAINTEXT),
];
