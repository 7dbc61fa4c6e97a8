//! Clients that have not shown yet who they are, by the address that they come from.

use std::net::{IpAddr, Ipv6Addr};

use super::service::{CloseReason, Closer};
use crate::runtime::strangers::{self, SendAway};

/// All of a server's.
pub(super) type Strangers = strangers::Strangers<IpAddr, Closer>;
/// One of them, until this is dropped.
pub(super) type Stranger = strangers::Stranger<IpAddr, Closer>;

impl SendAway for Closer {
    fn send_away(&self) {
        self.close(CloseReason::TooMany);
    }
}

/// A client comes in from `address`.
pub(super) fn enter(strangers: &Strangers, address: IpAddr, closer: &Closer) -> Stranger {
    strangers.enter(source(address), closer.clone())
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
        let stranger = super::enter(strangers, address.parse().expect("an address"), &closer);
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
        assert!(strangers.is_empty());
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
