//! The client's first message (RFC 7628, section 3.1).

/// Stands after each pair, and at the end.
const SEPARATOR: char = '\u{1}';
/// The key of the pair that holds the token.
const AUTH: &str = "auth";
const SCHEME: &str = "Bearer";

/// A token, and the user that the client would like to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub authzid: Option<String>,
    pub token: &'a str,
}

impl<'a> Message<'a> {
    /// Reads the message, or says what is wrong with it. Extensions (KIP-342) are checked and have no meaning here.
    pub fn read(bytes: &'a [u8]) -> Result<Message<'a>, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the first message is not UTF-8")?;
        let text = text.strip_prefix("n,").ok_or("the first message wants a channel to be bound")?;
        let (name, pairs) = text.split_once(',').ok_or("the first message has no end of its header")?;
        let authzid = match name {
            "" => None,
            name => Some(name.strip_prefix("a=").and_then(unescape).ok_or("the first message names nobody")?),
        };
        let pairs = pairs.strip_prefix(SEPARATOR).and_then(|pairs| pairs.strip_suffix(SEPARATOR));
        let pairs = pairs.ok_or("the first message does not begin and end as it must")?;
        // The last of several counts, as for Kafka.
        let mut auth = None;
        for pair in pairs.split_terminator(SEPARATOR) {
            let (key, value) = read_pair(pair).ok_or("the first message has a pair that is none")?;
            if key == AUTH {
                auth = Some(value);
            }
        }
        if !pairs.is_empty() && !pairs.ends_with(SEPARATOR) {
            return Err("the first message has a pair without an end");
        }
        let token = read_token(auth.ok_or("the first message has no token")?);
        Ok(Message { authzid, token: token.ok_or("the first message has a token that is none")? })
    }
}

fn read_pair(pair: &str) -> Option<(&str, &str)> {
    let (key, value) = pair.split_once('=')?;
    let is_key = !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphabetic());
    let is_value =
        !value.is_empty() && value.bytes().all(|c| matches!(c, 0x21..=0x7e | b' ' | b'\t' | b'\r' | b'\n'));
    (is_key && is_value).then_some((key, value))
}

fn read_token(auth: &str) -> Option<&str> {
    let (scheme, token) = auth.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let content = token.trim_end_matches('=');
    let is_token =
        !content.is_empty() && content.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_~+/.".contains(&c));
    (scheme.eq_ignore_ascii_case(SCHEME) && is_token).then_some(token)
}

/// A name in which a comma and an equals sign are written by their numbers.
fn unescape(name: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii() && c != '\0';
    if name.is_empty() || !name.chars().all(is_allowed) {
        return None;
    }
    let mut parts = name.split('=');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        unescaped.push(sign);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}
