//! Kinds of failures, by what an operator looks at, and the one line that says what happened.

use std::error::Error as StdError;
use std::io;

use object_store::Error;

/// The fault of a store that does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody answers where the store should be.
    Unreachable,
    /// The name of the store's machine is not known.
    UnknownName,
    /// The two do not agree on TLS, or its certificate is not trusted.
    Tls,
    /// The store answers that it cannot serve at the moment.
    Busy,
    /// There is no such bucket, container or directory.
    NoBucket,
    /// The bucket is in another region.
    Region,
    /// There is no such access key or account.
    KeyId,
    /// The signature is wrong, so the secret is.
    Secret,
    /// The credentials are right, and do not suffice.
    Forbidden,
    /// The disk, or what is allowed of it, is used up.
    NoSpace,
    /// The store does not keep a promise, or fails otherwise.
    Other,
}

impl Trouble {
    pub fn of(error: &Error) -> Trouble {
        if chain(error).any(is_no_space) {
            return Trouble::NoSpace;
        }
        match error {
            Error::NotFound { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::Generic { .. } => {}
            _ => return Trouble::Other,
        }
        let text = chain(error).map(|error| error.to_string()).collect::<Vec<_>>().join("\n");
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match () {
            () if says(&REGION) => Trouble::Region,
            () if says(&KEY_ID) => Trouble::KeyId,
            () if says(&SECRET) => Trouble::Secret,
            () if says(&NO_BUCKET) || matches!(error, Error::NotFound { .. }) => Trouble::NoBucket,
            () if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => {
                Trouble::Forbidden
            }
            () if chain(error).any(is_forbidden) => Trouble::Forbidden,
            () if says(&UNKNOWN_NAME) => Trouble::UnknownName,
            () if chain(error).any(is_unreachable) => Trouble::Unreachable,
            () if says(&TLS) => Trouble::Tls,
            () if says(&BUSY) => Trouble::Busy,
            () if says(&UNREACHABLE) => Trouble::Unreachable,
            () => Trouble::Other,
        }
    }

    /// True if it may be gone by itself soon: a store that starts beside us.
    pub fn may_pass(self) -> bool {
        matches!(self, Trouble::Unreachable | Trouble::UnknownName | Trouble::Busy | Trouble::NoSpace)
    }
}

const REGION: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "incorrectly configured region",
    "IllegalLocationConstraint",
    "InvalidRegion",
];
const KEY_ID: [&str; 3] = ["InvalidAccessKeyId", "InvalidClientTokenId", "provided access key"];
const SECRET: [&str; 5] =
    ["SignatureDoesNotMatch", "AuthenticationFailed", "AuthorizationFailure", "InvalidToken", "ExpiredToken"];
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "bucket does not exist"];
const UNKNOWN_NAME: [&str; 2] = ["dns error", "failed to lookup address"];
const TLS: [&str; 6] = [
    "certificate",
    "InvalidContentType",
    "corrupt message",
    "HandshakeFailure",
    "tls",
    "wrong version number",
];
const BUSY: [&str; 3] = ["SlowDown", "ServiceUnavailable", "non-2xx status code: 5"];
const UNREACHABLE: [&str; 3] = ["error sending request", "operation timed out", "connection closed"];

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    error.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn is_no_space(error: &(dyn StdError + 'static)) -> bool {
    matches!(io_kind(error), Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

fn is_forbidden(error: &(dyn StdError + 'static)) -> bool {
    matches!(io_kind(error), Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem))
}

fn is_unreachable(error: &(dyn StdError + 'static)) -> bool {
    matches!(
        io_kind(error),
        Some(
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::TimedOut
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
        )
    )
}

/// A failure as one short line. Clients of stores wrap errors many times, and it is the innermost that an operator can do
/// something about. Servers explain themselves in XML, of which the code and the message are kept.
pub fn cause(error: &(dyn StdError + 'static)) -> String {
    const MOST: usize = 300;
    let innermost = chain(error).last().map(|error| error.to_string()).unwrap_or_default();
    let text = match (element(&innermost, "Code"), element(&innermost, "Message")) {
        (Some(code), Some(message)) if !message.is_empty() => unescaped(&format!("{code}: {message}")),
        (Some(code), _) => unescaped(code),
        _ => innermost,
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The text of an XML element.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}

fn unescaped(xml: &str) -> String {
    let quotes = [("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'")];
    let others = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    quotes.iter().chain(&others).fold(xml.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Generic { store: "S3", source: source.into() }
    }

    #[test]
    fn a_failure_is_told_by_its_innermost_cause() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)");
        assert_eq!(Trouble::of(&generic(refused)), Trouble::Unreachable);
        let full = generic(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((Trouble::of(&full), cause(&full)), (Trouble::NoSpace, "no storage space".to_owned()));
        let xml = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error>\n\
                   <Code>SignatureDoesNotMatch</Code>\n <Message>The signature\n of &#34;a&#34; &amp; b is \
                   wrong.</Message></Error>";
        let forbidden = Error::PermissionDenied { path: "a".to_owned(), source: xml.into() };
        assert_eq!(Trouble::of(&forbidden), Trouble::Secret);
        assert_eq!(cause(&forbidden), "SignatureDoesNotMatch: The signature of \"a\" & b is wrong.");
    }

    #[test]
    fn what_servers_say_is_known() {
        let said = |text: &str| Trouble::of(&generic(text));
        assert_eq!(said("status code: 400: <Code>AuthorizationHeaderMalformed</Code>"), Trouble::Region);
        assert_eq!(said("<Code>InvalidAccessKeyId</Code>"), Trouble::KeyId);
        assert_eq!(
            said("<Message>No user exists with the provided access key ID.</Message>"),
            Trouble::KeyId
        );
        assert_eq!(said("<Code>NoSuchBucket</Code>"), Trouble::NoBucket);
        assert_eq!(said("dns error: failed to lookup address information"), Trouble::UnknownName);
        assert_eq!(said("invalid peer certificate: UnknownIssuer"), Trouble::Tls);
        assert_eq!(said("Server returned non-2xx status code: 503 Service Unavailable: "), Trouble::Busy);
        assert_eq!(said("error sending request for url"), Trouble::Unreachable);
        assert_eq!(said("something else"), Trouble::Other);
        let denied =
            Error::PermissionDenied { path: "a".to_owned(), source: "<Code>AccessDenied</Code>".into() };
        assert_eq!(Trouble::of(&denied), Trouble::Forbidden);
    }
}
