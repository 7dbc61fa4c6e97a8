//! Process settings of groups of the consumer protocol (KIP-848), and what must agree between them.

use super::Config;
use super::given::Reader;
use crate::settings::MigrationPolicy;

/// Groups of the consumer protocol. Each is the broker config `group.consumer.` and the field's name with dots.
#[derive(Clone, Debug)]
pub struct ConsumerGroups {
    pub session_timeout_ms: i32,
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub heartbeat_interval_ms: i32,
    pub min_heartbeat_interval_ms: i32,
    pub max_heartbeat_interval_ms: i32,
    pub assignment_interval_ms: i32,
    pub max_size: i32,
    pub migration_policy: MigrationPolicy,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<ConsumerGroups> {
    let session_timeout_ms = reader.number("GROUP_CONSUMER_SESSION_TIMEOUT_MS", 1..=i32::MAX);
    let min_session_timeout_ms = reader.number("GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS", 1..=i32::MAX);
    let max_session_timeout_ms = reader.number("GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS", 1..=i32::MAX);
    let heartbeat_interval_ms = reader.number("GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS", 1..=i32::MAX);
    let min_heartbeat_interval_ms = reader.number("GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS", 1..=i32::MAX);
    let max_heartbeat_interval_ms = reader.number("GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS", 1..=i32::MAX);
    let assignment_interval_ms = reader.number("GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS", 0..=15_000);
    let max_size = reader.number("GROUP_CONSUMER_MAX_SIZE", 1..=i32::MAX);
    let policies = MigrationPolicy::ALL.map(|policy| (policy.name(), policy));
    let migration_policy = reader.one_of("GROUP_CONSUMER_MIGRATION_POLICY", &policies);
    Some(ConsumerGroups {
        session_timeout_ms: session_timeout_ms?,
        min_session_timeout_ms: min_session_timeout_ms?,
        max_session_timeout_ms: max_session_timeout_ms?,
        heartbeat_interval_ms: heartbeat_interval_ms?,
        min_heartbeat_interval_ms: min_heartbeat_interval_ms?,
        max_heartbeat_interval_ms: max_heartbeat_interval_ms?,
        assignment_interval_ms: assignment_interval_ms?,
        max_size: max_size?,
        migration_policy: migration_policy?,
    })
}

impl ConsumerGroups {
    /// Each variable with the broker config that it sets, and its value.
    pub(super) fn broker_settings(&self) -> [(&'static str, &'static str, String); 9] {
        let [session, heartbeat] = self.bounded();
        [
            (session.variable, "group.consumer.session.timeout.ms", session.value.to_string()),
            (session.least.0, "group.consumer.min.session.timeout.ms", session.least.1.to_string()),
            (session.most.0, "group.consumer.max.session.timeout.ms", session.most.1.to_string()),
            (heartbeat.variable, "group.consumer.heartbeat.interval.ms", heartbeat.value.to_string()),
            (heartbeat.least.0, "group.consumer.min.heartbeat.interval.ms", heartbeat.least.1.to_string()),
            (heartbeat.most.0, "group.consumer.max.heartbeat.interval.ms", heartbeat.most.1.to_string()),
            (
                "GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS",
                "group.consumer.assignment.interval.ms",
                self.assignment_interval_ms.to_string(),
            ),
            ("GROUP_CONSUMER_MAX_SIZE", "group.consumer.max.size", self.max_size.to_string()),
            (
                "GROUP_CONSUMER_MIGRATION_POLICY",
                "group.consumer.migration.policy",
                self.migration_policy.name().to_owned(),
            ),
        ]
    }

    fn bounded(&self) -> [Bounded; 2] {
        [
            Bounded {
                variable: "GROUP_CONSUMER_SESSION_TIMEOUT_MS",
                value: self.session_timeout_ms,
                least: ("GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS", self.min_session_timeout_ms),
                most: ("GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS", self.max_session_timeout_ms),
            },
            Bounded {
                variable: "GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS",
                value: self.heartbeat_interval_ms,
                least: ("GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS", self.min_heartbeat_interval_ms),
                most: ("GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS", self.max_heartbeat_interval_ms),
            },
        ]
    }
}

/// A default beside the bounds of what groups can be given.
struct Bounded {
    variable: &'static str,
    value: i32,
    least: (&'static str, i32),
    most: (&'static str, i32),
}

/// What does not agree (`GroupCoordinatorConfig`, the requirements at the end of its constructor). Of two variables
/// the one that somebody set is named.
pub(super) fn problems(config: &Config, refuse: &mut impl FnMut(&str, &str)) {
    let mut require = |holds: bool, variables: [&str; 2], message: &str| {
        if !holds {
            let given = variables.into_iter().find(|variable| config.is_given(variable));
            refuse(given.unwrap_or(variables[0]), message);
        }
    };
    let [session, heartbeat] = config.groups.consumer.bounded();
    for Bounded { variable, value, least, most } in [&session, &heartbeat] {
        require(least.1 <= *value, [variable, least.0], &format!("{variable} is below {}", least.0));
        require(*value <= most.1, [variable, most.0], &format!("{variable} is above {}", most.0));
    }
    require(
        heartbeat.value < session.value,
        [heartbeat.variable, session.variable],
        "a heartbeat interval must be below the session timeout",
    );
}
