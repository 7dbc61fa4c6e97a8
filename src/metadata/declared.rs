//! Settings that all brokers are to have alike, as each has them: after a takeover, those of the new owner count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use crate::types::BrokerId;

/// By broker, then by the name of the setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared(RedBlackTreeMapSync<BrokerId, Arc<BTreeMap<String, String>>>);

/// A setting that brokers have with different values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub setting: String,
    /// The brokers that have each value.
    pub values: BTreeMap<String, Vec<BrokerId>>,
}

impl Declared {
    pub(super) fn set(&mut self, broker: BrokerId, settings: &Arc<BTreeMap<String, String>>) {
        self.0.insert_mut(broker, Arc::clone(settings));
    }

    pub(super) fn remove(&mut self, broker: BrokerId) {
        self.0.remove_mut(&broker);
    }

    pub fn of(&self, broker: BrokerId) -> Option<&Arc<BTreeMap<String, String>>> {
        self.0.get(&broker)
    }

    /// The settings that differ, by their names. One that a broker does not know is no difference.
    pub fn differences(&self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.0.values().flat_map(|settings| settings.keys()).collect();
        let difference = |setting: &String| {
            let mut values: BTreeMap<String, Vec<BrokerId>> = BTreeMap::new();
            for (broker, settings) in &self.0 {
                if let Some(value) = settings.get(setting) {
                    values.entry(value.clone()).or_default().push(*broker);
                }
            }
            (values.len() > 1).then(|| Difference { setting: setting.clone(), values })
        };
        names.into_iter().filter_map(difference).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not the same on all brokers: ", self.setting)?;
        for (place, (value, brokers)) in self.values.iter().enumerate() {
            let brokers: Vec<String> = brokers.iter().map(ToString::to_string).collect();
            write!(f, "{}{value} on {}", if place == 0 { "" } else { ", " }, brokers.join(" and "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(brokers: &[(i32, &[(&str, &str)])]) -> Declared {
        let mut declared = Declared::default();
        for (id, settings) in brokers {
            let owned = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            declared.set(BrokerId(*id), &Arc::new(owned.collect()));
        }
        declared
    }

    #[test]
    fn a_difference_names_the_setting_and_the_brokers_of_each_value() {
        let same = [("SHARDS", "6"), ("LOG_RETENTION_HOURS", "168")];
        assert!(declared(&[(1, &same), (2, &same)]).differences().is_empty());
        let mut three = declared(&[
            (1, &same),
            (2, &[("SHARDS", "6"), ("LOG_RETENTION_HOURS", "24")]),
            (3, &[("LOG_RETENTION_HOURS", "168"), ("OF_A_LATER_PROGRAM", "1")]),
        ]);
        let told: Vec<String> = three.differences().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["LOG_RETENTION_HOURS is not the same on all brokers: 168 on 1 and 3, 24 on 2"]);
        three.remove(BrokerId(2));
        assert!(three.differences().is_empty());
    }
}
