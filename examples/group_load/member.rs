//! One member of a classic group, with a connection of its own, as a consumer client would be one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, offset_commit, sync_group};
use tokio::time::Instant as Due;

use crate::watch::Latencies;
use crate::wire::{Connection, Outcome};

pub const PROTOCOL: &str = "range";
const TYPE: &str = "consumer";
const JOIN: i16 = 9;
const SYNC: i16 = 5;
const HEARTBEAT: i16 = 4;
const COMMIT: i16 = 8;
const LEAVE: i16 = 5;
const RETRY: Duration = Duration::from_millis(100);

/// What all members share.
pub struct Shared {
    pub address: String,
    pub topic: String,
    pub heartbeat: Duration,
    pub session: Duration,
    /// Time between two commits of a member; none while zero.
    pub commit_every_us: AtomicU64,
    pub seen: Seen,
    pub stop: AtomicBool,
}

/// What members saw.
#[derive(Default)]
pub struct Seen {
    /// Members that have an assignment and know of no rebalance.
    pub stable: AtomicUsize,
    pub rebalances: AtomicU64,
    /// Members that were thrown out while they were there.
    pub expired: AtomicU64,
    pub errors: AtomicU64,
    pub heartbeats: Latencies,
    pub commits: Latencies,
    pub syncs: Latencies,
}

pub struct Member {
    shared: Arc<Shared>,
    group: String,
    index: i32,
    id: String,
    generation: i32,
    is_stable: bool,
    committed: i64,
}

/// Why a member's turn ended.
enum Turn {
    Rejoin,
    Retry,
    Expired,
    Stop,
}

impl Member {
    pub fn new(shared: Arc<Shared>, group: String, index: i32) -> Member {
        Member { shared, group, index, id: String::new(), generation: -1, is_stable: false, committed: 0 }
    }

