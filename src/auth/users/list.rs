//! Lists of names and passwords, as people write them.

use std::collections::HashSet;

use crate::auth::principal::{BadName, Principal};

/// A name with its password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Given<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

/// Why a line or an entry names no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("it is not UTF-8")]
    Text,
    #[error("it is no name:password: there is no colon")]
    Colon,
    #[error("{0}")]
    Name(BadName),
    #[error("the password is empty")]
    NoPassword,
    #[error("the password contains a NUL, which no client can send")]
    Nul,
    #[error("another entry has this name already")]
    Twice,
}

/// A fault, with the number of its line or entry, from 1.
type Fault = (usize, Reason);

/// Users of `name:password,name:password`. An empty list is none.
pub fn entries(list: &str) -> Result<Vec<Given<'_>>, Fault> {
    let entries = list.split(',').map(str::as_bytes);
    numbered((1..).zip(entries).filter(|_| !list.is_empty()), &[])
}

/// Users of a file, one a line, beside `others`. Empty lines are passed over, and those that begin with `#`.
pub fn lines<'a>(content: &'a [u8], others: &[&'a str]) -> Result<Vec<Given<'a>>, Fault> {
    let lines = content.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    numbered((1..).zip(lines).filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#")), others)
}

fn numbered<'a>(
    entries: impl Iterator<Item = (usize, &'a [u8])>,
    others: &[&'a str],
) -> Result<Vec<Given<'a>>, Fault> {
    let mut names: HashSet<&str> = others.iter().copied().collect();
    let mut all = Vec::new();
    for (number, entry) in entries {
        let given = user(entry).map_err(|reason| (number, reason))?;
        if !names.insert(given.name) {
            return Err((number, Reason::Twice));
        }
        all.push(given);
    }
    Ok(all)
}

fn user(entry: &[u8]) -> Result<Given<'_>, Reason> {
    let text = std::str::from_utf8(entry).map_err(|_| Reason::Text)?;
    let (name, password) = text.split_once(':').ok_or(Reason::Colon)?;
    Principal::user(name).map_err(Reason::Name)?;
    match password {
        "" => Err(Reason::NoPassword),
        password if password.contains('\0') => Err(Reason::Nul),
        password => Ok(Given { name, password }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs<'a>(given: &[Given<'a>]) -> Vec<(&'a str, &'a str)> {
        given.iter().map(|given| (given.name, given.password)).collect()
    }

    #[test]
    fn the_first_colon_divides() {
        let list = entries("alice:a:b,bob:=x y").map(|given| pairs(&given));
        assert_eq!(list, Ok(vec![("alice", "a:b"), ("bob", "=x y")]));
        assert_eq!(entries("").map(|given| given.len()), Ok(0));
        let file = lines(b"# admins\n\nalice:a,b:c \r\nbob: #\n", &[]).map(|given| pairs(&given));
        assert_eq!(file, Ok(vec![("alice", "a,b:c "), ("bob", " #")]));
        assert_eq!(lines(b"", &[]).map(|given| given.len()), Ok(0));
    }

    #[test]
    fn the_first_fault_is_told_by_its_number() {
        let fault = |content: &[u8]| lines(content, &["root"]).err();
        assert_eq!(fault(b"a:b\n\n# c\nalice"), Some((4, Reason::Colon)));
        assert_eq!(fault(b"a:b\n:c"), Some((2, Reason::Name(BadName::Empty))));
        assert_eq!(fault(b"a:b\n*:c"), Some((2, Reason::Name(BadName::Everybody))));
        assert_eq!(fault(b"a:\n"), Some((1, Reason::NoPassword)));
        assert_eq!(fault(b"a:\xff\n"), Some((1, Reason::Text)));
        assert_eq!(fault(b"a:b\0c\n"), Some((1, Reason::Nul)));
        assert_eq!(fault(b"a:b\nc:d\na:b\n"), Some((3, Reason::Twice)));
        assert_eq!(fault(b"root:b\n"), Some((1, Reason::Twice)));
        assert_eq!(entries("a:b,c").err(), Some((2, Reason::Colon)));
        assert_eq!(entries("a:b,").err(), Some((2, Reason::Colon)));
    }
}
