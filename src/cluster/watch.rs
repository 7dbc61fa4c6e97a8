//! Metrics of topics and groups, added up from what shards and coordinators know when somebody asks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::ShardHost;
use crate::coordinator::Coordinators;
use crate::coordinator::group::Watched;
use crate::log::Counts;
use crate::metadata::Image;
use crate::runtime::Clock;
use crate::types::{Partition, TopicId};

/// The label of all that have none of their own. No topic can have this name.
const OTHERS: &str = "(others)";
/// The longest look for ends that nobody knows yet. The next look goes on from there.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// The longest that a scrape waits for a store that does not answer: less than scrapers wait for us.
const PATIENCE: Duration = Duration::from_secs(5);

/// Topics and groups with labels of their own; the rest is shown as one.
#[derive(Clone, Copy, Debug)]
pub struct WatchLimits {
    pub topics: usize,
    pub groups: usize,
}

/// The topics and groups of a broker, as its metrics show them.
pub struct Watch {
    shards: Arc<ShardHost>,
    coordinators: Arc<Coordinators>,
    clock: Clock,
    topics: Mutex<Topics>,
    groups: Mutex<Groups>,
}

/// Registered apart, since a registry owns what it collects.
struct Shown {
    watch: Arc<Watch>,
    descriptions: Vec<Desc>,
}

impl Watch {
    /// Shows topics and groups in `registry`. Fails if it has these names already.
    pub fn register(
        shards: Arc<ShardHost>,
        coordinators: Arc<Coordinators>,
        limits: WatchLimits,
        clock: &Clock,
        registry: &Registry,
    ) -> Result<Arc<Watch>, prometheus::Error> {
        let (topics, groups) = (Topics::new(limits.topics)?, Groups::new(limits.groups)?);
        let descriptions = topics.desc().chain(groups.desc()).cloned().collect();
        let watch = Arc::new(Watch {
            shards,
            coordinators,
            clock: clock.clone(),
            topics: Mutex::new(topics),
            groups: Mutex::new(groups),
        });
        registry.register(Box::new(Shown { watch: Arc::clone(&watch), descriptions }))?;
        Ok(watch)
    }

    /// Finds the ends of partitions that nobody has used since the broker took them over, for what is collected next.
    pub async fn look(&self) {
        let now = self.clock.instant();
        let (until, deadline) = (now + LOOK_LIMIT, now + PATIENCE);
        for shard in self.shards.open_shards() {
            let looking = self.clock.timeout_at(deadline, shard.find_ends(until)).await;
            if let Ok(Err(error)) = looking {
                tracing::debug!(shard = %shard.id(), %error, "ends of partitions not found yet");
            }
        }
    }
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let watch = &self.watch;
        let image = watch.shards.image();
        let (mut by_topic, mut ends) = (HashMap::<TopicId, TopicCounts>::new(), HashMap::new());
        for shard in watch.shards.open_shards() {
            shard.each_count(|partition, counts| {
                by_topic.entry(partition.topic).or_default().add(counts);
                ends.insert(partition, counts.end());
            });
        }
        let end_of = |partition: Partition| ends.get(&partition).copied();
        let groups = watch.coordinators.loaded().into_iter().flat_map(|here| here.watch(end_of)).collect();
        let mut families = watch.topics.lock().collect(&image, by_topic);
        families.extend(watch.groups.lock().collect(groups));
        families
    }
}

/// The partitions of one topic, added up. Bytes and records are counted since their shard came here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TopicCounts {
    partitions: i64,
    /// The sum of the ends; `None` while one of them is not known.
    end: Option<i64>,
    appended_bytes: u64,
    appended_records: u64,
    fetched_bytes: u64,
}

impl TopicCounts {
    fn add(&mut self, counts: &Counts) {
        let before = if self.partitions == 0 { Some(0) } else { self.end };
        self.end = before.zip(counts.end()).map(|(sum, end)| sum + end);
        self.partitions += 1;
        self.appended_bytes += counts.appended_bytes();
        self.appended_records += counts.appended_records();
        self.fetched_bytes += counts.fetched_bytes();
    }
}

/// Names with a label of their own: the first ones keep it, so that no counter jumps when another name comes.
struct Named<K> {
    limit: usize,
    kept: HashSet<K>,
}

