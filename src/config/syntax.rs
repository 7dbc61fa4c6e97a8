//! The form of single values: the error of a function says what is wrong with a text, for behind its variable's name.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use ipnet::IpNet;

use super::addresses::{HostPort, Networks, Peers};
use crate::auth::mapping::Mapping;
use crate::ops;
use crate::peer::MIN_SECRET_BYTES;
use crate::store::faults;
use crate::types::BrokerId;

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

/// A URL that proves whose it is.
pub(super) fn https_url(text: &str) -> Result<(), &'static str> {
    match text.to_ascii_lowercase().starts_with("https://") {
        true => Ok(()),
        false => Err("no https URL"),
    }
}

/// Limits of addresses, and of each address of a network: `ADDRESS:COUNT,NETWORK/BITS:COUNT`.
pub(super) fn networks(text: &str) -> Result<Networks, String> {
    let mut networks = Networks::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || format!("'{part}' is not of the form ADDRESS:COUNT");
        let (network, count) = part.rsplit_once(':').ok_or_else(bad)?;
        let bare = network.trim_start_matches('[').replace(']', "");
        let network = bare.parse::<IpNet>().ok().or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from));
        networks.push((network.ok_or_else(bad)?, count.trim().parse().map_err(|_| bad())?));
    }
    Ok(networks)
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

/// A host whose brackets are gone: an IPv6 address may stand in them, as it does before a port.
pub(super) fn bare_host(text: &str) -> Result<String, String> {
    let bare = match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(bare) if bare.parse::<Ipv6Addr>().is_ok() => bare,
        _ => text,
    };
    host(bare).map(|()| bare.to_owned()).map_err(str::to_owned)
}

/// Addresses where brokers listen for each other.
pub(super) fn listen_address(text: &str) -> Result<String, String> {
    let Some(address) = host_port(text) else { return Err(format!("'{text}' is not of the form host:port")) };
    host(&address.host).map(|()| text.to_owned()).map_err(str::to_owned)
}

/// Enough that nobody guesses it.
pub(super) fn cluster_secret(text: &str) -> Result<String, String> {
    match text.len() {
        0..MIN_SECRET_BYTES => Err(format!("has less than {MIN_SECRET_BYTES} bytes, which is no secret")),
        _ => Ok(text.to_owned()),
    }
}

pub(super) fn host_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok()?;
    (!host.is_empty()).then(|| HostPort { host: host.to_owned(), port })
}

pub(super) fn peers(text: &str) -> Result<String, String> {
    peer_list(text).map(|_| text.to_owned())
}

pub(super) fn peer_list(text: &str) -> Result<Peers, String> {
    let mut peers = Peers::new();
    for peer in text.split(',').map(str::trim).filter(|peer| !peer.is_empty()) {
        let parsed = peer.split_once('=').and_then(|(id, address)| {
            let id = id.trim().parse::<i32>().ok().filter(|id| *id >= 0)?;
            Some((BrokerId(id), host_port(address.trim())?))
        });
        match parsed {
            Some((id, _)) if peers.iter().any(|(other, _)| *other == id) => {
                return Err(format!("broker {id} is listed twice"));
            }
            Some(parsed) => peers.push(parsed),
            None => return Err(format!("'{peer}' is not of the form id=host:port")),
        }
    }
    Ok(peers)
}

pub(super) fn faults(text: &str) -> Result<String, String> {
    match text.parse::<faults::Setting>() {
        Ok(_) => Ok(text.to_owned()),
        Err(problem) => Err(format!("'{text}' is not a list of faults: {problem}")),
    }
}

/// Rules that make names of certificates.
pub(super) fn mapping_rules(text: &str) -> Result<String, String> {
    text.parse::<Mapping>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    ops::check_filter(text).map(|()| text.to_owned())
}

/// A file that is there.
pub(super) fn file(text: &str) -> Result<String, String> {
    if Path::new(text).is_file() { Ok(text.to_owned()) } else { Err(format!("'{text}' is no file")) }
}

/// A number of bytes, with or without a unit: `8388608`, `8MiB`.
pub(super) fn bytes(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
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
