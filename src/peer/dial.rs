//! TCP to a peer: its name is looked up anew each time, since a broker that comes back may have another address.

use std::io::ErrorKind;
use std::net::SocketAddr;

use futures::FutureExt as _;
use tokio::net::TcpStream;

use super::limits::ADDRESS_LIMIT;
use super::wire::{ByteStream, Dial, DialError};
use crate::runtime::Clock;

pub(super) fn by_tcp(clock: &Clock) -> Dial {
    let clock = clock.clone();
    Box::new(move |place| dial(place, clock.clone()).boxed())
}

async fn dial(place: String, clock: Clock) -> Result<Box<dyn ByteStream>, DialError> {
    let unknown = |reason: String| DialError { is_refused: false, reason: format!("{place}: {reason}") };
    let addresses = tokio::net::lookup_host(&place).await.map_err(|error| unknown(error.to_string()))?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let mut is_refused = !addresses.is_empty();
    let mut reason = format!("{place} has no address");
    for address in addresses {
        match clock.timeout(ADDRESS_LIMIT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Fails only on a connection that has ended, which the first read will show.
                let _ = stream.set_nodelay(true);
                return Ok(Box::new(stream));
            }
            Ok(Err(error)) => {
                is_refused &= error.kind() == ErrorKind::ConnectionRefused;
                reason = format!("{place} ({address}): {error}");
            }
            Err(_) => {
                is_refused = false;
                reason = format!("{place} ({address}): no answer within {ADDRESS_LIMIT:?}");
            }
        }
    }
    Err(DialError { is_refused, reason })
}

/// The host of a place, as a certificate has it.
pub(super) fn host(place: &str) -> &str {
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_certificates_name() {
        assert_eq!(host("broker-1.example:9093"), "broker-1.example");
        assert_eq!(host("10.0.0.1:9093"), "10.0.0.1");
        assert_eq!(host("[::1]:9093"), "::1");
    }
}
