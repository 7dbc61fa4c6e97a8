//! JSON web tokens (RFC 7515, RFC 7519) in their compact form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The longest identifier of a key.
const KID_BYTES: usize = 1000;

/// A token that has been read, and not verified: nothing in it is true yet.
#[derive(Debug)]
pub struct Token<'a> {
    pub algorithm: String,
    /// The identifier of the key that it says it is signed with.
    pub kid: Option<String>,
    pub claims: Map<String, Value>,
    /// The part that the signature is about.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

/// The fields of the header that count here. Addresses of keys, and keys, are among those that do not.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Names of extensions that must be understood: there are none.
    crit: Option<Value>,
}

/// Claims, none of which is there twice: whoever else reads the token might believe the other one.
struct Claims(Map<String, Value>);

struct ClaimsVisitor;

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Claims, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = map.next_entry()? {
            if claims.insert(name, value).is_some() {
                return Err(Error::custom("a claim is there twice"));
            }
        }
        Ok(Claims(claims))
    }
}

impl<'a> Token<'a> {
    pub fn read(text: &'a str) -> Result<Token<'a>, String> {
        let parts = text.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            (!claims.contains('.')).then_some((header, claims, signed, signature))
        });
        let Some((header, claims, signed, signature)) = parts else {
            return Err("the token has not three parts".to_owned());
        };
        let header: Header = read_part(header).map_err(|reason| format!("the token's header {reason}"))?;
        if header.crit.is_some() {
            return Err("the token's header demands an extension".to_owned());
        }
        if header.kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES) {
            return Err(format!("the token's key has an identifier of more than {KID_BYTES} bytes"));
        }
        let Claims(claims) = read_part(claims).map_err(|reason| format!("the token's body {reason}"))?;
        let signature = decode(signature).ok_or("the token's signature is not base64")?;
        Ok(Token { algorithm: header.alg, kid: header.kid, claims, signed: signed.as_bytes(), signature })
    }
}

/// Bytes of base64 for URLs, which is written without padding.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn read_part<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, String> {
    let json = decode(part).ok_or("is not base64")?;
    // The error's own text would repeat what the client wrote.
    serde_json::from_slice(&json).map_err(|error| format!("is bad JSON, at byte {}", error.column()))
}
