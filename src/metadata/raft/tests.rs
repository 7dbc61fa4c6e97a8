//! The log store and the state machine by the Raft library's own suite, and what that suite does not ask.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

use object_store::memory::InMemory;
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{BasicNode, EntryPayload, Membership, RaftLogReader as _, StoredMembership};
use slatedb::Db;
use tokio::sync::watch;
use uuid::Uuid;

use super::keys::{self, Key, SnapshotRow};
use super::log_store::LogStore;
use super::rpc::{Call, Reply, Request};
use super::state_machine::StateMachine;
use super::types::{Batch, Entry, Group, LogId, SnapshotMeta, StorageError, Vote};
use super::upkeep::Upkeep;
use crate::auth::{SaltKey, Scram, ScramCredential};
use crate::metadata::apply::{Checks, apply};
use crate::metadata::command::{Command, ConfigChange, ConfigOp, ConfigResource, IfExists, NewTopic, Step};
use crate::metadata::image::{Broker, Image, Listener, Owner};
use crate::metadata::outcome::Refused;
use crate::metadata::snapshot;
use crate::runtime::Clock;
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ShardId, TopicId, WriterEpoch};

const LEAST_BYTES: u64 = 1000;

async fn database(objects: &Arc<InMemory>) -> Arc<Upkeep> {
    let db = Db::open("raft", objects.clone()).await.expect("a database");
    Arc::new(Upkeep::new(0, db, Clock::system(), LEAST_BYTES))
}

pub(super) async fn open(objects: &Arc<InMemory>) -> (LogStore, Arc<Upkeep>) {
    let upkeep = database(objects).await;
    let log = LogStore::open(0, Command::LATEST, Arc::clone(&upkeep), None).await.expect("a log");
    (log, upkeep)
}

pub(super) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(openraft::CommittedLeaderId::new(term, 0), index)
}

pub(super) fn entry(index: u64, payload: usize) -> Entry {
    let features = BTreeMap::new();
    let form = Command::FormCluster { cluster_id: "x".repeat(payload), shards: 1, slots: 1, features };
    Entry { log_id: log_id(1, index), payload: EntryPayload::Normal(Batch(Arc::new([form]))) }
}

struct Fresh;

impl StoreBuilder<Group, LogStore, StateMachine> for Fresh {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError> {
        let upkeep = database(&Arc::new(InMemory::new())).await;
        let (publish, _) = watch::channel(Arc::new(Image::empty()));
        let machine =
            StateMachine::open(Arc::clone(&upkeep), Arc::new(publish)).await.expect("a state machine");
        let log = LogStore::open(99, Command::LATEST, upkeep, machine.applied()).await.expect("a log");
        Ok(((), log, machine))
    }
}

#[test]
fn the_stores_pass_the_librarys_suite() {
    Suite::test_all(Fresh).expect("every test of the suite");
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_crash() {
    let objects = Arc::new(InMemory::new());
    let (mut log, _open) = open(&objects).await;
    log.blocking_append((0..10).map(|index| entry(index, 10))).await.expect("appended");
    log.purge(log_id(1, 2)).await.expect("purged");
    log.truncate(log_id(1, 8)).await.expect("truncated");
    log.blocking_append([entry(8, 11), entry(9, 12)]).await.expect("appended");

    let (mut again, _open_too) = open(&objects).await;
    let state = again.get_log_state().await.expect("a state");
    assert_eq!(state.last_log_id, Some(log_id(1, 9)));
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 2)));
    let entries = again.try_get_log_entries(..).await.expect("entries");
    let expected: Vec<Entry> = (3..8).map(|index| entry(index, 10)).collect();
    assert_eq!(entries, [expected, vec![entry(8, 11), entry(9, 12)]].concat());
}