impl<K: Clone + Eq + Hash> Named<K> {
    fn new(limit: usize) -> Named<K> {
        Named { limit, kept: HashSet::new() }
    }

    /// Lets go of those that are gone, and takes in others of `all`, in order, while there is room.
    fn follow<'a>(&mut self, all: impl Iterator<Item = &'a K> + Clone)
    where
        K: 'a,
    {
        let there: HashSet<&K> = all.clone().collect();
        self.kept.retain(|key| there.contains(key));
        for key in all {
            if self.kept.len() >= self.limit {
                break;
            }
            self.kept.insert(key.clone());
        }
    }

    fn has(&self, key: &K) -> bool {
        self.kept.contains(key)
    }
}

struct Topics {
    named: Named<TopicId>,
    partitions: IntGaugeVec,
    end: IntGaugeVec,
    appended_bytes: IntCounterVec,
    appended_records: IntCounterVec,
    fetched_bytes: IntCounterVec,
}

impl Topics {
    fn new(limit: usize) -> Result<Topics, prometheus::Error> {
        let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["topic"]);
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &["topic"]);
        Ok(Topics {
            named: Named::new(limit),
            partitions: gauge("kafkaesque_topic_partitions", "Partitions of a topic on this broker.")?,
            end: gauge("kafkaesque_topic_end_offset", "Sum of the high watermarks of a topic's partitions.")?,
            appended_bytes: counter(
                "kafkaesque_topic_appended_bytes_total",
                "Bytes of record batches made durable, by topic.",
            )?,
            appended_records: counter(
                "kafkaesque_topic_appended_records_total",
                "Records made durable, by topic.",
            )?,
            fetched_bytes: counter(
                "kafkaesque_topic_fetched_bytes_total",
                "Bytes of record batches read for clients, by topic.",
            )?,
        })
    }

    fn desc(&self) -> impl Iterator<Item = &Desc> {
        let gauges = [&self.partitions, &self.end].into_iter().flat_map(Collector::desc);
        let counters = [&self.appended_bytes, &self.appended_records, &self.fetched_bytes];
        gauges.chain(counters.into_iter().flat_map(Collector::desc))
    }

    fn collect(&mut self, image: &Image, counts: HashMap<TopicId, TopicCounts>) -> Vec<MetricFamily> {
        let by_name: BTreeMap<&str, TopicId> =
            counts.keys().filter_map(|id| Some((&*image.topic(*id)?.name, *id))).collect();
        self.named.follow(by_name.values());
        let gauges = [&self.partitions, &self.end];
        let counters = [&self.appended_bytes, &self.appended_records, &self.fetched_bytes];
        gauges.iter().for_each(|gauge| gauge.reset());
        counters.iter().for_each(|counter| counter.reset());
        for (name, id) in by_name {
            let counts = counts[&id];
            let label = &[if self.named.has(&id) { name } else { OTHERS }];
            self.partitions.with_label_values(label).add(counts.partitions);
            if let Some(end) = counts.end {
                self.end.with_label_values(label).add(end);
            }
            let values = [counts.appended_bytes, counts.appended_records, counts.fetched_bytes];
            for (counter, value) in counters.iter().zip(values) {
                counter.with_label_values(label).inc_by(value);
            }
        }
        let gauges = gauges.into_iter().flat_map(Collector::collect);
        gauges.chain(counters.into_iter().flat_map(Collector::collect)).collect()
    }
}

struct Groups {
    named: Named<Arc<str>>,
    groups: IntGaugeVec,
    state: IntGaugeVec,
    members: IntGaugeVec,
    lag: IntGaugeVec,
}

impl Groups {
    fn new(limit: usize) -> Result<Groups, prometheus::Error> {
        let gauge = |name, help, labels| IntGaugeVec::new(Opts::new(name, help), labels);
        Ok(Groups {
            named: Named::new(limit),
            groups: gauge("kafkaesque_groups", "Groups that this broker coordinates, by state.", &["state"])?,
            state: gauge(
                "kafkaesque_group_state",
                "1 for the state that a group is in.",
                &["group", "state"],
            )?,
            members: gauge("kafkaesque_group_members", "Members of a group.", &["group"])?,
            lag: gauge(
                "kafkaesque_group_lag",
                "Records behind the offsets that a group has committed, of all its partitions.",
                &["group"],
            )?,
        })
    }