    /// Lives until told to stop. `restart` tells it to leave and to come back as another one.
    pub async fn run(mut self, mut restart: tokio::sync::mpsc::Receiver<()>) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            match self.live(&mut restart).await {
                Ok(()) => {}
                Err(error) => {
                    self.set_stable(false);
                    if self.shared.seen.errors.fetch_add(1, Ordering::Relaxed) < 5 {
                        eprintln!("member {} of {}: {error}", self.index, self.group);
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// From one connection to its end.
    async fn live(&mut self, restart: &mut tokio::sync::mpsc::Receiver<()>) -> Outcome<()> {
        let mut connection = Connection::open(&self.shared.address).await?;
        loop {
            let turn = match self.join(&mut connection).await? {
                None => self.stay(&mut connection, restart).await?,
                Some(turn) => turn,
            };
            self.set_stable(false);
            match turn {
                Turn::Rejoin => {}
                Turn::Retry => tokio::time::sleep(RETRY).await,
                Turn::Expired => {
                    self.shared.seen.expired.fetch_add(1, Ordering::Relaxed);
                    self.forget();
                }
                Turn::Stop => {
                    self.leave(&mut connection).await?;
                    self.forget();
                    return Ok(());
                }
            }
        }
    }

    fn forget(&mut self) {
        (self.id, self.generation) = (String::new(), -1);
    }

    fn set_stable(&mut self, stable: bool) {
        match (self.is_stable, stable) {
            (false, true) => drop(self.shared.seen.stable.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.shared.seen.stable.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.is_stable = stable;
    }

    /// JoinGroup, then SyncGroup. `None` if the member has an assignment.
    async fn join(&mut self, connection: &mut Connection) -> Outcome<Option<Turn>> {
        let protocol =
            join_group::JoinGroupRequestProtocol { name: PROTOCOL.to_owned(), metadata: self.subscription() };
        let session_ms = i32::try_from(self.shared.session.as_millis())?;
        let request = join_group::Request {
            group_id: self.group.clone(),
            session_timeout_ms: session_ms,
            rebalance_timeout_ms: 60_000,
            member_id: self.id.clone(),
            protocol_type: TYPE.to_owned(),
            protocols: vec![protocol],
            ..join_group::Request::default()
        };
        let joined = connection.ask(&request, JOIN).await?;
        match ErrorCode::from_code(joined.error_code) {
            Some(ErrorCode::None) => {}
            Some(ErrorCode::MemberIdRequired) => {
                self.id = joined.member_id;
                return Ok(Some(Turn::Rejoin));
            }
            Some(code) => return self.turn(code).map(Some),
            None => return Err(format!("JoinGroup answers {}", joined.error_code).into()),
        }
        (self.id, self.generation) = (joined.member_id, joined.generation_id);
        let assignments = joined.members.iter().zip(0..).map(|(member, index)| {
            let assignment = self.assignment(index);
            sync_group::SyncGroupRequestAssignment { member_id: member.member_id.clone(), assignment }
        });
        let request = sync_group::Request {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some(TYPE.to_owned()),
            protocol_name: Some(PROTOCOL.to_owned()),
            assignments: assignments.collect(),
            ..sync_group::Request::default()
        };
        let asked = Instant::now();
        let synced = connection.ask(&request, SYNC).await?;
        self.shared.seen.syncs.add(asked.elapsed());
        match ErrorCode::from_code(synced.error_code) {
            Some(ErrorCode::None) if synced.assignment.is_empty() => Err("an empty assignment".into()),
            Some(ErrorCode::None) => {
                self.set_stable(true);
                self.shared.seen.rebalances.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Some(code) => self.turn(code).map(Some),
            None => Err(format!("SyncGroup answers {}", synced.error_code).into()),
        }
    }

    /// What an error code asks of a member.
    fn turn(&self, code: ErrorCode) -> Outcome<Turn> {
        match code {
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => Ok(Turn::Rejoin),
            ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator => Ok(Turn::Retry),
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => Ok(Turn::Expired),
            other => Err(format!("refused with {}", other.name()).into()),
        }
    }

    /// Heartbeats and commits, until something else is to be done.
    async fn stay(
        &mut self,
        connection: &mut Connection,
        restart: &mut tokio::sync::mpsc::Receiver<()>,
    ) -> Outcome<Turn> {
        // Members that joined together do not stay in step.
        let share = f64::from(self.index.unsigned_abs() % 97) / 97.0;
        let mut heartbeat_at = Due::now() + self.shared.heartbeat.mul_f64(0.5 + 0.5 * share);
        let mut last_commit = Due::now() - Duration::from_secs_f64(share);
        loop {
            let every = Duration::from_micros(self.shared.commit_every_us.load(Ordering::Relaxed));
            // Looked at anew with every heartbeat, since it changes from phase to phase.
            let commit_at =
                if every.is_zero() { heartbeat_at } else { heartbeat_at.min(last_commit + every) };
            tokio::select! {
                Some(()) = restart.recv() => return Ok(Turn::Stop),
                () = tokio::time::sleep_until(commit_at) => {}
            }
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(Turn::Stop);
            }
            let now = Due::now();
            let code = if now >= heartbeat_at {
                heartbeat_at = now + self.shared.heartbeat;
                self.beat(connection).await?
            } else {
                last_commit = (last_commit + every).max(now - every);
                self.commit(connection).await?
            };
            match ErrorCode::from_code(code) {
                Some(ErrorCode::None) => {}
                Some(code) => return self.turn(code),
                None => return Err(format!("an unknown error code {code}").into()),
            }
        }
    }

    async fn beat(&self, connection: &mut Connection) -> Outcome<i16> {
        let request = heartbeat::Request {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: None,
        };
        let asked = Instant::now();
        let answer = connection.ask(&request, HEARTBEAT).await?;
        self.shared.seen.heartbeats.add(asked.elapsed());
        Ok(answer.error_code)
    }

    async fn commit(&mut self, connection: &mut Connection) -> Outcome<i16> {
        self.committed += 1;
        let partition = offset_commit::OffsetCommitRequestPartition {
            partition_index: self.index % 3,
            committed_offset: self.committed,
            committed_metadata: Some(String::new()),
            ..offset_commit::OffsetCommitRequestPartition::default()
        };
        let topic = offset_commit::OffsetCommitRequestTopic {
            name: self.shared.topic.clone(),
            partitions: vec![partition],
            ..offset_commit::OffsetCommitRequestTopic::default()
        };
        let request = offset_commit::Request {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.clone(),
            topics: vec![topic],
            ..offset_commit::Request::default()
        };
        let asked = Instant::now();
        let answer = connection.ask(&request, COMMIT).await?;
        self.shared.seen.commits.add(asked.elapsed());
        let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
        Ok(partition.ok_or("no answer for the partition")?.error_code)
    }

    async fn leave(&self, connection: &mut Connection) -> Outcome<()> {
        let member = leave_group::MemberIdentity {
            member_id: self.id.clone(),
            ..leave_group::MemberIdentity::default()
        };
        let request = leave_group::Request {
            group_id: self.group.clone(),
            members: vec![member],
            ..leave_group::Request::default()
        };
        let answer = connection.ask(&request, LEAVE).await?;
        match answer.error_code {
            0 => Ok(()),
            code => Err(format!("LeaveGroup answers {code}").into()),
        }
    }

    /// Kafka's `ConsumerProtocolSubscription`, version 0.
    fn subscription(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_i16(0);
        bytes.put_i32(1);
        self.put_topic(&mut bytes);
        bytes.put_i32(-1);
        bytes.freeze()
    }

    /// Kafka's `ConsumerProtocolAssignment`, version 0: one partition.
    fn assignment(&self, partition: i32) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_i16(0);
        bytes.put_i32(1);
        self.put_topic(&mut bytes);
        bytes.put_i32(1);
        bytes.put_i32(partition);
        bytes.put_i32(-1);
        bytes.freeze()
    }

    fn put_topic(&self, bytes: &mut BytesMut) {
        bytes.put_i16(i16::try_from(self.shared.topic.len()).unwrap_or(i16::MAX));
        bytes.put_slice(self.shared.topic.as_bytes());
    }
}
