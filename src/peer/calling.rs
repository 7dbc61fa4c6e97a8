//! Calls to peers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::link::Link;
use super::shared::{Failure, Shared};
use super::wire::Dial;
use super::{Service, Transport, Unreachable};
use crate::types::BrokerId;

/// The connections of this process to others, one for each peer and service.
pub(super) struct Calling {
    shared: Arc<Shared>,
    dial: Arc<Dial>,
    links: Mutex<HashMap<(BrokerId, Service), Arc<Link>>>,
}

impl Calling {
    pub fn new(shared: &Arc<Shared>, dial: Dial) -> Calling {
        Calling { shared: Arc::clone(shared), dial: Arc::new(dial), links: Mutex::default() }
    }

    fn link(&self, peer: BrokerId, service: Service) -> Arc<Link> {
        let mut links = self.links.lock();
        let link = links.entry((peer, service));
        Arc::clone(link.or_insert_with(|| Arc::new(Link::new(peer, service, &self.shared, &self.dial))))
    }

    /// Calls that need no connection to fail.
    fn check(&self, peer: BrokerId) -> Result<(), Failure> {
        let Some(me) = self.shared.me() else {
            return Err(Failure::new("this broker has not started yet"));
        };
        if peer == me.broker {
            return Err(Failure::new("it is this broker itself"));
        }
        let newest = self.shared.known.newest(me.broker);
        if newest > me.incarnation {
            return Err(Failure::new(format!(
                "a newer process has the id of this one, incarnation {newest}"
            )));
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for Calling {
    async fn call(
        &self,
        peer: BrokerId,
        service: Service,
        request: Bytes,
        limit: Duration,
    ) -> Result<Bytes, Unreachable> {
        self.check(peer).map_err(|failure| failure.of(peer))?;
        let link = self.link(peer, service);
        let Shared { metrics, runtime, .. } = &*self.shared;
        let sent = runtime.clock.instant();
        let answered = tokio::select! {
            () = self.shared.stop.requested() => Err(Failure::new("this broker is stopping")),
            answered = runtime.clock.timeout(limit, link.call(request)) => answered
                .unwrap_or_else(|_| Err(Failure::new(format!("no answer within {limit:?}")))),
        };
        match &answered {
            Ok(_) => {
                let took = runtime.clock.instant().saturating_duration_since(sent);
                metrics.answered(peer, service, took.as_secs_f64());
            }
            Err(_) => metrics.failed(peer, service),
        }
        answered.map_err(|failure| failure.of(peer))
    }
}