/// A group in which these vote, as of a snapshot.
fn voted_by(voters: &[u64], index: u64) -> SnapshotMeta {
    let nodes: BTreeMap<u64, BasicNode> = voters.iter().map(|id| (*id, BasicNode::default())).collect();
    let voters = voters.iter().copied().collect::<BTreeSet<u64>>();
    let last = Some(log_id(1, index));
    let last_membership = StoredMembership::new(last, Membership::new(vec![voters], nodes));
    SnapshotMeta { last_log_id: last, last_membership, snapshot_id: index.to_string() }
}

/// Others count on what a voter has taken, also if it heard by a snapshot alone that it votes.
#[tokio::test]
async fn a_learner_may_forget_what_it_took_until_a_snapshot_says_that_it_votes() {
    for (voters, is_kept) in [(&[1, 2][..], false), (&[0, 1, 2], true)] {
        let objects = Arc::new(InMemory::new());
        let (mut log, upkeep) = open(&objects).await;
        let (publish, _) = watch::channel(Arc::new(Image::empty()));
        let mut machine =
            StateMachine::open(Arc::clone(&upkeep), Arc::new(publish)).await.expect("a machine");
        upkeep.begin_as(false);
        let image = snapshot::encode(&Image::empty()).expect("bytes");
        let data = Box::new(Cursor::new(image.to_vec()));
        machine.install_snapshot(&voted_by(voters, 4), data).await.expect("installed");
        log.purge(log_id(1, 4)).await.expect("purged");
        log.blocking_append([entry(5, 10)]).await.expect("appended");
        let (mut again, _open_too) = open(&objects).await;
        let last = again.get_log_state().await.expect("a state").last_log_id;
        assert_eq!(last == Some(log_id(1, 5)), is_kept, "{last:?}");
    }
}

/// Were it read as won, two processes of one broker would both lead in the same term.
#[tokio::test]
async fn a_vote_for_oneself_has_to_be_won_again() {
    let objects = Arc::new(InMemory::new());
    let (mut log, _open) = open(&objects).await;
    log.save_vote(&Vote::new_committed(7, 0)).await.expect("saved");
    assert_eq!(log.read_vote().await.expect("a vote"), Some(Vote::new(7, 0)));
    log.save_vote(&Vote::new_committed(8, 2)).await.expect("saved");
    assert_eq!(log.read_vote().await.expect("a vote"), Some(Vote::new_committed(8, 2)));
}

#[tokio::test]
async fn recent_and_old_entries_read_the_same() {
    let objects = Arc::new(InMemory::new());
    let (mut log, _open) = open(&objects).await;
    // All but the last come from the database.
    for index in 0..12 {
        log.blocking_append([entry(index, 512 * 1024)]).await.expect("appended");
    }
    for range in [0..3, 2..11, 9..12, 11..40, 40..50] {
        let entries = log.try_get_log_entries(range.clone()).await.expect("entries");
        let found: Vec<u64> = entries.iter().map(|entry| entry.log_id.index).collect();
        let expected: Vec<u64> = range.filter(|index| *index < 12).collect();
        assert_eq!(found, expected);
    }
    let some = log.limited_get_log_entries(0, 12).await.expect("entries");
    assert_eq!(some.len(), 1, "two are more than a mebibyte");
    log.blocking_append([entry(12, 2 * 1024 * 1024)]).await.expect("appended");
    let one = log.limited_get_log_entries(12, 13).await.expect("entries");
    assert_eq!(one.len(), 1, "a large one goes alone");
}

#[tokio::test]
async fn snapshots_are_due_by_bytes() {
    let objects = Arc::new(InMemory::new());
    let (mut log, upkeep) = open(&objects).await;
    log.blocking_append([entry(0, 900)]).await.expect("appended");
    assert!(!upkeep.snapshot_is_due());
    log.blocking_append([entry(1, 900)]).await.expect("appended");
    assert!(upkeep.snapshot_is_due());
    upkeep.snapshot_begun();
    upkeep.snapshot_has(5000);
    assert!(!upkeep.snapshot_is_due());
    log.blocking_append((2..12).map(|index| entry(index, 900))).await.expect("appended");
    assert!(!upkeep.snapshot_is_due(), "nine kilobytes are less than twice the snapshot");
    log.blocking_append((12..14).map(|index| entry(index, 900))).await.expect("appended");
    assert!(upkeep.snapshot_is_due());
}