    fn desc(&self) -> impl Iterator<Item = &Desc> {
        [&self.groups, &self.state, &self.members, &self.lag].into_iter().flat_map(Collector::desc)
    }

    fn collect(&mut self, mut groups: Vec<Watched>) -> Vec<MetricFamily> {
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        self.named.follow(groups.iter().map(|group| &group.id));
        let gauges = [&self.groups, &self.state, &self.members, &self.lag];
        gauges.iter().for_each(|gauge| gauge.reset());
        for group in &groups {
            let label = match self.named.has(&group.id) {
                true => {
                    self.state.with_label_values(&[&*group.id, group.state]).set(1);
                    &*group.id
                }
                false => OTHERS,
            };
            self.groups.with_label_values(&[group.state]).inc();
            self.members.with_label_values(&[label]).add(i64::try_from(group.members).unwrap_or(i64::MAX));
            if let Some(lag) = group.lag {
                self.lag.with_label_values(&[label]).add(lag);
            }
        }
        gauges.into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(id: &str, state: &'static str, lag: Option<i64>) -> Watched {
        Watched { id: id.into(), state, members: 1, lag }
    }

    /// The samples of one family, each as its labels and its value.
    fn samples(families: &[MetricFamily], name: &str) -> Vec<(String, i64)> {
        let family = families.iter().find(|family| family.name() == name).expect("is collected");
        let sample = |metric: &prometheus::proto::Metric| {
            let labels: Vec<&str> = metric.get_label().iter().map(|label| label.value()).collect();
            (labels.join(" "), metric.get_gauge().get_value() as i64)
        };
        let mut samples: Vec<_> = family.get_metric().iter().map(sample).collect();
        samples.sort();
        samples
    }

    #[test]
    fn groups_beyond_the_limit_are_shown_as_one_and_the_first_keep_their_names() {
        let mut groups = Groups::new(2).expect("valid names");
        let collected = groups.collect(vec![
            watched("d", "Stable", Some(4)),
            watched("c", "Empty", Some(3)),
            watched("b", "Stable", Some(2)),
        ]);
        let lag = [("(others)".to_owned(), 4), ("b".to_owned(), 2), ("c".to_owned(), 3)];
        assert_eq!(samples(&collected, "kafkaesque_group_lag"), lag);
        let states = [("b Stable".to_owned(), 1), ("c Empty".to_owned(), 1)];
        assert_eq!(samples(&collected, "kafkaesque_group_state"), states);
        let counts = [("Empty".to_owned(), 1), ("Stable".to_owned(), 2)];
        assert_eq!(samples(&collected, "kafkaesque_groups"), counts);

        let collected = groups.collect(vec![
            watched("a", "Stable", Some(1)),
            watched("c", "Stable", None),
            watched("d", "Stable", Some(4)),
        ]);
        let lag = [("(others)".to_owned(), 4), ("a".to_owned(), 1)];
        assert_eq!(samples(&collected, "kafkaesque_group_lag"), lag);
        let states = [("a Stable".to_owned(), 1), ("c Stable".to_owned(), 1)];
        assert_eq!(samples(&collected, "kafkaesque_group_state"), states);
    }

    #[test]
    fn a_label_once_given_stays_though_others_come_before_it() {
        let mut named = Named::new(1);
        named.follow([2].iter());
        named.follow([1, 2].iter());
        assert!(named.has(&2) && !named.has(&1));
        named.follow([1].iter());
        assert!(named.has(&1) && !named.has(&2));
    }

    #[test]
    fn the_end_of_a_topic_is_not_known_before_all_of_its_partitions_are() {
        let mut topic = TopicCounts::default();
        topic.add(&Counts::ending_at(5));
        topic.add(&Counts::ending_at(7));
        assert_eq!((topic.partitions, topic.end), (2, Some(12)));
        topic.add(&Counts::default());
        topic.add(&Counts::ending_at(1));
        assert_eq!((topic.partitions, topic.end), (4, None));
    }
}
