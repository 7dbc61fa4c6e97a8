//! OAUTHBEARER (RFC 7628, KIP-255, KIP-768): a client shows a token that an issuer signed.
//! It must never follow what a token says about keys: those come from this process's own settings alone.
//! Entry point: [`Verifier::open`] with the [`Settings`] of its issuers, and an [`Exchange`] for each login.
//! Invariant: the key decides about the algorithm, and no claim counts before the signature was found to be good.

mod claims;
mod exchange;
mod fetch;
mod issuers;
mod keys;
mod message;
mod metrics;
mod settings;
mod source;
mod token;
mod verifier;

pub use exchange::Exchange;
pub use settings::{BadSettings, Settings};
pub use verifier::Verifier;

#[cfg(test)]
mod tests;
