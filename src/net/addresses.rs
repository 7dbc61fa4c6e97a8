//! Connections of each address, of which there may be a number.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;

/// The most connections of one address. Kafka's `max.connections.per.ip`.
#[derive(Clone, Debug, Default)]
pub struct PerAddress {
    /// None is no limit.
    pub most: Option<usize>,
    /// Networks whose addresses have another limit; the smallest that has an address counts.
    pub overrides: Vec<(IpNet, usize)>,
}

impl PerAddress {
    /// The most connections of this address.
    fn of(&self, address: IpAddr) -> Option<usize> {
        let own = self.overrides.iter().filter(|(network, _)| network.contains(&address));
        own.max_by_key(|(network, _)| network.prefix_len()).map(|(_, most)| *most).or(self.most)
    }
}

/// Connections that are open, by address.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    limits: Arc<PerAddress>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, until this is dropped. Nothing where there is no limit.
#[derive(Debug)]
pub(super) struct Counted(Option<(Addresses, IpAddr)>);

impl Addresses {
    pub fn new(limits: PerAddress) -> Addresses {
        Addresses { limits: Arc::new(limits), open: Arc::default() }
    }

    /// The most that there may be of this address.
    pub fn most(&self, address: IpAddr) -> Option<usize> {
        self.limits.of(address.to_canonical())
    }

    /// None if the address has as many as it may.
    pub fn enter(&self, address: IpAddr) -> Option<Counted> {
        let address = address.to_canonical();
        let Some(most) = self.limits.of(address) else { return Some(Counted(None)) };
        let mut open = self.open.lock();
        let count = open.get(&address).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        open.insert(address, count + 1);
        Some(Counted(Some((self.clone(), address))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((addresses, address)) = &self.0 else { return };
        let mut open = addresses.open.lock();
        match open.get_mut(address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_smallest_network_counts() {
        let limits = PerAddress {
            most: Some(10),
            overrides: [("10.0.0.0/8", 2), ("10.1.0.0/16", 3), ("10.1.2.3/32", 0), ("2001:db8::/32", 4)]
                .map(|(network, most)| (network.parse().expect("a network"), most))
                .into(),
        };
        let of = |text| limits.of(address(text));
        assert_eq!(of("10.9.9.9"), Some(2));
        assert_eq!(of("10.1.9.9"), Some(3));
        assert_eq!(of("10.1.2.3"), Some(0));
        assert_eq!(of("192.0.2.1"), Some(10));
        assert_eq!(of("2001:db8::5"), Some(4));
        assert_eq!(PerAddress::default().of(address("10.9.9.9")), None);
    }

    #[test]
    fn a_connection_that_ends_makes_room() {
        let addresses = Addresses::new(PerAddress { most: Some(2), overrides: Vec::new() });
        let one = address("192.0.2.1");
        let first = addresses.enter(one);
        let second = addresses.enter(address("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.enter(one).is_none());
        assert!(addresses.enter(address("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.enter(one).is_some());
        drop(second);
        assert!(addresses.open.lock().is_empty());
    }
}
