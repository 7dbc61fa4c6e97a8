//! What the fuzz targets do with their bytes.
//!
//! The wire language is pure, and so is what reads a login, so both are compiled here by themselves, without
//! the broker: seconds instead of minutes.

#[path = "../../src/auth"]
pub mod auth {
    #[path = "certificate.rs"]
    pub mod certificate;
    #[path = "mapping/mod.rs"]
    pub mod mapping;
    #[path = "oauth/message.rs"]
    pub mod oauth;
    #[path = "plain/message.rs"]
    pub mod plain;
    #[path = "principal.rs"]
    pub mod principal;
    #[path = "scram/message.rs"]
    pub mod scram;
    #[path = "oauth/token.rs"]
    pub mod token;
    #[path = "users/list.rs"]
    pub mod users;
}
#[path = "../../src/crc32c.rs"]
pub mod crc32c;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
#[path = "../../src/types.rs"]
pub mod types;

use std::sync::OnceLock;

use bytes::Bytes;

use protocol::batch::{Batch, HEAD_LEN, Records, Rules, validate};
use protocol::codec::{Message, MessageSchema, Writer};
use protocol::header::{RequestHeader, decode_response_header};
use protocol::{ApiKey, consumer, messages};

type Decode = fn(&Bytes, i16);

/// An API, and what reads its request and its response.
struct Api {
    key: ApiKey,
    request: Decode,
    response: Decode,
}

macro_rules! apis {
    ($( $module:ident $name:ident, )*) => {
        &[$( Api {
            key: ApiKey::$name,
            request: check::<messages::$module::Request>,
            response: check::<messages::$module::Response>,
        }, )*]
    };
}

static APIS: &[Api] = for_each_api!(apis);

/// Reads; what can be read can be written, and reads the same again.
fn check<M: Message>(body: &Bytes, version: i16) {
    let Ok(message) = M::decode(body, version) else { return };
    let written = encode(&message, version);
    let again = M::decode(&written, version).expect("what was written can be read");
    assert_eq!(encode(&again, version), written);
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let mut out = Writer::default();
    message.encode(&mut out, version).expect("what was read can be written");
    let length = out.len();
    let bytes = out.into_bytes();
    assert_eq!(bytes.len(), length);
    bytes
}

/// The first byte picks the API, the second the version; with `FUZZ_API=Fetch` in the environment there is one API.
fn pick(data: &[u8], schema: fn(&messages::Api) -> &'static MessageSchema) -> Option<(&'static Api, i16, Bytes)> {
    static ONLY: OnceLock<Option<ApiKey>> = OnceLock::new();
    let only = ONLY.get_or_init(|| {
        let name = std::env::var("FUZZ_API").ok()?;
        Some(*ApiKey::ALL.iter().find(|key| key.name() == name).expect("FUZZ_API is the name of an API"))
    });
    let (&[api, version], body) = data.split_first_chunk()?;
    let api = &APIS[usize::from(api) % APIS.len()];
    let versions = schema(messages::api(api.key)?).versions;
    let version = versions.first + i16::from(version) % (versions.last - versions.first + 1);
    match only {
        Some(only) if *only != api.key => None,
        _ => Some((api, version, Bytes::copy_from_slice(body))),
    }
}

/// A request of any API and version.
pub fn request(data: &[u8]) {
    if let Some((api, version, body)) = pick(data, |api| api.request) {
        (api.request)(&body, version);
    }
}

/// A response of any API and version.
pub fn response(data: &[u8]) {
    if let Some((api, version, body)) = pick(data, |api| api.response) {
        (api.response)(&body, version);
    }
}

/// A whole frame as a broker reads it, and as a client does.
pub fn header(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    if let Ok((header, body)) = RequestHeader::decode(&frame)
        && let Some(api) = APIS.iter().find(|api| Some(api.key) == header.api())
    {
        (api.request)(&body, header.api_version);
        if let Ok((_, body)) = decode_response_header(&frame, api.key, header.api_version) {
            (api.response)(&body, header.api_version);
        }
    }
}

/// What members of a classic group send each other.
pub fn consumer(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    if let Ok((subscription, version)) = consumer::decode::<consumer::Subscription>(&bytes) {
        encode(&subscription, version.min(3));
    }
    if let Ok((assignment, version)) = consumer::decode::<consumer::Assignment>(&bytes) {
        encode(&assignment, version.min(3));
    }
}

/// What a client sends to log in, and a file of users.
pub fn login(data: &[u8]) {
    if let Ok(first) = auth::scram::first(data) {
        assert_eq!([first.header, first.bare].concat().as_bytes(), data);
        assert!(first.header.starts_with("n,") && first.header.ends_with(','));
        let escaped = first.name.replace('=', "=3D").replace(',', "=2C");
        assert!(first.bare.starts_with(&format!("n={escaped},r={}", first.nonce)));
    }
    if let Ok(last) = auth::scram::last(data) {
        assert_eq!(format!("{},p={}", last.without_proof, last.proof).as_bytes(), data);
        assert!(last.without_proof.starts_with(&format!("c={},r={}", last.header, last.nonce)));
    }
    if let Ok(message) = auth::plain::parse(data) {
        assert_eq!([message.authzid, message.name, message.password].join("\0").as_bytes(), data);
    }
    let of_list = std::str::from_utf8(data).ok().and_then(|list| auth::users::entries(list).ok());
    for user in auth::users::lines(data, &[]).into_iter().chain(of_list).flatten() {
        assert!(auth::principal::Principal::user(user.name).is_ok() && !user.password.is_empty());
    }
}

/// The first message of a login by a token, and the token.
pub fn token(data: &[u8]) {
    if let Ok(message) = auth::oauth::Message::read(data) {
        assert!(data.windows(message.token.len()).any(|part| part == message.token.as_bytes()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = auth::token::Token::read(text) {
        assert!(text.as_bytes().starts_with(token.signed) && text.matches('.').count() == 2);
    }
}

/// A certificate; and rules for names, up to the first end of a line, with a subject to apply them to.
pub fn names(data: &[u8]) {
    let _ = auth::certificate::subject(data);
    let Some((rules, subject)) = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else { return };
    if let Ok(mapping) = rules.parse::<auth::mapping::Mapping>() {
        let _ = mapping.apply(subject);
    }
}

/// A record batch: as it came, and with format, length and checksum put right so that what lies behind is reached.
pub fn batch(data: &[u8]) {
    one_batch(Bytes::copy_from_slice(data));
    if data.len() > HEAD_LEN {
        let mut right = data.to_vec();
        right[8..12].copy_from_slice(&((data.len() - 12) as u32).to_be_bytes());
        right[16] = 2;
        let checksum = crc32c::checksum(&right[21..]);
        right[17..21].copy_from_slice(&checksum.to_be_bytes());
        one_batch(Bytes::from(right));
    }
}

fn one_batch(bytes: Bytes) {
    let _ = validate(&bytes, &Rules::default(), 1_700_000_000_000);
    let _ = validate(&bytes, &Rules { compacted: true, ..Rules::default() }, 0);
    let Ok(batch) = Batch::parse(&bytes) else { return };
    assert_eq!(batch.to_bytes(), bytes[..batch.len()]);
    let Ok(payload) = batch.decompress(1 << 20) else { return };
    for record in Records::new(&batch.header, &payload) {
        let Ok(record) = record else { break };
        record.offset(&batch.header);
        record.timestamp(&batch.header);
    }
}
