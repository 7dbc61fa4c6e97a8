//! Protocols, told from the first bytes of a connection.

/// The type of the record that every TLS client sends first. As the first byte of a request's length it would announce
/// more than any broker takes.
const TLS_HANDSHAKE: u8 = 0x16;

/// The protocol whose clients begin with these bytes. As the length of a request they are more than a broker takes.
pub(super) fn protocol(start: [u8; 4]) -> Option<&'static str> {
    match &start {
        b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" => {
            Some("HTTP")
        }
        b"PRI " => Some("HTTP/2"),
        b"SSH-" => Some("SSH"),
        // A handshake record of version 3.0 to 3.3.
        [TLS_HANDSHAKE, 3, 0..=3, _] => Some(TLS),
        _ => None,
    }
}

pub(super) const TLS: &str = "TLS";

/// The start of a connection to a listener with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Tls,
    /// The protocol that the client speaks instead, if it is known.
    Other(Option<&'static str>),
}

impl Start {
    /// One byte tells. What else is there helps to name the protocol.
    pub fn of(bytes: &[u8]) -> Start {
        match bytes {
            [TLS_HANDSHAKE, ..] => Start::Tls,
            // The length of a small request.
            [0, ..] => Start::Other(Some("Kafka without TLS")),
            _ => Start::Other(bytes.first_chunk().and_then(|start| protocol(*start))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_from_their_first_bytes() {
        assert_eq!(protocol(*b"GET "), Some("HTTP"));
        assert_eq!(protocol([0x16, 3, 1, 2]), Some("TLS"));
        assert_eq!(protocol(i32::MAX.to_be_bytes()), None);
        assert_eq!(protocol((-1i32).to_be_bytes()), None);
    }

    #[test]
    fn clients_without_tls_are_recognised() {
        assert_eq!(Start::of(&[0x16, 3, 1, 2]), Start::Tls);
        assert_eq!(Start::of(&[0x16]), Start::Tls);
        assert_eq!(Start::of(&[0, 0, 0, 42]), Start::Other(Some("Kafka without TLS")));
        assert_eq!(Start::of(b"GET "), Start::Other(Some("HTTP")));
        assert_eq!(Start::of(b"G"), Start::Other(None));
    }
}
