//! SASL and TLS of listeners, which are set up by variables of the process: those that one of them means show its value.
//! Values that somebody sets while the broker runs are kept, and nothing obeys them.

use super::machinery::NO_CLASSES;
use crate::settings::definition::Importance::{High, Low};
use crate::settings::definition::Status::{self, NoMeaningHere};
use crate::settings::definition::{Definition, definitions};
use crate::settings::validator::Validator::{AtLeast, Items, OneOf};

const OF_PROCESS: Status = NoMeaningHere("TLS and SASL are set up by variables of the process");

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "connection.failed.authentication.delay.ms": Int = "100", importance(Low), valid(AtLeast(0)), read_only
        => "Milliseconds until a failed login is answered, and its connection closed.";
    "connections.max.reauth.ms": Long = "0", read_only
        => "Longest life of a login in milliseconds, after which the client has to log in again; 0 is no \
            limit.";
    "sasl.enabled.mechanisms": List = "GSSAPI", valid(Items { may_be_empty: true }), status(OF_PROCESS),
        per_broker => "Mechanisms that clients may use.";
    "sasl.jaas.config": Password, status(OF_PROCESS), per_broker => "What a SASL login is made of.";
    "sasl.kerberos.kinit.cmd": String = "/usr/bin/kinit", status(OF_PROCESS), per_broker => "Path of kinit.";
    "sasl.kerberos.min.time.before.relogin": Long = "60000", status(OF_PROCESS), per_broker
        => "Milliseconds between two tries of a Kerberos login.";
    "sasl.kerberos.principal.to.local.rules": List = "DEFAULT", valid(Items { may_be_empty: true }),
        status(OF_PROCESS), per_broker => "How principals become short names.";
    "sasl.kerberos.service.name": String, status(OF_PROCESS), per_broker
        => "The principal that the broker runs as.";
    "sasl.kerberos.ticket.renew.jitter": Double = "0.05", status(OF_PROCESS), per_broker
        => "Random part of the time until a ticket is renewed.";
    "sasl.kerberos.ticket.renew.window.factor": Double = "0.8", status(OF_PROCESS), per_broker
        => "Part of a ticket's life after which it is renewed.";
    "sasl.login.refresh.buffer.seconds": Short = "300", status(OF_PROCESS), per_broker
        => "Seconds before its end at which a credential is renewed at the latest.";
    "sasl.login.refresh.min.period.seconds": Short = "60", status(OF_PROCESS), per_broker
        => "Least seconds between two renewals of a credential.";
    "sasl.login.refresh.window.factor": Double = "0.8", status(OF_PROCESS), per_broker
        => "Part of a credential's life after which it is renewed.";
    "sasl.login.refresh.window.jitter": Double = "0.05", status(OF_PROCESS), per_broker
        => "Random part of the time until a credential is renewed.";
    "sasl.mechanism.inter.broker.protocol": String = "GSSAPI", status(OF_PROCESS), per_broker
        => "Mechanism between brokers.";
    "sasl.oauthbearer.allow.unverified.audience": Boolean = "false", read_only
        => "Whether tokens count whatever their audience; they never do.";
    "sasl.oauthbearer.allow.unverified.issuer": Boolean = "false", read_only
        => "Whether tokens count whatever their issuer; they never do.";
    "sasl.oauthbearer.clock.skew.seconds": Int = "30", importance(Low), read_only
        => "Seconds by which clocks of issuers may differ.";
    "sasl.oauthbearer.expected.audience": List = "", importance(High), valid(Items { may_be_empty: true }),
        read_only => "Audiences, one of which a token must have.";
    "sasl.oauthbearer.expected.issuer": String, importance(High), read_only
        => "The issuer whose tokens count, if there is one alone.";
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": Long = "3600000", importance(Low), read_only
        => "Milliseconds after which an issuer's keys are read again.";
    "sasl.oauthbearer.jwks.endpoint.url": String, read_only => "Where the issuer's keys are.";
    "sasl.oauthbearer.scope.claim.name": String = "scope", importance(Low), read_only
        => "The claim with the scopes of a token; scp counts as well.";
    "sasl.oauthbearer.sub.claim.name": String = "sub", importance(Low), read_only
        => "The claim that names the user.";
    "sasl.server.max.receive.size": Int = "65536", read_only
        => "Largest request, in bytes, of a client that has not logged in.";
    "ssl.cipher.suites": List = "", valid(Items { may_be_empty: true }), status(OF_PROCESS), per_broker
        => "Cipher suites that may be used.";
    "ssl.client.auth": String = "none", valid(OneOf(&["required", "requested", "none"])), status(OF_PROCESS),
        per_broker => "Whether clients are asked for a certificate.";
    "ssl.enabled.protocols": List = "TLSv1.2,TLSv1.3", valid(Items { may_be_empty: true }),
        status(OF_PROCESS), per_broker => "Versions of TLS that may be used.";
    "ssl.endpoint.identification.algorithm": String = "https", importance(Low), status(OF_PROCESS),
        per_broker => "How the name in a certificate is checked.";
    "ssl.engine.factory.class": Class, importance(Low), status(NO_CLASSES), per_broker
        => "What makes TLS engines.";
    "ssl.key.password": Password, status(OF_PROCESS), per_listener => "Password of the private key.";
    "ssl.keymanager.algorithm": String = "SunX509", status(OF_PROCESS), per_broker => "What keeps the keys.";
    "ssl.keystore.certificate.chain": Password, status(OF_PROCESS), per_listener
        => "The broker's certificates.";
    "ssl.keystore.key": Password, status(OF_PROCESS), per_listener => "The broker's private key.";
    "ssl.keystore.location": String, status(OF_PROCESS), per_listener
        => "File with the broker's key and certificates.";
    "ssl.keystore.password": Password, status(OF_PROCESS), per_listener => "Password of that file.";
    "ssl.keystore.type": String = "JKS", status(OF_PROCESS), per_listener => "Format of that file.";
    "ssl.principal.mapping.rules": String = "DEFAULT", importance(Low), read_only
        => "How the subjects of certificates become names of users.";
    "ssl.protocol": String = "TLSv1.3", status(OF_PROCESS), per_broker => "Version of TLS that is preferred.";
    "ssl.provider": String, status(OF_PROCESS), per_broker => "What provides TLS.";
    "ssl.secure.random.implementation": String, importance(Low), status(OF_PROCESS), per_broker
        => "Where random numbers for TLS come from.";
    "ssl.trustmanager.algorithm": String = "PKIX", status(OF_PROCESS), per_broker
        => "What checks certificates.";
    "ssl.truststore.certificates": Password, status(OF_PROCESS), per_listener
        => "Certificates that are trusted.";
    "ssl.truststore.location": String, status(OF_PROCESS), per_listener
        => "File with the certificates that are trusted.";
    "ssl.truststore.password": Password, status(OF_PROCESS), per_listener => "Password of that file.";
    "ssl.truststore.type": String = "JKS", status(OF_PROCESS), per_listener => "Format of that file.";
};
