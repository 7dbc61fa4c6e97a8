//! The store against stores with faults, and its requests against a server that records them.
//! It must not need a cloud: what a real server does is the scripts' business.
//! Entry point: the tests.
//! Invariant: credentials are always given, or a client would look for those of the machine.

mod promises;
mod requests;
