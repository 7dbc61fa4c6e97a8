//! The form of single values: the error of a function says what is wrong with a text, for behind its variable's name.

use std::net::{IpAddr, Ipv6Addr};

/// A host name or an address, without port or scheme.
pub(super) fn host(text: &str) -> Result<(), &'static str> {
    if text.contains("://") {
        return Err("a URL; a host name or an address is wanted, without scheme and port");
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let (name, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if !port.is_empty() && (is_name(name) || bare.parse::<Ipv6Addr>().is_ok()) {
        return Err("has a port; the port is a setting of its own");
    }
    if is_name(text) { Ok(()) } else { Err("neither a host name nor an address") }
}

fn is_name(text: &str) -> bool {
    // Not of the standard, but names of containers have underscores.
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(allowed);
    text.len() <= 253 && name.split('.').all(is_label)
}

/// The name of a bucket or container.
pub(super) fn bucket(text: &str) -> Result<(), &'static str> {
    if text.contains("://") || text.contains('/') {
        return Err("the name alone is wanted, without scheme or slash; a prefix within goes into DATA_PATH");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.chars().all(allowed) && !text.starts_with('.') {
        true => Ok(()),
        false => Err("a name of letters, digits, '-', '_' and '.' is wanted"),
    }
}

/// An identifier that goes into answers, logs and names.
pub(super) fn id(text: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.len() <= 255 && text.chars().all(allowed) {
        true => Ok(()),
        false => Err("letters, digits, '-', '_' and '.' are wanted, at most 255"),
    }
}

/// Words of letters, digits and dashes: regions and accounts.
pub(super) fn word(text: &str) -> Result<(), &'static str> {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        true => Ok(()),
        false => Err("letters, digits and '-' are wanted"),
    }
}

/// The base URL of a store.
pub(super) fn url(text: &str) -> Result<(), &'static str> {
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("no URL; it begins with https:// or http://") };
    if rest.contains(['?', '#', '@']) || rest.contains(char::is_whitespace) {
        return Err("a plain URL is wanted, without query, user or white space");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("its port is no number from 0 to 65535");
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(name),
    };
    if is_host { Ok(()) } else { Err("its host is neither a name nor an address") }
}

/// A directory, or a prefix in a bucket.
pub(super) fn data_path(text: &str) -> Result<(), &'static str> {
    if text.contains("://") {
        return Err(
            "a URL; the store is chosen by OBJECT_STORE_TYPE and its bucket, and this is the path within",
        );
    }
    if text == "~" || text.starts_with("~/") {
        return Err("'~' is expanded by shells only; write the path out");
    }
    Ok(())
}

/// A key as Azure gives it.
pub(super) fn base64(text: &str) -> Result<(), &'static str> {
    let digits = text.trim_end_matches('=');
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    match text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.chars().all(allowed) {
        true => Ok(()),
        false => Err("its value is no base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Form = fn(&str) -> Result<(), &'static str>;

    #[test]
    fn each_form_takes_what_it_should_and_nothing_else() {
        let forms: &[(Form, &[&str], &[&str])] = &[
            (
                host,
                &["localhost", "a.example.com", "a_1-b", "10.0.0.1", "::1", "fe80::1", "example.com.", "x"],
                &[
                    "localhost:9092",
                    "[::1]:9092",
                    "PLAINTEXT://a",
                    "a b",
                    "a/b",
                    "a..b",
                    ".a",
                    "a,b",
                    "a:b:c",
                    "[::1",
                    "a:",
                ],
            ),
            (bucket, &["b", "my-bucket.eu", "Old_1"], &["s3://b", "b/prefix", "a b", ".b", "b:c", "bücket"]),
            (id, &["kafkaesque", "MkU3OEVBNTcwNTJENDM2Qg", "a.b-c_d"], &["a b/c", "a/b", "ä", "a\"b"]),
            (word, &["eu-central-1", "auto", "account1"], &["eu central", "eu_1", "eu/1", "http://x"]),
            (
                url,
                &[
                    "http://localhost",
                    "HTTPS://a.example.com:9000/base/",
                    "http://[::1]:9000",
                    "https://10.0.0.1",
                ],
                &[
                    "localhost:9000",
                    "s3://bucket",
                    "ftp://a",
                    "http://",
                    "http://:9000",
                    "http://a:port",
                    "http://a:70000",
                    "http://a b",
                    "http://user@a",
                    "http://a?x=1",
                    "http://[::1",
                    "http://a..b",
                ],
            ),
            (data_path, &["/data", "a/b", "x~y"], &["s3://bucket/a", "file:///data", "~/data", "~"]),
            (base64, &["YWJj", "YWI=", "YQ==", "+/+/"], &["YWI", "a b=", "Y===", "=YWI", "ä==="]),
        ];
        for (number, (form, good, bad)) in forms.iter().enumerate() {
            for text in *good {
                assert_eq!(form(text), Ok(()), "form {number}: {text}");
            }
            for text in *bad {
                assert!(form(text).is_err(), "form {number}: {text}");
            }
        }
    }
}
