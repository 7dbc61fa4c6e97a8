//! Connections that have not shown yet who they are: there is room for a number of them, whoever they are.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use super::service::{CloseReason, Closer};

/// All of a server's, by the address that they come from.
#[derive(Clone, Debug)]
pub(super) struct Strangers {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    last_id: u64,
    count: usize,
    by_source: HashMap<IpAddr, BTreeMap<u64, Closer>>,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Stranger {
    strangers: Strangers,
    source: IpAddr,
    id: u64,
}

impl Strangers {
    pub fn new(most: usize) -> Strangers {
        Strangers { most: most.max(1), waiting: Arc::default() }
    }

    /// A newcomer is always let in. With too many of them, the oldest of the address goes that has most.
    pub fn enter(&self, address: IpAddr, closer: &Closer) -> Stranger {
        let mut waiting = self.waiting.lock();
        let gone = if waiting.count >= self.most { waiting.remove_one() } else { None };
        waiting.last_id += 1;
        waiting.count += 1;
        let (id, source) = (waiting.last_id, source(address));
        waiting.by_source.entry(source).or_default().insert(id, closer.clone());
        drop(waiting);
        if let Some(gone) = gone {
            gone.close(CloseReason::TooMany);
        }
        Stranger { strangers: self.clone(), source, id }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.waiting.lock().count
    }
}

impl Waiting {
    fn remove_one(&mut self) -> Option<Closer> {
        let rank = |of_one: &BTreeMap<u64, Closer>| {
            (of_one.len(), std::cmp::Reverse(of_one.first_key_value().map(|(id, _)| *id)))
        };
        let (source, of_one) = self.by_source.iter().max_by_key(|(_, of_one)| rank(of_one))?;
        let (source, id) = (*source, *of_one.first_key_value()?.0);
        self.remove(source, id)
    }

    fn remove(&mut self, source: IpAddr, id: u64) -> Option<Closer> {
        let of_one = self.by_source.get_mut(&source)?;
        let closer = of_one.remove(&id)?;
        if of_one.is_empty() {
            self.by_source.remove(&source);
        }
        self.count -= 1;
        Some(closer)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.strangers.waiting.lock().remove(self.source, self.id);
    }
}

/// The address that counts: with one of IPv6, somebody has the other ones of its network, too.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(strangers: &Strangers, address: &str) -> (Closer, Stranger) {
        let closer = Closer::new();
        let stranger = strangers.enter(address.parse().expect("an address"), &closer);
        (closer, stranger)
    }

    #[test]
    fn the_oldest_of_the_address_with_most_goes() {
        let strangers = Strangers::new(4);
        let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
        let mut all: Vec<_> = addresses.map(|address| enter(&strangers, address)).into();
        let closed = |all: &[(Closer, Stranger)]| {
            all.iter().map(|(closer, _)| closer.reason().is_some()).collect::<Vec<_>>()
        };
        assert_eq!(closed(&all), [false, true, false, false, false]);
        all.push(enter(&strangers, "10.0.0.5"));
        assert_eq!(closed(&all), [true, true, false, false, false, false], "all have one, so the oldest");
        assert_eq!(strangers.count(), 4);
        drop(all);
        assert_eq!(strangers.count(), 0);
        assert!(strangers.waiting.lock().by_source.is_empty());
    }

    #[test]
    fn who_has_a_network_of_ipv6_has_one_address() {
        let strangers = Strangers::new(3);
        let first = enter(&strangers, "192.0.2.1");
        let second = enter(&strangers, "2001:db8::1");
        let _third = enter(&strangers, "2001:db8::2");
        let _mapped = enter(&strangers, "::ffff:192.0.2.1");
        assert!(first.0.reason().is_none());
        assert!(second.0.reason().is_some());
    }

    #[test]
    fn those_that_left_make_room() {
        let strangers = Strangers::new(2);
        let first = enter(&strangers, "10.0.0.1");
        drop(enter(&strangers, "10.0.0.1"));
        let _third = enter(&strangers, "10.0.0.1");
        assert!(first.0.reason().is_none());
    }
}
