//! Facts about a certificate: until when it is valid, and for what it may be used.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Clocks of those who issue certificates may be ahead of ours by this much.
const CLOCK_SKEW_SECONDS: i64 = 300;
const DAY_SECONDS: f64 = 86_400.0;

/// Validity and purpose of a certificate; times are in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    not_before: i64,
    not_after: i64,
    is_for_servers: bool,
    may_sign: bool,
}

/// A certificate that is of no use to a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no certificate: {0}")]
    Malformed(String),
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate is not valid yet")]
    Early,
    #[error("the certificate may not be used by a server: serverAuth is not among its extended key usages")]
    Purpose,
}

impl Facts {
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Facts, Unusable> {
        let malformed = |error: &dyn std::fmt::Display| Unusable::Malformed(error.to_string());
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| malformed(&error))?;
        let usage = parsed.extended_key_usage().map_err(|error| malformed(&error))?;
        let of_key = parsed.key_usage().map_err(|error| malformed(&error))?;
        Ok(Facts {
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            is_for_servers: usage.is_none_or(|usage| usage.value.server_auth || usage.value.any),
            may_sign: of_key.is_none_or(|usage| usage.value.digital_signature()),
        })
    }

    /// The key may be used to sign, as it is in a handshake.
    pub fn may_sign(&self) -> bool {
        self.may_sign
    }

    /// Tells if a server can show the certificate.
    pub fn check(&self, now_ms: i64) -> Result<(), Unusable> {
        if self.is_expired(now_ms) {
            return Err(Unusable::Expired);
        }
        if self.not_before > now_ms / 1000 + CLOCK_SKEW_SECONDS {
            return Err(Unusable::Early);
        }
        if self.is_for_servers { Ok(()) } else { Err(Unusable::Purpose) }
    }

    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.not_after < now_ms / 1000
    }

    /// Less than nothing once it has expired.
    pub fn days_left(&self, now_ms: i64) -> f64 {
        (self.not_after - now_ms / 1000) as f64 / DAY_SECONDS
    }
}
