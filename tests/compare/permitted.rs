//! What may differ from Kafka, and why. Nothing else may.

use serde_json::Value as Json;

use crate::differences::Difference;

/// A difference that is meant.
pub struct Permitted {
    /// Kafka's name of the API; `*` is every one.
    api: &'static str,
    /// The names of the fields down to the value, or (from `…/`) the last of them.
    path: &'static str,
    /// Ours and theirs.
    when: fn(&Json, &Json) -> bool,
    #[expect(dead_code, reason = "for whoever reads the list")]
    why: &'static str,
}

const fn permit(
    api: &'static str,
    path: &'static str,
    when: fn(&Json, &Json) -> bool,
    why: &'static str,
) -> Permitted {
    Permitted { api, path, when, why }
}

/// Both say something: the words are for people, and differ between Kafka's own versions.
fn both_speak(ours: &Json, theirs: &Json) -> bool {
    let speaks = |text: &Json| text.as_str().is_some_and(|text| !text.is_empty());
    speaks(ours) && speaks(theirs)
}

fn both_positive(ours: &Json, theirs: &Json) -> bool {
    let is_positive = |number: &Json| number.as_i64().is_some_and(|number| number > 0);
    is_positive(ours) && is_positive(theirs)
}

fn only_theirs(ours: &Json, _: &Json) -> bool {
    ours.is_null()
}

/// The list.
pub static PERMITTED: &[Permitted] = &[
    permit("*", ".../error_message", both_speak, "texts for people"),
    permit("*", "cluster_id", both_speak, "each cluster's own"),
    permit("ConsumerGroupHeartbeat", "member_id", both_speak, "each broker's own choice"),
    permit("JoinGroup", "member_id", both_speak, "each broker's own choice"),
    permit("JoinGroup", "leader", both_speak, "each broker's own choice"),
    permit(
        "JoinGroup",
        "",
        |ours, theirs| ours["protocol_name"].as_str().is_none_or(str::is_empty) && theirs.is_string(),
        "two protocols without a name: Kafka never answers",
    ),
    permit("Fetch", "session_id", both_positive, "each broker's own choice"),
    permit(
        "InitProducerId",
        "producer_id",
        |a, b| a.as_i64() >= Some(0) && b.as_i64() >= Some(0),
        "blocks of ids begin elsewhere",
    ),
    permit("DescribeLogDirs", "results", only_theirs, "folders of a disk: there is none here"),
];

impl Permitted {
    fn covers(&self, api: &str, difference: &Difference) -> bool {
        let path = match self.path.strip_prefix(".../") {
            None => difference.path == self.path,
            Some(last) => difference.path.rsplit('/').next() == Some(last),
        };
        path && (self.api == "*" || self.api == api) && (self.when)(&difference.ours, &difference.theirs)
    }
}

/// Whether `difference` in an answer of `api` is meant.
pub fn is_permitted(api: &str, difference: &Difference) -> bool {
    PERMITTED.iter().any(|permitted| permitted.covers(api, difference))
}
