//! Classic groups over a socket: a generation from its first JoinGroup on, and what is left of it after a restart.

use std::time::Duration;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{find_coordinator, heartbeat, join_group, leave_group, sync_group};

use crate::Running;
use crate::client::Client;

pub const AT_ONCE: (&str, &str) = ("GROUP_INITIAL_REBALANCE_DELAY_MS", "0");

fn join_request(member: &str, instance: Option<&str>) -> join_group::Request {
    join_group::Request {
        group_id: "g".to_owned(),
        session_timeout_ms: 6000,
        rebalance_timeout_ms: 6000,
        member_id: member.to_owned(),
        group_instance_id: instance.map(str::to_owned),
        protocol_type: "consumer".to_owned(),
        protocols: vec![join_group::JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: vec![1, 2].into(),
        }],
        ..join_group::Request::default()
    }
}

/// Joins with the id that the group gives first.
pub async fn join(client: &mut Client) -> join_group::Response {
    let given = client.ask(&join_request("", None), 9).await;
    assert_eq!(given.error_code, ErrorCode::MemberIdRequired.code());
    client.ask(&join_request(&given.member_id, None), 9).await
}

pub fn sync_request(joined: &join_group::Response, shares: &[(&str, &[u8])]) -> sync_group::Request {
    let share = |(member, share): &(&str, &[u8])| sync_group::SyncGroupRequestAssignment {
        member_id: (*member).to_owned(),
        assignment: share.to_vec().into(),
    };
    sync_group::Request {
        group_id: "g".to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: shares.iter().map(share).collect(),
        ..sync_group::Request::default()
    }
}

async fn beat(client: &mut Client, member: &str, generation: i32) -> ErrorCode {
    let request = heartbeat::Request {
        group_id: "g".to_owned(),
        generation_id: generation,
        member_id: member.to_owned(),
        ..heartbeat::Request::default()
    };
    ErrorCode::from_code(client.ask(&request, 4).await.error_code).expect("a code of Kafka's")
}

pub async fn leave(client: &mut Client, member: &str) -> i16 {
    let request = leave_group::Request {
        group_id: "g".to_owned(),
        members: vec![leave_group::MemberIdentity { member_id: member.to_owned(), ..Default::default() }],
        ..leave_group::Request::default()
    };
    client.ask(&request, 5).await.members[0].error_code
}

#[tokio::test]
async fn a_coordinator_is_found_by_group_and_by_transactional_id() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let port = i32::from(running.broker.address().port());
    let one = find_coordinator::Request { key: "g".to_owned(), ..Default::default() };
    let found = client.ask(&one, 3).await;
    assert_eq!((found.error_code, found.node_id, found.port), (0, 0, port));
    assert_eq!(found.error_message.as_deref(), Some("NONE"));
    let keys = || vec!["g".to_owned(), "h".to_owned()];
    for (key_type, code) in [(0, ErrorCode::None), (1, ErrorCode::None), (9, ErrorCode::InvalidRequest)] {
        let many = find_coordinator::Request { key_type, coordinator_keys: keys(), ..Default::default() };
        let found = client.ask(&many, 6).await.coordinators;
        assert_eq!(found.iter().map(|found| found.key.clone()).collect::<Vec<_>>(), keys());
        for found in found {
            let expected = if code == ErrorCode::None { (0, 0, port) } else { (code.code(), -1, -1) };
            assert_eq!((found.error_code, found.node_id, found.port), expected);
            let explains = found.error_message.is_some_and(|message| !message.is_empty());
            assert_eq!(explains, code != ErrorCode::None);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn two_members_meet_get_their_shares_and_go() {
    let running = Running::with(&[AT_ONCE]).await;
    let (mut one, mut two) = (running.client().await, running.client().await);
    let first = join(&mut one).await;
    assert_eq!((first.error_code, first.generation_id, first.members.len()), (0, 1, 1));
    assert_eq!(first.leader, first.member_id);
    let given = two.ask(&join_request("", None), 9).await;
    let waiting = join_request(&given.member_id, None);
    two.send(&waiting, 9).await;
    assert!(two.hears_nothing_for(Duration::from_millis(200)).await, "the other has not joined again");
    assert_eq!(beat(&mut one, &first.member_id, 1).await, ErrorCode::RebalanceInProgress);
    let leader = one.ask(&join_request(&first.member_id, None), 9).await;
    let (_, follower) = two.receive::<join_group::Request>(9).await;
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));

    two.send(&sync_request(&follower, &[]), 5).await;
    assert!(two.hears_nothing_for(Duration::from_millis(200)).await, "the leader has not assigned");
    let shares: [(&str, &[u8]); 2] = [(&leader.member_id, b"one"), (&follower.member_id, b"two")];
    let synced = one.ask(&sync_request(&leader, &shares), 5).await;
    let (_, other) = two.receive::<sync_group::Request>(5).await;
    assert_eq!((&synced.assignment[..], &other.assignment[..]), (&b"one"[..], &b"two"[..]));

    assert_eq!(beat(&mut two, &follower.member_id, 2).await, ErrorCode::None);
    assert_eq!(beat(&mut two, &follower.member_id, 1).await, ErrorCode::IllegalGeneration);
    assert_eq!(beat(&mut two, "stranger", 2).await, ErrorCode::UnknownMemberId);
    assert_eq!(leave(&mut one, &leader.member_id).await, 0);
    assert_eq!(leave(&mut one, &leader.member_id).await, ErrorCode::UnknownMemberId.code());
    assert_eq!(beat(&mut two, &follower.member_id, 2).await, ErrorCode::RebalanceInProgress);
    running.stop().await;
}

