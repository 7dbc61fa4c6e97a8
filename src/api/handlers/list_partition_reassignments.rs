//! ListPartitionReassignments: the reassignments under way (KIP-455).
//! Version 0.
//! Left out: nothing. A partition is moved by giving its shard another owner, in one step, so none is ever under way.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::list_partition_reassignments::{Request, Response};

pub struct ListPartitionReassignments;

impl Handler for ListPartitionReassignments {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(_: Context, _: Request) -> Response {
        Response { error_message: None, ..Response::default() }
    }
}
