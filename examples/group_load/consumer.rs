//! The consumer protocol (KIP-848): one heartbeat for everything.

use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::consumer_group_heartbeat::{Request, Response, request};
use uuid::Uuid;

use crate::member::{Place, Protocol, code};
use crate::wire::Connection;
use broker_usage::Outcome;

const HEARTBEAT: i16 = 1;
const REBALANCE_MS: i32 = 60_000;
const JOINING: i32 = 0;
const LEAVING: i32 = -1;
/// Between the heartbeats of a member that waits for others to let go of its partitions.
const SHORTLY: Duration = Duration::from_millis(100);

pub struct Consumer {
    id: String,
    epoch: i32,
    owned: Vec<request::TopicPartitions>,
    interval: Duration,
}

impl Consumer {
    pub fn new() -> Consumer {
        Consumer { id: Uuid::new_v4().to_string(), epoch: JOINING, owned: Vec::new(), interval: SHORTLY }
    }

    async fn say(&mut self, request: Request, connection: &mut Connection) -> Outcome<(ErrorCode, bool)> {
        let answer: Response = connection.ask(&request, HEARTBEAT).await?;
        let code = code(answer.error_code)?;
        if code != ErrorCode::None {
            return Ok((code, false));
        }
        self.epoch = answer.member_epoch;
        self.interval = Duration::from_millis(u64::try_from(answer.heartbeat_interval_ms)?);
        let assigned = answer.assignment.is_some();
        if let Some(assignment) = answer.assignment {
            let topics = assignment.topic_partitions.into_iter();
            let owned = topics.map(|topic| request::TopicPartitions {
                topic_id: topic.topic_id,
                partitions: topic.partitions,
            });
            self.owned = owned.collect();
        }
        Ok((code, assigned))
    }

    fn brief(&self, place: &Place) -> Request {
        Request {
            group_id: place.group.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            ..Request::default()
        }
    }
}

impl Protocol for Consumer {
    async fn join(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let request = Request {
            rebalance_timeout_ms: REBALANCE_MS,
            subscribed_topic_names: Some(vec![place.shared.topic.clone()]),
            topic_partitions: Some(Vec::new()),
            ..self.brief(place)
        };
        let asked = Instant::now();
        let (mut code, _) = self.say(request, connection).await?;
        place.shared.seen.syncs.add(asked.elapsed());
        while code == ErrorCode::None && self.owned.is_empty() {
            tokio::time::sleep(SHORTLY).await;
            (code, _) = self.say(self.brief(place), connection).await?;
        }
        Ok(code)
    }

    async fn beat(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let (mut code, mut assigned) = self.say(self.brief(place), connection).await?;
        // A new assignment is taken at once, and that is told.
        while code == ErrorCode::None && assigned {
            let request = Request { topic_partitions: Some(self.owned.clone()), ..self.brief(place) };
            (code, assigned) = self.say(request, connection).await?;
        }
        Ok(code)
    }

    async fn leave(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let request = Request { member_epoch: LEAVING, ..self.brief(place) };
        Ok(self.say(request, connection).await?.0)
    }

    fn forget(&mut self) {
        *self = Consumer::new();
    }

    fn identity(&self) -> (&str, i32) {
        (&self.id, self.epoch)
    }

    fn heartbeat(&self, _: &Place) -> Duration {
        self.interval
    }
}
