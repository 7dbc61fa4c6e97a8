//! Sockets and bytes: accepts connections, cuts frames, keeps the order of requests and answers.
//! It knows no Kafka API: a [`Service`] classifies and admits a frame, and gives a [`Promise`] for the answer.
//! Entry point: [`Server`].
//! Invariant: requests of a connection are admitted in the order they came, and answers leave in that order.

mod addresses;
mod budget;
mod connection;
mod first_bytes;
mod frame;
mod handshake;
mod limits;
mod listener;
mod metrics;
mod newcomers;
mod order;
mod peer;
mod places;
mod room;
mod service;
mod strangers;
#[cfg(test)]
mod tests;
mod write;

pub use addresses::PerAddress;
pub use limits::{Limits, MaxConnections, Pace, StrangerLimits, connections_for_files};
pub use listener::{Listener, Server};
pub use peer::Peer;
pub use service::{Admission, Answer, CloseReason, Closer, Frame, Permit, Promise, Service};
