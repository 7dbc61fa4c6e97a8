//! DescribeGroups: state and members of classic groups.
//! Versions 0-6. 3: authorised operations (KIP-430). 4: instance ids (KIP-345). 6: GROUP_ID_NOT_FOUND (KIP-1043); before,
//! a group that does not exist is dead.
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::operations;
use crate::api::together::join_all;
use crate::coordinator::group::classic::{Group, Member, Phase};
use crate::coordinator::group::{Describe, Described};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember, Request, Response};

const DEAD: &str = "Dead";

pub struct DescribeGroups;

impl Handler for DescribeGroups {
    type Request = Request;
    const VERSIONS: Versions = 0..=6;

    async fn handle(context: Context, request: Request) -> Response {
        let groups = request.groups.iter().map(|group| describe(&context, group));
        let mut groups = join_all(groups).await;
        if request.include_authorized_operations {
            for group in groups.iter_mut().filter(|group| group.error_code == i16::from(ErrorCode::None)) {
                group.authorized_operations = operations::GROUP;
            }
        }
        Response { groups, ..Response::default() }
    }
}

async fn describe(context: &Context, id: &str) -> DescribedGroup {
    let group_id = id.to_owned();
    match find(context, id).await {
        Ok(Described::Members(group)) => DescribedGroup { group_id, ..described(&group) },
        Ok(Described::Other) => dead(context, id, format!("Group {id} is not a classic group.")),
        Ok(Described::Nothing) => dead(context, id, format!("Group {id} not found.")),
        Err(failure) => DescribedGroup { group_id, ..failure.into() },
    }
}

async fn find(context: &Context, id: &str) -> Result<Described<Group>, Failure> {
    let coordinating = context.coordinator_of_any(id).await?;
    let seen = coordinating.coordinator.ask(id, Describe::default()).await;
    coordinating.answered(seen).await
}

fn dead(context: &Context, id: &str, message: String) -> DescribedGroup {
    let dead =
        DescribedGroup { group_id: id.to_owned(), group_state: DEAD.to_owned(), ..DescribedGroup::default() };
    match context.version >= 6 {
        true => DescribedGroup {
            error_code: ErrorCode::GroupIdNotFound.into(),
            error_message: Some(message),
            ..dead
        },
        false => dead,
    }
}

/// Metadata of members is told of a generation that is complete; their assignments, until they get others.
fn described(group: &Group) -> DescribedGroup {
    let is_stable = group.phase() == Phase::Stable;
    let protocol = group.protocol_name().filter(|_| is_stable);
    let member = |member: &Member| DescribedGroupMember {
        member_id: member.id.to_string(),
        group_instance_id: member.instance.as_deref().map(str::to_owned),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        member_metadata: protocol.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
        member_assignment: member.assignment.clone(),
    };
    DescribedGroup {
        group_state: group.phase().name().to_owned(),
        protocol_type: group.protocol_type().unwrap_or_default().to_owned(),
        protocol_data: protocol.unwrap_or_default().to_owned(),
        members: group.members().map(member).collect(),
        ..DescribedGroup::default()
    }
}
