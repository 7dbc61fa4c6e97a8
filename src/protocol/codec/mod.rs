//! The declared-message codec: one table per message, every pass over it derived.
//! Must never know: sockets, handlers, what any message means.
//! Entry point: `message!` declares, [`Message::decode`] and [`Message::encode`] run; [`Source`] and [`Sink`] are the passes.
//! Invariant: decoding takes memory in proportion to the frame, whatever the frame says about itself.

pub(in crate::protocol) mod declare;
mod decode;
mod encode;
mod errors;
mod reader;
mod records;
mod schema;
pub(in crate::protocol) mod text;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use decode::{DecodeError, Decoder, Fault};
pub use encode::{EncodeError, Encoder};
pub use errors::error_codes;
pub use reader::Reader;
pub use records::Records;
pub use schema::{EntitySchema, Field, Initial, Kind, MessageSchema, Versions};
pub use value::{Entity, Sink, Source, Value};
pub use writer::Writer;

use bytes::Bytes;

use super::ApiKey;

/// A whole message: an entity with the versions in which it may be sent.
pub trait Message: Entity {
    /// The versions the message exists in, and the first flexible one.
    const MESSAGE: &'static MessageSchema;

    /// Reads a message which fills all of `body`.
    fn decode(body: &Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(body, version, Self::MESSAGE);
        let message = decoder.message::<Self>()?;
        decoder.finish()?;
        Ok(message)
    }

    /// Reads a message from the front of `body`; what follows it is left in the reader.
    fn decode_from(body: Reader<'_>, version: i16) -> Result<(Self, Reader<'_>), DecodeError> {
        let mut decoder = Decoder::over(body, version, Self::MESSAGE);
        let message = decoder.message::<Self>()?;
        Ok((message, decoder.into_reader()))
    }

    /// Appends the message to `out`.
    ///
    /// Fails, as Kafka does, when a field that is not ignorable and not at its default does not exist in `version`.
    fn encode(&self, out: &mut Writer, version: i16) -> Result<(), EncodeError> {
        Encoder::new(out, version, Self::MESSAGE).message(self)
    }
}

/// A request: has an API key, and a response that goes with it.
pub trait Request: Message {
    const KEY: ApiKey;
    type Response: Message;
}