/// A process that is killed again and again must not leave ever more for the next one to replay.
#[tokio::test]
async fn files_of_earlier_processes_are_flushed_at_the_first_upkeep() {
    let objects = Arc::new(InMemory::new());
    let (mut log, _killed) = open(&objects).await;
    for index in 0..20 {
        log.blocking_append([entry(index, 10)]).await.expect("appended");
    }
    let (_log, upkeep) = open(&objects).await;
    let replayed_from = |upkeep: &Upkeep| upkeep.db().manifest().replay_after_wal_id();
    assert!(replayed_from(&upkeep) < 20);
    upkeep.due().await;
    upkeep.flush_tables().await.expect("flushed");
    let flushed = replayed_from(&upkeep);
    assert!(flushed >= 20, "{flushed}");
    upkeep.flush_tables().await.expect("nothing to do");
    assert_eq!(replayed_from(&upkeep), flushed);
}

#[tokio::test]
async fn a_gap_in_the_log_stops_the_start() {
    let objects = Arc::new(InMemory::new());
    let (mut log, upkeep) = open(&objects).await;
    log.blocking_append((0..5).map(|index| entry(index, 10))).await.expect("appended");
    let mut batch = slatedb::WriteBatch::new();
    batch.delete(Key::Entry(2).encode());
    upkeep.write(batch).await.expect("deleted");
    let opened = LogStore::open(0, Command::LATEST, database(&objects).await, None).await;
    assert!(opened.is_err());
}

/// The commands of the second version.
fn later_commands() -> Vec<Command> {
    vec![
        Command::BeginLife { nonce: 0x0102_0304, after: Some(6) },
        Command::BeginLife { nonce: 0x0506, after: None },
        Command::ShardOpened { shard: ShardId(1), epoch: WriterEpoch(300) },
    ]
}

/// More of the second version: those of a repair.
fn commands_of_repairs() -> Vec<Command> {
    vec![
        Command::AcceptPast { nonces: vec![0x0708], index: 300 },
        Command::RaiseCounters { next_leader_epoch: 9, next_producer_id: 3_000 },
    ]
}

fn commands() -> Vec<Command> {
    let topic = TopicId(Uuid::from_u128(0x0123));
    let broker = BrokerId(3);
    let incarnation = Incarnation(300);
    let configs = BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]);
    let change = |op| ConfigChange { name: "cleanup.policy".to_owned(), op };
    vec![
        Command::FormCluster {
            cluster_id: "kafkaesque".to_owned(),
            shards: 2,
            slots: 4,
            features: BTreeMap::from([("metadata.version".to_owned(), 33)]),
        },
        Command::RegisterBroker(Broker {
            id: broker,
            incarnation,
            listeners: vec![Listener { name: "PLAINTEXT".to_owned(), host: "h".to_owned(), port: 9092 }],
            rack: Some("r".to_owned()),
            command_version: 1,
        }),
        Command::AssignShard { shard: ShardId(1), owner: Some(Owner { broker, incarnation }) },
        Command::CreateTopic(NewTopic {
            id: topic,
            name: "t".into(),
            placement: vec![ShardId(0), ShardId(1)],
            configs: configs.clone(),
            created_ms: 1_700_000_000_000,
            if_exists: IfExists::Accept,
        }),
        Command::CreateTopic(NewTopic {
            id: TopicId(Uuid::from_u128(7)),
            name: "gone".into(),
            placement: vec![ShardId(1)],
            configs: BTreeMap::new(),
            created_ms: 0,
            if_exists: IfExists::Refuse,
        }),
        Command::DeleteTopic { id: TopicId(Uuid::from_u128(7)), deleted_ms: 8 },
        Command::TopicDataRemoved { id: topic, shard: ShardId(0) },
        Command::CreatePartitions { id: topic, from: 2, placement: vec![ShardId(0)] },
        Command::AlterConfigs { resource: ConfigResource::Cluster, configs: configs.clone() },
        Command::AlterConfigs { resource: ConfigResource::Broker(broker), configs: configs.clone() },
        Command::AlterConfigs { resource: ConfigResource::Group("g".to_owned()), configs },
        Command::IncrementalAlterConfigs {
            resource: ConfigResource::Topic(topic),
            changes: vec![
                change(ConfigOp::Set("delete".to_owned())),
                change(ConfigOp::Delete),
                change(ConfigOp::Append("a".to_owned())),
                change(ConfigOp::Subtract("b".to_owned())),
            ],
        },
        Command::AllocateProducerIds { broker, incarnation },
        Command::SetFeature { name: "metadata.version".to_owned(), level: 32 },
    ]
}

