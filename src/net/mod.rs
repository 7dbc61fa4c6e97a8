//! Sockets and bytes: accepts connections, cuts frames, keeps the order of requests and answers.
//! It knows no Kafka API: a [`Service`] classifies and admits a frame, and gives a [`Ticket`] for the answer.
//! Entry point: [`Server`].
//! Invariant: requests of a connection are admitted in the order they came, and answers leave in that order.

mod peer;
mod service;

pub use peer::Peer;
pub use service::{Admission, Answer, CloseReason, Closer, Frame, Permit, Service, Ticket};
