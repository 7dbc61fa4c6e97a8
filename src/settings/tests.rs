use std::collections::BTreeMap;

use super::*;

fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refusal(target: Target, name: &str, value: &str) -> String {
    match validate(target, name, value) {
        Ok(parsed) => format!("accepted as {parsed:?}"),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn tables_are_sorted_and_every_default_is_valid() {
    for scope in [Scope::Broker, Scope::Topic, Scope::Group] {
        let table = definitions(scope);
        assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "{scope:?}");
        for definition in table {
            let default = definition.default.map(|raw| definition.check(raw));
            assert!(default.is_none_or(|checked| checked.is_ok()), "{}", definition.name);
            assert!(lookup(scope, definition.name).is_some());
            assert!(definition.doc.ends_with('.'), "{}: {}", definition.name, definition.doc);
            for synonym in definition.synonyms {
                assert!(lookup(Scope::Broker, synonym.name).is_some(), "{}", synonym.name);
            }
        }
    }
}

#[test]
fn topic_configs_can_be_set_to_their_defaults_and_group_configs_too() {
    for (target, scope) in [(Target::Topic, Scope::Topic), (Target::Group, Scope::Group)] {
        for definition in definitions(scope) {
            if let Some(default) = definition.default {
                assert!(validate(target, definition.name, default).is_ok(), "{}", definition.name);
            }
        }
    }
}

#[test]
fn unknown_names_are_refused() {
    assert_eq!(refusal(Target::Topic, "no.such", "1"), "Unknown topic config name: no.such");
    assert_eq!(
        refusal(Target::Topic, "log.retention.ms", "1"),
        "Unknown topic config name: log.retention.ms"
    );
    assert_eq!(refusal(Target::Broker, "retention.ms", "1"), "Unknown broker config name: retention.ms");
    assert_eq!(refusal(Target::Group, "retention.ms", "1"), "Unknown group config name: retention.ms");
    assert_eq!(refusal(Target::Topic, "Retention.ms", "1"), "Unknown topic config name: Retention.ms");
}

#[test]
fn values_out_of_range_are_refused_in_kafkas_words() {
    for (name, value, message) in [
        ("retention.ms", "x", "Invalid value x for configuration retention.ms: Not a number of type LONG"),
        ("retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or \
             equal to -1",
        ),
        (
            "message.timestamp.type",
            "createtime",
            "Invalid value createtime for configuration message.timestamp.type: String must be one of: \
             CreateTime, LogAppendTime",
        ),
        (
            "preallocate",
            "yes",
            "Invalid value yes for configuration preallocate: Expected value to be either true or false",
        ),
        (
            "cleanup.policy",
            "delete,purge",
            "Invalid value purge for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        ("cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."),
    ] {
        assert_eq!(refusal(Target::Topic, name, value), message);
    }
}

#[test]
fn what_does_not_work_yet_is_refused_and_what_means_nothing_here_is_taken() {
    let tiered = refusal(Target::Topic, "remote.storage.enable", "true");
    assert!(tiered.contains("tiering"), "{tiered}");
    assert!(refusal(Target::Group, "share.session.timeout.ms", "50000").contains("not supported yet"));
    for (name, value) in [
        ("cleanup.policy", ""),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("min.cleanable.dirty.ratio", "0.1"),
        ("remote.storage.enable", "FALSE"),
        ("min.insync.replicas", "2"),
        ("segment.bytes", "52428800"),
        ("unclean.leader.election.enable", "true"),
        ("follower.replication.throttled.replicas", "*"),
    ] {
        assert!(validate(Target::Topic, name, value).is_ok(), "{name}");
    }
}

#[test]
fn read_only_broker_configs_cannot_be_changed() {
    for target in [Target::Broker, Target::Cluster] {
        assert_eq!(
            refusal(target, "log.dirs", "/elsewhere"),
            "Cannot update these configs dynamically: [log.dirs]"
        );
        assert!(validate(target, "log.retention.ms", "1000").is_ok());
    }
}

#[test]
fn a_topics_values_must_agree_with_each_other() {
    let check = |pairs: &[(&'static str, &'static str)]| validate_topic(pairs.iter().copied());
    assert!(check(&[("retention.ms", "1"), ("min.compaction.lag.ms", "5")]).is_ok());
    let refused =
        check(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")]).expect_err("5 < 10");
    assert_eq!(
        refused.message,
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    );
    assert_eq!(check(&[("retention.ms", "x")]).expect_err("no number").name, "retention.ms");
}

#[test]
fn lists_grow_and_shrink() {
    let name = "follower.replication.throttled.replicas";
    assert_eq!(append(Target::Topic, name, None, "0:1,1:1"), Ok("0:1,1:1".to_owned()));
    assert_eq!(append(Target::Topic, name, Some("0:1"), "0:1,1:1"), Ok("0:1,1:1".to_owned()));
    assert_eq!(subtract(Target::Topic, name, Some("0:1,1:1"), "0:1,9:9"), Ok("1:1".to_owned()));
    assert_eq!(subtract(Target::Topic, "cleanup.policy", None, "delete"), Ok(String::new()));
    assert_eq!(append(Target::Topic, "cleanup.policy", Some(""), "delete"), Ok("delete".to_owned()));
    let refused = append(Target::Topic, "retention.ms", None, "1").expect_err("no list");
    assert_eq!(refused.message, "Can't APPEND to key retention.ms because its type is not LIST.");
    assert!(subtract(Target::Topic, "no.such", None, "1").is_err());
}

#[test]
fn a_topic_obeys_its_own_values_over_its_brokers_over_the_defaults() {
    let defaults = TopicSettings::defaults();
    assert_eq!(
        defaults,
        TopicSettings {
            max_message_bytes: 1_048_588,
            max_decompressed_message_bytes: 2_147_483_639,
            timestamps: TimestampPolicy {
                kind: TimestampType::CreateTime,
                before_max_ms: i64::MAX,
                after_max_ms: 3_600_000,
            },
            compression: Compression::Producer,
            retention: Retention { ms: Some(7 * 24 * 3_600_000), bytes: None },
            cleanup: CleanupPolicy { delete: true, compact: false },
        }
    );
    let fixed = set(&[("log.retention.hours", "1"), ("message.max.bytes", "100")]);
    let cluster = set(&[("log.retention.ms", "5000"), ("compression.type", "gzip")]);
    let broker = set(&[("log.retention.ms", "6000"), ("log.message.timestamp.type", "LogAppendTime")]);
    let retention = |topic: &dyn Overrides, layers: &BrokerLayers<'_>| {
        TopicSettings::effective(topic, layers).retention.ms
    };
    let mut layers = BrokerLayers { fixed: &fixed, ..BrokerLayers::DEFAULTS };
    assert_eq!(retention(&(), &layers), Some(3_600_000));
    layers.cluster = &cluster;
    assert_eq!(retention(&(), &layers), Some(5000));
    layers.broker = &broker;
    assert_eq!(retention(&(), &layers), Some(6000));
    let own = set(&[("retention.ms", "-1"), ("compression.gzip.level", "9")]);
    assert_eq!(retention(&own, &layers), None);
    let effective = TopicSettings::effective(&own, &layers);
    assert_eq!(effective.max_message_bytes, 100);
    assert_eq!(effective.compression, Compression::Gzip(Some(9)));
    assert_eq!(effective.timestamps.kind, TimestampType::LogAppendTime);
}

#[test]
fn codecs_carry_their_levels() {
    let with =
        |pairs: &[(&str, &str)]| TopicSettings::effective(&set(pairs), &BrokerLayers::DEFAULTS).compression;
    assert_eq!(with(&[("compression.type", "gzip")]), Compression::Gzip(None));
    assert_eq!(with(&[("compression.type", "lz4")]), Compression::Lz4(9));
    assert_eq!(with(&[("compression.type", "lz4"), ("compression.lz4.level", "1")]), Compression::Lz4(1));
    assert_eq!(with(&[("compression.type", "zstd")]), Compression::Zstd(3));
    assert_eq!(
        with(&[("compression.type", "zstd"), ("compression.zstd.level", "-5")]),
        Compression::Zstd(-5)
    );
    assert_eq!(with(&[("compression.type", "snappy")]), Compression::Snappy);
    assert_eq!(with(&[("compression.type", "uncompressed")]), Compression::Uncompressed);
}

#[test]
fn an_empty_policy_keeps_everything() {
    let own = set(&[("cleanup.policy", "")]);
    let cleanup = TopicSettings::effective(&own, &BrokerLayers::DEFAULTS).cleanup;
    assert_eq!(cleanup, CleanupPolicy { delete: false, compact: false });
}

fn find<'a>(described: &'a [Described], name: &str) -> &'a Described {
    described.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} is not described"))
}

