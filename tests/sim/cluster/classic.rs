//! Members of groups of the classic protocol: they join, agree on an assignment, beat, commit, leave, and vanish.

use std::time::Duration;

use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, sync_group};

use super::clients::PARTITIONS;
use super::coordinated::{Committed, Coordinated, Identity};
use super::world::{Phase, World};

const JOIN: i16 = 5;
const SYNC: i16 = 3;
const HEARTBEAT: i16 = 3;
const LEAVE: i16 = 3;
const SESSION_MS: i32 = 6_000;
const REBALANCE_MS: i32 = 3_000;
const PROTOCOL: &str = "range";

/// The reason for which a member is in its generation no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It joins the next one.
    Again,
    /// It is a new member from then on.
    Anew,
}

/// One member after the other of one group.
pub async fn belong(world: World, group: String) {
    let mut at = Coordinated::new(&world, &group);
    let mut identity = Identity::default();
    while world.phase() == Phase::Working {
        let ended = match join(&mut at, &mut identity).await {
            Some(owned) => live(&mut at, &identity, owned).await,
            None => End::Again,
        };
        if ended == End::Anew {
            identity = Identity::default();
            world.sleep_ms(world.below(2_000)).await;
        }
        world.sleep_ms(50 + world.below(100)).await;
    }
}

/// Takes part in the next generation. The partitions that the member has in it.
async fn join(at: &mut Coordinated, identity: &mut Identity) -> Option<Vec<i32>> {
    let least = at.world.told(|told| told.groups.generation(&at.group));
    let protocol = join_group::JoinGroupRequestProtocol {
        name: PROTOCOL.to_owned(),
        metadata: Bytes::from_static(b"-"),
    };
    let request = join_group::Request {
        group_id: at.group.clone(),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        member_id: identity.member.clone(),
        protocol_type: "simulated".to_owned(),
        protocols: vec![protocol],
        ..Default::default()
    };
    let joined = at.ask(request, JOIN).await?;
    if joined.error_code != 0 {
        match joined.error_code {
            code if code == ErrorCode::MemberIdRequired.code() => identity.member = joined.member_id,
            code if code == ErrorCode::UnknownMemberId.code() => identity.member.clear(),
            _ => at.look_again(),
        }
        return None;
    }
    *identity = Identity { member: joined.member_id.clone(), generation: joined.generation_id };
    let check = at.world.told(|told| told.groups.joins(&at.group, joined.generation_id, least));
    at.world.judge(check);
    let is_leader = joined.leader == joined.member_id;
    let assignments = if is_leader { assign(&joined.members) } else { Vec::new() };
    let request = sync_group::Request {
        group_id: at.group.clone(),
        generation_id: identity.generation,
        member_id: identity.member.clone(),
        assignments,
        ..Default::default()
    };
    let synced = at.ask(request, SYNC).await.filter(|synced| synced.error_code == 0)?;
    let owned: Vec<i32> = synced.assignment.iter().map(|partition| i32::from(*partition)).collect();
    at.world.note(format!("{} has {owned:?} of {} in {}", identity.member, at.group, identity.generation));
    let now = at.now();
    at.world.told(|told| {
        told.groups.is_in(&at.group, identity.generation);
        told.groups.takes(&at.group, &held_by(identity), &owned, now);
    });
    Some(owned)
}

/// A member in one generation holds what it has in that alone.
fn held_by(identity: &Identity) -> String {
    format!("{} in {}", identity.member, identity.generation)
}

/// Partitions in turn. An assignment is its partitions, a byte each.
fn assign(members: &[join_group::JoinGroupResponseMember]) -> Vec<sync_group::SyncGroupRequestAssignment> {
    let of = |at: usize| -> Vec<u8> {
        (0..PARTITIONS as u8).filter(|index| usize::from(*index) % members.len() == at).collect()
    };
    let each = members.iter().enumerate();
    let each = each.map(|(at, member)| sync_group::SyncGroupRequestAssignment {
        member_id: member.member_id.clone(),
        assignment: Bytes::from(of(at)),
    });
    each.collect()
}

/// Beats and commits until the generation, or the member, comes to its end.
async fn live(at: &mut Coordinated, identity: &Identity, owned: Vec<i32>) -> End {
    let mut positions = Vec::new();
    for partition in &owned {
        let Some(position) = at.committed(identity, *partition).await else { return End::Again };
        positions.push(position);
    }
    while at.world.phase() == Phase::Working {
        at.world.sleep_ms(200 + at.world.below(400)).await;
        let sent = at.now();
        let (code, is_unknown) = match at.world.below(100) {
            0..2 => return vanish(at).await,
            2..6 => return leave(at, identity).await,
            6..40 if !owned.is_empty() => {
                let which = at.world.below(owned.len() as u64) as usize;
                positions[which] += 1;
                match at.commit(identity, owned[which], positions[which]).await {
                    Committed::Yes => (0, false),
                    Committed::No(code) => (code, false),
                    Committed::Unknown => (0, true),
                }
            }
            _ => match beat(at, identity).await {
                Some(code) => (code, false),
                None => continue,
            },
        };
        if is_unknown {
            // It may be done later, but only as long as this member is one.
            return End::Anew;
        }
        if code == 0 {
            let check = at.world.told(|told| told.groups.owns(&at.group, &held_by(identity), &owned, sent));
            at.world.judge(check);
        } else if [ErrorCode::RebalanceInProgress, ErrorCode::IllegalGeneration]
            .map(ErrorCode::code)
            .contains(&code)
        {
            return End::Again;
        } else if code == ErrorCode::UnknownMemberId.code() {
            return End::Anew;
        } else {
            at.look_again();
        }
    }
    End::Anew
}

async fn beat(at: &mut Coordinated, identity: &Identity) -> Option<i16> {
    let request = heartbeat::Request {
        group_id: at.group.clone(),
        generation_id: identity.generation,
        member_id: identity.member.clone(),
        group_instance_id: None,
    };
    at.ask(request, HEARTBEAT).await.map(|answer| answer.error_code)
}

/// Nothing is heard of the member any more.
async fn vanish(at: &Coordinated) -> End {
    let silence = Duration::from_millis(at.world.below(2 * SESSION_MS as u64));
    at.world.sleep_ms(silence.as_millis() as u64).await;
    End::Anew
}

async fn leave(at: &mut Coordinated, identity: &Identity) -> End {
    let member = leave_group::MemberIdentity { member_id: identity.member.clone(), ..Default::default() };
    let request =
        leave_group::Request { group_id: at.group.clone(), members: vec![member], ..Default::default() };
    // Without an answer the member is taken for dead in time.
    drop(at.ask(request, LEAVE).await);
    End::Anew
}
