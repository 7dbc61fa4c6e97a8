//! The one message of a client.

/// The parts, which a NUL divides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The identity that the client wants to act as; empty if it is its own.
    pub authzid: &'a str,
    pub name: &'a str,
    pub password: &'a str,
}

pub fn parse(token: &[u8]) -> Result<Message<'_>, &'static str> {
    let text = std::str::from_utf8(token).map_err(|_| "the message is not UTF-8")?;
    let mut parts = text.split('\0');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(authzid), Some(name), Some(password), None) => Ok(Message { authzid, name, password }),
        _ => Err("the message has not three parts"),
    }
}