#[tokio::test]
async fn a_stable_group_goes_on_after_a_restart() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[AT_ONCE]).await;
    let mut client = running.client().await;
    let joined = join(&mut client).await;
    let shares: [(&str, &[u8]); 1] = [(&joined.member_id, b"all")];
    assert_eq!(client.ask(&sync_request(&joined, &shares), 5).await.error_code, 0);
    running.stop().await;

    let running = Running::on(data.path(), &[AT_ONCE]).await;
    let mut client = running.client().await;
    assert_eq!(beat(&mut client, &joined.member_id, joined.generation_id).await, ErrorCode::None);
    let synced = client.ask(&sync_request(&joined, &[]), 5).await;
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]));
    running.stop().await;
}

#[tokio::test]
async fn a_silent_member_is_removed_after_its_session() {
    let running = Running::with(&[AT_ONCE, ("GROUP_MIN_SESSION_TIMEOUT_MS", "1")]).await;
    let mut client = running.client().await;
    let given = client.ask(&join_request("", None), 9).await;
    let brief = join_group::Request { session_timeout_ms: 300, ..join_request(&given.member_id, None) };
    let joined = client.ask(&brief, 9).await;
    let shares: [(&str, &[u8]); 1] = [(&joined.member_id, b"all")];
    assert_eq!(client.ask(&sync_request(&joined, &shares), 5).await.error_code, 0);
    running.pass(Duration::from_secs(1)).await;
    assert_eq!(beat(&mut client, &joined.member_id, 1).await, ErrorCode::UnknownMemberId);
    running.stop().await;
}

#[tokio::test]
async fn what_no_group_can_be_is_refused() {
    let running = Running::start().await;
    let mut client = running.client().await;
    for version in 0..=9 {
        let nameless = join_group::Request { group_id: String::new(), ..join_request("", None) };
        let refused = client.ask(&nameless, version).await;
        assert_eq!(refused.error_code, ErrorCode::InvalidGroupId.code(), "version {version}");
        let hasty = join_group::Request { session_timeout_ms: 5999, ..join_request("", None) };
        let refused = client.ask(&hasty, version).await;
        assert_eq!(refused.error_code, ErrorCode::InvalidSessionTimeout.code(), "version {version}");
        let ghost = client.ask(&join_request("ghost", None), version).await;
        assert_eq!(ghost.error_code, ErrorCode::UnknownMemberId.code(), "version {version}");
        assert_eq!(ghost.member_id, "ghost");
    }
    let unnamed = sync_group::Request { group_id: "g".to_owned(), ..Default::default() };
    let refused = client.ask(&unnamed, 5).await;
    assert_eq!(refused.error_code, ErrorCode::InconsistentGroupProtocol.code());
    let refused = client.ask(&unnamed, 4).await;
    assert_eq!(refused.error_code, ErrorCode::UnknownMemberId.code());
    running.stop().await;
}
