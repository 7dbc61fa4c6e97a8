//! The settings of TLS and SASL as both brokers describe their own.

use std::collections::BTreeMap;

use kafkaesque::protocol::messages::describe_configs as describe;
use serde_json::Value as Json;

use crate::connection::Connection;
use crate::doors::Doors;
use crate::shape::{self, Names};
use crate::tls::Tally;

/// Beginnings of the names of such settings.
const SECURITY: &[&str] = &["ssl.", "sasl.", "connections.max.reauth", "connection.failed", "listener.name."];

/// At least so many are.
const SHOWN: usize = 40;

pub fn compare(doors: &Doors, tally: &mut Tally) {
    let [ours, theirs] = [doors.brokers.our_port, doors.brokers.their_port].map(described);
    for (name, their) in &theirs {
        match ours.get(name) {
            None if is_absent(their) => {}
            our => {
                tally.add(name, [our.cloned().unwrap_or_default(), their.clone()].map(|one| one.to_string()))
            }
        }
    }
    assert!(ours.len() > SHOWN, "{} settings of TLS and SASL are shown", ours.len());
    for (name, our) in ours.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
        tally.add(name, [our.to_string(), String::new()]);
    }
}

/// Settings of machinery that is not here have their defaults in Kafka too; users of PLAIN are in no setting of ours.
fn is_absent(their: &Json) -> bool {
    let is_default = their["config_source"] == 5;
    is_default || their["name"].as_str().is_some_and(|name| name.ends_with(".sasl.jaas.config"))
}

fn described(port: u16) -> BTreeMap<String, Json> {
    let resource = describe::DescribeConfigsResource {
        resource_type: 4,
        resource_name: "1".to_owned(),
        ..describe::DescribeConfigsResource::default()
    };
    let request = describe::Request {
        resources: vec![resource],
        include_synonyms: true,
        ..describe::Request::default()
    };
    let answer = Connection::new(port).ask(&request, 4);
    let shown = shape::show(&answer, 4, &Names { port: -1, ..Names::default() });
    let configs = shown["results"][0]["configs"].as_array().cloned().unwrap_or_default();
    let named = configs.into_iter().filter_map(|config| Some((config["name"].as_str()?.to_owned(), config)));
    named.filter(|(name, _)| SECURITY.iter().any(|start| name.starts_with(start))).collect()
}
