//! What clients do during a run, of each kind, and the promises that they hold the brokers to.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use kafkaesque::runtime::Rng;
use rdkafka::admin::{NewTopic, TopicReplication};

use super::churn::{Churn, Protocol};
use super::field::Field;
use super::old::{self, Subject};
use super::plain::{self, Plain};
use super::topics::Topics;
use super::truth::Truth;
use super::watch;
use crate::check;
use crate::group::{self, Group};
use crate::load::{self, Load};
use crate::processes::Cluster;
use crate::{Client, Plan, TOPIC, java};

const JAVA_TOPIC: &str = "failover-java";
const JAVA_PARTITIONS: usize = 6;
/// One record of Java for so many of librdkafka.
const JAVA_PART: u64 = 5;
/// The time after which the producer counts a request as lost.
const PATIENCE: Duration = Duration::from_secs(1);
const JAVA_PATIENCE: Duration = Duration::from_secs(3);

pub struct Flows {
    pub truth: Truth,
    pub load: Arc<Load>,
    bootstrap: String,
    group: Group,
    /// Of the Java client, on a topic of its own.
    java: Option<(Load, Group)>,
    plain: Plain,
    churns: Vec<Churn>,
    topics: JoinHandle<Topics>,
    watch: Vec<JoinHandle<()>>,
}

impl Flows {
    pub fn start(plan: &Plan, field: &Field, rng: &Rng) -> Flows {
        let (truth, bootstrap) = (Truth::default(), field.cluster.bootstrap());
        load::make_topic(&bootstrap, TOPIC, plan.partitions);
        let most_bytes = plain::MOST_BYTES.to_string();
        let topic = NewTopic::new(plain::TOPIC, plain::PARTITIONS as i32, TopicReplication::Fixed(1));
        load::make(&bootstrap, topic.set("max.message.bytes", &most_bytes));
        let load = Arc::new(Load::start(&bootstrap, plan.partitions, plan.rate, Some(PATIENCE)));
        let group = Group::start(&bootstrap, plan.partitions, 2, plan.group);
        load.settle();
        group.settle();
        let java = (plan.client == Client::Java).then(|| start_java(&bootstrap, plan.rate / JAVA_PART));
        let protocols = [Protocol::Eager, Protocol::Cooperative, Protocol::Consumer];
        let churn = |protocol| Churn::start(&bootstrap, plan.partitions, protocol, &truth, rng);
        let topics = Topics::new(&bootstrap, &truth, Rng::seeded(rng.u64()));
        let churns: Vec<Churn> = protocols.into_iter().map(churn).collect();
        let ports = |of: fn(&Cluster, usize) -> u16| -> Vec<u16> {
            field.cluster.ids().map(|id| of(&field.cluster, id)).collect()
        };
        let clients = ports(Cluster::port);
        let mut watch = watch::start(&clients, &ports(Cluster::health_port), &bootstrap, &load, &truth);
        watch.extend(old::start(&clients, subjects(&load, &group, &churns), &truth));
        Flows {
            churns,
            plain: Plain::start(&bootstrap, &truth),
            topics: std::thread::spawn(|| topics.churn()),
            watch,
            java,
            group,
            load,
            bootstrap,
            truth,
        }
    }

    /// What is known to be wrong already.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.truth.all_broken();
        let loads = self.java.iter().map(|(load, _)| load).chain([&*self.load]);
        problems.extend(loads.flat_map(Load::failures));
        problems
    }

    /// Ends all, and looks what is there in the end. Returns what is not as it was told.
    pub fn finish(self) -> Vec<String> {
        self.truth.end();
        let (sent, mut problems) = self.load.finish();
        if let Some((load, group)) = &self.java {
            let (sent, failures) = load.finish();
            problems.extend(failures);
            problems.extend(check::all_there(&self.bootstrap, load, sent));
            println!(
                "Java: {sent} records acknowledged, {} rebalances, {} commits that failed",
                group.rebalances(),
                group.failed_commits()
            );
            problems.extend(group.finish(load));
        }
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

/// Whatever no broker may answer by what was true before.
fn subjects(load: &Arc<Load>, group: &Group, churns: &[Churn]) -> Vec<Subject> {
    let load = Arc::clone(load);
    let ends = move || (0..load.partitions()).map(|partition| load.end(partition)).collect();
    let mut subjects = vec![
        Subject { group: None, least: Box::new(ends) },
        Subject { group: Some(group::GROUP.to_owned()), least: Box::new(group.committed()) },
    ];
    let of = |churn: &Churn| Subject { group: Some(churn.group()), least: Box::new(churn.committed()) };
    subjects.extend(churns.iter().map(of));
    subjects
}

fn start_java(bootstrap: &str, rate: u64) -> (Load, Group) {
    load::make_topic(bootstrap, JAVA_TOPIC, JAVA_PARTITIONS);
    let patience = Some(JAVA_PATIENCE);
    let (load, group) =
        java::start(bootstrap, JAVA_TOPIC, JAVA_PARTITIONS, rate, patience, group::Protocol::Consumer);
    load.settle();
    group.settle();
    (load, group)
}
