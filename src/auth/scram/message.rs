//! Messages of a client, as RFC 5802 spells them.

/// The first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First<'a> {
    /// The header, commas included: the final message has it once more.
    pub header: &'a str,
    /// The identity that the client wants to act as, if it names one.
    pub authzid: Option<String>,
    /// The message behind the header, which the proof is over.
    pub bare: &'a str,
    pub name: String,
    pub nonce: &'a str,
    /// The name is that of a delegation token (KIP-48).
    pub is_token: bool,
}

/// The final message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Final<'a> {
    /// Base64 of the header of the first message.
    pub header: &'a str,
    pub nonce: &'a str,
    /// Base64.
    pub proof: &'a str,
    /// The message without its proof, which the proof is over.
    pub without_proof: &'a str,
}

/// Why a message is none.
pub type Malformed = &'static str;

pub fn first(message: &[u8]) -> Result<First<'_>, Malformed> {
    let message = std::str::from_utf8(message).map_err(|_| "the first message is not UTF-8")?;
    let mut parts = message.splitn(3, ',');
    let (binding, authzid, bare) = match (parts.next(), parts.next(), parts.next()) {
        (Some(binding), Some(authzid), Some(bare)) => (binding, authzid, bare),
        _ => return Err("the first message is cut"),
    };
    match binding {
        "n" => {}
        "y" => return Err("the client would bind the channel"),
        binding if binding.starts_with("p=") => return Err("the client asks for channel binding"),
        _ => return Err("the first message has no header"),
    }
    let authzid = match authzid {
        "" => None,
        authzid => Some(sasl_name(attribute(authzid, "a")?)?),
    };
    let mut attributes = bare.split(',');
    let name = attributes.next().unwrap_or_default();
    if name.starts_with("m=") {
        return Err(MANDATORY);
    }
    let name = sasl_name(attribute(name, "n")?)?;
    let nonce = attribute(attributes.next().unwrap_or_default(), "r")?;
    if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the client's nonce is not printable");
    }
    let mut is_token = false;
    for extension in attributes {
        check_extension(extension)?;
        is_token |= extension == "tokenauth=true";
    }
    let header = &message[..message.len() - bare.len()];
    Ok(First { header, authzid, bare, name, nonce, is_token })
}

pub fn last(message: &[u8]) -> Result<Final<'_>, Malformed> {
    let message = std::str::from_utf8(message).map_err(|_| "the final message is not UTF-8")?;
    let (without_proof, proof) = message.rsplit_once(',').ok_or("the final message is cut")?;
    let proof = attribute(proof, "p")?;
    let mut attributes = without_proof.split(',');
    let header = attribute(attributes.next().unwrap_or_default(), "c")?;
    let nonce = attribute(attributes.next().unwrap_or_default(), "r")?;
    for extension in attributes {
        check_extension(extension)?;
    }
    Ok(Final { header, nonce, proof, without_proof })
}

const MANDATORY: Malformed = "the client demands an extension";

/// The value of an attribute that has to be here.
fn attribute<'a>(text: &'a str, name: &str) -> Result<&'a str, Malformed> {
    let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    value.ok_or("an attribute is missing, or in another place")
}

/// Extensions are passed over, unless the client insists.
fn check_extension(text: &str) -> Result<(), Malformed> {
    match text.split_once('=') {
        Some(("m", _)) => Err(MANDATORY),
        Some((name, value))
            if !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphabetic())
                && !value.is_empty()
                && !value.contains('\0') =>
        {
            Ok(())
        }
        _ => Err("an extension is malformed"),
    }
}

/// A name, without its escapes.
fn sasl_name(text: &str) -> Result<String, Malformed> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err("a name has an escape that is none"),
        };
        name.push(sign);
        name.push_str(rest);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_is_taken_apart() {
        let plain = first(b"n,,n=user,r=abc").expect("a message");
        assert_eq!((plain.header, plain.bare, plain.nonce), ("n,,", "n=user,r=abc", "abc"));
        assert_eq!((plain.name.as_str(), plain.authzid.as_deref(), plain.is_token), ("user", None, false));
        let full = first(b"n,a=a=2Cb,n=a=2Cb=3D,r=%x,tokenauth=true,x=y=z").expect("a message");
        assert_eq!((full.header, full.name.as_str()), ("n,a=a=2Cb,", "a,b="));
        assert_eq!((full.authzid.as_deref(), full.is_token), (Some("a,b"), true));
        assert!(!first(b"n,,n=user,r=abc,tokenauth=false").expect("a message").is_token);
    }

    #[test]
    fn first_messages_that_are_none() {
        for (message, reason) in [
            (&b""[..], "the first message is cut"),
            (b"n,", "the first message is cut"),
            (b"n,,", "an attribute is missing, or in another place"),
            (b"n,,n=user", "an attribute is missing, or in another place"),
            (b"n,,r=abc,n=user", "an attribute is missing, or in another place"),
            (b"n,user,n=user,r=abc", "an attribute is missing, or in another place"),
            (b"y,,n=user,r=abc", "the client would bind the channel"),
            (b"p=tls-exporter,,n=user,r=abc", "the client asks for channel binding"),
            (b"N,,n=user,r=abc", "the first message has no header"),
            (b"n,,m=x,n=user,r=abc", MANDATORY),
            (b"n,,n=user,r=abc,m=x", MANDATORY),
            (b"n,,n=user,r=", "the client's nonce is not printable"),
            (b"n,,n=user,r=a c", "the client's nonce is not printable"),
            (b"n,,n=us=er,r=abc", "a name has an escape that is none"),
            (b"n,,n=us=2cer,r=abc", "a name has an escape that is none"),
            (b"n,,n=user=,r=abc", "a name has an escape that is none"),
            (b"n,,n=user,r=abc,", "an extension is malformed"),
            (b"n,,n=user,r=abc,x=", "an extension is malformed"),
            (b"n,,n=user,r=abc,1=x", "an extension is malformed"),
            (b"n,,n=\xff,r=abc", "the first message is not UTF-8"),
        ] {
            assert_eq!(first(message), Err(reason), "{}", String::from_utf8_lossy(message));
        }
    }

    #[test]
    fn a_final_message_is_taken_apart() {
        let found = last(b"c=biws,r=abcdef,x=y,p=cHJvb2Y=").expect("a message");
        assert_eq!((found.header, found.nonce, found.proof), ("biws", "abcdef", "cHJvb2Y="));
        assert_eq!(found.without_proof, "c=biws,r=abcdef,x=y");
        for message in [
            &b""[..],
            b"c=biws",
            b"c=biws,r=abc",
            b"r=abc,c=biws,p=x",
            b"c=biws,p=x,r=abc",
            b"c=biws,r=abc,m=x,p=x",
            b"c=biws,r=abc,p=x,x=y",
            b"c=biws,r=abc,,p=x",
            b"\xff,r=abc,p=x",
        ] {
            assert!(last(message).is_err(), "{}", String::from_utf8_lossy(message));
        }
    }
}
