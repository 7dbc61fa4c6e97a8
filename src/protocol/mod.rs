//! The wire language, pure: messages as declared tables, headers, error codes, record batches.
//! Must never know: sockets, handlers, storage, clocks.
//! Entry point: `messages::<api>::{Request, Response}` with [`codec::Message`], and [`header`] for whole frames.
//! Invariant: bytes in, values out and back; decoding any bytes takes memory in proportion to them and never panics.

mod api_key;
pub mod batch;
pub mod codec;
pub mod consumer;
mod error_code;
pub mod header;
pub mod messages;

pub use api_key::ApiKey;
pub use error_code::ErrorCode;
