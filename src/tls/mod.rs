//! TLS: the one provider of cryptography, certificates from PEM files, and acceptors of encrypted connections.
//! It knows no listener and no protocol inside; whose certificate may do what, others decide.
//! Entry point: [`Acceptor`], opened once for each listener, and watched by a task.
//! Invariant: files that do not fit together, or are not valid, never take the place of those in use.

mod acceptor;
mod certificate;
mod config;
mod encrypted_key;
mod files;
mod metrics;
mod pem;
mod provider;
mod signers;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod unproven;

pub use acceptor::Acceptor;
pub use config::{ClientAuth, Version};
pub use files::{Error, Files};
pub use pem::{PemError, certificates, private_key};
pub use provider::{Time, provider};
pub use rustls::pki_types::CertificateDer;
pub use stream::{Stream, Writer};
pub use unproven::{AnyCertificate, unproven};
