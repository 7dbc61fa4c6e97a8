//! What clients do during a run, of each kind, and the promises that they hold the brokers to.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use kafkaesque::runtime::Rng;
use rdkafka::admin::{NewTopic, TopicReplication};

use super::churn::{Churn, Protocol};
use super::field::Field;
use super::plain::{self, Plain};
use super::topics::Topics;
use super::truth::Truth;
use super::watch;
use crate::Plan;
use crate::check;
use crate::group::Group;
use crate::load::{self, Load};

/// The time after which the producer counts a request as lost.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Flows {
    pub truth: Truth,
    pub load: Arc<Load>,
    bootstrap: String,
    group: Group,
    plain: Plain,
    churns: Vec<Churn>,
    topics: JoinHandle<Topics>,
    watch: Vec<JoinHandle<()>>,
}

impl Flows {
    pub fn start(plan: &Plan, field: &Field, rng: &Rng) -> Flows {
        let (truth, bootstrap) = (Truth::default(), field.cluster.bootstrap());
        load::make_topic(&bootstrap, plan.partitions);
        let most_bytes = plain::MOST_BYTES.to_string();
        let topic = NewTopic::new(plain::TOPIC, plain::PARTITIONS as i32, TopicReplication::Fixed(1));
        load::make(&bootstrap, topic.set("max.message.bytes", &most_bytes));
        let load = Arc::new(Load::start(&bootstrap, plan.partitions, plan.rate, Some(PATIENCE)));
        let group = Group::start(&bootstrap, plan.partitions, 2);
        load.settle();
        group.settle();
        let protocols = [Protocol::Eager, Protocol::Cooperative, Protocol::Consumer];
        let churn = |protocol| Churn::start(&bootstrap, plan.partitions, protocol, &truth, rng);
        let topics = Topics::new(&bootstrap, &truth, Rng::seeded(rng.u64()));
        let ports: Vec<u16> = field.cluster.ids().map(|id| field.cluster.port(id)).collect();
        Flows {
            churns: protocols.into_iter().map(churn).collect(),
            plain: Plain::start(&bootstrap, &truth),
            topics: std::thread::spawn(|| topics.churn()),
            watch: watch::start(&ports, &bootstrap, &load, &truth),
            group,
            load,
            bootstrap,
            truth,
        }
    }

    /// What is known to be wrong already.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.truth.all_broken();
        problems.extend(self.load.failures());
        problems
    }

    /// Ends all, and looks what is there in the end. Returns what is not as it was told.
    pub fn finish(self) -> Vec<String> {
        self.truth.end();
        let (sent, mut problems) = self.load.finish();
        self.watch.into_iter().for_each(|thread| thread.join().expect("a watch"));
        self.churns.into_iter().for_each(Churn::finish);
        self.topics.join().expect("topics").look();
        self.plain.finish(&self.bootstrap, &self.truth);
        problems.extend(check::all_there(&self.bootstrap, &self.load, sent));
        let (rebalances, failed) = (self.group.rebalances(), self.group.failed_commits());
        println!("steady group: {rebalances} rebalances, {failed} commits that failed");
        problems.extend(self.group.finish(&self.load));
        println!("{:?}", self.truth.counts());
        println!("{sent} records acknowledged");
        problems.extend(self.truth.all_broken());
        problems
    }
}
