//! Committed offsets over a socket: who may commit, fetch and delete them, and what operators do with groups.

use std::path::Path;
use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    delete_groups, delete_topics, describe_groups, list_groups, offset_commit, offset_delete, offset_fetch,
};
use uuid::Uuid;

use crate::Running;
use crate::admin::{create, describe, topic};
use crate::client::Client;
use crate::groups::{AT_ONCE, join, leave, sync_request};
use crate::retention::until;

/// Commits an offset of partitions 0 and 9 of a topic that has one, and gives both codes.
struct Commit<'a> {
    group: &'a str,
    member: &'a str,
    generation: i32,
    topic: &'a str,
    id: Uuid,
    offset: i64,
}

impl Commit<'_> {
    fn request(&self) -> offset_commit::Request {
        let partition = |partition_index| offset_commit::OffsetCommitRequestPartition {
            partition_index,
            committed_offset: self.offset,
            committed_leader_epoch: 2,
            committed_metadata: Some("mine".to_owned()),
        };
        offset_commit::Request {
            group_id: self.group.to_owned(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member.to_owned(),
            topics: vec![offset_commit::OffsetCommitRequestTopic {
                name: self.topic.to_owned(),
                topic_id: self.id,
                partitions: vec![partition(0), partition(9)],
            }],
            ..offset_commit::Request::default()
        }
    }

    async fn send(&self, client: &mut Client, version: i16) -> (i16, i16) {
        let answer = client.ask(&self.request(), version).await;
        let code = |index: i32| {
            let partitions = &answer.topics[0].partitions;
            partitions.iter().find(|partition| partition.partition_index == index).unwrap().error_code
        };
        assert_eq!(answer.topics.len(), 1);
        (code(0), code(9))
    }
}

fn simple<'a>(group: &'a str, topic: &'a str, id: Uuid) -> Commit<'a> {
    Commit { group, member: "", generation: -1, topic, id, offset: 42 }
}

