//! The gate before the handlers: each frame is a request, or a part of a login.

use bytes::Bytes;
use zeroize::Zeroize as _;

use super::exchange::Stage;
use super::visit::Visit;
use super::{Audit, Connection, Security};
use crate::api::handler::Handler as _;
use crate::api::handlers::{ApiVersions, SOFTWARE_SINCE, software_is_valid};
use crate::net::{Answer, CloseReason, Closer, Peer, Promise};
use crate::protocol::ApiKey;
use crate::protocol::codec::{Reader, Request};
use crate::protocol::header::{RequestHeader, api_of, response_frame};
use crate::protocol::messages::api_versions;
use crate::runtime::Runtime;

/// The way in for frames.
pub struct Gate {
    pub(super) security: Security,
    pub(super) audit: Audit,
    pub(super) runtime: Runtime,
}

/// The outcome of a frame.
pub enum Passage {
    /// It is a request like any other.
    Request,
    /// It was a part of a login, and this is its answer.
    Answered(Promise),
}

impl Gate {
    /// Fails if the registry has the metrics of logins already.
    pub fn new(security: Security, runtime: &Runtime) -> Result<Gate, prometheus::Error> {
        let audit = Audit::register(&runtime.metrics, &runtime.clock)?;
        Ok(Gate { security, audit, runtime: runtime.clone() })
    }

    pub fn connected(&self, peer: &Peer, closer: Closer) -> Connection {
        Connection::new(peer, closer, &self.security, &self.audit)
    }

    /// Takes a frame. Until it returns, nothing else of the connection is taken.
    pub async fn pass(&self, connection: &mut Connection, frame: &Bytes) -> Passage {
        let greeting = greeting(frame);
        if let Some(Greeting { software: Some((name, version)) }) = &greeting {
            connection.introduce(name, version);
        }
        let Connection { login, session, .. } = connection;
        let Some(login) = login else { return Passage::Request };
        let mut visit = Visit { gate: self, login, session, frame };
        match &visit.login.stage {
            Stage::Done => visit.of_known(),
            Stage::New | Stage::Greeted => visit.of_stranger(greeting.is_some()),
            Stage::Proving(proving) if proving.is_raw => visit.raw_token().await,
            Stage::Proving(_) => visit.token().await,
            Stage::Failed => closed(),
        }
    }
}

/// Overwrites a frame of a login, which may hold a password or a token.
pub fn wipe(frame: Bytes) {
    if let Ok(mut frame) = frame.try_into_mut() {
        frame.zeroize();
    }
}

/// An ApiVersions request that gets the APIs.
struct Greeting {
    software: Option<(String, String)>,
}

/// Reads the frame as an ApiVersions request, if it is one that is in order.
fn greeting(frame: &Bytes) -> Option<Greeting> {
    if api_of(frame) != Some(ApiKey::ApiVersions) {
        return None;
    }
    let (header, body) = RequestHeader::decode(frame).ok()?;
    if !ApiVersions::VERSIONS.contains(&header.api_version) {
        return None;
    }
    let request: api_versions::Request = read(&body, header.api_version)?;
    if header.api_version < SOFTWARE_SINCE {
        return Some(Greeting { software: None });
    }
    software_is_valid(&request).then_some(Greeting {
        software: Some((request.client_software_name, request.client_software_version)),
    })
}

pub(super) fn closed() -> Passage {
    Passage::Answered(Answer::nothing().closing(CloseReason::Authentication).into())
}

/// Bytes behind the last field are ignored, as in other requests.
pub(super) fn read<R: Request>(body: &Bytes, version: i16) -> Option<R> {
    R::decode_from(Reader::new(body), version).ok().map(|(request, _)| request)
}

pub(super) fn answer<R: Request>(response: &R::Response, header: &RequestHeader<'_>) -> Answer {
    match response_frame::<R>(response, header.api_version, header.correlation_id) {
        Ok(pieces) => Answer::frame(pieces),
        Err(error) => {
            tracing::error!(%error, "an answer to a login cannot be written");
            Answer::nothing().closing(CloseReason::NoAnswer)
        }
    }
}