fn commands_of_clusters() -> Vec<Command> {
    let (id, incarnation) = (BrokerId(4), Incarnation(301));
    let listeners = vec![Listener { name: "PLAINTEXT".to_owned(), host: "h".to_owned(), port: 9092 }];
    let broker = Broker { id, incarnation, listeners, rack: None, command_version: 3 };
    let from = Owner { broker: id, incarnation };
    let assign = Command::MoveShard { shard: ShardId(0), owner: Some(from), replaces: LeaderEpoch(-1) };
    let late = Command::MoveShard { shard: ShardId(1), owner: None, replaces: LeaderEpoch(9) };
    let steps = vec![Step::Do(assign), Step::Do(late), Step::Refuse(Refused::NotFormed)];
    vec![
        Command::Register { broker, address: "h:9093".to_owned() },
        Command::Fence { broker: id, incarnation, is_fenced: true },
        Command::Numbered { from, number: 7, steps },
    ]
}

fn commands_of_users() -> Vec<Command> {
    let credential = ScramCredential {
        salt: vec![1, 2],
        stored_key: vec![3; 32],
        server_key: vec![4; 32],
        iterations: 4096,
    };
    let alter =
        |user: &str, mechanism, credential| Command::AlterScram { user: user.into(), mechanism, credential };
    vec![
        alter("alice", Scram::Sha256, Some(credential.clone())),
        alter("alice", Scram::Sha512, Some(credential)),
        alter("alice", Scram::Sha256, None),
        Command::MakeSaltKey(SaltKey::new([5; 32])),
    ]
}

fn commands_of_levels() -> Vec<Command> {
    let from = Owner { broker: BrokerId(4), incarnation: Incarnation(301) };
    let steps = vec![Step::Do(Command::RaiseLevel { level: 6 })];
    let settings = Arc::new(BTreeMap::from([("SHARDS".to_owned(), "6".to_owned())]));
    let add = Command::AddShards { shards: 3 };
    let declare = Command::Declare { broker: from.broker, incarnation: from.incarnation, settings };
    vec![Command::RaiseLevel { level: 6 }, Command::Numbered { from, number: 8, steps }, declare, add]
}

