//! SASL and TLS of listeners. A listener speaks PLAINTEXT only so far, so nothing obeys them, as on a PLAINTEXT listener
//! of Kafka's.

use super::machinery::NO_CLASSES;
use crate::settings::definition::Importance::Low;
use crate::settings::definition::Status::{self, NoMeaningHere};
use crate::settings::definition::{Definition, definitions};
use crate::settings::validator::Validator::{Items, OneOf};

const PLAINTEXT: Status = NoMeaningHere("a listener speaks PLAINTEXT only so far");

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "sasl.enabled.mechanisms": List = "GSSAPI", valid(Items { may_be_empty: true }), status(PLAINTEXT),
        per_broker => "Mechanisms that clients may use.";
    "sasl.jaas.config": Password, status(PLAINTEXT), per_broker => "What a SASL login is made of.";
    "sasl.kerberos.kinit.cmd": String = "/usr/bin/kinit", status(PLAINTEXT), per_broker => "Path of kinit.";
    "sasl.kerberos.min.time.before.relogin": Long = "60000", status(PLAINTEXT), per_broker
        => "Milliseconds between two tries of a Kerberos login.";
    "sasl.kerberos.principal.to.local.rules": List = "DEFAULT", valid(Items { may_be_empty: true }),
        status(PLAINTEXT), per_broker => "How principals become short names.";
    "sasl.kerberos.service.name": String, status(PLAINTEXT), per_broker
        => "The principal that the broker runs as.";
    "sasl.kerberos.ticket.renew.jitter": Double = "0.05", status(PLAINTEXT), per_broker
        => "Random part of the time until a ticket is renewed.";
    "sasl.kerberos.ticket.renew.window.factor": Double = "0.8", status(PLAINTEXT), per_broker
        => "Part of a ticket's life after which it is renewed.";
    "sasl.login.refresh.buffer.seconds": Short = "300", status(PLAINTEXT), per_broker
        => "Seconds before its end at which a credential is renewed at the latest.";
    "sasl.login.refresh.min.period.seconds": Short = "60", status(PLAINTEXT), per_broker
        => "Least seconds between two renewals of a credential.";
    "sasl.login.refresh.window.factor": Double = "0.8", status(PLAINTEXT), per_broker
        => "Part of a credential's life after which it is renewed.";
    "sasl.login.refresh.window.jitter": Double = "0.05", status(PLAINTEXT), per_broker
        => "Random part of the time until a credential is renewed.";
    "sasl.mechanism.inter.broker.protocol": String = "GSSAPI", status(PLAINTEXT), per_broker
        => "Mechanism between brokers.";
    "ssl.cipher.suites": List = "", valid(Items { may_be_empty: true }), status(PLAINTEXT), per_broker
        => "Cipher suites that may be used.";
    "ssl.client.auth": String = "none", valid(OneOf(&["required", "requested", "none"])), status(PLAINTEXT),
        per_broker => "Whether clients are asked for a certificate.";
    "ssl.enabled.protocols": List = "TLSv1.2,TLSv1.3", valid(Items { may_be_empty: true }),
        status(PLAINTEXT), per_broker => "Versions of TLS that may be used.";
    "ssl.endpoint.identification.algorithm": String = "https", importance(Low), status(PLAINTEXT),
        per_broker => "How the name in a certificate is checked.";
    "ssl.engine.factory.class": Class, importance(Low), status(NO_CLASSES), per_broker
        => "What makes TLS engines.";
    "ssl.key.password": Password, status(PLAINTEXT), per_listener => "Password of the private key.";
    "ssl.keymanager.algorithm": String = "SunX509", status(PLAINTEXT), per_broker => "What keeps the keys.";
    "ssl.keystore.certificate.chain": Password, status(PLAINTEXT), per_listener
        => "The broker's certificates.";
    "ssl.keystore.key": Password, status(PLAINTEXT), per_listener => "The broker's private key.";
    "ssl.keystore.location": String, status(PLAINTEXT), per_listener
        => "File with the broker's key and certificates.";
    "ssl.keystore.password": Password, status(PLAINTEXT), per_listener => "Password of that file.";
    "ssl.keystore.type": String = "JKS", status(PLAINTEXT), per_listener => "Format of that file.";
    "ssl.protocol": String = "TLSv1.3", status(PLAINTEXT), per_broker => "Version of TLS that is preferred.";
    "ssl.provider": String, status(PLAINTEXT), per_broker => "What provides TLS.";
    "ssl.secure.random.implementation": String, importance(Low), status(PLAINTEXT), per_broker
        => "Where random numbers for TLS come from.";
    "ssl.trustmanager.algorithm": String = "PKIX", status(PLAINTEXT), per_broker
        => "What checks certificates.";
    "ssl.truststore.certificates": Password, status(PLAINTEXT), per_listener
        => "Certificates that are trusted.";
    "ssl.truststore.location": String, status(PLAINTEXT), per_listener
        => "File with the certificates that are trusted.";
    "ssl.truststore.password": Password, status(PLAINTEXT), per_listener => "Password of that file.";
    "ssl.truststore.type": String = "JKS", status(PLAINTEXT), per_listener => "Format of that file.";
};
