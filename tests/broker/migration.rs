//! Groups that migrate between the protocols (KIP-848), over a socket.

use kafkaesque::protocol::consumer::{Assignment, Subscription, decode, encode};
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, sync_group};
use kafkaesque::protocol::{ErrorCode, messages::list_groups};
use uuid::Uuid;

use crate::Running;
use crate::client::Client;
use crate::consumer_groups::{Member, create_topic};
use crate::groups::AT_ONCE;
use crate::retention::until;

/// A member of the classic protocol that owns what it is given.
struct Classic {
    client: Client,
    id: String,
    generation: i32,
    owned: Vec<i32>,
}

impl Classic {
    async fn of(running: &Running) -> Classic {
        let mut client = running.client().await;
        let given = client.ask(&join_request(""), 9).await;
        assert_eq!(given.error_code, ErrorCode::MemberIdRequired.code());
        Classic { client, id: given.member_id, generation: -1, owned: Vec::new() }
    }

    /// Joins; in a classic group it is the leader, and gives itself `share`.
    async fn join(&mut self, share: &[i32]) {
        let joined = self.client.ask(&join_request(&self.id), 9).await;
        assert_eq!(joined.error_code, 0);
        self.generation = joined.generation_id;
        let share = Assignment {
            assigned_partitions: vec![kafkaesque::protocol::consumer::TopicPartition {
                topic: "t".to_owned(),
                partitions: share.to_vec(),
            }],
            user_data: None,
        };
        let assignments = vec![sync_group::SyncGroupRequestAssignment {
            member_id: self.id.clone(),
            assignment: encode(&share, 1).expect("an assignment"),
        }];
        let request = sync_group::Request {
            group_id: "g".to_owned(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: Some("range".to_owned()),
            assignments: if joined.leader == self.id { assignments } else { Vec::new() },
            ..sync_group::Request::default()
        };
        let synced = self.client.ask(&request, 5).await;
        assert_eq!(synced.error_code, 0);
        let (assignment, _) = decode::<Assignment>(&synced.assignment).expect("an assignment");
        self.owned = assignment.assigned_partitions.into_iter().flat_map(|topic| topic.partitions).collect();
    }

    async fn beat(&mut self) -> ErrorCode {
        let request = heartbeat::Request {
            group_id: "g".to_owned(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            ..heartbeat::Request::default()
        };
        ErrorCode::from_code(self.client.ask(&request, 4).await.error_code).expect("a code of Kafka's")
    }

    /// Joins again when it is told to.
    async fn follow(&mut self, share: &[i32]) {
        match self.beat().await {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress => self.join(share).await,
            other => panic!("{other:?}"),
        }
    }
}

fn join_request(member: &str) -> join_group::Request {
    let subscription = Subscription { topics: vec!["t".to_owned()], ..Subscription::default() };
    join_group::Request {
        group_id: "g".to_owned(),
        session_timeout_ms: 6000,
        rebalance_timeout_ms: 6000,
        member_id: member.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![join_group::JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: encode(&subscription, 1).expect("a subscription"),
        }],
        ..join_group::Request::default()
    }
}

async fn kind(client: &mut Client) -> (String, String) {
    let listed = client.ask(&list_groups::Request::default(), 5).await.groups.remove(0);
    (listed.group_type, listed.group_state)
}

fn sorted(one: &[i32], other: &[i32]) -> Vec<i32> {
    let mut all = [one, other].concat();
    all.sort_unstable();
    all
}

const FAST: [(&str, &str); 2] = [AT_ONCE, ("GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS", "0")];

#[tokio::test]
async fn a_live_group_changes_its_protocol_and_back() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &FAST).await;
    let id: Uuid = create_topic(&running, "t", 2).await;
    let mut old = Classic::of(&running).await;
    old.join(&[0, 1]).await;
    assert_eq!(old.owned, [0, 1]);
    let mut new = Member::of(&running, "new", &["t"]).await;
    new.beat().await;
    assert_eq!(kind(&mut running.client().await).await.0, "consumer");
    assert!(new.owns(id).is_empty(), "the other still owns all");
    until("both have a share", async || {
        old.follow(&[]).await;
        new.beat().await;
        old.owned.len() == 1 && sorted(&old.owned, &new.owns(id)) == [0, 1]
    })
    .await;
    assert_eq!(old.beat().await, ErrorCode::None);
    running.stop().await;

    let running = Running::on(data.path(), &FAST).await;
    (old.client, new.client) = (running.client().await, running.client().await);
    assert_eq!(old.beat().await, ErrorCode::None, "a mixed group outlives a restart");
    assert!(new.beat().await.member_epoch >= 2);
    new.leave().await;
    assert_eq!(kind(&mut running.client().await).await, ("classic".into(), "PreparingRebalance".into()));
    old.follow(&[0, 1]).await;
    assert_eq!(old.owned, [0, 1]);
    assert_eq!(kind(&mut running.client().await).await, ("classic".into(), "Stable".into()));
    running.stop().await;

    let running = Running::on(data.path(), &FAST).await;
    old.client = running.client().await;
    assert_eq!(old.beat().await, ErrorCode::None, "a classic group is what is stored");
    assert_eq!(kind(&mut running.client().await).await, ("classic".into(), "Stable".into()));
    running.stop().await;
}

#[tokio::test]
async fn empty_groups_take_the_protocol_of_who_joins() {
    let running = Running::with(&[AT_ONCE, ("GROUP_CONSUMER_MIGRATION_POLICY", "disabled")]).await;
    create_topic(&running, "t", 1).await;
    let mut client = running.client().await;
    let mut old = Classic::of(&running).await;
    old.join(&[0]).await;
    let mut new = Member::of(&running, "new", &["t"]).await;
    let refused = new.client.ask(&new.request(), 1).await;
    assert_eq!(refused.error_code, ErrorCode::GroupIdNotFound.code(), "the policy keeps the group classic");
    let leave = leave_group::Request {
        group_id: "g".to_owned(),
        members: vec![leave_group::MemberIdentity { member_id: old.id.clone(), ..Default::default() }],
        ..leave_group::Request::default()
    };
    assert_eq!(client.ask(&leave, 5).await.error_code, 0);
    new.beat().await;
    assert_eq!(kind(&mut client).await, ("consumer".into(), "Stable".into()));
    let refused = client.ask(&join_request(""), 9).await;
    assert_eq!(refused.error_code, ErrorCode::InconsistentGroupProtocol.code());
    new.leave().await;
    assert_eq!(kind(&mut client).await, ("consumer".into(), "Empty".into()));
    let mut old = Classic::of(&running).await;
    old.join(&[0]).await;
    assert_eq!(kind(&mut client).await, ("classic".into(), "Stable".into()));
    running.stop().await;
}
