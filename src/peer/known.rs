//! The newest process of each broker, and the connections that it has here.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Service;
use crate::runtime::Shutdown;
use crate::types::BrokerId;

/// Facts that were proven of other brokers. A process of a lower incarnation than one that was seen is never listened to again.
#[derive(Debug)]
pub(super) struct Known {
    me: BrokerId,
    /// Requested when a newer process with this one's own id has been heard of.
    outdated: Shutdown,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    newest: HashMap<BrokerId, u64>,
    connections: HashMap<(BrokerId, Service), Caller>,
}

#[derive(Debug)]
struct Caller {
    incarnation: u64,
    end: Shutdown,
}

impl Known {
    pub fn new(me: BrokerId) -> Known {
        Known { me, outdated: Shutdown::new(), state: Mutex::default() }
    }

    /// Notes that a newer process has the id of this one.
    pub fn be_outdated(&self, newer: u64) {
        // There is none older than one that was not seen before.
        let _ = self.see(self.me, newer);
        self.outdated.request();
    }

    /// Waits for a newer process with this one's id, and gives its incarnation.
    pub async fn outdated(&self) -> u64 {
        self.outdated.requested().await;
        self.newest(self.me)
    }

    /// The newest incarnation of `broker`, or 0.
    pub fn newest(&self, broker: BrokerId) -> u64 {
        self.state.lock().newest.get(&broker).copied().unwrap_or(0)
    }

    /// Notes a process that has proven itself; the connections of an older one end. The error is the newer incarnation
    /// that is known.
    pub fn see(&self, broker: BrokerId, incarnation: u64) -> Result<(), u64> {
        let state = &mut *self.state.lock();
        let newest = state.newest.entry(broker).or_insert(incarnation);
        if incarnation < *newest {
            return Err(*newest);
        }
        *newest = incarnation;
        for ((caller, _), connection) in &state.connections {
            if *caller == broker && connection.incarnation < incarnation {
                connection.end.request();
            }
        }
        Ok(())
    }

    /// Takes a connection of `caller` in place of the one that it had for this service: it would not have called anew
    /// were that one of use. The result says when this one has to end.
    pub fn connect(&self, caller: BrokerId, incarnation: u64, service: Service) -> Shutdown {
        let end = Shutdown::new();
        let state = &mut *self.state.lock();
        let replaced = state.connections.insert((caller, service), Caller { incarnation, end: end.clone() });
        if let Some(replaced) = replaced {
            replaced.end.request();
        }
        if state.newest.get(&caller).is_some_and(|newest| incarnation < *newest) {
            end.request();
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_process_is_refused_and_loses_its_connections() {
        let known = Known::new(BrokerId(0));
        assert_eq!(known.newest(BrokerId(1)), 0);
        known.see(BrokerId(1), 5).unwrap();
        known.see(BrokerId(2), 1).unwrap();
        let old = known.connect(BrokerId(1), 5, Service::Raft);
        let other = known.connect(BrokerId(2), 1, Service::Raft);
        known.see(BrokerId(1), 5).unwrap();
        assert!(!old.is_requested());
        known.see(BrokerId(1), 6).unwrap();
        assert!(old.is_requested() && !other.is_requested());
        assert_eq!(known.see(BrokerId(1), 5), Err(6));
        assert_eq!(known.newest(BrokerId(1)), 6);
        assert!(!known.outdated.is_requested());
        assert!(known.connect(BrokerId(1), 5, Service::Liveness).is_requested(), "it came too late");
    }

    #[test]
    fn a_peer_has_one_connection_for_each_service() {
        let known = Known::new(BrokerId(0));
        known.see(BrokerId(1), 5).unwrap();
        let first = known.connect(BrokerId(1), 5, Service::Raft);
        let liveness = known.connect(BrokerId(1), 5, Service::Liveness);
        let second = known.connect(BrokerId(1), 5, Service::Raft);
        assert!(first.is_requested() && !liveness.is_requested() && !second.is_requested());
    }
}