#[test]
fn a_topic_is_described_with_the_source_of_every_value() {
    let own = set(&[("retention.ms", "1000")]);
    let fixed = set(&[("message.max.bytes", "100")]);
    let cluster = set(&[("log.retention.ms", "5000")]);
    let layers = BrokerLayers { cluster: &cluster, fixed: &fixed, ..BrokerLayers::DEFAULTS };
    let described = describe_topic(&own, &layers);
    assert_eq!(described.len(), definitions(Scope::Topic).len());

    let retention = find(&described, "retention.ms");
    assert_eq!((retention.value.as_deref(), retention.source), (Some("1000"), Source::DynamicTopic));
    let synonyms: Vec<_> =
        retention.synonyms.iter().map(|one| (&*one.name, one.value.as_deref(), one.source)).collect();
    assert_eq!(
        synonyms,
        [
            ("retention.ms", Some("1000"), Source::DynamicTopic),
            ("log.retention.ms", Some("5000"), Source::DynamicDefaultBroker),
            ("log.retention.hours", Some("168"), Source::Default),
        ]
    );
    let size = find(&described, "max.message.bytes");
    assert_eq!((size.value.as_deref(), size.source), (Some("100"), Source::StaticBroker));
    let policy = find(&described, "cleanup.policy");
    assert_eq!((policy.value.as_deref(), policy.source), (Some("delete"), Source::Default));
    assert!(described.iter().all(|one| !one.read_only && !one.sensitive));
}

