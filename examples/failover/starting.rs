//! Starts of whole clusters: three brokers on an empty store at once, and on what they left when they were killed; one of them late,
//! or never.

use std::time::{Duration, Instant};

use kafkaesque::protocol::messages::metadata;

use super::load::{self, Load};
use super::processes::Cluster;
use super::table::Table;
use super::{Plan, TOPIC, check};

const ALL: [usize; 3] = [0, 1, 2];
const TWO: [usize; 2] = [0, 1];
/// The time after which one that is late is started.
const LATE: Duration = Duration::from_secs(30);
const AGREEMENT_LIMIT: Duration = Duration::from_secs(30);

pub fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let (mut table, mut problems) = (Table::default(), Vec::new());
    for round in 0..plan.rounds {
        let begun = Instant::now();
        problems.extend(together(plan, &mut table));
        println!("round {round}: {:.1} s, {} problems", begun.elapsed().as_secs_f64(), problems.len());
    }
    problems.extend(one_late(plan, &mut table));
    problems.extend(one_never(plan, &mut table));
    print!("{table}");
    println!("{} problems", problems.len());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// All at once, then `kill -9` of all and all at once again.
fn together(plan: &Plan, table: &mut Table) -> Vec<String> {
    let mut cluster = prepare(plan);
    let begun = Instant::now();
    start(&mut cluster, &ALL);
    table.add("three at once, on an empty store: until all are ready", begun.elapsed());
    let load = begin(plan, &cluster);
    table.add("until each partition has taken a record", begun.elapsed());
    agree(&cluster, &ALL);
    ALL.iter().for_each(|id| cluster.kill(*id));
    let begun = Instant::now();
    start(&mut cluster, &ALL);
    table.add("killed and started at once: until all are ready", begun.elapsed());
    load.settle();
    table.add("until each partition has taken a record again", begun.elapsed());
    end(&cluster, &load)
}

/// Two at once. The third comes late, to the brokers and to what was written before it was there.
fn one_late(plan: &Plan, table: &mut Table) -> Vec<String> {
    let begun = Instant::now();
    let (mut cluster, load) = two_of_three(plan, table);
    std::thread::sleep(LATE.saturating_sub(begun.elapsed()));
    let begun = Instant::now();
    cluster.launch(2);
    cluster.wait_until_ready(2);
    table.add("the third, 30 s late: until it is ready", begun.elapsed());
    agree(&cluster, &ALL);
    load.settle();
    end(&cluster, &load)
}

/// Two at once. The third never comes, also when they are killed and started again.
fn one_never(plan: &Plan, table: &mut Table) -> Vec<String> {
    let (mut cluster, load) = two_of_three(plan, table);
    TWO.iter().for_each(|id| cluster.kill(*id));
    let begun = Instant::now();
    start(&mut cluster, &TWO);
    load.settle();
    table.add("two of three killed and started: until each partition has taken a record", begun.elapsed());
    agree(&cluster, &TWO);
    end(&cluster, &load)
}

fn two_of_three(plan: &Plan, table: &mut Table) -> (Cluster, Load) {
    let mut cluster = prepare(plan);
    let begun = Instant::now();
    start(&mut cluster, &TWO);
    table.add("two of three at once: until both are ready", begun.elapsed());
    let load = begin(plan, &cluster);
    agree(&cluster, &TWO);
    (cluster, load)
}

fn prepare(plan: &Plan) -> Cluster {
    let variables = [("LOCAL_FSYNC", "false"), ("LOCAL_RESERVE_BYTES", "0")];
    let mut cluster = Cluster::prepare(&plan.program, ALL.len(), &variables);
    plan.slow_down(&mut cluster);
    cluster
}

/// All of these at once, until they are ready.
fn start(cluster: &mut Cluster, brokers: &[usize]) {
    brokers.iter().for_each(|id| cluster.launch(*id));
    brokers.iter().for_each(|id| cluster.wait_until_ready(*id));
}

fn begin(plan: &Plan, cluster: &Cluster) -> Load {
    load::make_topic(&cluster.bootstrap(), TOPIC, plan.partitions);
    let load = Load::start(&cluster.bootstrap(), plan.partitions, plan.rate, None);
    load.settle();
    load
}

fn end(cluster: &Cluster, load: &Load) -> Vec<String> {
    let (sent, mut problems) = load.finish();
    problems.extend(check::all_there(&cluster.bootstrap(), load, sent));
    problems
}

/// Waits until these brokers say the same of the voters, of their leader, and of the topic.
fn agree(cluster: &Cluster, brokers: &[usize]) {
    let begun = Instant::now();
    let word = |id: &usize| {
        let request = metadata::Request {
            topics: Some(vec![metadata::MetadataRequestTopic {
                name: Some(TOPIC.to_owned()),
                ..Default::default()
            }]),
            ..Default::default()
        };
        let topic =
            cluster.ask(*id, &request, 12).ok()?.topics.pop().filter(|topic| topic.error_code == 0)?;
        Some((cluster.voters(*id)?, topic.topic_id))
    };
    loop {
        let words: Vec<_> = brokers.iter().map(word).collect();
        let agreed = words.iter().all(|word| word.is_some() && *word == words[0]);
        let voters = words[0].as_ref().map(|(voters, _)| voters.len());
        if agreed && voters == Some(ALL.len()) && cluster.leader().is_some() {
            return;
        }
        assert!(begun.elapsed() < AGREEMENT_LIMIT, "they say {words:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
