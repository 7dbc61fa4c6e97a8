//! The provider of cryptography, and the time that certificates are judged by.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::runtime::Clock;

/// The one provider of cryptography, whatever else the process has as a default.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Certificates are valid by the injected clock.
#[derive(Debug)]
pub struct Time(pub Clock);

impl Time {
    pub(super) fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(self.0.now_ms()).unwrap_or(0)))
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}