/// Every kind of stored bytes: they must stay readable by every later version.
fn stored() -> Vec<(&'static str, Vec<u8>)> {
    let mut image = Image::empty();
    image.index = 9;
    for command in commands() {
        // The golden image is what the first version makes of them, refusals included.
        let _ = apply(&mut image, &command, Checks::Replay);
    }
    let mut later = image.clone();
    for command in later_commands() {
        apply(&mut later, &command, Checks::Replay).expect("applied");
    }
    let mut of_clusters = later.clone();
    for command in commands_of_clusters() {
        let _ = apply(&mut of_clusters, &command, Checks::Replay);
    }
    let mut of_users = of_clusters.clone();
    for command in commands_of_users() {
        apply(&mut of_users, &command, Checks::Replay).expect("applied");
    }
    let mut of_levels = of_users.clone();
    for command in commands_of_levels() {
        apply(&mut of_levels, &command, Checks::Replay).expect("applied");
    }
    let level_batch = Batch(commands_of_levels().into());
    let level_batch = Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(level_batch) };
    let user_batch = Batch(commands_of_users().into());
    let user_batch = Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(user_batch) };
    let cluster_batch = Batch(commands_of_clusters().into());
    let cluster_batch = Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(cluster_batch) };
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(2, 9)),
        last_membership: Default::default(),
        snapshot_id: "2-9".to_owned(),
    };
    let row = SnapshotRow { meta, generation: 4, pieces: 1, bytes: 77 };
    let batch = Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(Batch(commands().into())) };
    let later_batch =
        Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(Batch(later_commands().into())) };
    let of_repairs = Batch(commands_of_repairs().into());
    let of_repairs = Entry { log_id: log_id(2, 9), payload: EntryPayload::Normal(of_repairs) };
    let blank = Entry { log_id: log_id(2, 8), payload: EntryPayload::Blank };
    let nodes = BTreeMap::from([(3, openraft::BasicNode::new("h:9093"))]);
    let members = openraft::Membership::new(vec![[3].into()], nodes);
    let members = Entry { log_id: log_id(2, 7), payload: EntryPayload::Membership(members) };
    let encoded = |row: Result<Vec<u8>, postcard::Error>| row.expect("it can be encoded");
    vec![
        ("vote", encoded(keys::encode(&Vote::new_committed(2, 3)))),
        ("purged", encoded(keys::encode(&log_id(2, 5)))),
        ("entry-blank", encoded(keys::encode_entry(&blank))),
        ("entry-membership", encoded(keys::encode_entry(&members))),
        ("entry-batch", encoded(keys::encode_entry(&batch))),
        ("entry-batch-2", encoded(keys::encode_entry(&later_batch))),
        ("entry-batch-3", encoded(keys::encode_entry(&of_repairs))),
        ("snapshot-row", encoded(keys::encode(&row))),
        // The first format, which is written no more.
        ("image", encoded(postcard::to_extend(&image, vec![1]))),
        ("image-2", encoded(in_the_second_format(&later))),
        ("image-3", encoded(snapshot::encode(&of_clusters))),
        ("entry-batch-4", encoded(keys::encode_entry(&cluster_batch))),
        ("image-4", encoded(snapshot::encode(&of_users))),
        ("entry-batch-5", encoded(keys::encode_entry(&user_batch))),
        ("entry-batch-6", encoded(keys::encode_entry(&level_batch))),
        ("image-5", encoded(snapshot::encode(&of_levels))),
        ("key-entry", Key::Entry(0x0102).encode().to_vec()),
        ("key-piece", Key::Piece { generation: 3, number: 4 }.encode().to_vec()),
    ]
}

/// Written no more.
fn in_the_second_format(image: &Image) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(&image.history, postcard::to_extend(image, vec![2])?)
}

