//! From a frame to its handler, and from the handler's outcome to the answer on the wire.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::context::{Broker, Client, Context, LOGGED_CHARS};
use super::handler::{Entry, Finished};
use super::handlers::TABLE;
use super::login::{self, Connection, Gate, Passage, Security};
use super::metrics::Metrics;
use crate::net::{self, Admission, Answer, CloseReason, Closer, Frame, Peer, Promise};
use crate::protocol::codec::{DecodeError, Reader};
use crate::protocol::header::{RequestHeader, api_of};
use crate::protocol::{ApiKey, ErrorCode};
use crate::runtime::Complaints;

/// The broker's APIs as the network layer sees them.
pub struct Service {
    broker: Arc<Broker>,
    metrics: Metrics,
    gate: Gate,
    /// Addresses that sent what cannot be read.
    malformed: Complaints<IpAddr>,
}

impl Service {
    /// Fails if the broker's registry has the metrics of the APIs already.
    pub fn new(broker: Arc<Broker>, security: Security) -> Result<Service, prometheus::Error> {
        let metrics = Metrics::register(&broker.runtime.metrics)?;
        let gate = Gate::new(security, &broker.runtime)?;
        Ok(Service { broker, metrics, gate, malformed: Complaints::default() })
    }

    async fn dispatch(&self, connection: &Connection, frame: Frame) -> Result<Promise, Malformed> {
        let (header, body) =
            RequestHeader::decode(&frame.bytes).map_err(|error| Malformed::header(&frame, error))?;
        let Some(entry) = header.api().and_then(entry) else {
            self.metrics.refused("unknown_api");
            return Ok(refuse_version(None, header.correlation_id));
        };
        if !entry.versions.contains(&header.api_version) {
            self.metrics.refused("unsupported_version");
            return Ok(refuse_version(Some(entry), header.correlation_id));
        }
        let started = self.broker.runtime.clock.instant();
        let key = entry.key;
        self.metrics.taken(key, header.api_version);
        let context = Context {
            broker: self.broker.clone(),
            version: header.api_version,
            correlation_id: header.correlation_id,
            client: Client {
                id: header.client_id.as_deref().unwrap_or_default().to_owned(),
                session: Arc::clone(connection.session()),
            },
            permit: frame.permit.clone(),
            more_to_come: frame.more_to_come,
            closer: connection.closer.clone(),
            refusals: connection.refusals.clone(),
        };
        let admitted = (entry.admit)(context, &body).map_err(|error| Malformed::body(&header, error))?;
        let finishing = admitted.finishing.await;
        drop(body);
        frame.is_read(admitted.bytes);
        let metrics = self.metrics.clone();
        let clock = self.broker.runtime.clock.clone();
        Ok(Promise::waiting(async move {
            let outcome = finishing.await;
            metrics.answered(key, clock.instant() - started);
            match outcome {
                Ok(Finished { answer, errors }) => {
                    metrics.answered_with(key, &errors);
                    answer
                }
                Err(error) => {
                    tracing::error!(%error, api = key.name(), "response cannot be written");
                    Answer::nothing().closing(CloseReason::NoAnswer)
                }
            }
        }))
    }

    fn complain(&self, peer: &Peer, malformed: &Malformed) {
        let now = self.broker.runtime.clock.instant();
        let Some(left_out) = self.malformed.due(peer.address.ip().to_canonical(), now) else { return };
        let Malformed { api, version, client_id, error } = malformed;
        let (field, reason) = (error.field, error.fault);
        let peer = peer.address;
        tracing::info!(
            %peer, client_id, api, version, field, %reason, left_out, "malformed request, connection closed"
        );
    }
}

impl net::Service for Service {
    type Connection = Connection;

    fn connected(&self, peer: &Peer, closer: Closer) -> Connection {
        self.gate.connected(peer, closer)
    }

    fn is_stranger(&self, connection: &Connection) -> bool {
        connection.is_stranger()
    }

    fn classify(&self, connection: &Connection, frame: &Bytes) -> Admission {
        if connection.is_logging_in() {
            // A frame need not be an API's request, and those behind it need the identity that comes of it.
            return Admission::Alone;
        }
        api_of(frame).and_then(entry).map_or(Admission::Alone, |entry| entry.admission)
    }

    async fn admit(&self, connection: &mut Connection, frame: Frame) -> Promise {
        if let Passage::Answered(promise) = self.gate.pass(connection, &frame.bytes).await {
            login::wipe(frame.bytes);
            return promise;
        }
        match self.dispatch(connection, frame).await {
            Ok(promise) => promise,
            Err(malformed) => {
                self.metrics.refused("malformed");
                self.complain(&connection.peer, &malformed);
                Promise::ready(Answer::nothing().closing(CloseReason::Malformed))
            }
        }
    }
}

/// A request that cannot be read.
struct Malformed {
    api: &'static str,
    version: i16,
    client_id: String,
    error: DecodeError,
}

impl Malformed {
    fn header(frame: &Frame, error: DecodeError) -> Malformed {
        let mut start = Reader::new(&frame.bytes);
        let key = start.int16().ok().and_then(ApiKey::from_key);
        let version = start.int16().unwrap_or(-1);
        Malformed { api: key.map_or("unknown", ApiKey::name), version, client_id: String::new(), error }
    }

    fn body(header: &RequestHeader<'_>, error: DecodeError) -> Malformed {
        let client_id = header.client_id.iter().flat_map(|id| id.chars()).take(LOGGED_CHARS).collect();
        let api = header.api().map_or("unknown", ApiKey::name);
        Malformed { api, version: header.api_version, client_id, error }
    }
}

fn entry(key: ApiKey) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.key == key)
}

/// The answer to an API or version that is not served, on a connection that stays open: the error code alone, since the
/// layout that the client expects is not known, unless the API has an answer for this.
fn refuse_version(entry: Option<&Entry>, correlation_id: i32) -> Promise {
    if let Some(chunks) = entry.and_then(|entry| (entry.refuse_version)(correlation_id)) {
        return Promise::ready(Answer::frame(chunks));
    }
    let mut frame = Vec::with_capacity(6);
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&ErrorCode::UnsupportedVersion.code().to_be_bytes());
    Promise::ready(Answer::frame(vec![Bytes::from(frame)]))
}
