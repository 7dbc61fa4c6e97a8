//! Rows of TLS, SASL and authorization.

use std::path::PathBuf;
use std::time::Duration;

use super::{KIB, MIB, SECURITY};
use crate::auth::Mechanism;
use crate::auth::mapping::Mapping;
use crate::config::entries;
use crate::config::found::Found;
use crate::config::syntax;
use crate::config::variable::Rule::{Behind, Beside, NotYet, With};
use crate::config::variable::{Variable, bytes, flag, formed, millis, number, one_of, parsed, secret, text};
use crate::runtime::Secret;
use crate::tls::{ClientAuth, Version};

settings! {
    /// TLS and SASL of the listeners.
    SECURITY declares Security {
        TLS_ENABLED => tls_enabled: bool, flag().or("false"),
            "TLS for clients on the one listener of HOST and PORT.";
        TLS_MIN_VERSION => min_version: Version, one_of(&["1.2", "1.3"]).or("1.2"),
            "Oldest version of TLS that clients may use.";
        TLS_CLIENT_AUTH => client_auth: ClientAuth,
            one_of(&["none", "requested", "required"]).or("none"),
            "Whether clients are asked for a certificate, or must have one.";
        SASL_ENABLED => sasl_enabled: bool, flag().or("false"),
            "SASL for clients on the one listener of HOST and PORT.";
        SASL_REQUIRED => sasl_required: Option<bool>, flag(),
            "Whether clients of that listener must log in; if not, who does not is User:ANONYMOUS. Default: \
             true.";
        SASL_MECHANISMS => mechanisms: Option<Vec<Mechanism>>,
            parsed("NAME,..", |text| entries::mechanisms(text).map(|_| text.to_owned())),
            "SASL mechanisms of listeners that do not say: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER. \
             Default: those that the users and issuers given can use.";
        SASL_USERS => users: Option<Secret>, secret("NAME:PASSWORD,.."),
            "Users of PLAIN and SCRAM.";
        SASL_USERS_FILE => users_file: Option<PathBuf>, parsed("FILE", syntax::file),
            "The same, one NAME:PASSWORD a line; read again when its content changes.";
        SASL_MAX_REAUTH_MS => max_reauth_ms: i64,
            number(0, super::LONG).shaped("MS").is("connections.max.reauth.ms"),
            "Longest life of a login, after which the client has to log in again (KIP-368); 0 is no limit.";
        SASL_MAX_RECEIVE_BYTES => max_receive_bytes: usize,
            bytes(KIB, MIB).or("64KiB").sets("sasl.server.max.receive.size"),
            "Largest request of a client that has not logged in yet.";
        FAILED_AUTHENTICATION_DELAY_MS => failed_delay: Duration,
            millis(0, 60_000).is("connection.failed.authentication.delay.ms"),
            "Time until a failed login is answered, and its connection closed.";
        HTTP_TLS_ENABLED => http_tls: bool, flag().or("false"),
            "TLS on HEALTH_PORT, by the certificate of the listeners.";
    }

    /// Files of TLS for clients.
    SECURITY declares TlsFiles {
        TLS_CERT_PATH => certificate: Option<PathBuf>, text("FILE"),
            "The certificate chain (PEM), this broker's own first.";
        TLS_KEY_PATH => key: Option<PathBuf>, text("FILE"),
            "Its private key (PEM): PKCS#8, PKCS#1 or SEC1.";
        TLS_KEY_PASSWORD_FILE => key_password_file: Option<PathBuf>, text("FILE"),
            "A file with the password of an encrypted key.";
        TLS_CLIENT_CA_PATH => client_authority: Option<PathBuf>, text("FILE"),
            "Authorities (PEM) that clients' certificates have to be of.";
        TLS_CRL_PATH => revoked: Option<PathBuf>, text("FILE").rules(&[Beside("TLS_CLIENT_CA_PATH")]),
            "Lists (PEM) of clients' certificates that do not count any more.";
        TLS_PRINCIPAL_MAPPING_RULES => mapping: Option<Mapping>,
            parsed("RULE,..", syntax::mapping_rules).sets("ssl.principal.mapping.rules"),
            "Names of clients made of their certificates' subjects, in Kafka's syntax. Default: the subject.";
    }

    /// Issuers of tokens for OAUTHBEARER.
    SECURITY declares OAuth {
        OAUTH_ISSUER => issuer: Option<String>, text("NAME").rules(&[With("OAUTH_AUDIENCE")])
                .sets("sasl.oauthbearer.expected.issuer"),
            "Issuer whose tokens count (their claim iss).";
        OAUTH_AUDIENCE => audience: Option<String>, text("NAME").rules(&[With("OAUTH_ISSUER")])
                .sets("sasl.oauthbearer.expected.audience"),
            "What their claim aud must name.";
        OAUTH_JWKS_URL => jwks_url: Option<String>,
            formed("URL", syntax::https_url).rules(&[Beside("OAUTH_ISSUER")])
                .sets("sasl.oauthbearer.jwks.endpoint.url"),
            "Where the issuer's keys are (JSON Web Key Set); https alone.";
        OAUTH_JWKS_FILE => jwks_file: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[Beside("OAUTH_ISSUER")]),
            "The same as a file; read again when its content changes.";
        OAUTH_SCOPE => scope: Option<String>, text("NAME").rules(&[Beside("OAUTH_ISSUER")]),
            "A scope that tokens must have.";
        OAUTH_PRINCIPAL_CLAIM => principal_claim: Option<String>,
            text("NAME").rules(&[Beside("OAUTH_ISSUER")]).sets("sasl.oauthbearer.sub.claim.name"),
            "The claim that names the user. Default: sub.";
        OAUTH_GROUPS_CLAIM => groups_claim: Option<String>, text("NAME").rules(&[Beside("OAUTH_ISSUER")]),
            "A claim that lists groups of the user: principals Group:NAME.";
        OAUTH_CA_PATH => authority: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[Beside("OAUTH_JWKS_URL")]),
            "Authorities (PEM) of OAUTH_JWKS_URL, in place of the system's.";
        OAUTH_TOKEN_FILE => token_file: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[Beside("OAUTH_JWKS_URL")]),
            "A bearer token that OAUTH_JWKS_URL asks for.";
        OAUTH_ISSUERS_FILE => issuers_file: Option<PathBuf>, parsed("FILE", syntax::file),
            "Several issuers, as a JSON list of objects.";
    }

    SECURITY checks Authorization {
        ACL_ENABLED, flag().rules(&[NotYet("authorization by ACLs")]),
            "Authorization by ACLs. Not supported yet: stops the start.";
        KAFKAESQUE_SUPER_USERS, text("PRINCIPAL;..").rules(&[Behind("ACL_ENABLED")]),
            "Principals that ACLs do not bind. Not supported yet.";
    }
}
