//! ConsumerGroupDescribe: state, members and assignments of consumer groups of KIP-848.
//! Versions 0-1. 1: which protocol a member speaks (KIP-1099).
//! Left out: nothing.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::api::operations;
use crate::api::together::join_all;
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::{Describe, Described, consumer};
use crate::metadata::{GROUP_VERSION, Image};
use crate::protocol::ErrorCode;
use crate::protocol::messages::consumer_group_describe::{
    Assignment, DescribedGroup, Member, Request, Response, TopicPartitions,
};

const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

pub struct ConsumerGroupDescribe;

impl Handler for ConsumerGroupDescribe {
    type Request = Request;
    const VERSIONS: Versions = 0..=1;

    async fn handle(context: Context, request: Request) -> Response {
        let image = context.image();
        let groups = request.group_ids.iter().map(|group| describe(&context, &image, group));
        let mut groups = join_all(groups).await;
        if request.include_authorized_operations {
            for group in groups.iter_mut().filter(|group| group.error_code == i16::from(ErrorCode::None)) {
                group.authorized_operations = operations::GROUP;
            }
        }
        Response { groups, ..Response::default() }
    }
}

async fn describe(context: &Context, image: &Image, id: &str) -> DescribedGroup {
    match find(context, image, id).await {
        Ok(group) => {
            let default = context.group_settings().consumer.default_assignor;
            DescribedGroup { group_id: id.to_owned(), ..described(&group, default, image) }
        }
        Err(failure) => DescribedGroup { group_id: id.to_owned(), ..failure.into() },
    }
}

async fn find(context: &Context, image: &Image, id: &str) -> Result<consumer::Group, Failure> {
    if !image.features.is_at_least(GROUP_VERSION, 1) {
        return Err(ErrorCode::UnsupportedVersion.into());
    }
    let coordinating = context.coordinator(id).await?;
    let seen = coordinating.coordinator.ask(id, Describe::<consumer::Group>::default()).await;
    let not_found = |why: &str| Err(Failure::new(ErrorCode::GroupIdNotFound, format!("Group {id} {why}.")));
    match coordinating.answered(seen).await? {
        Described::Members(group) => Ok(*group),
        Described::Other => not_found("is not a consumer group"),
        Described::Nothing => not_found("not found"),
    }
}

fn described(group: &consumer::Group, default: Assignor, image: &Image) -> DescribedGroup {
    let member = |member: &consumer::Member| {
        let progress = group.progress(&member.id);
        // Partitions that a member is to give up are its own until it has.
        let mut assigned = consumer::Assignment::new();
        for (topic, partitions) in progress.assigned.iter().chain(&progress.revoking) {
            assigned.entry(*topic).or_default().extend(partitions.keys());
        }
        Member {
            member_id: member.id.to_string(),
            instance_id: member.instance.as_deref().map(str::to_owned),
            rack_id: member.rack.as_deref().map(str::to_owned),
            member_epoch: progress.epoch,
            client_id: member.client_id.to_string(),
            client_host: member.client_host.to_string(),
            subscribed_topic_names: member.topics.iter().map(|name| name.to_string()).collect(),
            // Not null: there it would be a version that knows no patterns.
            subscribed_topic_regex: Some(member.pattern.as_deref().unwrap_or_default().to_owned()),
            assignment: named(&assigned, image),
            target_assignment: named(&group.target(&member.id), image),
            member_type: if member.classic.is_some() { CLASSIC_MEMBER } else { CONSUMER_MEMBER },
        }
    };
    DescribedGroup {
        group_state: group.state().name().to_owned(),
        group_epoch: group.epoch(),
        assignment_epoch: group.assignment_epoch(),
        assignor_name: group.preferred_assignor().unwrap_or(default).name().to_owned(),
        members: group.members().map(member).collect(),
        ..DescribedGroup::default()
    }
}

/// Topics that are deleted have no name, and are left out.
fn named(assignment: &consumer::Assignment, image: &Image) -> Assignment {
    let topic = |(id, partitions): (_, &std::collections::BTreeSet<i32>)| {
        let topic = image.topic(id)?;
        Some(TopicPartitions {
            topic_id: id.0,
            topic_name: topic.name.to_string(),
            partitions: partitions.iter().copied().collect(),
        })
    };
    let topics = assignment.iter().filter_map(|(id, partitions)| topic((*id, partitions)));
    Assignment { topic_partitions: topics.collect() }
}
