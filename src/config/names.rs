//! Variables that nothing reads, and that somebody may have meant to be read.

use super::platform;
use super::table::VARIABLES;

const OURS: &str = "KAFKAESQUE_";

/// The warning of a variable that is set; none of one that is known, or has nothing to do with us.
pub(super) fn warning(name: &str, value: &str) -> Option<String> {
    let own = name.strip_prefix(OURS);
    if known().any(|known| known == name) || (own.is_some() && is_service_link(name, value)) {
        return None;
    }
    let meant = nearest(name).or_else(|| nearest(own?));
    match meant {
        Some(meant) => Some(format!("{name} is set, but is no setting; is {meant} meant?")),
        None => own.map(|_| format!("{name} is set, but is no setting")),
    }
}

/// Every name that something reads.
fn known() -> impl Iterator<Item = &'static str> {
    let settings = VARIABLES.iter().flat_map(|variable| variable.names());
    settings.chain(platform::names()).chain(platform::READ_BY_CLIENTS.iter().copied())
}

/// The known name that differs by a letter or two; by one, if it is so short that two would be half of a word.
fn nearest(name: &str) -> Option<&'static str> {
    let near = known().map(|known| (distance(name, known), known));
    let near = near.filter(|(distance, known)| *distance <= if known.len() < 8 { 1 } else { 2 });
    near.min().map(|(_, known)| known)
}

/// Letters to be put in, left out, replaced, or swapped with their neighbour, to get from one name to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    if from.len().abs_diff(to.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut least = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[to.len()]
}

/// True if Kubernetes made it for a service whose name begins like ours: `KAFKAESQUE_SERVICE_HOST`,
/// `KAFKAESQUE_PORT_9092_TCP_ADDR`, `KAFKAESQUE_PORT`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_protocol =
        |word: &str| ["tcp", "udp", "sctp"].iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_address = value.split_once("://").is_some_and(|(scheme, _)| is_protocol(scheme));
    let is_of_port = name.rsplit_once("_PORT_").is_some_and(|(_, rest)| {
        let mut words = rest.split('_');
        let is_number = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        is_number && words.next().is_some_and(is_protocol)
    });
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_address)
        || is_of_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_known_is_told_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("BROKERID", "BROKER_ID"),
            ("BORKER_ID", "BROKER_ID"),
            ("COMIT_INTERVAL_MS", "COMMIT_INTERVAL_MS"),
            ("S3_BUKET", "S3_BUCKET"),
            ("AWS_S3_BUCKETS", "AWS_S3_BUCKET"),
            ("AWS_ROLE_ARM", "AWS_ROLE_ARN"),
            ("PORTS", "PORT"),
            ("KAFKAESQUE_PORT", "PORT"),
            ("KAFKAESQUE_BROKER_ID", "BROKER_ID"),
            ("KAFKAESQUE_SUPER_USER", "KAFKAESQUE_SUPER_USERS"),
        ] {
            let told = warning(name, "9092").unwrap_or_default();
            assert!(told.starts_with(name) && told.contains(&format!("is {meant} meant")), "{name}: {told}");
        }
        assert_eq!(
            warning("KAFKAESQUE_FOO", "").as_deref(),
            Some("KAFKAESQUE_FOO is set, but is no setting")
        );
    }

    #[test]
    fn known_names_others_names_and_links_of_services_are_not_told_of() {
        for name in known().chain([
            "PATH",
            "HOME",
            "PWD",
            "USER",
            "TERM",
            "HOSTNAME",
            "SHELL",
            "AWS_PROFILE",
            "KUBERNETES_PORT",
            "KAFKAESQUE_SERVICE_HOST",
            "KAFKAESQUE_SERVICE_PORT",
            "KAFKAESQUE_SERVICE_PORT_KAFKA",
            "KAFKAESQUE_PORT_9092_TCP",
            "KAFKAESQUE_PORT_9092_TCP_ADDR",
            "KAFKAESQUE_HEADLESS_PORT_9093_UDP_PROTO",
        ]) {
            assert_eq!(warning(name, "x"), None);
        }
        assert_eq!(warning("KAFKAESQUE_PORT", "tcp://10.0.0.1:9092"), None);
    }
}
