//! Other protocols, told from the first four bytes of a connection.

/// The protocol whose clients begin with these bytes. As the length of a request they are more than a broker takes.
pub(super) fn protocol(start: [u8; 4]) -> Option<&'static str> {
    match &start {
        b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" => {
            Some("HTTP")
        }
        b"PRI " => Some("HTTP/2"),
        b"SSH-" => Some("SSH"),
        // A handshake record of version 3.0 to 3.3.
        [0x16, 3, 0..=3, _] => Some("TLS"),
        _ => None,
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
}
