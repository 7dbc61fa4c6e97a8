//! What stands in front of a message, and whole frames.
//!
//! Request header v1: key, version, correlation id, client id. v2, for flexible versions, adds a tagged section; its
//! client id keeps the old length, so that any broker can read it. Response header v0: correlation id; v1 adds a
//! tagged section. ApiVersions responses have v0 at every version, since the client may not know better yet.

use bytes::{BufMut, Bytes};

use super::ApiKey;
use super::codec::{DecodeError, EncodeError, Fault, Message, Reader, Request, Writer};
use super::messages;

/// Bytes of the length in front of a frame.
pub const LENGTH_SIZE: usize = 4;

/// The header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<&'a str>,
}

impl<'a> RequestHeader<'a> {
    /// Reads the header at the front of `frame` (without its length), and gives the body that follows.
    ///
    /// An API that is not known is taken to have no tagged section, its body is then of no use.
    pub fn decode(frame: &'a Bytes) -> Result<(Self, Bytes), DecodeError> {
        let mut reader = Reader::new(frame);
        let read = Self::read(&mut reader).map_err(|fault| DecodeError { field: "request header", fault });
        read.map(|header| (header, reader.rest()))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let header = RequestHeader {
            api_key: reader.int16()?,
            api_version: reader.int16()?,
            correlation_id: reader.int32()?,
            client_id: match reader.length16()? {
                None => None,
                Some(length) => {
                    Some(std::str::from_utf8(reader.take(length)?).map_err(|_| Fault::InvalidUtf8)?)
                }
            },
        };
        if header.api().is_some_and(|key| is_flexible(key, header.api_version)) {
            skip_tags(reader)?;
        }
        Ok(header)
    }

    /// The API asked for, when there is such a one.
    pub fn api(&self) -> Option<ApiKey> {
        ApiKey::from_key(self.api_key)
    }
}

/// Reads the header of a response at the front of `frame` (without its length): correlation id and body.
pub fn decode_response_header(frame: &Bytes, key: ApiKey, version: i16) -> Result<(i32, Bytes), DecodeError> {
    let mut reader = Reader::new(frame);
    let mut read = || {
        let correlation_id = reader.int32()?;
        if has_response_tags(key, version) {
            skip_tags(&mut reader)?;
        }
        Ok((correlation_id, reader.rest()))
    };
    read().map_err(|fault| DecodeError { field: "response header", fault })
}

/// A request as a frame, its length in front: the pieces to send, in order.
pub fn request_frame<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Vec<Bytes>, EncodeError> {
    frame(request, version, |out| {
        let small = out.small();
        small.put_i16(R::KEY.key());
        small.put_i16(version);
        small.put_i32(correlation_id);
        match client_id {
            None => small.put_i16(-1),
            Some(id) => {
                let length =
                    i16::try_from(id.len()).map_err(|_| EncodeError::TooLong { field: "client_id" })?;
                small.put_i16(length);
                small.put_slice(id.as_bytes());
            }
        }
        if R::MESSAGE.is_flexible(version) {
            out.varint(0);
        }
        Ok(())
    })
}

/// The response to an `R` as a frame, its length in front: the pieces to send, in order.
pub fn response_frame<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<Bytes>, EncodeError> {
    frame(response, version, |out| {
        out.small().put_i32(correlation_id);
        if has_response_tags(R::KEY, version) {
            out.varint(0);
        }
        Ok(())
    })
}

fn frame<M: Message>(
    message: &M,
    version: i16,
    header: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<Vec<Bytes>, EncodeError> {
    let mut out = Writer::with_capacity(256);
    out.small().put_i32(0);
    header(&mut out)?;
    message.encode(&mut out, version)?;
    let length =
        i32::try_from(out.len() - LENGTH_SIZE).map_err(|_| EncodeError::TooLong { field: "frame" })?;
    out.patch_int32(0, length);
    Ok(out.finish())
}

fn is_flexible(key: ApiKey, version: i16) -> bool {
    messages::api(key).is_some_and(|api| api.request.is_flexible(version))
}

fn has_response_tags(key: ApiKey, version: i16) -> bool {
    key != ApiKey::ApiVersions && is_flexible(key, version)
}

fn skip_tags(reader: &mut Reader<'_>) -> Result<(), Fault> {
    let mut previous = None;
    for _ in 0..reader.varint()? {
        let tag = reader.varint()?;
        if previous.is_some_and(|previous| previous >= tag) {
            return Err(Fault::TagOrder);
        }
        previous = Some(tag);
        let size = reader.varint()? as usize;
        reader.take(size)?;
    }
    Ok(())
}
