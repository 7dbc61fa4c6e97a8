//! Certificates made for the purpose, and clients that know them.
//! It must not know any listener: streams are pairs in memory.
//! Entry point: [`support::Authority`], whose files an acceptor opens.
//! Invariant: no key here is used anywhere else.

mod accepting;
mod keys;
mod opening;
mod reloading;
pub(crate) mod support;
