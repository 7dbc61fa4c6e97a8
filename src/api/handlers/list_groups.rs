//! ListGroups: the groups that this broker coordinates.
//! Versions 0-5. 4: only those in some states (KIP-518). 5: only those of some types (KIP-848).
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::coordinator::group::Listed;
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_groups::{ListedGroup, Request, Response};

pub struct ListGroups;

impl Handler for ListGroups {
    type Request = Request;
    const VERSIONS: Versions = 0..=5;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        let wanted = list(&context).await?.into_iter().filter(|group| is_wanted(&request, group));
        Ok(Response { groups: wanted.map(listed).collect(), ..Response::default() })
    }
}

async fn list(context: &Context) -> Result<Vec<Listed>, Failure> {
    let mut all = Vec::new();
    // A coordinator that ends meanwhile takes its groups elsewhere, or comes back with them.
    let gone = |_| Failure::from(ErrorCode::CoordinatorLoadInProgress);
    for coordinating in context.coordinators().await.map_err(gone)? {
        let listed = coordinating.coordinator.list().await;
        all.append(&mut coordinating.answered(listed).await?);
    }
    Ok(all)
}

/// Filters are compared in lower case; no filter lets everything through (`GroupMetadataManager.listGroups`).
fn is_wanted(request: &Request, group: &Listed) -> bool {
    let lets = |filter: &[String], name: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(name))
    };
    lets(&request.states_filter, group.state) && lets(&request.types_filter, group.kind)
}

fn listed(group: Listed) -> ListedGroup {
    ListedGroup {
        group_id: group.id.to_string(),
        protocol_type: group.protocol_type,
        group_state: group.state.to_owned(),
        group_type: group.kind.to_owned(),
    }
}
