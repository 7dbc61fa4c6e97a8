//! Logins in metrics and in the log, at target `audit`.

use std::net::IpAddr;

use prometheus::{IntCounterVec, Opts, Registry};

use crate::api::session::Session;
use crate::runtime::{Clock, Complaints};

/// Failures of one address that are logged in a minute.
const FAILURES_LOGGED: u32 = 10;

/// Told of each login, whatever came of it.
pub struct Audit {
    logins: IntCounterVec,
    expired: IntCounterVec,
    failures: Complaints<IpAddr>,
    clock: Clock,
}

impl Audit {
    /// Fails if the registry has these names already.
    pub fn register(registry: &Registry, clock: &Clock) -> Result<Audit, prometheus::Error> {
        let logins = Opts::new("kafkaesque_logins_total", "Logins, by listener, mechanism and outcome.");
        let expired =
            Opts::new("kafkaesque_sessions_expired_total", "Connections closed at the end of their login.");
        let audit = Audit {
            logins: IntCounterVec::new(logins, &["listener", "mechanism", "outcome"])?,
            expired: IntCounterVec::new(expired, &["listener"])?,
            failures: Complaints::of(FAILURES_LOGGED),
            clock: clock.clone(),
        };
        registry.register(Box::new(audit.logins.clone()))?;
        registry.register(Box::new(audit.expired.clone()))?;
        Ok(audit)
    }

    pub fn succeeded(&self, session: &Session, mechanism: &str) {
        let Session { listener, address, software, principal, .. } = session;
        self.logins.with_label_values(&[listener, mechanism, "ok"]).inc();
        let software = software.as_ref().map(|(name, version)| format!("{name} {version}"));
        let principal = principal.to_string();
        tracing::info!(
            target: "audit", %listener, %address, mechanism, principal = principal.escape_debug().to_string(),
            software, "login"
        );
    }

    /// `reason` has no secret in it.
    pub fn failed(&self, session: &Session, mechanism: &str, reason: &str) {
        let Session { listener, address, .. } = session;
        self.logins.with_label_values(&[listener, mechanism, "failed"]).inc();
        if let Some(left_out) = self.failures.due(*address, self.clock.instant()) {
            tracing::warn!(
                target: "audit", %listener, %address, mechanism, reason = reason.escape_debug().to_string(),
                left_out, "login failed"
            );
        }
    }

    pub fn expired(&self, session: &Session) {
        self.expired.with_label_values(&[&session.listener]).inc();
    }
}
