//! Principals: the names under which clients act.

use std::fmt;
use std::sync::Arc;

/// The longest name of a user or group, in bytes.
const NAME_BYTES: usize = 255;
/// The same of a name that a certificate gives.
const CERTIFICATE_NAME_BYTES: usize = 1024;
/// The name of those who have proved nothing.
const ANONYMOUS: &str = "ANONYMOUS";

/// A user, or a group of users, as rules of access name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    pub kind: Kind,
    pub name: Arc<str>,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    User,
    Group,
}

/// A name that nobody can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than {0} bytes")]
    Long(usize),
    #[error("the name contains a control character")]
    Control,
    #[error("the name is *, which stands for everybody")]
    Everybody,
}

impl Principal {
    pub fn user(name: &str) -> Result<Principal, BadName> {
        Principal::checked(Kind::User, name, NAME_BYTES)
    }

    /// A user whose name comes from a certificate: such names are longer.
    pub fn of_certificate(name: &str) -> Result<Principal, BadName> {
        Principal::checked(Kind::User, name, CERTIFICATE_NAME_BYTES)
    }

    pub fn group(name: &str) -> Result<Principal, BadName> {
        Principal::checked(Kind::Group, name, NAME_BYTES)
    }

    /// The user that every client is until it has proved something.
    pub fn anonymous() -> Principal {
        Principal { kind: Kind::User, name: Arc::from(ANONYMOUS) }
    }

    fn checked(kind: Kind, name: &str, most: usize) -> Result<Principal, BadName> {
        match name {
            "" => Err(BadName::Empty),
            "*" => Err(BadName::Everybody),
            name if name.len() > most => Err(BadName::Long(most)),
            name if name.contains(char::is_control) => Err(BadName::Control),
            name => Ok(Principal { kind, name: Arc::from(name) }),
        }
    }
}

impl Kind {
    /// Kafka's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Group => "Group",
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_written_as_kafka_writes_them() {
        assert_eq!(Principal::user("alice").map(|user| user.to_string()), Ok("User:alice".to_owned()));
        assert_eq!(Principal::group("ops:eu").map(|group| group.to_string()), Ok("Group:ops:eu".to_owned()));
        assert_eq!(Principal::anonymous().to_string(), "User:ANONYMOUS");
    }

    #[test]
    fn names_that_nobody_can_have_are_refused() {
        let long = "x".repeat(255);
        for good in ["a", "**", "a b", "ä", &long] {
            assert_eq!(Principal::user(good).map(|user| user.name.to_string()), Ok(good.to_owned()));
        }
        let longer = "x".repeat(256);
        for (bad, reason) in [
            ("", BadName::Empty),
            ("*", BadName::Everybody),
            ("a\nb", BadName::Control),
            ("a\u{85}b", BadName::Control),
            (&longer, BadName::Long(255)),
        ] {
            assert_eq!(Principal::user(bad), Err(reason));
            assert_eq!(Principal::group(bad), Err(reason));
        }
        assert!(Principal::of_certificate(&longer).is_ok());
        assert!(Principal::of_certificate(&"x".repeat(1024)).is_ok());
        assert_eq!(Principal::of_certificate(&"x".repeat(1025)), Err(BadName::Long(1024)));
    }
}
