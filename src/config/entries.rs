//! Entries of settings that name listeners, and their values.

use super::addresses::HostPort;
use super::syntax;
use super::words::Protocol;
use crate::auth::Mechanism;
use crate::tls::ClientAuth;

/// A name with a value: one entry of a variable that is a map.
pub(super) type Entries<T> = Vec<(String, T)>;

/// `NAME://HOST:PORT,..` (`SocketServerConfigs.listenerListToEndPoints`): brackets around IPv6, no host for all addresses.
pub(super) fn endpoints(text: &str) -> Result<Entries<(String, u16)>, String> {
    let mut found = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || format!("'{part}' is not of the form NAME://HOST:PORT");
        let (name, place) = part.split_once("://").ok_or_else(bad)?;
        let name = listener_name(name).ok_or_else(bad)?;
        let (host, port) = match place.strip_prefix(':') {
            Some(port) => (String::new(), port.parse().map_err(|_| bad())?),
            None => {
                let HostPort { host, port } = syntax::host_port(place).ok_or_else(bad)?;
                syntax::host(&host).map_err(|error| format!("'{part}': {error}"))?;
                (host, port)
            }
        };
        if found.iter().any(|(other, _)| *other == name) {
            return Err(format!("listener {name} is there twice"));
        }
        found.push((name, (host, port)));
    }
    if found.is_empty() { Err("names no listener".to_owned()) } else { Ok(found) }
}

/// `NAME:VALUE,..`
pub(super) fn entries<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Entries<T>, String> {
    let mut found: Entries<T> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || format!("'{part}' is not of the form NAME:VALUE");
        let (name, value) = part.split_once(':').ok_or_else(bad)?;
        let name = listener_name(name).ok_or_else(bad)?;
        if found.iter().any(|(other, _)| *other == name) {
            return Err(format!("listener {name} is there twice"));
        }
        found.push((name, read(value.trim())?));
    }
    Ok(found)
}

/// Mechanisms, divided by `|` or commas.
pub(super) fn mechanisms(text: &str) -> Result<Vec<Mechanism>, String> {
    let mut found = Vec::new();
    for name in text.split(['|', ',']).map(str::trim).filter(|name| !name.is_empty()) {
        let mechanism = name.to_ascii_uppercase().parse().map_err(|_| {
            let known = Mechanism::ALL.map(Mechanism::name).join(", ");
            format!("'{name}' is no mechanism; there are {known}")
        })?;
        if !found.contains(&mechanism) {
            found.push(mechanism);
        }
    }
    if found.is_empty() { Err("names no mechanism".to_owned()) } else { Ok(found) }
}

pub(super) fn client_auth(text: &str) -> Result<ClientAuth, String> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(ClientAuth::None),
        "requested" => Ok(ClientAuth::Requested),
        "required" => Ok(ClientAuth::Required),
        _ => Err(format!("'{text}' is not none, requested or required")),
    }
}

pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    let unknown = || format!("'{text}' is no protocol; there are {}", Protocol::WORDS.join(", "));
    Protocol::named(text).ok_or_else(unknown)
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("'{text}' is no count of 1 or more"))
}

/// Names are compared in capitals (`ListenerName.normalised`).
fn listener_name(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = text.trim();
    (!name.is_empty() && name.len() <= 255 && name.chars().all(allowed)).then(|| name.to_ascii_uppercase())
}
