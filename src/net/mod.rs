//! Sockets and bytes: accepts connections, cuts frames, keeps the order of requests and answers.
//! It knows no Kafka API: a [`Service`] classifies and admits a frame, and gives a [`Promise`] for the answer.
//! Entry point: [`Server`].
//! Invariant: requests of a connection are admitted in the order they came, and answers leave in that order.

mod budget;
mod connection;
mod frame;
mod limits;
mod listener;
mod metrics;
mod newcomers;
mod order;
mod peer;
mod places;
mod service;
mod strangers;
#[cfg(test)]
mod tests;
mod write;

pub use limits::{Limits, MaxConnections, Pace, connections_for_files};
pub use listener::Server;
pub use peer::Peer;
pub use service::{Admission, Answer, CloseReason, Closer, Frame, Permit, Promise, Service};
