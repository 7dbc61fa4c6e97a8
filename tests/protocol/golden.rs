//! Bytes kept in the tree: every message at its lowest and its highest version.
//!
//! `GOLDEN_WRITE=1` writes the file anew, and only what Kafka's own classes read the same way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value as Json;

use crate::catalog::{self, Entry};
use crate::kafka::{Kafka, hex, unhex};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/golden.txt")
}

fn ends(entry: &Entry) -> Vec<i16> {
    let mut versions = vec![entry.schema.versions.first, entry.schema.versions.last];
    versions.dedup();
    versions
}

#[test]
fn messages_have_the_bytes_they_had() {
    if std::env::var_os("GOLDEN_WRITE").is_some() {
        write();
    }
    let kept: BTreeMap<(String, i16), (Bytes, Json)> = std::fs::read_to_string(path())
        .unwrap()
        .lines()
        .map(|line| {
            let [name, version, bytes, json] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                panic!("not a golden line: {line}")
            };
            let value = serde_json::from_str(json).unwrap();
            ((name.to_owned(), version.parse().unwrap()), (unhex(bytes), value))
        })
        .collect();
    let mut compared = 0;
    for entry in catalog::ALL.iter() {
        for version in ends(entry) {
            let at = format!("{} version {version}", entry.name);
            let golden =
                kept.get(&(entry.name.clone(), version)).unwrap_or_else(|| panic!("no golden bytes of {at}"));
            assert_eq!(&(entry.sequence)(version), golden, "written, {at}");
            assert_eq!((entry.read_back)(&golden.0, version).as_ref(), Ok(golden), "read, {at}");
            compared += 1;
        }
    }
    assert_eq!(compared, kept.len(), "golden bytes of a message that is gone");
}

fn write() {
    let mut kafka = Kafka::start("writing golden bytes").expect("golden bytes need Kafka's classes");
    let mut lines = Vec::new();
    for entry in catalog::ALL.iter() {
        for version in ends(entry) {
            let ours = (entry.sequence)(version);
            assert_eq!(kafka.read(&entry.class(), version, &ours.0), Ok(ours.clone()), "{}", entry.name);
            lines.push(format!("{} {version} {} {}\n", entry.name, hex(&ours.0), ours.1));
        }
    }
    std::fs::write(path(), lines.concat()).unwrap();
}
