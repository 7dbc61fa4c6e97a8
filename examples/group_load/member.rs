//! One member of a group, with a connection of its own: what is the same in both protocols of groups.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::offset_commit;
use tokio::sync::mpsc;
use tokio::time::Instant as Due;

use crate::watch::Latencies;
use crate::wire::Connection;
use broker_usage::Outcome;

const COMMIT: i16 = 9;
const RETRY: Duration = Duration::from_millis(100);
/// Errors that are told in full; all are counted.
const TOLD: u64 = 5;

/// What all members share.
pub struct Shared {
    pub address: String,
    pub topic: String,
    pub partitions: i32,
    /// Where the protocol leaves it to the member.
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
    /// Members that were thrown out while they were there.
    pub expired: AtomicU64,
    pub errors: AtomicU64,
    pub heartbeats: Latencies,
    pub commits: Latencies,
    /// Of the request that brings a member its assignment.
    pub syncs: Latencies,
}

/// Which member it is.
pub struct Place {
    pub shared: Arc<Shared>,
    pub group: String,
    pub index: i32,
}

/// A protocol of groups, as one member speaks it.
pub trait Protocol: Send {
    /// Enters the group, or its next generation.
    fn join(
        &mut self,
        place: &Place,
        connection: &mut Connection,
    ) -> impl Future<Output = Outcome<ErrorCode>> + Send;

    fn beat(
        &mut self,
        place: &Place,
        connection: &mut Connection,
    ) -> impl Future<Output = Outcome<ErrorCode>> + Send;

    fn leave(
        &mut self,
        place: &Place,
        connection: &mut Connection,
    ) -> impl Future<Output = Outcome<ErrorCode>> + Send;

    /// Becomes another member.
    fn forget(&mut self);

    /// The member's id, and its generation or epoch.
    fn identity(&self) -> (&str, i32);

    fn heartbeat(&self, place: &Place) -> Duration;
}

/// What a number in an answer means.
pub fn code(number: i16) -> Outcome<ErrorCode> {
    ErrorCode::from_code(number).ok_or_else(|| format!("an unknown error code {number}").into())
}

pub struct Member<P> {
    place: Place,
    protocol: P,
    is_stable: bool,
    committed: i64,
}

/// Why a member's turn ended.
enum Turn {
    Rejoin,
    Retry,
    Expired,
    Leave,
}

impl<P: Protocol> Member<P> {
    pub fn new(place: Place, protocol: P) -> Member<P> {
        Member { place, protocol, is_stable: false, committed: 0 }
    }

    /// Lives until told to stop. `restart` tells it to leave and to come back as another one.
    pub async fn run(mut self, mut restart: mpsc::Receiver<()>) {
        while !self.place.shared.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.live(&mut restart).await {
                self.set_stable(false);
                if self.place.shared.seen.errors.fetch_add(1, Ordering::Relaxed) < TOLD {
                    eprintln!("member {} of {}: {error}", self.place.index, self.place.group);
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// From one connection to its end.
    async fn live(&mut self, restart: &mut mpsc::Receiver<()>) -> Outcome<()> {
        let mut connection = Connection::open(&self.place.shared.address).await?;
        loop {
            let joined = self.protocol.join(&self.place, &mut connection).await?;
            let turn = if joined == ErrorCode::None {
                self.set_stable(true);
                self.stay(&mut connection, restart).await?
            } else {
                turn(joined)?
            };
            self.set_stable(false);
            match turn {
                Turn::Rejoin => {}
                Turn::Retry => tokio::time::sleep(RETRY).await,
                Turn::Expired => {
                    self.place.shared.seen.expired.fetch_add(1, Ordering::Relaxed);
                    self.protocol.forget();
                }
                Turn::Leave => {
                    let left = self.protocol.leave(&self.place, &mut connection).await?;
                    self.protocol.forget();
                    return if left == ErrorCode::None { Ok(()) } else { Err(left.name().into()) };
                }
            }
        }
    }

    fn set_stable(&mut self, stable: bool) {
        let count = &self.place.shared.seen.stable;
        match (self.is_stable, stable) {
            (false, true) => drop(count.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(count.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.is_stable = stable;
    }

    /// Heartbeats and commits, until something else is to be done.
    async fn stay(&mut self, connection: &mut Connection, restart: &mut mpsc::Receiver<()>) -> Outcome<Turn> {
        let shared = Arc::clone(&self.place.shared);
        let heartbeat = self.protocol.heartbeat(&self.place);
        // Members that joined together do not stay in step.
        let share = f64::from(self.place.index.unsigned_abs() % 97) / 97.0;
        let mut heartbeat_at = Due::now() + heartbeat.mul_f64(0.5 + 0.5 * share);
        let mut last_commit = Due::now() - Duration::from_secs_f64(share);
        loop {
            // Looked at anew with every heartbeat, since it changes from phase to phase.
            let every = Duration::from_micros(shared.commit_every_us.load(Ordering::Relaxed));
            let next = if every.is_zero() { heartbeat_at } else { heartbeat_at.min(last_commit + every) };
            tokio::select! {
                Some(()) = restart.recv() => return Ok(Turn::Leave),
                () = tokio::time::sleep_until(next) => {}
            }
            if shared.stop.load(Ordering::Relaxed) {
                return Ok(Turn::Leave);
            }
            let now = Due::now();
            let asked = Instant::now();
            let (code, latencies) = if now >= heartbeat_at {
                heartbeat_at = now + heartbeat;
                (self.protocol.beat(&self.place, connection).await?, &shared.seen.heartbeats)
            } else {
                last_commit = (last_commit + every).max(now - every);
                (self.commit(connection).await?, &shared.seen.commits)
            };
            latencies.add(asked.elapsed());
            match code {
                ErrorCode::None => {}
                // The next heartbeat brings the new epoch.
                ErrorCode::StaleMemberEpoch => {}
                code => return turn(code),
            }
        }
    }

    async fn commit(&mut self, connection: &mut Connection) -> Outcome<ErrorCode> {
        self.committed += 1;
        let partition = offset_commit::OffsetCommitRequestPartition {
            partition_index: self.place.index % self.place.shared.partitions,
            committed_offset: self.committed,
            committed_metadata: Some(String::new()),
            ..offset_commit::OffsetCommitRequestPartition::default()
        };
        let topic = offset_commit::OffsetCommitRequestTopic {
            name: self.place.shared.topic.clone(),
            partitions: vec![partition],
            ..offset_commit::OffsetCommitRequestTopic::default()
        };
        let (id, epoch) = self.protocol.identity();
        let request = offset_commit::Request {
            group_id: self.place.group.clone(),
            generation_id_or_member_epoch: epoch,
            member_id: id.to_owned(),
            topics: vec![topic],
            ..offset_commit::Request::default()
        };
        let answer = connection.ask(&request, COMMIT).await?;
        let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
        code(partition.ok_or("no answer for the partition")?.error_code)
    }
}

/// What an error code asks of a member.
fn turn(code: ErrorCode) -> Outcome<Turn> {
    match code {
        ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration | ErrorCode::MemberIdRequired => {
            Ok(Turn::Rejoin)
        }
        ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => Ok(Turn::Retry),
        ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId | ErrorCode::FencedMemberEpoch => {
            Ok(Turn::Expired)
        }
        other => Err(format!("refused with {}", other.name()).into()),
    }
}