#[test]
fn only_what_is_set_for_all_brokers_is_described_for_all_brokers() {
    assert!(describe_cluster(&()).is_empty());
    let described = describe_cluster(&set(&[("log.retention.ms", "5000")]));
    assert_eq!(described.len(), 1);
    assert_eq!(described[0].source, Source::DynamicDefaultBroker);
    assert_eq!(described[0].synonyms.len(), 1);
}

#[test]
fn a_broker_says_what_tools_ask_for() {
    let described = describe_broker(&BrokerLayers::DEFAULTS);
    for (name, value) in [
        ("num.partitions", "1"),
        ("default.replication.factor", "1"),
        ("auto.create.topics.enable", "true"),
        ("log.retention.hours", "168"),
        ("message.max.bytes", "1048588"),
        ("offsets.retention.minutes", "10080"),
    ] {
        assert_eq!(find(&described, name).value.as_deref(), Some(value));
    }
    assert!(find(&described, "num.partitions").read_only);
    assert!(!find(&described, "log.retention.ms").read_only);
    assert_eq!(find(&described, "log.retention.ms").value, None);
}

#[test]
fn a_group_obeys_its_own_values_within_the_brokers_bounds() {
    let defaults = GroupSettings::effective(&(), &BrokerLayers::DEFAULTS);
    assert_eq!(
        defaults,
        GroupSettings {
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 5000,
            assignment_interval_ms: 1000
        }
    );
    let fixed = set(&[
        ("group.consumer.session.timeout.ms", "6000"),
        ("group.consumer.min.session.timeout.ms", "6000"),
        ("group.consumer.min.heartbeat.interval.ms", "100"),
    ]);
    let cluster = set(&[("group.consumer.assignment.interval.ms", "0")]);
    let layers = BrokerLayers { cluster: &cluster, fixed: &fixed, ..BrokerLayers::DEFAULTS };
    let own = set(&[("consumer.heartbeat.interval.ms", "500")]);
    assert_eq!(
        GroupSettings::effective(&own, &layers),
        GroupSettings { session_timeout_ms: 6000, heartbeat_interval_ms: 500, assignment_interval_ms: 0 }
    );
    // Set when the bounds were wider.
    let own = set(&[("consumer.heartbeat.interval.ms", "500"), ("consumer.session.timeout.ms", "90000")]);
    let narrowed = GroupSettings::effective(&own, &BrokerLayers::DEFAULTS);
    assert_eq!((narrowed.heartbeat_interval_ms, narrowed.session_timeout_ms), (5000, 60_000));
}

#[test]
fn what_a_group_is_given_must_agree() {
    let fixed = set(&[("group.consumer.min.session.timeout.ms", "1000")]);
    let layers = BrokerLayers { fixed: &fixed, ..BrokerLayers::DEFAULTS };
    let refusal = |pairs: &[(&str, &str)]| validate_group(&set(pairs), &layers).err().map(|it| it.message);
    assert_eq!(refusal(&[]), None);
    assert_eq!(refusal(&[("consumer.session.timeout.ms", "50000")]), None);
    assert_eq!(
        refusal(&[("consumer.session.timeout.ms", "60001")]).as_deref(),
        Some("consumer.session.timeout.ms must be in the range 1000 to 60000 inclusive.")
    );
    assert_eq!(
        refusal(&[("consumer.assignment.interval.ms", "15001")]).as_deref(),
        Some("consumer.assignment.interval.ms must be in the range 0 to 15000 inclusive.")
    );
    let greater = "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms";
    assert_eq!(refusal(&[("consumer.session.timeout.ms", "5000")]).as_deref(), Some(greater));
    let pairs = [("consumer.session.timeout.ms", "7000"), ("consumer.heartbeat.interval.ms", "7000")];
    assert_eq!(refusal(&pairs).as_deref(), Some(greater));
}

#[test]
fn layers_have_the_defaults_of_the_table() {
    assert_eq!(default_number::<i32>("group.consumer.session.timeout.ms"), 45_000);
    assert_eq!(default_number::<usize>("group.max.size"), 0x7fff_ffff);
}
