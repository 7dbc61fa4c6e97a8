//! RemoveRaftVoter: has a broker vote on the metadata no more (KIP-853). It stays a broker, and listens.
//! Version 0.
//! Left out: directories have no ids here, so a voter with one is none of ours. The number of voters stays odd: another broker votes
//! in its place, or both go.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::handlers::add_raft_voter::check_cluster;
use crate::cluster::Ballot;
use crate::protocol::ErrorCode;
use crate::protocol::messages::remove_raft_voter::{Request, Response};
use crate::types::BrokerId;

pub struct RemoveRaftVoter;

impl Handler for RemoveRaftVoter {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        check_cluster(&context, request.cluster_id.as_deref())?;
        if request.voter_id < 0 {
            let why = "Remove voter request didn't include a valid voter";
            return Err(Failure::new(ErrorCode::InvalidRequest, why.to_owned()));
        }
        if !request.voter_directory_id.is_nil() {
            let why = format!("Cannot remove voter {}: no voter has a directory id", request.voter_id);
            return Err(Failure::new(ErrorCode::VoterNotFound, why));
        }
        let ballot = Ballot { broker: BrokerId(request.voter_id), votes: false };
        context.broker.vote(ballot).await?;
        Ok(Response::default())
    }
}
