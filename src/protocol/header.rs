//! Headers in front of messages, and whole frames.
//!
//! Request header v1: key, version, correlation id, client id. v2, for flexible versions, adds a tagged section; its
//! client id keeps the old length, so that any broker can read it. Response header v0: correlation id; v1 adds a
//! tagged section. ApiVersions responses have v0 at every version, since the client may not know better yet.

use std::borrow::Cow;

use bytes::{BufMut, Bytes};

use super::codec::{DecodeError, EncodeError, Fault, Message as _, Reader, Request, Writer, text};
use super::{ApiKey, messages};

/// Bytes of the length in front of a frame.
pub const LENGTH_SIZE: usize = 4;
/// Room for the small parts of a frame; most frames are smaller.
const FIRST_PIECE: usize = 256;

/// The header of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<Cow<'a, str>>,
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
                Some(length) => Some(text::read(reader.take(length)?)),
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

/// The API that a request is for, by its first bytes alone.
pub fn api_of(frame: &[u8]) -> Option<ApiKey> {
    frame.first_chunk().and_then(|key| ApiKey::from_key(i16::from_be_bytes(*key)))
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
    let mut out = Writer::with_capacity(FIRST_PIECE);
    let small = out.small();
    small.put_i32(0);
    small.put_i16(R::KEY.key());
    small.put_i16(version);
    small.put_i32(correlation_id);
    match client_id {
        None => small.put_i16(-1),
        Some(id) => {
            let length = i16::try_from(id.len()).map_err(|_| EncodeError::TooLong { field: "client_id" })?;
            small.put_i16(length);
            small.put_slice(id.as_bytes());
        }
    }
    if R::MESSAGE.is_flexible(version) {
        out.varint(0);
    }
    request.encode(&mut out, version)?;
    let length =
        i32::try_from(out.len() - LENGTH_SIZE).map_err(|_| EncodeError::TooLong { field: "frame" })?;
    out.patch_int32(0, length);
    Ok(out.finish())
}

/// The response to an `R` as a frame without its length, which the sender adds: the pieces to send, in order.
pub fn response_frame<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<Bytes>, EncodeError> {
    let mut out = Writer::with_capacity(FIRST_PIECE);
    out.small().put_i32(correlation_id);
    if has_response_tags(R::KEY, version) {
        out.varint(0);
    }
    response.encode(&mut out, version)?;
    Ok(out.finish())
}

fn is_flexible(key: ApiKey, version: i16) -> bool {
    messages::api(key).is_some_and(|api| api.request.is_flexible(version))
}

fn has_response_tags(key: ApiKey, version: i16) -> bool {
    key != ApiKey::ApiVersions && is_flexible(key, version)
}

fn skip_tags(reader: &mut Reader<'_>) -> Result<(), Fault> {
    for _ in 0..reader.tag_count()? {
        let _tag = reader.varint()?;
        let size = reader.varint()?;
        reader.skip_tag(size)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::{api_versions, metadata};

    /// A frame without its length, which is checked.
    fn one_piece(frame: Vec<Bytes>) -> Bytes {
        let all = frame.concat();
        assert_eq!(all[..LENGTH_SIZE], ((all.len() - LENGTH_SIZE) as u32).to_be_bytes());
        Bytes::from(all).slice(LENGTH_SIZE..)
    }

    #[test]
    fn a_request_frame_is_read_as_it_was_written() {
        for version in [0, 8, 9, 13] {
            let request = metadata::Request::default();
            let frame = one_piece(request_frame(&request, version, 77, Some("me")).unwrap());
            let (header, body) = RequestHeader::decode(&frame).unwrap();
            let expected = RequestHeader {
                api_key: 3,
                api_version: version,
                correlation_id: 77,
                client_id: Some("me".into()),
            };
            assert_eq!(header, expected);
            assert_eq!(metadata::Request::decode(&body, version), Ok(request));
        }
    }

    #[test]
    fn tags_in_a_header_are_skipped() {
        let mut frame = vec![0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff];
        frame.extend([2, 0, 1, 0xaa, 5, 2, 0xbb, 0xcc]);
        frame.extend([0x2a]);
        let frame = Bytes::from(frame);
        let (header, body) = RequestHeader::decode(&frame).unwrap();
        assert_eq!((header.client_id, &body[..]), (None, &[0x2a][..]));
    }

    #[test]
    fn the_header_of_an_unknown_api_is_read_for_the_sake_of_the_answer() {
        let frame = Bytes::from_static(&[0x7f, 0xff, 0, 9, 0, 0, 0, 5, 0, 1, b'c', 1, 2, 3]);
        let (header, _) = RequestHeader::decode(&frame).unwrap();
        assert_eq!((header.api(), header.correlation_id, header.client_id), (None, 5, Some("c".into())));
    }

    #[test]
    fn an_unknown_version_has_the_header_of_the_newest() {
        let frame = Bytes::from_static(&[0, 18, 0, 99, 0, 0, 0, 5, 0, 1, b'c', 0, 7]);
        let (header, body) = RequestHeader::decode(&frame).unwrap();
        assert_eq!((header.api(), header.api_version, body.len()), (Some(ApiKey::ApiVersions), 99, 1));
    }

    #[test]
    fn a_header_cut_short_is_refused() {
        let frame = one_piece(request_frame(&metadata::Request::default(), 9, 1, Some("client")).unwrap());
        let (_, body) = RequestHeader::decode(&frame).unwrap();
        for length in 0..frame.len() - body.len() {
            let cut = frame.slice(..length);
            assert_eq!(RequestHeader::decode(&cut).map(|_| ()).unwrap_err().fault, Fault::Truncated);
        }
    }

    #[test]
    fn only_api_versions_answers_without_tags_at_every_version() {
        let response = api_versions::Response::default();
        for version in 0..=5 {
            let frame = response_frame::<api_versions::Request>(&response, version, 5).unwrap();
            let frame = Bytes::from(frame.concat());
            assert_eq!(api_versions::Response::decode(&frame.slice(4..), version), Ok(response.clone()));
        }
        let frame = response_frame::<metadata::Request>(&Default::default(), 9, 5).unwrap();
        let frame = Bytes::from(frame.concat());
        assert_eq!(frame[..5], [0, 0, 0, 5, 0]);
        let (correlation_id, body) = decode_response_header(&frame, ApiKey::Metadata, 9).unwrap();
        assert_eq!((correlation_id, metadata::Response::decode(&body, 9)), (5, Ok(Default::default())));
    }
}
