//! AddRaftVoter: has a broker vote on the metadata (KIP-853).
//! Versions 0-1. 1: an answer before the change is committed (KIP-1186), which comes after it here too.
//! Left out: directories have no ids here, and a broker's place is known since it joined, so both are ignored. The number of voters
//! stays odd: another broker becomes a voter along with it.

use std::time::Duration;

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::cluster::Ballot;
use crate::protocol::ErrorCode;
use crate::protocol::messages::add_raft_voter::{Request, Response};
use crate::types::BrokerId;

pub struct AddRaftVoter;

impl Handler for AddRaftVoter {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        check_cluster(&context, request.cluster_id.as_deref())?;
        let refuse = |why: &str| Err(Failure::new(ErrorCode::InvalidRequest, why.to_owned()));
        if request.voter_id < 0 {
            return refuse("Add voter request didn't include a valid voter");
        }
        if request.listeners.is_empty() {
            return refuse("Add voter request didn't include the endpoint of the voter");
        }
        let ballot = Ballot { broker: BrokerId(request.voter_id), votes: true };
        let limit = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
        let change = context.broker.vote(ballot);
        match context.broker.runtime.clock.timeout(limit, change).await {
            Ok(Ok(())) => Ok(Response::default()),
            Ok(Err(unchanged)) => Err(unchanged.into()),
            Err(_) => Err(ErrorCode::RequestTimedOut.into()),
        }
    }
}

/// Refuses a request that is for another cluster.
pub(super) fn check_cluster(context: &Context, asked: Option<&str>) -> Result<(), Failure> {
    let own = &*context.image().cluster_id;
    match asked.filter(|id| *id != own) {
        Some(id) => {
            let why = format!("The given id \"{id}\" doesn't match the cluster id \"{own}\"");
            Err(Failure::new(ErrorCode::InconsistentClusterId, why))
        }
        None => Ok(()),
    }
}