/// Offset, leader epoch and metadata of partition 0 of a topic.
async fn fetch(client: &mut Client, group: &str, topic: &str) -> (i64, i32, String) {
    let request = offset_fetch::Request {
        groups: vec![offset_fetch::OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: Some(vec![offset_fetch::OffsetFetchRequestTopics {
                name: topic.to_owned(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        }],
        ..offset_fetch::Request::default()
    };
    let group = client.ask(&request, 9).await.groups.remove(0);
    assert_eq!(group.error_code, 0);
    let found = &group.topics[0].partitions[0];
    assert_eq!(found.error_code, 0);
    (found.committed_offset, found.committed_leader_epoch, found.metadata.clone().unwrap())
}

async fn list(client: &mut Client, states: &[&str], types: &[&str]) -> Vec<(String, String, String)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let request = list_groups::Request { states_filter: texts(states), types_filter: texts(types) };
    let listed = client.ask(&request, 5).await;
    assert_eq!(listed.error_code, 0);
    let mut groups: Vec<_> = listed
        .groups
        .into_iter()
        .map(|group| (group.group_id, group.group_state, group.group_type))
        .collect();
    groups.sort();
    groups
}

async fn delete_group(client: &mut Client, group: &str) -> i16 {
    let request = delete_groups::Request { groups_names: vec![group.to_owned(), group.to_owned()] };
    let results = client.ask(&request, 3).await.results;
    assert_eq!(results.len(), 1, "each group once");
    results[0].error_code
}

async fn delete_offset(client: &mut Client, group: &str, topic: &str) -> Result<i16, i16> {
    let request = offset_delete::Request {
        group_id: group.to_owned(),
        topics: vec![offset_delete::OffsetDeleteRequestTopic {
            name: topic.to_owned(),
            partitions: vec![offset_delete::OffsetDeleteRequestPartition { partition_index: 0 }],
        }],
    };
    let answer = client.ask(&request, 0).await;
    match answer.error_code {
        0 => Ok(answer.topics[0].partitions[0].error_code),
        code => Err(code),
    }
}

fn unknown_partition(partition_index: i32) -> offset_delete::OffsetDeleteRequestTopic {
    let partitions = vec![offset_delete::OffsetDeleteRequestPartition { partition_index }];
    offset_delete::OffsetDeleteRequestTopic { name: "none".to_owned(), partitions }
}

async fn with_topic(running: &Running, name: &str) -> (Client, Uuid) {
    let mut client = running.client().await;
    create(&mut client, vec![topic(name, 1, 1)]).await;
    let id = describe(&mut client, name, false).await.topic_id;
    (client, id)
}

#[tokio::test]
async fn offsets_come_back_in_every_version() {
    let running = Running::start().await;
    let (mut client, id) = with_topic(&running, "t").await;
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    for version in 2..=10 {
        let commit = Commit { offset: i64::from(version), ..simple("g", "t", id) };
        assert_eq!(commit.send(&mut client, version).await, (0, unknown), "version {version}");
        let epoch = if version >= 6 { 2 } else { -1 };
        let found = fetch(&mut client, "g", "t").await;
        assert_eq!(found, (version.into(), epoch, "mine".to_owned()), "version {version}");
    }
    for version in 1..=7 {
        let topics = vec![offset_fetch::OffsetFetchRequestTopic {
            name: "t".to_owned(),
            partition_indexes: vec![0, 9],
        }];
        let request =
            offset_fetch::Request { group_id: "g".to_owned(), topics: Some(topics), ..Default::default() };
        let found = client.ask(&request, version).await;
        let offsets: Vec<i64> =
            found.topics[0].partitions.iter().map(|found| found.committed_offset).collect();
        assert_eq!(offsets, [10, -1], "version {version}");
        if version >= 2 {
            let all = offset_fetch::Request { group_id: "g".to_owned(), topics: None, ..Default::default() };
            let found = client.ask(&all, version).await;
            assert_eq!((found.topics.len(), found.topics[0].partitions.len()), (1, 1), "version {version}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn several_groups_are_fetched_by_topic_id() {
    let running = Running::start().await;
    let (mut client, id) = with_topic(&running, "t").await;
    simple("one", "t", id).send(&mut client, 10).await;
    let ghost = Uuid::from_u128(7);
    let no_topic = ErrorCode::UnknownTopicId.code();
    assert_eq!(simple("one", "t", ghost).send(&mut client, 10).await, (no_topic, no_topic));
    let asked = |topic_id| offset_fetch::OffsetFetchRequestTopics {
        topic_id,
        partition_indexes: vec![0],
        ..Default::default()
    };
    let group = |name: &str, topics| offset_fetch::OffsetFetchRequestGroup {
        group_id: name.to_owned(),
        topics,
        ..Default::default()
    };
    let request = offset_fetch::Request {
        groups: vec![
            group("one", None),
            group("two", None),
            group("one", Some(vec![asked(ghost), asked(id)])),
        ],
        require_stable: true,
        ..offset_fetch::Request::default()
    };
    let found = client.ask(&request, 10).await.groups;
    assert_eq!((found[0].topics[0].topic_id, found[0].topics[0].partitions[0].committed_offset), (id, 42));
    assert_eq!((found[1].error_code, found[1].topics.len()), (0, 0));
    let told: Vec<_> = found[2]
        .topics
        .iter()
        .map(|topic| (topic.topic_id, topic.partitions[0].committed_offset, topic.partitions[0].error_code))
        .collect();
    assert_eq!(told, [(id, 42, 0), (ghost, -1, no_topic)]);
    running.stop().await;
}

#[tokio::test]
async fn members_commit_in_their_generation_and_others_only_without_them() {
    let running = Running::with(&[AT_ONCE]).await;
    let (mut client, id) = with_topic(&running, "t").await;
    let code = |code: ErrorCode| code.code();
    let joined = join(&mut client).await;
    let commit = |member, generation| Commit { member, generation, offset: 5, ..simple("g", "t", id) };
    let member = joined.member_id.as_str();
    let refused = commit(member, 1).send(&mut client, 9).await.0;
    assert_eq!(refused, code(ErrorCode::RebalanceInProgress), "nothing is assigned yet");
    let shares: [(&str, &[u8]); 1] = [(member, b"all")];
    assert_eq!(client.ask(&sync_request(&joined, &shares), 5).await.error_code, 0);
    assert_eq!(commit(member, 1).send(&mut client, 9).await.0, 0);
    assert_eq!(commit(member, 2).send(&mut client, 9).await.0, code(ErrorCode::IllegalGeneration));
    assert_eq!(commit("x", 1).send(&mut client, 9).await.0, code(ErrorCode::UnknownMemberId));
    assert_eq!(commit("", -1).send(&mut client, 9).await.0, code(ErrorCode::UnknownMemberId));
    let nowhere = Commit { group: "none", ..commit("x", 1) };
    assert_eq!(nowhere.send(&mut client, 8).await.0, code(ErrorCode::IllegalGeneration));
    assert_eq!(nowhere.send(&mut client, 9).await.0, code(ErrorCode::GroupIdNotFound));
    let mut by_instance = commit(member, 1).request();
    by_instance.group_instance_id = Some("i".to_owned());
    let answer = client.ask(&by_instance, 9).await;
    assert!(answer.topics[0].partitions.iter().any(|one| one.error_code == code(ErrorCode::UnknownMemberId)));

    assert_eq!(delete_group(&mut client, "g").await, code(ErrorCode::NonEmptyGroup));
    let used = delete_offset(&mut client, "g", "t").await;
    assert_eq!(used, Ok(code(ErrorCode::GroupSubscribedToTopic)), "a subscription that cannot be read");
    assert_eq!(leave(&mut client, member).await, 0);
    assert_eq!(commit("", -1).send(&mut client, 9).await.0, 0);
    assert_eq!(delete_offset(&mut client, "g", "t").await, Ok(0));
    assert_eq!(fetch(&mut client, "g", "t").await.0, -1);
    assert_eq!(delete_group(&mut client, "g").await, 0);
    running.stop().await;
}

#[tokio::test]
async fn groups_are_listed_described_and_deleted() {
    let running = Running::with(&[AT_ONCE]).await;
    let (mut client, id) = with_topic(&running, "t").await;
    simple("simple", "t", id).send(&mut client, 9).await;
    let joined = join(&mut client).await;
    let shares: [(&str, &[u8]); 1] = [(&joined.member_id, b"all")];
    client.ask(&sync_request(&joined, &shares), 5).await;
    let row = |id: &str, state: &str| (id.to_owned(), state.to_owned(), "classic".to_owned());
    let (stable, empty) = (row("g", "Stable"), row("simple", "Empty"));
    assert_eq!(list(&mut client, &[], &[]).await, [stable.clone(), empty]);
    assert_eq!(list(&mut client, &["empty", "Dead"], &[]).await, [row("simple", "Empty")]);
    assert_eq!(list(&mut client, &["STABLE"], &["Classic"]).await, [stable]);
    assert_eq!(list(&mut client, &[], &["consumer"]).await, []);

    let request = describe_groups::Request {
        groups: ["g", "simple", "none"].map(str::to_owned).to_vec(),
        include_authorized_operations: true,
    };
    let described = client.ask(&request, 6).await.groups;
    let told = |at: usize| (&*described[at].group_state, described[at].error_code);
    assert_eq!((told(0), told(1)), (("Stable", 0), ("Empty", 0)));
    assert_eq!(told(2), ("Dead", ErrorCode::GroupIdNotFound.code()));
    assert_eq!(described[2].error_message.as_deref(), Some("Group none not found."));
    assert_eq!((&*described[0].protocol_type, &*described[0].protocol_data), ("consumer", "range"));
    let member = &described[0].members[0];
    assert_eq!((&*member.member_id, &*member.client_id), (&*joined.member_id, "test"));
    assert_eq!((&member.member_metadata[..], &member.member_assignment[..]), (&[1, 2][..], &b"all"[..]));
    assert_eq!(described[0].authorized_operations, (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11));
    let dead = client.ask(&request, 5).await.groups;
    assert_eq!((&*dead[2].group_state, dead[2].error_code), ("Dead", 0));

    let mut another = running.client().await;
    let task = tokio::spawn(async move { join(&mut another).await });
    until("another waits to join", async || {
        let described = client.ask(&request, 6).await.groups.swap_remove(0);
        let waits = described.group_state == "PreparingRebalance" && described.members.len() == 2;
        let old = described.members.iter().find(|member| member.member_id == joined.member_id);
        let old = old.expect("the first member");
        let told = (old.member_metadata.is_empty(), &old.member_assignment[..]);
        assert_eq!(
            told,
            (described.group_state != "Stable", &b"all"[..]),
            "what it was given it keeps for now"
        );
        waits
    })
    .await;
    task.abort();

    assert_eq!(delete_group(&mut client, "none").await, ErrorCode::GroupIdNotFound.code());
    assert_eq!(delete_group(&mut client, "simple").await, 0);
    assert_eq!(fetch(&mut client, "simple", "t").await.0, -1);
    assert_eq!(delete_offset(&mut client, "simple", "t").await, Err(ErrorCode::GroupIdNotFound.code()));
    assert_eq!(list(&mut client, &["Empty"], &[]).await, []);
    running.stop().await;
}

#[tokio::test]
async fn a_group_of_offsets_outlives_the_last_of_them_for_a_while() {
    let running = Running::start().await;
    let (mut client, id) = with_topic(&running, "t").await;
    simple("simple", "t", id).send(&mut client, 9).await;
    assert_eq!(delete_offset(&mut client, "simple", "t").await, Ok(0));
    assert_eq!(delete_offset(&mut client, "simple", "t").await, Ok(0), "a group without offsets is one yet");
    let unknown = offset_delete::Request {
        group_id: "simple".to_owned(),
        topics: vec![unknown_partition(1), unknown_partition(2), unknown_partition(1)],
    };
    let answer = client.ask(&unknown, 0).await;
    let codes = answer.topics[0].partitions.iter().map(|one| (one.partition_index, one.error_code));
    let code = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!((answer.topics.len(), codes.collect()), (1, vec![(1, code), (2, code), (1, code)]));
    let known = || offset_delete::OffsetDeleteRequestTopic { name: "t".to_owned(), ..unknown_partition(0) };
    for (topics, rows) in [(vec![known(), known()], 2), (vec![known(), known(), unknown_partition(0)], 2)] {
        let request = offset_delete::Request { group_id: "simple".to_owned(), topics };
        let answer = client.ask(&request, 0).await;
        assert_eq!(answer.topics.len(), rows, "merged only beside unknown ones: {answer:?}");
    }
    let row = ("simple".to_owned(), "Empty".to_owned(), "classic".to_owned());
    assert_eq!(list(&mut client, &["Empty"], &[]).await, [row]);
    assert_eq!(delete_group(&mut client, "simple").await, 0);
    assert_eq!(list(&mut client, &[], &[]).await, []);
    running.stop().await;
}

#[tokio::test]
async fn commits_survive_a_restart_and_go_with_their_topic() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[]).await;
    let (mut client, id) = with_topic(&running, "t").await;
    create(&mut client, vec![topic("u", 1, 1)]).await;
    for offset in 0..50 {
        // Without waiting for the answers: they are committed in their order.
        client.send(&Commit { offset, ..simple("g", "t", id) }.request(), 8).await;
    }
    for _ in 0..50 {
        client.receive::<offset_commit::Request>(8).await;
    }
    simple("g", "u", Uuid::nil()).send(&mut client, 8).await;
    simple("only", "t", id).send(&mut client, 8).await;
    running.stop().await;

    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    assert_eq!(fetch(&mut client, "g", "t").await, (49, 2, "mine".to_owned()));
    let request =
        delete_topics::Request { topic_names: vec!["t".to_owned()], timeout_ms: 5000, ..Default::default() };
    assert_eq!(client.ask(&request, 5).await.responses[0].error_code, 0);
    create(&mut client, vec![topic("t", 1, 1)]).await;
    assert_eq!(fetch(&mut client, "g", "t").await.0, -1, "a topic made anew has no offsets");
    assert_eq!(fetch(&mut client, "g", "u").await.0, 42);
    // Longer than it takes to notice that a topic was deleted, less than until the next look at what has expired.
    running.pass(Duration::from_millis(1500)).await;
    let groups = list(&mut client, &[], &[]).await;
    assert!(
        groups.iter().any(|(id, ..)| id == "only"),
        "a group outlives its topics for a while: {groups:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_simple_group_goes_when_its_offsets_have_expired() {
    let running = Running::with(&[("OFFSETS_RETENTION_CHECK_INTERVAL_MS", "50")]).await;
    let (mut client, id) = with_topic(&running, "t").await;
    let mut brief = simple("brief", "t", id).request();
    brief.retention_time_ms = 1;
    assert_eq!(client.ask(&brief, 4).await.topics.len(), 1);
    simple("long", "t", id).send(&mut client, 4).await;
    until("the brief one is gone", async || {
        list(&mut client, &[], &[]).await.into_iter().map(|(id, ..)| id).eq(["long"])
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fetch(&mut client, "long", "t").await.0, 42);
    running.stop().await;
}

/// Objects of the shard's log.
fn segments(data: &Path) -> usize {
    let folder = data.join("shards/0/log");
    std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).count()
}

#[tokio::test]
async fn very_many_commits_take_no_more_objects_than_the_commit_interval_lets_through() {
    const INTERVAL_MS: u128 = 250;
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[("COMMIT_INTERVAL_MS", "250")]).await;
    let (_, id) = with_topic(&running, "t").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(running.client().await);
    }
    let (before, since) = (segments(data.path()), Instant::now());
    for (number, client) in clients.iter_mut().enumerate() {
        for offset in 0..50 {
            let group = format!("g-{number}");
            client.send(&Commit { offset, ..simple(&group, "t", id) }.request(), 8).await;
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..50 {
            let (_, answer) = client.receive::<offset_commit::Request>(8).await;
            assert!(answer.topics[0].partitions.iter().any(|one| one.error_code == 0));
        }
        assert_eq!(fetch(client, &format!("g-{number}"), "t").await.0, 49);
    }
    let (written, intervals) = (segments(data.path()) - before, since.elapsed().as_millis() / INTERVAL_MS);
    assert!(written as u128 <= intervals + 2, "{written} objects in {intervals} intervals");
    running.stop().await;
}