#[test]
fn stored_bytes_never_change() {
    let golden: BTreeMap<&str, &str> =
        include_str!("golden/stored.txt").lines().filter_map(|line| line.split_once(' ')).collect();
    let now: Vec<(&str, String)> = stored()
        .into_iter()
        .map(|(name, bytes)| (name, bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
        .collect();
    let text: String = now.iter().map(|(name, hex)| format!("{name} {hex}\n")).collect();
    for (name, hex) in &now {
        assert_eq!(golden.get(name), Some(&hex.as_str()), "{name}; all of them now:\n{text}");
    }
    assert_eq!(golden.len(), now.len());
}

#[test]
fn images_of_every_format_are_read() {
    let mut image = Image::empty();
    apply(&mut image, &commands()[0], Checks::Replay).expect("formed");
    let first = postcard::to_extend(&image, vec![1]).expect("it can be encoded");
    assert_eq!(snapshot::decode(&first).expect("it can be decoded"), image);
    for command in later_commands() {
        apply(&mut image, &command, Checks::Replay).expect("applied");
    }
    let second = in_the_second_format(&image).expect("it can be encoded");
    assert_eq!(snapshot::decode(&second).expect("it can be decoded"), image);
    for command in commands_of_clusters() {
        let _ = apply(&mut image, &command, Checks::Replay);
    }
    let third = snapshot::encode(&image).expect("it can be encoded");
    assert_eq!(snapshot::decode(&third).expect("it can be decoded"), image);
    for command in commands_of_users() {
        apply(&mut image, &command, Checks::Replay).expect("applied");
    }
    let fourth = snapshot::encode(&image).expect("it can be encoded");
    assert_eq!(snapshot::decode(&fourth).expect("it can be decoded"), image);
    assert!(snapshot::decode(&fourth[..fourth.len() - 1]).is_err());
    for command in commands_of_levels() {
        apply(&mut image, &command, Checks::Replay).expect("applied");
    }
    let fifth = snapshot::encode(&image).expect("it can be encoded");
    assert_eq!((fourth[0], fifth[0]), (4, 5));
    assert_eq!(snapshot::decode(&fifth).expect("it can be decoded"), image);
}

#[test]
fn rows_of_another_format_are_refused() {
    let mut bytes = keys::encode(&log_id(2, 5)).expect("it can be encoded");
    assert_eq!(keys::decode::<LogId>(&bytes).expect("it can be decoded"), log_id(2, 5));
    bytes[0] = 2;
    assert!(keys::decode::<LogId>(&bytes).is_err());
    assert!(keys::decode::<LogId>(&[]).is_err());
    assert!(snapshot::decode(&[9]).is_err());
    assert!(snapshot::decode(&[]).is_err());
}

/// A program that is too old tells by how much, and stores nothing that it could not read.
#[tokio::test]
async fn what_is_of_a_later_level_is_refused_by_both_numbers() {
    let latest = Command::LATEST;
    let raise = [Command::RaiseLevel { level: latest + 1 }];
    let later = Entry { log_id: log_id(1, 0), payload: EntryPayload::Normal(Batch(Arc::new(raise.clone()))) };
    let bytes = keys::encode_entry(&later).expect("it can be encoded");
    let expected = format!("at level {}, and this program knows levels up to {latest}", latest + 1);
    let refused = keys::decode_entry(&bytes).expect_err("it is refused").to_string();
    assert!(refused.contains(&expected), "{refused}");
    let mut image = Image::empty();
    apply(&mut image, &raise[0], Checks::Replay).expect("applied");
    let bytes = snapshot::encode(&image).expect("it can be encoded");
    let refused = snapshot::decode(&bytes).expect_err("it is refused").to_string();
    assert!(refused.contains(&expected), "{refused}");
    let (mut log, _open) = open(&Arc::new(InMemory::new())).await;
    assert!(log.blocking_append([later]).await.is_err());
    assert_eq!(log.last(), None);
}

#[test]
fn calls_survive_encoding() {
    let request = Request {
        from: BrokerId(1),
        incarnation: Incarnation(2),
        call: Call::Propose { number: 3, commands: commands() },
    };
    let bytes = super::rpc::encode(&request).expect("it can be encoded");
    let back: Request = super::rpc::decode(&bytes).expect("it can be decoded");
    assert_eq!(format!("{back:?}"), format!("{request:?}"));
    assert!(super::rpc::decode::<Reply>(&[]).is_none());
    assert!(super::rpc::decode::<Request>(&bytes[..bytes.len() - 1]).is_none());
}

/// With the library's feature `single-term-leader`, votes of one term for two candidates are no more and no less than each
/// other, and voters with fixed timeouts can split them for ever.
#[test]
fn two_candidates_of_one_term_can_be_compared() {
    assert!(Vote::new(3, 2) > Vote::new(3, 1));
}
