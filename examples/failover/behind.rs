//! A voter that was away while the metadata changed ten thousand times: changes that others make while it catches up.

use std::thread;
use std::time::{Duration, Instant};

use kafkaesque::protocol::messages::incremental_alter_configs::{
    self, AlterConfigsResource, AlterableConfig,
};

use super::processes::Cluster;
use super::table::Table;
use super::{Plan, TOPIC, load};

const CHANGES: usize = 10_000;
const AT_ONCE: usize = 16;
/// For so long changes are measured before it comes back, and after it has caught up.
const MEASURED: Duration = Duration::from_secs(5);
const TOPIC_RESOURCE: i8 = 2;
/// Entries of a list in each change: some 2 KiB, so that the log of all of them is longer than what is kept beside a snapshot.
const REPLICAS: usize = 300;
/// A commit may take so much longer than it does when nobody is behind.
const DELAY: Duration = Duration::from_millis(50);

pub fn run(plan: &Plan) -> Result<(), Vec<String>> {
    let variables = [
        ("LOCAL_FSYNC", "false"),
        ("LOCAL_RESERVE_BYTES", "0"),
        ("RUST_LOG", "error,kafkaesque::metadata=info"),
    ];
    let mut cluster = Cluster::prepare(&plan.program, 3, &variables);
    plan.slow_down(&mut cluster);
    cluster.ids().for_each(|id| cluster.launch(id));
    cluster.ids().for_each(|id| cluster.wait_until_ready(id));
    load::make_topic(&cluster.bootstrap(), TOPIC, plan.partitions);
    let (mut table, mut problems) = (Table::default(), Vec::new());
    for _ in 0..plan.rounds {
        problems.extend(round(&mut cluster, &mut table));
    }
    print!("{table}");
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn round(cluster: &mut Cluster, table: &mut Table) -> Option<String> {
    let leader = cluster.leader().expect("somebody leads the metadata").broker;
    let away = (leader + 1) % 3;
    let others = [leader, (leader + 2) % 3];
    cluster.kill(away);
    // Until its shards are others'.
    thread::sleep(Duration::from_secs(5));
    let begun = Instant::now();
    thread::scope(|scope| {
        let cluster = &*cluster;
        for who in 0..AT_ONCE {
            scope.spawn(move || {
                (0..CHANGES / AT_ONCE).for_each(|number| {
                    change(cluster, others[who % 2], number);
                })
            });
        }
    });
    println!("{CHANGES} changes in {:.1} s", begun.elapsed().as_secs_f64());
    let before = measure(cluster, others, table, "a change, while one is away", |_| false);
    cluster.launch(away);
    let begun = Instant::now();
    let mut ready = None;
    let meanwhile = measure(cluster, others, table, "a change, while it catches up", |cluster| {
        if ready.is_none() && cluster.is_ready(away) {
            ready = Some(Instant::now());
        }
        ready.is_none()
    });
    let by_snapshot = cluster.has_said(away, "took a snapshot of the metadata");
    println!("broker {away} has caught up {}", if by_snapshot { "by a snapshot" } else { "by the log" });
    table.add("until it is ready", ready.expect("it is ready").duration_since(begun));
    (meanwhile > before + DELAY).then(|| format!("a change took {meanwhile:?} instead of {before:?}"))
}

/// The longest of the changes that are made one after the other, for a while after `is_going_on` says no.
fn measure(
    cluster: &Cluster,
    others: [usize; 2],
    table: &mut Table,
    name: &str,
    mut is_going_on: impl FnMut(&Cluster) -> bool,
) -> Duration {
    let (mut end, mut worst) = (Instant::now() + MEASURED, Duration::ZERO);
    for number in 0.. {
        if is_going_on(cluster) {
            end = Instant::now() + MEASURED;
        } else if Instant::now() > end {
            break;
        }
        let took = change(cluster, others[number % 2], number);
        table.add(name, took);
        worst = worst.max(took);
    }
    worst
}

/// Changes the topic by way of a broker.
fn change(cluster: &Cluster, id: usize, number: usize) -> Duration {
    let begun = Instant::now();
    let config = AlterableConfig {
        name: "follower.replication.throttled.replicas".to_owned(),
        config_operation: 0,
        value: Some(
            (number..number + REPLICAS)
                .map(|partition| format!("{partition}:0"))
                .collect::<Vec<_>>()
                .join(","),
        ),
    };
    let resource = AlterConfigsResource {
        resource_type: TOPIC_RESOURCE,
        resource_name: TOPIC.to_owned(),
        configs: vec![config],
    };
    let request = incremental_alter_configs::Request { resources: vec![resource], ..Default::default() };
    let answer = cluster.ask(id, &request, 1).expect("an answer");
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
    begun.elapsed()
}
